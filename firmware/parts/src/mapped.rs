//! Reading flash that lies in memory.

use embedded_storage::nor_flash::{NorFlashErrorKind, ReadNorFlash, check_read};

/// Copies bytes from an offset on, if all of them lie in the flash.
///
/// # Safety
/// `start` must be where the core sees the first of the flash's `capacity` bytes; `bytes` must be none of them.
pub unsafe fn read<F: ReadNorFlash>(
    flash: &F,
    start: *const u8,
    offset: u32,
    bytes: &mut [u8],
) -> Result<(), NorFlashErrorKind> {
    check_read(flash, offset, bytes.len())?;
    let from = start.wrapping_add(offset as usize);
    // SAFETY: the range lies within the flash, as was checked.
    unsafe { from.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) }
    Ok(())
}
