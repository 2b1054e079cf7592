fn main() {
    println!("before");
    let numbers = std::env::args().collect::<Vec<_>>();
    println!("{}", numbers[7]);
}
