//! Writes one record, word after word, each word once.

use embedded_storage::nor_flash::NorFlash;

use super::AppendError;
use super::record::{Checksum, Header, trailer};
use super::region::{BLOCK_BYTES, Unit};

/// Takes a record's payload, in pieces of any length.
pub struct Writer<'f, F> {
    flash: &'f mut F,
    /// Where the block goes.
    at: u32,
    block: [u8; BLOCK_BYTES],
    /// Bytes in the block.
    filled: usize,
    checksum: Checksum,
    /// Bytes of the payload still to come.
    rest: u32,
    /// What went wrong first; nothing is written after it.
    failed: Option<AppendError>,
}

impl<'f, F: NorFlash> Writer<'f, F> {
    /// Begins a record with its header.
    pub(super) fn new(flash: &'f mut F, at: u32, header: Header) -> Self {
        let mut writer = Self {
            flash,
            at,
            block: [0; BLOCK_BYTES],
            filled: 0,
            checksum: header.checksum(),
            rest: header.length,
            failed: None,
        };
        // A failure is kept and told by the next call.
        let _ = writer.put(&header.to_bytes()).and_then(|()| writer.flush());
        writer
    }

    /// Adds bytes to the payload.
    ///
    /// # Errors
    ///
    /// [`AppendError::Length`] if more bytes come than the record was begun with, [`AppendError::Flash`] if the flash
    /// refuses them. The record is given up then, whatever the caller goes on to write.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), AppendError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let rest = u32::try_from(bytes.len()).ok().and_then(|length| self.rest.checked_sub(length));
        let Some(rest) = rest else {
            self.failed = Some(AppendError::Length);
            return Err(AppendError::Length);
        };
        self.rest = rest;
        self.checksum.update(bytes);
        self.put(bytes)
    }

    /// Ends the record with its trailer and gives its checksum, if the content was made.
    pub(super) fn finish(mut self, made: Result<(), AppendError>) -> Result<u32, AppendError> {
        // What failed here comes first: a flash that fails is told as such, whatever the content made of it.
        self.failed.map_or(made, Err)?;
        if self.rest > 0 {
            return Err(AppendError::Length);
        }
        self.flush()?;
        let checksum = self.checksum.clone().finalize();
        self.put(&trailer(checksum))?;
        self.flush()?;
        Ok(checksum)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), AppendError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.block.get_mut(self.filled..).unwrap_or_default();
            let taken = rest.len().min(room.len());
            for (place, byte) in room.iter_mut().zip(rest) {
                *place = *byte;
            }
            self.filled += taken;
            rest = rest.get(taken..).unwrap_or_default();
            if self.filled >= BLOCK_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes what the block holds, with zeros up to a whole unit.
    fn flush(&mut self) -> Result<(), AppendError> {
        let padded = self.filled.next_multiple_of(Unit::<F>::BYTES as usize);
        let written = match self.block.get(..padded) {
            Some([]) => Ok(()),
            Some(bytes) => self.flash.write(self.at, bytes).map_err(|_| AppendError::Flash),
            None => Err(AppendError::Flash),
        };
        if let Err(error) = written {
            self.failed = Some(error);
            return Err(error);
        }
        self.at = self.at.wrapping_add(padded as u32);
        self.filled = 0;
        self.block = [0; BLOCK_BYTES];
        Ok(())
    }
}
