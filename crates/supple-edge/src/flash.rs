//! NOR flash in a file, with a device's guarantees.
//!
//! A system keeps written bytes in its memory and brings them to the disk when and in what order it likes, whole blocks at
//! a time; a loss of power leaves any part of what was not synced, in any mixture. A journal asks for more: that its last
//! word is not there before the others are, and that what it has read back stays. So:
//!
//! - The last word before a read is put behind a barrier. Each write to a journal is held back until something follows it.
//!   When a read follows, all that was written before is synced, then the write held back is made, and synced as well,
//!   and only then is anything read. A journal reads back each record that it has written before it says so: what it
//!   holds then is on the disk, and the record's last word came there last. That costs two syncs a record.
//! - No block with words of a record on the disk is written again before it is erased: a loss of power during that could
//!   take them too. So after a barrier every block that has words is closed; words for it are refused, and the journal
//!   goes on in its next segment.
//! - What is found at the start is synced before it is looked at: after a kill it may have been in memory only.
//! - After a sync has failed nobody knows what is on the disk, and the system does not tell again. Nothing is written
//!   then until the program starts anew.
//!
//! Pack areas are written at once, and have a copy in memory, made of what the file gives back. They are on the disk
//! before the boot record that names them, since a barrier syncs the whole file.
//!
//! The rules of NOR flash hold: whole words, each written at most once after its unit was erased in this run, in
//! ascending order within a unit.

use std::io;
use std::ops::Range;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Bytes of a word.
pub const WORD: usize = 8;
/// Bytes of an erase unit: a block of usual file systems.
pub const UNIT: usize = 4096;

/// What an erased byte reads as.
const ERASED: u8 = 0xff;

/// A file, or what tests put in its place.
pub trait Storage {
    /// Reads from a place.
    fn read_at(&mut self, at: u32, bytes: &mut [u8]) -> io::Result<()>;
    /// Writes to a place; a read sees it, a loss of power may undo it.
    fn write_at(&mut self, at: u32, bytes: &[u8]) -> io::Result<()>;
    /// Returns when all that was written survives a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// Why an access failed.
#[derive(Debug, thiserror::Error)]
pub enum FlashError {
    /// Against the rules of NOR flash.
    #[error("{0:?}: the access is not one that NOR flash allows")]
    Rule(NorFlashErrorKind),
    /// A word that is not known to be erased, or in a block whose records are on the disk.
    #[error("the word is not erased; erase its unit first")]
    NotErased,
    /// An earlier sync has failed.
    #[error("the state file could not be synced; start the program anew")]
    Broken,
    /// The file.
    #[error("the state file: {0}; check the disk and the room on it")]
    Storage(#[from] io::Error),
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Rule(kind) => *kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// A write that nothing has followed yet.
struct Held {
    at: u32,
    bytes: Vec<u8>,
}

/// The flash: pack areas in front, journals behind.
pub struct FileFlash<S> {
    storage: S,
    capacity: u32,
    /// The pack areas as the file has them.
    packs: Vec<u8>,
    /// Of each erase unit, how many of its bytes can no longer be written; all of them where it was not erased in this
    /// run.
    closed: Vec<u32>,
    held: Option<Held>,
    /// Whether anything was written since the last sync.
    dirty: bool,
    broken: bool,
}

impl<S: Storage> FileFlash<S> {
    /// Opens flash of `capacity` bytes, of which the first `packs` are pack areas; both whole erase units.
    pub fn open(storage: S, capacity: u32, packs: u32) -> io::Result<Self> {
        let units = capacity as usize / UNIT;
        let mut flash = Self {
            storage,
            capacity,
            packs: vec![0; packs as usize],
            closed: vec![UNIT as u32; units],
            held: None,
            dirty: false,
            broken: false,
        };
        flash.power_up()?;
        Ok(flash)
    }

    /// As after a start: what is in the file counts, and no word is known to be erased.
    pub fn power_up(&mut self) -> io::Result<()> {
        self.held = None;
        self.closed.fill(UNIT as u32);
        if !self.broken {
            self.sync()?;
        }
        self.storage.read_at(0, &mut self.packs)
    }

    /// The pack areas.
    pub fn packs(&self) -> &[u8] {
        &self.packs
    }

    fn sync(&mut self) -> io::Result<()> {
        let synced = self.storage.sync();
        self.broken |= synced.is_err();
        self.dirty = false;
        synced
    }

    fn put(&mut self, held: &Held) -> io::Result<()> {
        self.dirty = true;
        self.storage.write_at(held.at, &held.bytes)
    }

    /// Makes the write that was held back.
    fn release(&mut self) -> io::Result<()> {
        self.held.take().map_or(Ok(()), |held| self.put(&held))
    }

    /// Puts the write that was held back behind all others on the disk.
    fn barrier(&mut self) -> io::Result<()> {
        let Some(held) = self.held.take() else { return Ok(()) };
        if self.dirty {
            self.sync()?;
        }
        self.put(&held)?;
        self.sync()?;
        let journals = self.packs.len() / UNIT;
        for closed in self.closed.iter_mut().skip(journals).filter(|closed| **closed > 0) {
            *closed = UNIT as u32;
        }
        Ok(())
    }

    fn writable(&self) -> Result<(), FlashError> {
        if self.broken { Err(FlashError::Broken) } else { Ok(()) }
    }

    /// Whether a range lies in the pack areas; `None` if only a part does.
    fn in_packs(&self, range: &Range<usize>) -> Option<bool> {
        let border = self.packs.len();
        match (range.start < border, range.end <= border) {
            (true, true) => Some(true),
            (false, _) => Some(false),
            (true, false) => None,
        }
    }

    /// Writes to the pack areas. Whatever becomes of it, the copy is as the file.
    fn write_pack(&mut self, range: Range<usize>, bytes: &[u8]) -> Result<(), FlashError> {
        self.dirty = true;
        let written = self.storage.write_at(range.start as u32, bytes);
        let at = range.start as u32;
        if let Some(copy) = self.packs.get_mut(range)
            && let Err(error) = self.storage.read_at(at, copy)
        {
            // What does not read is not what was written.
            copy.fill(0);
            return Err(error.into());
        }
        Ok(written?)
    }

    /// Words may only be written once; what is written closes those before it.
    fn close(&mut self, range: &Range<usize>) -> Result<(), FlashError> {
        let units = range.start / UNIT..range.end.div_ceil(UNIT);
        let closed = self.closed.get_mut(units.clone()).unwrap_or_default();
        let within = |unit: usize, place: usize| place.saturating_sub(unit * UNIT).min(UNIT) as u32;
        let mut pairs = units.clone().zip(closed.iter());
        if pairs.any(|(unit, closed)| *closed > within(unit, range.start)) {
            return Err(FlashError::NotErased);
        }
        for (unit, closed) in units.zip(closed) {
            *closed = within(unit, range.end);
        }
        Ok(())
    }
}

impl<S> ErrorType for FileFlash<S> {
    type Error = FlashError;
}

impl<S: Storage> ReadNorFlash for FileFlash<S> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(self, offset, bytes.len()).map_err(FlashError::Rule)?;
        self.barrier()?;
        Ok(self.storage.read_at(offset, bytes)?)
    }

    fn capacity(&self) -> usize {
        self.capacity as usize
    }
}

impl<S: Storage> NorFlash for FileFlash<S> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = UNIT;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(self, from, to).map_err(FlashError::Rule)?;
        self.writable()?;
        self.release()?;
        for unit in from as usize / UNIT..to as usize / UNIT {
            let range = unit * UNIT..(unit + 1) * UNIT;
            let at = range.start as u32;
            if let Some(closed) = self.closed.get_mut(unit) {
                *closed = UNIT as u32;
            }
            match self.in_packs(&range) {
                Some(true) => self.write_pack(range, &[ERASED; UNIT])?,
                _ => {
                    self.dirty = true;
                    self.storage.write_at(at, &[ERASED; UNIT])?;
                }
            }
            if let Some(closed) = self.closed.get_mut(unit) {
                *closed = 0;
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(self, offset, bytes.len()).map_err(FlashError::Rule)?;
        self.writable()?;
        let range = offset as usize..offset as usize + bytes.len();
        let in_packs = self.in_packs(&range).ok_or(FlashError::Rule(NorFlashErrorKind::OutOfBounds))?;
        self.close(&range)?;
        if in_packs {
            return self.write_pack(range, bytes);
        }
        self.release()?;
        self.held = Some(Held { at: offset, bytes: bytes.to_vec() });
        Ok(())
    }
}

#[cfg(test)]
#[path = "flash_tests.rs"]
mod tests;
