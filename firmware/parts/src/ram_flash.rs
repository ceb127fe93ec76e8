//! Flash that is RAM: for boards whose flash cannot be written in the emulator.
//!
//! It behaves as NOR flash does: an erase sets bits, a write only clears them. Start-up code does not clear it, so it
//! keeps what was written through a restart; the host's tools lay a file under it, so it keeps it through the end of
//! the emulator too.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_write,
};

use crate::mapped;

/// Bytes erased at a time.
pub const UNIT: usize = 4096;
/// Bytes written at a time.
const WORD: usize = size_of::<u32>();

/// Flash made of RAM.
#[derive(Debug)]
pub struct RamFlash {
    start: *mut u32,
    bytes: usize,
}

impl RamFlash {
    /// RAM at an address, a multiple of the unit's length.
    ///
    /// # Safety
    /// There must be `bytes` of RAM, for this value alone: who else reads there must not hold what it writes to.
    pub const unsafe fn new(start: *mut u32, bytes: usize) -> Self {
        Self { start, bytes }
    }

    /// The word at an offset in bytes that was checked.
    fn word(&self, offset: usize) -> *mut u32 {
        self.start.wrapping_byte_add(offset)
    }
}

impl ErrorType for RamFlash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        // SAFETY: this RAM lies there; `bytes` is none of it.
        unsafe { mapped::read(self, self.start.cast_const().cast(), offset, bytes) }
    }

    fn capacity(&self) -> usize {
        self.bytes
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = UNIT;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        for offset in (from as usize..to as usize).step_by(WORD) {
            // SAFETY: within this RAM, as was checked, and a multiple of a word.
            unsafe { self.word(offset).write_volatile(u32::MAX) }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        let (words, _) = bytes.as_chunks::<WORD>();
        for (index, word) in words.iter().enumerate() {
            let place = self.word(offset as usize + index * WORD);
            // SAFETY: as above. Volatile, so that words come to lie there one after another.
            unsafe { place.write_volatile(place.read_volatile() & u32::from_le_bytes(*word)) }
        }
        Ok(())
    }
}
