//! A board in memory, for tests.

use core::cell::Cell;

use crate::{Board, Clock};

/// Counts how often it is asked for the stack's high-water mark: a request for it that is carried out asks once.
#[derive(Default)]
pub struct Desk {
    pub asked: Cell<u32>,
}

impl Board for Desk {
    const NAME: &'static str = "desk";
    const CLOCK: Clock = Clock { hertz: 1, instructions: (0, 0) };

    fn read_byte(&mut self) -> u8 {
        0
    }
    fn write(&mut self, _: &[u8]) {}
    fn ticks(&mut self) -> u32 {
        0
    }
    fn fixed_memory(&self) -> u32 {
        0
    }
    fn stack(&self) -> u32 {
        0
    }
    fn stack_high_water(&self) -> u32 {
        self.asked.set(self.asked.get() + 1);
        self.asked.get()
    }
}
