//! Where requests come from and answers go: a client over TCP after the other, or the standard streams.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long a client may be silent while another waits.
const IDLE: Duration = Duration::from_secs(10);
/// How often it is looked whether another waits.
const LOOK: Duration = Duration::from_secs(1);
/// How long a client may take to take an answer.
const TAKES: Duration = Duration::from_secs(10);

/// A line of bytes to one client at a time.
pub struct Line {
    ends: Ends,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were given out.
    taken: usize,
}

enum Ends {
    Stdio,
    Tcp { listener: TcpListener, client: Option<Client> },
}

struct Client {
    stream: TcpStream,
    heard: Instant,
}

impl Line {
    /// Standard input and output.
    pub fn stdio() -> Self {
        Self::new(Ends::Stdio)
    }

    /// Listens at an address; also the address, whose port the system has chosen where it was 0.
    pub fn listen(address: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        Ok((Self::new(Ends::Tcp { listener, client: None }), address))
    }

    fn new(ends: Ends) -> Self {
        Self { ends, buffer: Vec::new(), taken: 0 }
    }

    /// Waits for a byte; `None` when no more can come.
    pub fn next_byte(&mut self) -> io::Result<Option<u8>> {
        if self.taken == self.buffer.len() {
            self.taken = 0;
            self.buffer.resize(4096, 0);
            let length = match &mut self.ends {
                Ends::Stdio => read_stdin(&mut self.buffer),
                Ends::Tcp { listener, client } => read_client(listener, client, &mut self.buffer),
            };
            self.buffer.truncate(*length.as_ref().unwrap_or(&0));
            length?;
        }
        let byte = self.buffer.get(self.taken).copied();
        self.taken += usize::from(byte.is_some());
        Ok(byte)
    }

    /// Sends a frame. A client that does not take it is gone, and asks again when it comes back.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        match &mut self.ends {
            Ends::Stdio => {
                let mut out = io::stdout().lock();
                match out.write_all(frame).and_then(|()| out.flush()) {
                    // The input has ended as well, or soon does.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                    sent => sent,
                }
            }
            Ends::Tcp { client, .. } => {
                if client.as_mut().is_some_and(|client| client.stream.write_all(frame).is_err()) {
                    *client = None;
                }
                Ok(())
            }
        }
    }
}

/// Zero at the end.
fn read_stdin(buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match io::stdin().lock().read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Reads at least one byte, from this client or one after it.
fn read_client(listener: &TcpListener, place: &mut Option<Client>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let Some(client) = place else {
            *place = accept(listener, true)?;
            continue;
        };
        match client.stream.read(buffer) {
            Ok(length @ 1..) => {
                client.heard = Instant::now();
                return Ok(length);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // A client whose machine has vanished never closes its end.
                if client.heard.elapsed() >= IDLE
                    && let Some(next) = accept(listener, false)?
                {
                    *place = Some(next);
                }
            }
            // It has closed its end, or the line has failed.
            Ok(_) | Err(_) => *place = None,
        }
    }
}

/// The next client, if there is one; `wait` until there is.
fn accept(listener: &TcpListener, wait: bool) -> io::Result<Option<Client>> {
    listener.set_nonblocking(!wait)?;
    let stream = match listener.accept() {
        Ok((stream, _)) => stream,
        Err(error) => {
            return match error.kind() {
                // Nobody, or somebody who has left already.
                ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted => Ok(None),
                _ => Err(error),
            };
        }
    };
    // An answer is a small write that is waited for.
    let ready = stream.set_nonblocking(false).and_then(|()| stream.set_nodelay(true));
    let ready = ready.and_then(|()| stream.set_read_timeout(Some(LOOK)));
    let ready = ready.and_then(|()| stream.set_write_timeout(Some(TAKES)));
    // A stream that takes no settings is closed already.
    Ok(ready.ok().map(|()| Client { stream, heard: Instant::now() }))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn bytes(line: &mut Line, count: usize) -> Vec<u8> {
        (0..count).map(|_| line.next_byte().expect("it reads").expect("no end")).collect()
    }

    #[test]
    fn clients_are_served_one_after_the_other() {
        let (mut line, address) = Line::listen("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let mut first = TcpStream::connect(address).expect("it listens");
        let mut second = TcpStream::connect(address).expect("it listens");
        second.write_all(b"later").expect("sent");
        first.write_all(b"now").expect("sent");
        assert_eq!(bytes(&mut line, 3), b"now");
        line.send(b"yes").expect("sent");
        let mut answer = [0; 3];
        first.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"yes");
        drop(first);
        assert_eq!(bytes(&mut line, 5), b"later");
        line.send(b"you").expect("sent");
        second.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"you");
    }

    #[test]
    fn a_silent_client_gives_way_and_only_then() {
        let (mut line, address) = Line::listen("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let mut silent = TcpStream::connect(address).expect("it listens");
        silent.write_all(b"1").expect("sent");
        assert_eq!(bytes(&mut line, 1), b"1");
        let start = Instant::now();
        let waiting = thread::spawn(move || {
            let mut waiting = TcpStream::connect(address).expect("it listens");
            waiting.write_all(b"2").expect("sent");
            waiting
        });
        assert_eq!(bytes(&mut line, 1), b"2");
        assert!(start.elapsed() + LOOK >= IDLE, "it gave way after {:?}", start.elapsed());
        assert_eq!(silent.read(&mut [0]).expect("closed"), 0);
        waiting.join().expect("it has connected");
    }
}
