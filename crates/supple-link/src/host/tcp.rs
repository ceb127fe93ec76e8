//! A line over TCP: an emulated board, a Linux-class board, or a serial port that a server shares.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::transport::{Received, Transport, TransportError};

/// How long the other end may take to accept, and to take what is sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection; closed on drop.
#[derive(Debug)]
pub struct Tcp {
    address: String,
    stream: TcpStream,
}

impl Tcp {
    /// Connects to `HOST:PORT`.
    pub fn connect(address: &str) -> Result<Self, TransportError> {
        let open = |source| {
            let remedy = "check the address, and that the board or its server runs there".to_owned();
            TransportError::Open { line: format!("tcp:{address}"), source, remedy }
        };
        let stream = stream(address).map_err(open)?;
        Ok(Self { address: address.to_owned(), stream })
    }

    fn closed(&self) -> TransportError {
        TransportError::Closed { line: format!("tcp:{}", self.address) }
    }

    fn failed(&self, error: std::io::Error) -> TransportError {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                self.closed()
            }
            _ => error.into(),
        }
    }
}

/// Tries each address that the name stands for.
fn stream(address: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::from(ErrorKind::AddrNotAvailable);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                // A request is a small write whose answer is waited for.
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Transport for Tcp {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        self.stream.write_all(bytes).map_err(|error| self.failed(error))
    }

    fn receive(&mut self, bytes: &mut Vec<u8>, timeout: Duration) -> Result<Received, TransportError> {
        // Zero would mean for ever.
        self.stream.set_read_timeout(Some(timeout.max(Duration::from_millis(1))))?;
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(self.closed()),
            Ok(length) => {
                bytes.extend(&buffer[..length]);
                Ok(Received::Bytes)
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(Received::Nothing),
                _ => Err(self.failed(error)),
            },
        }
    }

    fn reopen(&mut self) -> bool {
        // While nobody accepts, the old stream fails again, which is as good as none.
        if let Ok(stream) = stream(&self.address) {
            self.stream = stream;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn bytes_go_both_ways_and_a_closed_line_is_opened_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut bytes = [0; 3];
                stream.read_exact(&mut bytes).expect("three bytes");
                bytes.reverse();
                stream.write_all(&bytes).expect("taken");
            }
        });
        let mut line = Tcp::connect(&address).expect("it listens");
        for round in 0..2 {
            line.send(&[1, 2, 3]).expect("sent");
            let mut bytes = Vec::new();
            while bytes.len() < 3 {
                let received = line.receive(&mut bytes, Duration::from_secs(5)).expect("it answers");
                assert_eq!(received, Received::Bytes);
            }
            assert_eq!(bytes, [3, 2, 1]);
            let error = line.receive(&mut bytes, Duration::from_secs(5)).expect_err("closed").to_string();
            assert!(error.contains(&format!("tcp:{address} has closed it")), "{error}");
            assert!(round == 1 || line.reopen());
        }
        server.join().expect("it served both");
    }

    #[test]
    fn silence_is_nothing_and_nobody_is_an_error_with_a_remedy() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let mut line = Tcp::connect(&address).expect("it listens");
        let received = line.receive(&mut Vec::new(), Duration::ZERO).expect("open");
        assert_eq!(received, Received::Nothing);
        drop((line, listener));
        let error = Tcp::connect(&address).expect_err("nobody listens").to_string();
        assert!(
            error.contains("cannot open tcp:127.0.0.1") && error.contains("check the address"),
            "{error}"
        );
        assert!(Tcp::connect("no port").is_err());
    }
}
