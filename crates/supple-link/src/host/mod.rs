//! The host's side: the client, its transports, emulated boards.
//!
//! ```no_run
//! use supple_link::host::{Client, Qemu};
//!
//! let qemu = Qemu::new("target/firmware/mps2-an386.elf", "models/omniglot/omniglot.supple");
//! let mut device = Client::connect(qemu.start()?)?;
//! device.begin(5)?;
//! device.input(&[0.0; 784])?;
//! let ticks = device.features()?;
//! device.push_support(0)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod board;
mod child;
mod client;
mod flash_file;
mod hardware;
mod image;
mod input;
mod label;
mod qemu;
mod serial;
mod tcp;
mod transfer;
mod transport;

pub use board::{BOARDS, EmulatedBoard, UnknownBoard};
pub use child::Child;
pub use client::{Adapted, Client, LinkError, Sent};
pub use flash_file::FlashFileError;
pub use hardware::{HARDWARE, HardwareBoard, Programmer};
pub use image::{Image, ImageError};
pub use label::Label;
pub use qemu::{Prepared, Qemu, QemuError};
pub use serial::{BAUD, Serial};
pub use tcp::Tcp;
pub use transport::{Received, Transport, TransportError};
