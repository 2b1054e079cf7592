fn main() {
    println!("Hello, World!");
    println!("{}", 2 + 2);
}
