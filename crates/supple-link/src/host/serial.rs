//! A serial port.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serial2::SerialPort;

use super::transport::{Received, Transport, TransportError};

/// Bits a second of the boards' firmware.
pub const BAUD: u32 = 115_200;

/// A request takes a twentieth of a second at [`BAUD`]; a port that does not take it within this is stuck.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// An open serial port: 8 data bits, no parity, 1 stop bit, no flow control.
#[derive(Debug)]
pub struct Serial {
    path: PathBuf,
    baud: u32,
    port: SerialPort,
}

impl Serial {
    /// Opens a port such as `/dev/ttyACM0` or `COM3`, at so many bits a second.
    pub fn open(path: impl Into<PathBuf>, baud: u32) -> Result<Self, TransportError> {
        let path = path.into();
        match open(&path, baud) {
            Ok(port) => Ok(Self { path, baud, port }),
            Err(source) => {
                let line = path.display().to_string();
                let remedy = remedy(source.kind());
                Err(TransportError::Open { line, source, remedy })
            }
        }
    }

    /// The serial ports that this machine has, as far as the system tells.
    pub fn ports() -> Vec<PathBuf> {
        let mut ports = SerialPort::available_ports().unwrap_or_default();
        ports.sort();
        ports
    }
}

fn open(path: &Path, baud: u32) -> std::io::Result<SerialPort> {
    let mut port = SerialPort::open(path, baud)?;
    port.set_write_timeout(WRITE_PATIENCE)?;
    // What came before is no answer to what will be asked.
    port.discard_input_buffer()?;
    Ok(port)
}

/// What to do about a port that does not open.
fn remedy(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::NotFound => {
            let ports = Serial::ports();
            let ports = ports.iter().map(|port| port.display().to_string()).collect::<Vec<_>>();
            let ports = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
            format!("plug the board in and name its port (there: {ports})")
        }
        ErrorKind::PermissionDenied => {
            "you may not use it: `sudo usermod -aG dialout $USER`, then log in anew (`supple doctor` says more)"
                .to_owned()
        }
        _ => "check that it is a serial port, and that no other program has it open".to_owned(),
    }
}

impl Transport for Serial {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        self.port.write_all(bytes)?;
        Ok(())
    }

    fn receive(&mut self, bytes: &mut Vec<u8>, timeout: Duration) -> Result<Received, TransportError> {
        self.port.set_read_timeout(timeout)?;
        let mut buffer = [0; 1024];
        match self.port.read(&mut buffer) {
            Ok(0) => Err(TransportError::Closed { line: self.path.display().to_string() }),
            Ok(length) => {
                bytes.extend(&buffer[..length]);
                Ok(Received::Bytes)
            }
            Err(error) => match error.kind() {
                ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(Received::Nothing),
                _ => Err(error.into()),
            },
        }
    }

    fn reopen(&mut self) -> bool {
        // A board with its own USB port is gone for a while when it starts anew.
        if let Ok(port) = open(&self.path, self.baud) {
            self.port = port;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn bytes_go_both_ways_and_silence_is_nothing() {
        let (other, port) = SerialPort::pair().expect("a pair of pseudo-terminals");
        let mut line = Serial { path: "/dev/pts/test".into(), baud: BAUD, port };
        line.send(&[0, 1, 17, 19, 255]).expect("sent");
        let mut bytes = [0; 5];
        other.read_exact(&mut bytes).expect("as sent, no byte taken for a control character");
        assert_eq!(bytes, [0, 1, 17, 19, 255]);
        other.write_all(&[0, 10, 13, 26]).expect("taken");
        let mut bytes = Vec::new();
        while bytes.len() < 4 {
            assert_eq!(line.receive(&mut bytes, Duration::from_secs(5)).expect("open"), Received::Bytes);
        }
        assert_eq!(bytes, [0, 10, 13, 26]);
        assert_eq!(line.receive(&mut bytes, Duration::from_millis(1)).expect("open"), Received::Nothing);
        drop(other);
        assert!(line.receive(&mut bytes, Duration::from_secs(1)).is_err());
    }

    #[test]
    fn a_port_that_is_not_there_names_those_that_are() {
        let error = Serial::open("/dev/no-such-port", BAUD).expect_err("nothing there").to_string();
        assert!(error.contains("/dev/no-such-port") && error.contains("(there: "), "{error}");
        assert!(remedy(ErrorKind::PermissionDenied).contains("dialout"));
        assert!(remedy(ErrorKind::InvalidInput).contains("no other program"));
    }
}
