fn main() {
    eprintln!("Something is wrong");
    std::process::exit(3);
}
