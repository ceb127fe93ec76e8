//! What the main loop asks of a board.

use supple_link::message::Clock;

/// A board: a serial line, a timer, and what its linker script knows.
pub trait Board {
    /// The name of its folder.
    const NAME: &'static str;
    /// What a tick of its timer means.
    const CLOCK: Clock;

    /// Waits for a byte; asleep, where the board can.
    fn read_byte(&mut self) -> u8;

    /// Sends bytes.
    fn write(&mut self, bytes: &[u8]);

    /// A timer that counts up and wraps.
    fn ticks(&mut self) -> u32;

    /// Bytes of RAM set aside before the program starts, the stack not among them.
    fn fixed_memory(&self) -> u32;

    /// Bytes of RAM that the stack may grow to.
    fn stack(&self) -> u32;

    /// The most bytes of stack that were ever used.
    fn stack_high_water(&self) -> u32;
}
