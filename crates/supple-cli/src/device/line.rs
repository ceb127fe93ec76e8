//! The line that `--port` names.

use supple_link::host::{Serial, Tcp, Transport};

use super::error::DeviceCommandError;
use crate::flash;

/// Where a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// `tcp:HOST:PORT`.
    Tcp(String),
    /// `qemu:BOARD`.
    Emulated(String),
    /// A serial port's path or name.
    Serial(String),
}

impl Port {
    /// Reads what is on the command line.
    pub fn of(text: &str) -> Result<Self, DeviceCommandError> {
        let wrong = || DeviceCommandError::Port(text.to_owned());
        match text.split_once(':') {
            Some(("tcp", address)) => {
                let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
                let sound = !host.is_empty() && port.parse::<u16>().is_ok();
                if sound { Ok(Self::Tcp(address.to_owned())) } else { Err(wrong()) }
            }
            Some(("qemu", board)) if !board.is_empty() => Ok(Self::Emulated(board.to_owned())),
            Some(("qemu", _)) => Err(wrong()),
            _ if text.is_empty() => Err(wrong()),
            // Some systems have ports with a colon in their name.
            _ => Ok(Self::Serial(text.to_owned())),
        }
    }

    /// Opens it.
    pub fn open(&self, baud: u32) -> Result<Box<dyn Transport>, DeviceCommandError> {
        Ok(match self {
            Self::Tcp(address) => Box::new(Tcp::connect(address)?),
            Self::Emulated(board) => Box::new(Tcp::connect(&flash::address(board)?)?),
            Self::Serial(path) => Box::new(Serial::open(path, baud)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let of = |text: &str| Port::of(text).map_err(|error| error.to_string());
        assert_eq!(of("tcp:127.0.0.1:5000"), Ok(Port::Tcp("127.0.0.1:5000".to_owned())));
        assert_eq!(of("tcp:[::1]:5000"), Ok(Port::Tcp("[::1]:5000".to_owned())));
        assert_eq!(of("qemu:microbit"), Ok(Port::Emulated("microbit".to_owned())));
        assert_eq!(of("/dev/ttyACM0"), Ok(Port::Serial("/dev/ttyACM0".to_owned())));
        assert_eq!(of("COM3"), Ok(Port::Serial("COM3".to_owned())));
        for wrong in ["", "tcp:", "tcp:host", "tcp:host:port", "tcp::1", "tcp:host:70000", "qemu:"] {
            assert!(of(wrong).is_err_and(|error| error.contains("tcp:HOST:PORT")), "{wrong}");
        }
    }
}
