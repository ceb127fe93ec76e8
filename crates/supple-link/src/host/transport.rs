//! A line that carries bytes.

use std::time::Duration;

/// A line that carries bytes both ways.
pub trait Transport {
    /// Sends all bytes, in one write where that can be.
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError>;

    /// Appends what has come to `bytes`; waits until there is something, at most for `timeout`.
    fn receive(&mut self, bytes: &mut Vec<u8>, timeout: Duration) -> Result<Received, TransportError>;

    /// Opens the line anew after it has failed; whether it makes sense to go on. A line that cannot be opened again says
    /// no.
    fn reopen(&mut self) -> bool {
        false
    }
}

/// Whether anything came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// At least one byte was appended.
    Bytes,
    /// Nothing came in time.
    Nothing,
}

/// The line is gone.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The process at the other end has ended.
    #[error("{program} has ended ({status}){said}")]
    Ended {
        /// The process' program.
        program: String,
        /// Its exit status.
        status: String,
        /// What it wrote to its standard error, if anything.
        said: String,
    },
    /// The other end has closed the line.
    #[error(
        "the other end of {line} has closed it; check that the board still runs and no other program talks to it"
    )]
    Closed {
        /// The line.
        line: String,
    },
    /// The line cannot be opened.
    #[error("cannot open {line}: {source}; {remedy}")]
    Open {
        /// The line.
        line: String,
        /// The system's reason.
        source: std::io::Error,
        /// What to do.
        remedy: String,
    },
    /// Reading or writing failed.
    #[error("the line to the board failed: {0}; check the cable and the port")]
    Failed(#[from] std::io::Error),
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        (**self).send(bytes)
    }

    fn receive(&mut self, bytes: &mut Vec<u8>, timeout: Duration) -> Result<Received, TransportError> {
        (**self).receive(bytes, timeout)
    }

    fn reopen(&mut self) -> bool {
        (**self).reopen()
    }
}
