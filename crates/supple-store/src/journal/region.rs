//! Where a journal lies, and the flash's geometry.

use core::marker::PhantomData;

use embedded_storage::nor_flash::NorFlash;

use super::OpenError;
use super::record::{HEADER_BYTES, TRAILER_BYTES};

/// Bytes that are read or written at a time, on the stack. A unit divides it.
pub(super) const BLOCK_BYTES: usize = 64;

/// A part of the flash that one journal has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Where it begins, in bytes from the start of the flash: a multiple of the flash's erase size.
    pub start: u32,
    /// Bytes of a segment: a multiple of the flash's erase size. A record lies within one segment.
    pub segment_bytes: u32,
    /// Segments, at least two. With three or more, records older than the newest are kept as well.
    pub segments: u32,
}

/// What a flash's type says about it.
pub(super) struct Unit<F>(PhantomData<F>);

impl<F: NorFlash> Unit<F> {
    /// Header, payload and trailer each begin at a multiple of this many bytes. At least 1, so that division by it
    /// cannot fail.
    pub(super) const BYTES: u32 = {
        let (read, write) = (F::READ_SIZE, F::WRITE_SIZE);
        let unit = if read > write { read } else { write };
        if unit == 0 { 1 } else { unit as u32 }
    };

    /// Whether a unit can be read, written, and buffered in blocks.
    const SOUND: bool = {
        let unit = Self::BYTES as usize;
        F::READ_SIZE > 0
            && F::WRITE_SIZE > 0
            && unit.is_multiple_of(F::READ_SIZE)
            && unit.is_multiple_of(F::WRITE_SIZE)
            && F::ERASE_SIZE > 0
            && F::ERASE_SIZE.is_multiple_of(unit)
            && BLOCK_BYTES.is_multiple_of(unit)
    };

    /// Bytes that a header takes.
    pub(super) const HEADER: u32 = (HEADER_BYTES as u32).div_ceil(Self::BYTES) * Self::BYTES;

    /// Bytes that a trailer takes.
    pub(super) const TRAILER: u32 = (TRAILER_BYTES as u32).div_ceil(Self::BYTES) * Self::BYTES;

    /// Bytes that a payload takes; `None` above `u32::MAX`.
    fn payload(length: u32) -> Option<u32> {
        length.div_ceil(Self::BYTES).checked_mul(Self::BYTES)
    }

    /// Bytes from the start of a record to its trailer.
    pub(super) fn to_trailer(length: u32) -> Option<u32> {
        Self::payload(length)?.checked_add(Self::HEADER)
    }

    /// Bytes of a whole record.
    pub(super) fn record(length: u32) -> Option<u32> {
        Self::to_trailer(length)?.checked_add(Self::TRAILER)
    }
}

impl Region {
    /// Checks it against a flash.
    pub(super) fn check<F: NorFlash>(&self, flash: &F) -> Result<(), OpenError> {
        if !Unit::<F>::SOUND {
            return Err(OpenError::Geometry);
        }
        let aligned = |bytes: u32| (bytes as usize).is_multiple_of(F::ERASE_SIZE);
        if !aligned(self.start) || !aligned(self.segment_bytes) {
            return Err(OpenError::Misaligned);
        }
        if self.segments < 2 || self.segment_bytes < Unit::<F>::HEADER + Unit::<F>::TRAILER {
            return Err(OpenError::TooSmall);
        }
        let bytes = self.segment_bytes.checked_mul(self.segments);
        let end = bytes.and_then(|bytes| bytes.checked_add(self.start));
        match end {
            Some(end) if end as usize <= flash.capacity() => Ok(()),
            _ => Err(OpenError::BeyondFlash),
        }
    }

    /// The longest payload that fits in a segment, in bytes.
    pub(super) fn longest<F: NorFlash>(&self) -> u32 {
        self.segment_bytes.saturating_sub(Unit::<F>::HEADER).saturating_sub(Unit::<F>::TRAILER)
    }

    /// Where a segment begins. No overflow: [`check`](Self::check) has seen the end of the last one.
    pub(super) fn segment_start(&self, segment: u32) -> u32 {
        self.start.wrapping_add(segment.wrapping_mul(self.segment_bytes))
    }
}
