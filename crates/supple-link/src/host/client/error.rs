//! Why a device could not be asked.

use crate::error::DeviceError;
use crate::frame::FrameError;
use crate::host::transport::TransportError;
use crate::message::PROTOCOL;

/// Why the device could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nothing came back.
    #[error(
        "the board does not answer (asked {tries} times within {seconds} s); check that it runs Supple's firmware, \
         the port, and that no other program has it open, then reset the board"
    )]
    NoAnswer {
        /// How often the request was sent.
        tries: u32,
        /// How long in all.
        seconds: f32,
    },
    /// What comes back is damaged every time.
    #[error("the line to the board is too noisy (tried {tries} times): {last}")]
    Noise {
        /// How often the request was sent.
        tries: u32,
        /// What was wrong the last time.
        last: FrameError,
    },
    /// The device speaks another version.
    #[error(
        "the board speaks version {device} of the protocol, this program {PROTOCOL}; update the older one"
    )]
    OtherProtocol {
        /// The device's version.
        device: u16,
    },
    /// The device refused the request.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The device answered something else than was asked.
    #[error(
        "the board's answer does not fit the request `{request}`; update firmware and tools to one version"
    )]
    Mismatch {
        /// What was asked.
        request: &'static str,
    },
    /// The request does not fit in a frame.
    #[error("{0}")]
    Frame(FrameError),
    /// The line is gone.
    #[error(transparent)]
    Transport(#[from] TransportError),
}
