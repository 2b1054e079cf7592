fn main() {
    println!("before");
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
