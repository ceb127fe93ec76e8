//! The firmware's main loop, the same on every board.
//!
//! A board's program calls [`run`] with its [`Board`], the flash region of the pack, and its memory.
//!
//! | module | holds |
//! |---|---|
//! | `board` | what is asked of a board |
//! | `session` | frames in, frames out, each request carried out once |
//! | `device` | what each request does |
//! | `running` | a sound pack at work |
//! | `refusal` | the runtime's errors in the protocol's words |
#![no_std]
#![deny(unsafe_code, missing_docs)]

mod board;
#[cfg(test)]
mod desk;
mod device;
mod refusal;
mod running;
mod session;

pub use board::Board;
pub use session::{Line, Session};
pub use supple_link::message::Clock;

pub use device::{Device, Memory};

/// Answers requests for ever.
pub fn run<B: Board>(mut board: B, pack: &'static [u8], memory: Memory<'static>, line: &mut Line) -> ! {
    let mut device = Device::new(pack, memory, &mut board);
    let mut session = Session::new(line);
    loop {
        let byte = board.read_byte();
        if let Some(frame) = session.take(byte, &mut device, &mut board) {
            board.write(frame);
        }
    }
}
