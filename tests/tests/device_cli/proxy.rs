//! A line over TCP that tells when so many bytes have gone to the board.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Passes one connection on to an address; its own address, and word when so many bytes have gone there. Nothing more
/// goes to the board after that.
pub fn proxy(to: String, bytes: usize) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (tell, told) = channel();
    thread::spawn(move || {
        let (mut host, _) = listener.accept().expect("the command connects");
        let mut board = TcpStream::connect(to).expect("the board listens");
        let (mut from, mut back) =
            (board.try_clone().expect("a handle"), host.try_clone().expect("a handle"));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                if back.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
        });
        let mut left = bytes;
        let mut buffer = [0; 256];
        while let Ok(length @ 1..) = host.read(&mut buffer) {
            let passed = length.min(left);
            board.write_all(&buffer[..passed]).expect("the board takes it");
            left -= passed;
            if left == 0 {
                break;
            }
        }
        let _ = tell.send(());
        // Open until the command has ended, so that it is not this that ends it.
        while let Ok(1..) = host.read(&mut buffer) {}
        // Or the other thread would hold the board's line for ever.
        let _ = board.shutdown(Shutdown::Both);
    });
    (address, told)
}
