//! An emulator's socket of control (QMP): whether it lives, and its end.
//!
//! A process is known by this and not by its number alone, which another process may have by now.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an emulator may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether an emulator listens there.
pub fn answers(socket: &Path) -> bool {
    connect(socket).is_ok()
}

/// Asks an emulator to end and waits until it has.
pub fn quit(socket: &Path) -> io::Result<()> {
    let asked = ask(socket);
    let deadline = Instant::now() + PATIENCE;
    while answers(socket) {
        if Instant::now() >= deadline {
            return Err(asked.err().unwrap_or_else(|| io::Error::from(io::ErrorKind::TimedOut)));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[cfg(unix)]
fn connect(socket: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    std::os::unix::net::UnixStream::connect(socket)
}

#[cfg(unix)]
fn ask(socket: &Path) -> io::Result<()> {
    use std::io::{Read, Write};

    let mut stream = connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"quit\"}\n")?;
    // Until it closes the socket, which is its last act.
    let mut said = [0; 1024];
    while stream.read(&mut said)? > 0 {}
    Ok(())
}

#[cfg(not(unix))]
fn connect(_: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(not(unix))]
fn ask(_: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
