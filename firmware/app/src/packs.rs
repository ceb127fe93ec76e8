//! Which pack runs, and how another comes over the line into the area that does not.
//!
//! A transfer leaves nothing behind in flash but the bytes themselves, so it may be cut at any moment: the host finds by
//! [`digest`](Packs::digest) how far they have come and goes on from there. Only the boot record, written when all
//! checks are passed, makes them the pack of the next start.

use embedded_storage::nor_flash::NorFlash;
use supple_link::frame::VALUES_MAX;
use supple_link::message::TrialOutcome;
use supple_link::{DeviceError, FlashFault, PackArea, PackFault, PackRefusal, PackState};
use supple_pack::Pack;
use supple_pack::header::{Header, crc32c};
use supple_pack::keys::Keys;
use supple_pack::signature::{BLOCK_BYTES, KeyId, claimed, verify};
use supple_store::boot::{BOOT_BYTES, InstallError, Outcome, Trial};
use supple_store::{Area, Boot, Journal};

use crate::board::{Board, Places};
use crate::device::Given;
use crate::refusal::{append_refusal, pack_fault, signature_refusal};
use crate::running::need;

/// The longest word of a flash, in bytes.
const MOST_WORD: usize = 32;

/// Which pack runs, and what is on its way.
pub struct Packs {
    /// `None` where the flash or its places are unusable.
    journal: Option<Journal>,
    boot: Boot,
    area: Area,
    transfer: Option<Transfer>,
}

/// A pack on its way.
struct Transfer {
    length: u32,
    received: u32,
    /// The last bytes received, which do not fill a word of the flash yet.
    word: [u8; MOST_WORD],
}

impl Packs {
    /// Reads which area to run now. What waits is tried only if it is what was checked; and a trial is written down before
    /// it runs, so that the next start ends it.
    ///
    /// Its steps are functions of their own and lie in the caller, for the check of a signature takes most of the stack.
    #[inline(always)]
    pub fn start<B: Board>(board: &mut B) -> Self {
        let mut packs = Self::read(board);
        let sound = packs.is_what_was_checked(board);
        packs.enter(sound, board);
        packs
    }

    #[inline(never)]
    fn read<B: Board>(board: &mut B) -> Self {
        let places = board.places();
        let mut journal = Journal::open(board.flash(), places.boot).ok();
        let mut boot = Some(Boot::default());
        if let Some((journal, record)) =
            journal.as_ref().and_then(|journal| Some((journal, journal.newest()?)))
        {
            let mut bytes = [0; BOOT_BYTES];
            let read = journal.read(board.flash(), &record, 0, &mut bytes).ok();
            boot = read.and_then(|()| Boot::from_bytes(&bytes));
        }
        if boot.is_none() {
            // A record of what is not understood: written over, the counters would begin anew.
            journal = None;
        }
        let boot = boot.unwrap_or_default();
        Self { journal, area: boot.running(), boot, transfer: None }
    }

    /// Whether what waits is still what the record speaks of. A record may be in flash though its writing failed, and the
    /// area may have been written since.
    #[inline(never)]
    fn is_what_was_checked<B: Board>(&self, board: &B) -> bool {
        let Trial::Waiting(pack) = self.boot.trial() else { return true };
        let content = board.content(self.boot.running().other());
        let length = Header::read(content).map_or(0, |header| header.length as usize);
        let bytes = content.get(..length.saturating_add(BLOCK_BYTES)).unwrap_or_default();
        vouched(bytes, board.keys(), B::NAME, &self.boot) == Ok((pack.key, pack.counter))
    }

    #[inline(never)]
    fn enter<B: Board>(&mut self, sound: bool, board: &mut B) {
        let (area, next) =
            if sound { self.boot.start() } else { (self.boot.running(), Some(self.boot.refuse())) };
        self.area = area;
        if let Some(next) = next {
            let written = append(self.journal.as_mut(), &next, board);
            // What cannot be written down must not be tried, or a pack that hangs would be tried for ever.
            if written.is_ok() || next.trial() == Trial::None {
                self.boot = next;
            } else {
                self.area = self.boot.running();
            }
        }
    }

    /// The area that runs.
    pub fn area(&self) -> Area {
        self.area
    }

    /// What a host is told.
    pub(crate) fn state<B: Board>(&self, board: &B) -> PackState {
        PackState {
            running: match self.area {
                Area::A => PackArea::A,
                Area::B => PackArea::B,
            },
            trial: self.boot.is_trial(),
            waiting: matches!(self.boot.trial(), Trial::Waiting(_)),
            last: match self.boot.outcome() {
                Outcome::None => TrialOutcome::None,
                Outcome::Confirmed => TrialOutcome::Confirmed,
                Outcome::RolledBack => TrialOutcome::RolledBack,
            },
            room: board.places().pack_bytes,
            unit: B::PACK_UNIT,
            keys: Keys::read(board.keys()).unwrap_or_default().iter().count() as u16,
        }
    }

    /// Gets ready for so many bytes, of which those before `from` have come before.
    pub(crate) fn begin<B: Board>(
        &mut self,
        length: u32,
        from: u32,
        board: &mut B,
    ) -> Result<(), DeviceError> {
        let room = board.places().pack_bytes;
        if self.boot.is_trial() {
            return Err(DeviceError::PackRefused(PackRefusal::TrialUnderWay));
        }
        if length > room {
            return Err(DeviceError::PackRefused(PackRefusal::TooLong { length, room }));
        }
        let goes_on = from == length || from.is_multiple_of(B::PACK_UNIT);
        if from > length || !goes_on {
            return Err(DeviceError::PackRefused(PackRefusal::From { from }));
        }
        if self.journal.is_none() || B::Flash::WRITE_SIZE > MOST_WORD {
            return Err(DeviceError::Flash(FlashFault::Unusable));
        }
        // Or the next start would run what is about to be written over it.
        if let Some(next) = self.boot.withdraw() {
            self.keep(next, board)?;
        }
        self.transfer = Some(Transfer { length, received: from, word: [0; MOST_WORD] });
        Ok(())
    }

    /// Takes the next bytes. Where the flash fails the transfer ends: a host begins again where the digest is right.
    pub(crate) fn chunk<B: Board>(
        &mut self,
        offset: u32,
        bytes: &[u8],
        board: &mut B,
    ) -> Result<(), DeviceError> {
        let no_transfer = DeviceError::PackRefused(PackRefusal::NoTransfer);
        let transfer = self.transfer.as_mut().ok_or(no_transfer)?;
        let received = transfer.received;
        let left = transfer.length.saturating_sub(received) as usize;
        if offset != received || bytes.len() > left || bytes.len() > VALUES_MAX {
            return Err(DeviceError::PackRefused(PackRefusal::Misplaced { offset, received }));
        }
        let taken = transfer.take(bytes, self.area.other(), board);
        if taken.is_err() {
            self.transfer = None;
        }
        taken.map_err(DeviceError::Flash)
    }

    /// The CRC-32C of the first bytes of the area that does not run.
    pub(crate) fn digest<B: Board>(&self, length: u32, board: &B) -> Result<u32, DeviceError> {
        let content = board.content(self.area.other());
        let room = content.len() as u32;
        let bytes = content.get(..length as usize);
        let bytes = bytes.ok_or(DeviceError::PackRefused(PackRefusal::TooLong { length, room }))?;
        Ok(crc32c([bytes, &[]]))
    }

    /// Checks what has come; if all is well, the next start tries it.
    pub(crate) fn finish<B: Board>(&mut self, given: Given, board: &mut B) -> Result<(), DeviceError> {
        let no_transfer = DeviceError::PackRefused(PackRefusal::NoTransfer);
        let Transfer { length, received, .. } = *self.transfer.as_ref().ok_or(no_transfer)?;
        if received < length {
            return Err(DeviceError::PackRefused(PackRefusal::Incomplete { received, length }));
        }
        let content = board.content(self.area.other());
        let bytes = content.get(..length as usize).unwrap_or_default();
        // One after the other, so that their stacks lie in one place.
        let (key, counter) = vouched(bytes, board.keys(), B::NAME, &self.boot)
            .and_then(|signed| check(bytes, given, board).map(|()| signed))
            .map_err(DeviceError::PackRefused)?;
        let known = Keys::read(board.keys()).unwrap_or_default();
        let in_use = |key: &KeyId| known.iter().any(|known| KeyId::of(known) == *key);
        let next = self.boot.install(key, counter, in_use).map_err(|error| {
            DeviceError::PackRefused(match error {
                InstallError::OnTrial => PackRefusal::TrialUnderWay,
                InstallError::OlderCounter { counter, floor } => PackRefusal::OldCounter { counter, floor },
                InstallError::TooManyKeys => PackRefusal::TooManyKeys,
            })
        })?;
        self.keep(next, board)?;
        self.transfer = None;
        Ok(())
    }

    /// Keeps the pack that runs on trial.
    pub(crate) fn confirm<B: Board>(&mut self, board: &mut B) -> Result<(), DeviceError> {
        let next = self.boot.confirm().ok_or(DeviceError::NoTrial)?;
        self.keep(next, board)
    }

    /// Writes the boot record; as long as it is not written, nothing has changed.
    fn keep<B: Board>(&mut self, next: Boot, board: &mut B) -> Result<(), DeviceError> {
        append(self.journal.as_mut(), &next, board)?;
        self.boot = next;
        Ok(())
    }
}

#[inline(never)]
fn append<B: Board>(journal: Option<&mut Journal>, boot: &Boot, board: &mut B) -> Result<(), DeviceError> {
    let journal = journal.ok_or(DeviceError::Flash(FlashFault::Unusable))?;
    let bytes = boot.to_bytes();
    let written = journal.append(board.flash(), BOOT_BYTES as u32, |writer| writer.write(&bytes));
    written.map(|_| ()).map_err(append_refusal)
}

/// Whether a pack can run here.
#[inline(never)]
fn check<B: Board>(bytes: &[u8], given: Given, board: &B) -> Result<(), PackRefusal> {
    let pack = Pack::parse_region(bytes).map_err(|error| PackRefusal::Pack(pack_fault(&error)))?;
    let need = need(&pack).map_err(PackRefusal::Pack)?;
    if !given.holds(&need) {
        return Err(PackRefusal::Memory { needed: need.adapt_bytes() as u32, given: given.bytes() });
    }
    if board.can_run(&pack) { Ok(()) } else { Err(PackRefusal::Pack(PackFault::NotBuilt)) }
}

/// Whether a known key signed these bytes for this board, with a counter that is not too old.
#[inline(never)]
fn vouched(bytes: &[u8], keys: &[u8], board: &str, boot: &Boot) -> Result<(KeyId, u32), PackRefusal> {
    let keys = Keys::read(keys).unwrap_or_default();
    // What the block claims is looked at first, for that takes no time.
    let block = claimed(bytes, &keys, board).map_err(signature_refusal)?;
    let length = Header::read(bytes).map_or(0, |header| header.length as usize);
    if length.checked_add(BLOCK_BYTES) != Some(bytes.len()) {
        return Err(PackRefusal::Pack(PackFault::Length));
    }
    let floor = boot.counter(&block.key);
    if block.counter < floor {
        return Err(PackRefusal::OldCounter { counter: block.counter, floor });
    }
    verify(bytes, &keys, board).map_err(signature_refusal)?;
    Ok((block.key, block.counter))
}

impl Transfer {
    /// Writes bytes word by word; an erase unit is erased when its first byte comes.
    fn take<B: Board>(&mut self, mut bytes: &[u8], area: Area, board: &mut B) -> Result<(), FlashFault> {
        let (word, unit) = (B::Flash::WRITE_SIZE.clamp(1, MOST_WORD), (B::PACK_UNIT as usize).max(1));
        while !bytes.is_empty() {
            let at = self.received as usize;
            if at.is_multiple_of(unit) {
                erase(area, at as u32, board)?;
            }
            let (waiting, to_border) = (at % word, unit - at % unit);
            let whole = bytes.len().min(to_border) / word * word;
            if waiting == 0 && whole > 0 {
                let (now, later) = bytes.split_at_checked(whole).unwrap_or_default();
                program(area, self.received, now, board)?;
                self.received += whole as u32;
                bytes = later;
                continue;
            }
            let (now, later) = bytes.split_at_checked(bytes.len().min(word - waiting)).unwrap_or_default();
            for (place, byte) in self.word.iter_mut().skip(waiting).zip(now) {
                *place = *byte;
            }
            self.received += now.len() as u32;
            bytes = later;
            let filled = waiting + now.len();
            if filled == word || self.received == self.length {
                self.word.iter_mut().skip(filled).for_each(|place| *place = 0);
                let start = (at - waiting) as u32;
                program(area, start, self.word.get(..word).unwrap_or_default(), board)?;
            }
        }
        Ok(())
    }
}

fn erase<B: Board>(area: Area, at: u32, board: &mut B) -> Result<(), FlashFault> {
    let (start, end) = place(&board.places(), area, at, B::PACK_UNIT).ok_or(FlashFault::Unusable)?;
    board.flash().erase(start, end).map_err(|_| FlashFault::NotWritten)
}

/// Writes whole words and reads them back.
fn program<B: Board>(area: Area, at: u32, bytes: &[u8], board: &mut B) -> Result<(), FlashFault> {
    let (start, _) = place(&board.places(), area, at, bytes.len() as u32).ok_or(FlashFault::Unusable)?;
    board.flash().write(start, bytes).map_err(|_| FlashFault::NotWritten)?;
    let written = board.content(area).get(at as usize..).and_then(|content| content.get(..bytes.len()));
    if written == Some(bytes) { Ok(()) } else { Err(FlashFault::NotWritten) }
}

/// Where something of an area lies in the flash; `None` where it does not lie in the area.
fn place(places: &Places, area: Area, at: u32, length: u32) -> Option<(u32, u32)> {
    let end = at.checked_add(length).filter(|end| *end <= places.pack_bytes)?;
    let base = places.pack(area);
    Some((base.checked_add(at)?, base.checked_add(end)?))
}
