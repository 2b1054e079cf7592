fn main() {
    let mut blocks = Vec::new();
    loop {
        blocks.push(vec![1u8; 16 * 1024 * 1024]);
        std::hint::black_box(&blocks);
    }
}
