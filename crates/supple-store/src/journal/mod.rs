//! Records in a region of NOR flash, of which the newest survives any power cut.
//!
//! A region is a ring of *segments*, of one or more erase units each. Records lie in a segment one after another. What a
//! power cut leaves in flash cannot be told from what was meant to be there, and least of all whether a word is really
//! blank. So:
//!
//! - nothing is written into flash that was not erased since the last start: the first record after
//!   [`open`](Journal::open) goes into the next segment, which is erased for it, those after it go behind;
//! - the segment of the newest record is never erased;
//! - a record counts when its checksums are right and its last word is written; [`append`](Journal::append) reads it back
//!   before it says so;
//! - after any fault a segment is left alone until it is erased again, and the next one is tried;
//! - each attempt has a sequence number of its own, so no remainder of an earlier one can pass for a later.
//!
//! | file | holds |
//! |---|---|
//! | `region` | where a journal lies, and what units the flash has |
//! | `record` | header, trailer, and whether a record is whole |
//! | `writer` | bytes to words, each written once |
//!
//! The flash is passed to each call, so that several journals share a device. A flash must do what
//! `embedded-storage` asks: a cut while a word is written leaves the others as they were.

mod record;
mod region;
mod writer;

#[cfg(test)]
mod tests;

use embedded_storage::nor_flash::NorFlash;

pub use record::Record;
pub use region::Region;
pub use writer::Writer;

use record::{Found, HEADER_BYTES, Header, find};
use region::Unit;

/// Why a journal cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The flash's units do not fit into each other.
    #[error(
        "the flash's read and write sizes must divide each other, 64, and its erase size; use a driver with such sizes"
    )]
    Geometry,
    /// Not on the borders of erase units.
    #[error(
        "the region's start and segments must be multiples of the flash's erase size; correct the board's places"
    )]
    Misaligned,
    /// Too few or too small segments.
    #[error("a region needs two segments, each with room for a record; correct the board's places")]
    TooSmall,
    /// It ends behind the flash.
    #[error("the region ends behind the flash; correct the board's places")]
    BeyondFlash,
    /// No segment reads.
    #[error(
        "the flash does not read in any segment; check its driver, and if that is right, erase the region"
    )]
    Flash,
}

/// Why a record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// More is asked for than the record has.
    #[error("the record has fewer bytes; read within its length")]
    Beyond,
    /// Its segment was erased meanwhile.
    #[error("the record is no longer there; ask for the newest, or for the one before, again")]
    Gone,
    /// The flash does not read.
    #[error("the flash does not read; check its driver")]
    Flash,
}

/// Why a record is not appended. The newest one is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No segment is long enough.
    #[error(
        "{length} bytes are more than the {longest} that fit in a segment; give the region longer segments"
    )]
    TooLong {
        /// Bytes asked for.
        length: u32,
        /// Bytes that fit.
        longest: u32,
    },
    /// Other than announced.
    #[error("the content has not as many bytes as the record was begun with; pass its exact length")]
    Length,
    /// The caller has no content after all.
    #[error("the content could not be made; nothing is kept, append again")]
    Content,
    /// There have been `u32::MAX` records.
    #[error(
        "the journal has used up its sequence numbers; read what it holds, erase the region, and append that"
    )]
    Sequence,
    /// Every segment was tried.
    #[error("no segment takes the record; the flash is worn out, or its driver does not write")]
    Flash,
}

/// A journal, as it was found in flash and has grown since. No `Clone`: two would write over each other.
#[derive(Debug, PartialEq, Eq)]
pub struct Journal {
    region: Region,
    newest: Option<Record>,
    /// The greatest sequence number that was ever begun with, as far as can be seen.
    sequence: u32,
    /// The segment that was erased last, or that of the newest record.
    segment: u32,
    /// Where the next record goes, if this run has erased the segment and every record in it is whole.
    free: Option<u32>,
}

/// What lies in a region.
struct Survey {
    /// The record with the greatest sequence number below the limit.
    newest: Option<Record>,
    /// The greatest sequence number, those of torn records too.
    sequence: u32,
    /// Whether any segment could be read.
    readable: bool,
}

impl Journal {
    /// Finds the newest record. Writes nothing, and reads no byte of the region twice: at most
    /// `segments * segment_bytes` bytes in all.
    ///
    /// What lies in the region may be anything: where no record is whole, the journal is empty.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the region does not fit the flash, or no segment can be read. A word that cannot be read (flash
    /// with error correction after a power cut) counts as torn; that all segments begin with such words can happen only
    /// before the first record, or else the flash itself does not read.
    pub fn open<F: NorFlash>(flash: &mut F, region: Region) -> Result<Self, OpenError> {
        region.check(flash)?;
        let survey = survey(flash, &region, None);
        if !survey.readable {
            return Err(OpenError::Flash);
        }
        let last = region.segments.saturating_sub(1);
        let segment = survey.newest.map_or(last, |record| record.segment);
        Ok(Self { region, newest: survey.newest, sequence: survey.sequence, segment, free: None })
    }

    /// The newest record.
    pub fn newest(&self) -> Option<Record> {
        self.newest
    }

    /// The newest record that is older than a sequence number: how to go back to what was kept before.
    ///
    /// Reads as much as [`open`](Self::open). How many older records there are depends on the number of segments and of
    /// starts; with two segments there may be none. One of them may be a repetition: of a record that the flash refused at
    /// its end and kept all the same, and that the next segment then took.
    ///
    /// # Errors
    ///
    /// [`ReadError::Flash`] if no segment can be read.
    pub fn before<F: NorFlash>(&self, flash: &mut F, sequence: u32) -> Result<Option<Record>, ReadError> {
        let survey = survey(flash, &self.region, Some(sequence));
        if survey.readable { Ok(survey.newest) } else { Err(ReadError::Flash) }
    }

    /// Reads `bytes.len()` bytes of a record's payload from `offset` on.
    ///
    /// # Errors
    ///
    /// [`ReadError::Beyond`] if the payload has fewer bytes, [`ReadError::Gone`] if the record's segment was erased since
    /// it was found, [`ReadError::Flash`] if the flash does not read.
    pub fn read<F: NorFlash>(
        &self,
        flash: &mut F,
        record: &Record,
        offset: u32,
        bytes: &mut [u8],
    ) -> Result<(), ReadError> {
        let length = u32::try_from(bytes.len()).map_err(|_| ReadError::Beyond)?;
        let end = offset.checked_add(length).ok_or(ReadError::Beyond)?;
        if end > record.length {
            return Err(ReadError::Beyond);
        }
        let mut header = [0; HEADER_BYTES];
        record::read(flash, record.at, &mut header).map_err(|_| ReadError::Flash)?;
        let expected = Header { sequence: record.sequence, length: record.length };
        if Header::from_bytes(&header) != Some(expected) {
            return Err(ReadError::Gone);
        }
        let at = record.at.checked_add(Unit::<F>::HEADER).and_then(|at| at.checked_add(offset));
        record::read(flash, at.ok_or(ReadError::Beyond)?, bytes).map_err(|_| ReadError::Flash)
    }

    /// Appends a record of `length` bytes, which `content` writes. When it says `Ok`, the record is in flash, has been read
    /// back, and survives any power cut from then on.
    ///
    /// `content` is called again for each attempt: at most once behind the newest record and once for each other segment.
    /// It may return [`AppendError::Content`] to give up.
    ///
    /// # Errors
    ///
    /// [`AppendError`]; the newest record is as it was. After [`AppendError::Flash`] the next start may find the record all
    /// the same, as after a power cut.
    pub fn append<F: NorFlash>(
        &mut self,
        flash: &mut F,
        length: u32,
        mut content: impl FnMut(&mut Writer<'_, F>) -> Result<(), AppendError>,
    ) -> Result<Record, AppendError> {
        let longest = self.region.longest::<F>();
        let size = Unit::<F>::record(length).filter(|_| length <= longest);
        let size = size.ok_or(AppendError::TooLong { length, longest })?;
        if let Some(at) = self.room(size) {
            match self.attempt(flash, at, length, &mut content) {
                Err(AppendError::Flash) => {}
                outcome => return outcome,
            }
        }
        for _ in 0..self.region.segments {
            let Some(at) = self.next_segment(flash)? else { continue };
            match self.attempt(flash, at, length, &mut content) {
                Err(AppendError::Flash) => {}
                outcome => return outcome,
            }
        }
        Err(AppendError::Flash)
    }

    /// The longest payload that fits in a region's segments, in bytes.
    pub fn longest<F: NorFlash>(region: &Region) -> u32 {
        region.longest::<F>()
    }

    /// Where a record fits behind the newest one.
    fn room(&self, size: u32) -> Option<u32> {
        let at = self.free?;
        let limit = self.region.segment_start(self.segment).checked_add(self.region.segment_bytes)?;
        (size <= limit.checked_sub(at)?).then_some(at)
    }

    /// Erases the next segment of the ring and says where it begins; `None` if it holds the newest record or does not
    /// erase.
    fn next_segment<F: NorFlash>(&mut self, flash: &mut F) -> Result<Option<u32>, AppendError> {
        if self.sequence == u32::MAX {
            return Err(AppendError::Sequence);
        }
        let next = self.segment.wrapping_add(1);
        self.segment = if next < self.region.segments { next } else { 0 };
        self.free = None;
        if self.newest.is_some_and(|newest| newest.segment == self.segment) {
            return Ok(None);
        }
        let start = self.region.segment_start(self.segment);
        let end = start.wrapping_add(self.region.segment_bytes);
        Ok(flash.erase(start, end).is_ok().then_some(start))
    }

    /// Writes a record and reads it back. Only what is whole leaves room behind it.
    #[inline(never)]
    fn attempt<F: NorFlash>(
        &mut self,
        flash: &mut F,
        at: u32,
        length: u32,
        content: &mut impl FnMut(&mut Writer<'_, F>) -> Result<(), AppendError>,
    ) -> Result<Record, AppendError> {
        self.free = None;
        self.sequence = self.sequence.checked_add(1).ok_or(AppendError::Sequence)?;
        let header = Header { sequence: self.sequence, length };
        let mut writer = Writer::new(flash, at, header);
        let made = content(&mut writer);
        let checksum = writer.finish(made)?;
        let limit = self.region.segment_start(self.segment).wrapping_add(self.region.segment_bytes);
        match find(flash, at, limit) {
            Found::Whole { header: found, end, checksum: read } if found == header && read == checksum => {
                let record = Record { sequence: header.sequence, length, at, segment: self.segment };
                self.newest = Some(record);
                self.free = Some(end);
                Ok(record)
            }
            _ => Err(AppendError::Flash),
        }
    }
}

/// Walks through every segment's records, up to the first that is not whole.
#[inline(never)]
fn survey<F: NorFlash>(flash: &mut F, region: &Region, below: Option<u32>) -> Survey {
    let mut survey = Survey { newest: None, sequence: 0, readable: false };
    for segment in 0..region.segments {
        let start = region.segment_start(segment);
        let limit = start.wrapping_add(region.segment_bytes);
        let mut at = start;
        loop {
            let found = find(flash, at, limit);
            survey.readable |= found != Found::Unreadable;
            match found {
                Found::Whole { header: Header { sequence, length }, end, .. } => {
                    survey.sequence = survey.sequence.max(sequence);
                    let newer = survey.newest.is_none_or(|newest| newest.sequence < sequence);
                    if newer && below.is_none_or(|below| sequence < below) {
                        survey.newest = Some(Record { sequence, length, at, segment });
                    }
                    at = end;
                }
                Found::Torn { sequence } => {
                    survey.sequence = survey.sequence.max(sequence);
                    break;
                }
                Found::Nothing | Found::Unreadable => break,
            }
        }
    }
    survey
}
