//! A board in memory, for tests.

extern crate std;

use core::cell::Cell;

use std::boxed::Box;
use std::vec::Vec;

use supple_pack::write::AlignedBytes;
use supple_store::simulated::SimulatedFlash;

use super::{Area, Board, Clock, Places, Region};

/// Words of 8 bytes, erase units of 1 KiB.
pub type Flash = SimulatedFlash<8, 1024>;

/// Erase units of the whole flash.
const UNITS: usize = 40;

/// A board whose packs lie in its flash.
pub struct Desk {
    /// How often it was asked for the stack's high-water mark: a request for it that is carried out asks once.
    pub asked: Cell<u32>,
    pub flash: Flash,
    pub keys: Vec<u8>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { asked: Cell::new(0), flash: Flash::new(UNITS, 0xff, 1), keys: Vec::new() }
    }
}

impl Desk {
    /// A board on which a programmer has put this pack.
    pub fn with_pack(pack: &[u8]) -> Self {
        let mut desk = Self::default();
        let start = Self::PLACES.pack(Area::A) as usize;
        desk.flash.bytes_mut()[start..start + pack.len()].copy_from_slice(pack);
        desk
    }

    fn range(area: Area) -> core::ops::Range<usize> {
        let start = Self::PLACES.pack(area) as usize;
        start..start + Self::PLACES.pack_bytes as usize
    }
}

impl Board for Desk {
    const NAME: &'static str = "desk";
    const CLOCK: Clock = Clock { hertz: 1, instructions: (0, 0) };
    const PLACES: Places = Places {
        packs: [0, 8 * 1024],
        pack_bytes: 8 * 1024,
        boot: Region { start: 16 * 1024, segment_bytes: 1024, segments: 4 },
        heads: Region { start: 20 * 1024, segment_bytes: 4 * 1024, segments: 5 },
    };

    type Flash = Flash;

    fn read_byte(&mut self) -> u8 {
        0
    }
    fn write(&mut self, _: &[u8]) {}
    fn ticks(&mut self) -> u32 {
        0
    }
    fn fixed_memory(&self) -> u32 {
        1000
    }
    fn stack(&self) -> u32 {
        0
    }
    fn stack_high_water(&self) -> u32 {
        self.asked.set(self.asked.get() + 1);
        self.asked.get()
    }
    fn flash(&mut self) -> &mut Flash {
        &mut self.flash
    }
    /// A copy: what runs must not change, whatever a test does to the flash.
    fn pack(&self, area: Area) -> &'static [u8] {
        Box::leak(Box::new(AlignedBytes::copy_of(self.content(area))))
    }
    fn content(&self, area: Area) -> &[u8] {
        &self.flash.bytes()[Self::range(area)]
    }
    fn keys(&self) -> &[u8] {
        &self.keys
    }
    fn restart(&mut self) -> ! {
        panic!("only `run` restarts a board")
    }
}
