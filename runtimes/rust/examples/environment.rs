fn main() {
    println!("{}", std::env::var("API_URL").unwrap());
}
