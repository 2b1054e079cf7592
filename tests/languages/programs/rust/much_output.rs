fn main() {
    println!("{}", "x".repeat(1048575));
}
