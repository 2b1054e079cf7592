fn main() {
    std::fs::write("out.txt", "written\n").unwrap();
}
