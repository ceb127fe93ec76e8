//! Heads and support samples in flash: saved, listed, restored.

use embedded_storage::nor_flash::NorFlash;
use supple_link::message::VersionFacts;
use supple_link::{DeviceError, FlashFault};
use supple_pack::TrunkHash;
use supple_runtime::Trunk;
use supple_store::snapshot::{Reader, Source};
use supple_store::{Journal, ReadError, Record};

use crate::board::Board;
use crate::refusal::{append_refusal, snapshot_refusal};
use crate::running::Running;

/// How many versions a start looks at for heads of the trunk that runs: a start's time is bounded.
const LOOKED_AT: u16 = 16;

/// The versions in flash.
pub struct Versions {
    /// `None` where the flash or its places are unusable.
    journal: Option<Journal>,
}

/// A record's bytes.
struct Bytes<'f, F> {
    flash: &'f mut F,
    journal: &'f Journal,
    record: Record,
}

impl<F: NorFlash> Source for Bytes<'_, F> {
    #[inline(never)]
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ReadError> {
        self.journal.read(self.flash, &self.record, offset, bytes)
    }
}

impl Versions {
    /// Reads which are there.
    #[inline(never)]
    pub fn open<B: Board>(board: &mut B) -> Self {
        let places = board.places();
        Self { journal: Journal::open(board.flash(), places.heads).ok() }
    }

    /// Writes all heads that have begun, with the support samples or without.
    #[inline(never)]
    pub fn save<T: Trunk, B: Board>(
        &mut self,
        running: &Running<T>,
        support: bool,
        board: &mut B,
    ) -> Result<VersionFacts, DeviceError> {
        let journal = self.journal.as_mut().ok_or(DeviceError::Flash(FlashFault::Unusable))?;
        let header = running.header(support)?;
        let bytes = running.snapshot_bytes(&header);
        let room = Journal::longest::<B::Flash>(&board.places().heads);
        let needed = u32::try_from(bytes).unwrap_or(u32::MAX);
        if bytes > room.into() {
            return Err(DeviceError::SnapshotTooLong { needed, room });
        }
        let written = journal
            .append(board.flash(), needed, |writer| running.write(&header, &mut |bytes| writer.write(bytes)));
        let record = written.map_err(append_refusal)?;
        Ok(VersionFacts {
            version: record.sequence,
            own_trunk: true,
            heads: header.heads,
            samples: header.samples,
            bytes: record.length,
        })
    }

    /// What the newest version before a number holds, or the newest of all; `trunk` is that of the pack that runs.
    #[inline(never)]
    pub fn facts<B: Board>(
        &self,
        before: Option<u32>,
        trunk: Option<TrunkHash>,
        board: &mut B,
    ) -> Result<Option<VersionFacts>, DeviceError> {
        let found = match before {
            None => self.journal()?.newest(),
            Some(version) => self.before(version, board)?,
        };
        let Some(record) = found else { return Ok(None) };
        let header = self.reader(record, board)?.header().ok();
        Ok(Some(VersionFacts {
            version: record.sequence,
            own_trunk: header.is_some_and(|header| Some(header.trunk) == trunk),
            heads: header.map_or(0, |header| header.heads),
            samples: header.map_or(0, |header| header.samples),
            bytes: record.length,
        }))
    }

    /// Sets heads to those of a version, or of the newest; all of them, or only one. What is refused changes nothing.
    pub fn restore<T: Trunk, B: Board>(
        &self,
        running: &mut Running<T>,
        version: Option<u32>,
        only: Option<u16>,
        board: &mut B,
    ) -> Result<(), DeviceError> {
        let newest = self.newest()?;
        let record = match version {
            None => newest,
            Some(version) if version == newest.sequence => newest,
            Some(version) => {
                let above = version.checked_add(1).ok_or(DeviceError::NoVersion { version })?;
                let found = self.before(above, board)?.filter(|record| record.sequence == version);
                found.ok_or(DeviceError::NoVersion { version })?
            }
        };
        self.restore_record(running, record, only, board)
    }

    /// Restores the newest version that is for the trunk that runs, if there is one.
    pub fn restore_own<T: Trunk, B: Board>(&self, running: &mut Running<T>, board: &mut B) {
        let mut next = self.newest().ok();
        for _ in 0..LOOKED_AT {
            let Some(record) = next else { return };
            if self.restore_record(running, record, None, board).is_ok() {
                return;
            }
            next = self.before(record.sequence, board).ok().flatten();
        }
    }

    /// Checks all of a snapshot, then reads it.
    #[inline(never)]
    fn restore_record<T: Trunk, B: Board>(
        &self,
        running: &mut Running<T>,
        record: Record,
        only: Option<u16>,
        board: &mut B,
    ) -> Result<(), DeviceError> {
        let refusal = |error| snapshot_refusal(error, record.sequence);
        let fit = running.check(&mut self.reader(record, board)?, only, refusal)?;
        running.load(&mut self.reader(record, board)?, &fit).map_err(refusal)
    }

    fn newest(&self) -> Result<Record, DeviceError> {
        self.journal()?.newest().ok_or(DeviceError::NothingKept)
    }

    fn before<B: Board>(&self, sequence: u32, board: &mut B) -> Result<Option<Record>, DeviceError> {
        let before = self.journal()?.before(board.flash(), sequence);
        before.map_err(|_| DeviceError::Flash(FlashFault::Unusable))
    }

    fn reader<'a, B: Board>(
        &'a self,
        record: Record,
        board: &'a mut B,
    ) -> Result<Reader<impl Source + use<'a, B>>, DeviceError> {
        let bytes = Bytes { flash: board.flash(), journal: self.journal()?, record };
        Ok(Reader::new(bytes, record.length))
    }

    fn journal(&self) -> Result<&Journal, DeviceError> {
        self.journal.as_ref().ok_or(DeviceError::Flash(FlashFault::Unusable))
    }
}
