//! The flash beside the ESP32-C3: keys and packs mapped into memory, and what is written seen there.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use esp_hal::peripherals::{FLASH, MMU_TABLE};
use esp_storage::FlashStorage;

/// Where the keys lie in flash: alone in a page of what is mapped at a time.
const KEYS: u32 = 0x10_0000;
/// Where area A lies in flash; area B lies behind it.
pub const PACK: u32 = KEYS + PAGE;
/// Bytes of an area.
pub const PACK_BYTES: u32 = 22 * PAGE;

const PAGE: u32 = 64 << 10;
/// The first address that flash can be mapped to, and what the linker script takes for the keys.
const MAPPED: u32 = 0x3c00_0000;
const MAPPED_KEYS: u32 = 0x3c40_0000;

unsafe extern "C" {
    /// Of the boot ROM: forgets what the cache holds of an address range.
    fn Cache_Invalidate_Addr(address: u32, bytes: u32);
}

/// The flash; addresses count from its start.
#[derive(Debug)]
pub struct Flash(FlashStorage<'static>);

impl Flash {
    /// Maps keys and packs.
    pub fn new(flash: FLASH<'static>) -> Self {
        for page in 0..1 + 2 * PACK_BYTES / PAGE {
            let entry = MMU_TABLE::regs().entry(((MAPPED_KEYS - MAPPED) / PAGE + page) as usize);
            // SAFETY: esp-hal's memory map leaves this half of the table alone.
            entry.write(|entry| unsafe {
                entry.paddr().bits((KEYS / PAGE + page) as u8).invalid().clear_bit()
            });
        }
        forget_cached(KEYS, PAGE + 2 * PACK_BYTES);
        Self(FlashStorage::new(flash))
    }
}

/// Lets reads of what is mapped see what has changed in flash.
fn forget_cached(start: u32, bytes: u32) {
    let mapped = KEYS..PACK + 2 * PACK_BYTES;
    if mapped.contains(&start) {
        // SAFETY: addresses that are mapped; what the cache holds can always be read again.
        unsafe { Cache_Invalidate_Addr(MAPPED_KEYS + (start - KEYS), bytes) }
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = FlashStorage::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read_nor(offset, bytes).map_err(|_| NorFlashErrorKind::Other)
    }

    fn capacity(&self) -> usize {
        ReadNorFlash::capacity(&self.0)
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = FlashStorage::WRITE_SIZE;
    const ERASE_SIZE: usize = FlashStorage::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        // Code lies before.
        if from < PACK {
            return Err(NorFlashErrorKind::OutOfBounds);
        }
        let erased = self.0.erase(from, to).map_err(|_| NorFlashErrorKind::Other);
        forget_cached(from, to.saturating_sub(from));
        erased
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        if offset < PACK {
            return Err(NorFlashErrorKind::OutOfBounds);
        }
        let written = self.0.write_nor(offset, bytes).map_err(|_| NorFlashErrorKind::Other);
        forget_cached(offset, bytes.len() as u32);
        written
    }
}
