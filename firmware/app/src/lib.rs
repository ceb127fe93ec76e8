//! The firmware's main loop, the same on every board.
//!
//! A board's program calls [`run`] with its [`Board`] and its memory.
//!
//! | module | holds |
//! |---|---|
//! | `board` | what is asked of a board |
//! | `session` | frames in, frames out, each request carried out once |
//! | `device` | what each request does |
//! | `running` | a sound pack at work |
//! | `kept` | what it has learned, as a snapshot and back |
//! | `heads` | snapshots in flash: saved, listed, restored |
//! | `packs` | which pack runs, and how another comes over the line |
//! | `refusal` | the crates' errors in the protocol's words |
#![no_std]
#![deny(unsafe_code, missing_docs)]

mod board;
#[cfg(test)]
mod desk;
mod device;
mod heads;
mod kept;
mod packs;
mod refusal;
mod running;
mod session;

pub use board::{Board, Places};
pub use packs::Packs;
pub use session::{Line, Session};
pub use supple_link::message::Clock;
pub use supple_store::{Area, Region};

pub use device::{Device, Memory};

/// Answers requests until one asks for a restart.
pub fn run<B: Board>(mut board: B, memory: Memory<'static>, line: &mut Line) -> ! {
    // Apart, so that the check of a signature is not on top of the stack of what is made then.
    let packs = Packs::start(&mut board);
    let mut device = Device::with_packs(packs, memory, &mut board);
    let mut session = Session::new(line);
    loop {
        let byte = board.read_byte();
        if let Some(frame) = session.take(byte, &mut device, &mut board) {
            board.write(frame);
            if device.is_to_restart() {
                board.restart();
            }
        }
    }
}
