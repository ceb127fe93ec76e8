//! NOR flash with Intel's command set (CFI 0x0001): two chips of 16 bits side by side, so a word has 32.
//!
//! While a command runs, reading gives the chips' state and not what they hold; every operation here ends with the
//! flash readable again. So code must not lie in it.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_write,
};

use crate::mapped;

/// Bytes erased at a time: 128 KiB of each chip.
pub const SECTOR: usize = 256 << 10;
/// Bytes written at a time.
const WORD: usize = size_of::<u32>();
/// Words that the chips take at once, which must lie in one such block: 2 KiB, as those of QEMU's `virt` tell at 0x2a of
/// their table (real ones take as little as 32 bytes each).
const BUFFER: usize = 512;
/// How often to look whether the chips are done: an erase takes them seconds, but not for ever.
const LOOKS: u32 = 1 << 28;

/// A command is given to both chips.
const fn both(command: u16) -> u32 {
    (command as u32) << 16 | command as u32
}

const READ: u32 = both(0xff);
const CLEAR_STATE: u32 = both(0x50);
const ERASE: u32 = both(0x20);
const WRITE: u32 = both(0xe8);
const GO: u32 = both(0xd0);
const READY: u32 = both(0x80);
/// Protected, no voltage, not written, not erased.
const FAILED: u32 = both(0x3a);

/// Two chips side by side.
#[derive(Debug)]
pub struct Cfi {
    start: *mut u32,
    bytes: usize,
}

impl Cfi {
    /// The chips at an address.
    ///
    /// # Safety
    /// There must be such chips with `bytes` in all, for this value alone: no code, and who else reads there must not
    /// hold what it writes to.
    pub const unsafe fn new(start: *mut u32, bytes: usize) -> Self {
        Self { start, bytes }
    }

    /// The word at an offset in bytes that was checked.
    fn word(&self, offset: usize) -> *mut u32 {
        self.start.wrapping_byte_add(offset)
    }

    /// Gives a word to the chips at a place in them.
    fn give(&mut self, place: *mut u32, word: u32) {
        // SAFETY: every place comes from an offset that was checked.
        unsafe { place.write_volatile(word) }
    }

    /// Waits until both chips are done; whether all went well.
    fn wait(&mut self, place: *mut u32) -> bool {
        for _ in 0..LOOKS {
            // SAFETY: as above; reading gives the chips' state.
            let state = unsafe { place.read_volatile() };
            if state & READY == READY {
                return state & FAILED == 0;
            }
        }
        false
    }

    /// Lets what was given become lasting, then the chips be read again.
    fn finish(&mut self, place: *mut u32) -> Result<(), NorFlashErrorKind> {
        self.give(place, GO);
        if self.wait(place) {
            self.give(place, READ);
            return Ok(());
        }
        self.give(place, CLEAR_STATE);
        self.give(place, READ);
        Err(NorFlashErrorKind::Other)
    }
}

impl ErrorType for Cfi {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Cfi {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        // SAFETY: these chips lie there; `bytes` is none of it.
        unsafe { mapped::read(self, self.start.cast_const().cast(), offset, bytes) }
    }

    fn capacity(&self) -> usize {
        self.bytes
    }
}

impl NorFlash for Cfi {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        for offset in (from as usize..to as usize).step_by(SECTOR) {
            let place = self.word(offset);
            self.give(place, ERASE);
            self.finish(place)?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        let (mut rest, _) = bytes.as_chunks::<WORD>();
        let mut at = offset as usize;
        while !rest.is_empty() {
            // As many words as there are up to the end of the block.
            let room = BUFFER - at / WORD % BUFFER;
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            let place = self.word(at);
            self.give(place, WRITE);
            if !self.wait(place) {
                self.give(place, READ);
                return Err(NorFlashErrorKind::Other);
            }
            self.give(place, both(now.len() as u16 - 1));
            for (index, word) in now.iter().enumerate() {
                self.give(self.word(at + index * WORD), u32::from_le_bytes(*word));
            }
            self.finish(place)?;
            at += now.len() * WORD;
            rest = later;
        }
        Ok(())
    }
}
