//! The flash controller of Nordic's nRF51 and nRF52 (NVMC), which differ in the length of a page.
//!
//! The core stands still while a page is erased or a word is written.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_write,
};

use crate::mapped;

const READY: *const u32 = 0x4001_e400 as *const u32;
const CONFIG: *mut u32 = 0x4001_e504 as *mut u32;
const ERASE_PAGE: *mut u32 = 0x4001_e508 as *mut u32;
/// What the controller lets happen.
const CONFIG_READ: u32 = 0;
const CONFIG_WRITE: u32 = 1;
const CONFIG_ERASE: u32 = 2;
/// Bytes written at a time.
const WORD: usize = size_of::<u32>();

/// A part of the chip's flash, in pages of so many bytes.
#[derive(Debug)]
pub struct Nvmc<const PAGE: usize> {
    start: *mut u32,
    bytes: usize,
}

impl<const PAGE: usize> Nvmc<PAGE> {
    /// The flash from an address on, a multiple of a page.
    ///
    /// # Safety
    /// There must be `bytes` of flash, for this value alone: no code, and who else reads there must not hold what it
    /// writes to.
    pub const unsafe fn new(start: u32, bytes: usize) -> Self {
        Self { start: start as *mut u32, bytes }
    }

    /// The word at an offset in bytes that was checked.
    fn word(&self, offset: usize) -> *mut u32 {
        self.start.wrapping_byte_add(offset)
    }

    /// Lets the controller do what `act` starts, and waits until it is done.
    fn with(&mut self, config: u32, act: impl FnOnce()) {
        // SAFETY: registers of the controller.
        unsafe { CONFIG.write_volatile(config) }
        barrier();
        act();
        barrier();
        // SAFETY: as above.
        unsafe {
            while READY.read_volatile() & 1 == 0 {}
            CONFIG.write_volatile(CONFIG_READ);
        }
    }
}

/// What is written to the flash itself is ordinary memory, which the core may write before or after a register.
fn barrier() {
    // SAFETY: a barrier.
    unsafe { core::arch::asm!("dsb", options(nostack, preserves_flags)) }
}

impl<const PAGE: usize> ErrorType for Nvmc<PAGE> {
    type Error = NorFlashErrorKind;
}

impl<const PAGE: usize> ReadNorFlash for Nvmc<PAGE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        // SAFETY: this flash lies there; `bytes` is none of it.
        unsafe { mapped::read(self, self.start.cast_const().cast(), offset, bytes) }
    }

    fn capacity(&self) -> usize {
        self.bytes
    }
}

impl<const PAGE: usize> NorFlash for Nvmc<PAGE> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        for offset in (from as usize..to as usize).step_by(PAGE) {
            let page = self.word(offset) as u32;
            // SAFETY: a page of this flash, as was checked.
            self.with(CONFIG_ERASE, || unsafe { ERASE_PAGE.write_volatile(page) });
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        let (words, _) = bytes.as_chunks::<WORD>();
        for (index, word) in words.iter().enumerate() {
            let place = self.word(offset as usize + index * WORD);
            // SAFETY: a word of this flash, as was checked.
            self.with(CONFIG_WRITE, || unsafe { place.write_volatile(u32::from_le_bytes(*word)) });
        }
        Ok(())
    }
}
