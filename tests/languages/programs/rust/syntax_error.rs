fn main() {
    println!("never"
}
