use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() {
    let server = TcpListener::bind("localhost:0").unwrap();
    let address = server.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut peer, _) = server.accept().unwrap();
        peer.write_all(b"pong\n").unwrap();
    });
    let mut text = String::new();
    TcpStream::connect(address).unwrap().read_to_string(&mut text).unwrap();
    serving.join().unwrap();
    print!("{text}");
}
