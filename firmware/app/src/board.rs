//! What the main loop asks of a board.

use embedded_storage::nor_flash::NorFlash;
use supple_link::message::Clock;
use supple_pack::Pack;
use supple_store::{Area, Region};

/// A board: a serial line, a timer, flash, and what its linker script knows.
pub trait Board {
    /// The name of its folder.
    const NAME: &'static str;
    /// What a tick of its timer means.
    const CLOCK: Clock;
    /// Where in its flash things lie.
    const PLACES: Places;
    /// Bytes of a pack area that are erased at a time, where sectors differ in length: a multiple of the flash's erase
    /// unit, of which the area is one.
    const PACK_UNIT: u32 = Self::Flash::ERASE_SIZE as u32;

    /// The same for this very board, where not all of its kind are alike: a file has the sizes that it was made with.
    fn places(&self) -> Places {
        Self::PLACES
    }

    /// What keeps heads and packs. A board whose flash cannot be written runs all the same; what would be kept is refused.
    type Flash: NorFlash;

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

    /// The flash, addressed from 0.
    fn flash(&mut self) -> &mut Self::Flash;

    /// A pack area as it lies in memory, at a multiple of 4, [`Places::pack_bytes`] long. The main loop asks once, for the
    /// area that it runs, which is not written until the next start.
    fn pack(&self, area: Area) -> &'static [u8];

    /// The other area, as it lies in memory after all that was written. It is looked at between two writes and never
    /// longer. A flash driver whose reads are cached sees to it that they are those of the flash.
    fn content(&self, area: Area) -> &[u8] {
        self.pack(area)
    }

    /// Whether the trunk can be made of a pack that fits in memory: a firmware whose kernels are all built makes every one.
    fn can_run(&self, _pack: &Pack) -> bool {
        true
    }

    /// The keys block, which only a programmer writes; empty where the board knows no key.
    fn keys(&self) -> &[u8];

    /// Starts anew, as after a reset, once all that was written to the line has been sent.
    fn restart(&mut self) -> !;
}

/// Where in a board's flash things lie, in bytes from its start. All begin and end between two erase units, and none
/// overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Where the pack areas A and B begin.
    pub packs: [u32; 2],
    /// Bytes of each of them.
    pub pack_bytes: u32,
    /// Which pack runs: short records, seldom written.
    pub boot: Region,
    /// Heads: as long as they are, written as often as they are saved.
    pub heads: Region,
}

impl Places {
    /// Where a pack area begins.
    pub fn pack(&self, area: Area) -> u32 {
        let [a, b] = self.packs;
        match area {
            Area::A => a,
            Area::B => b,
        }
    }
}
