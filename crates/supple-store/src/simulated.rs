//! NOR flash in memory whose power can be cut at any operation, and that sees what must not be done to flash.

use std::collections::BTreeMap;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

/// Why an access failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SimulatedError {
    /// A violation as well.
    #[error("not a multiple of the unit; align the access")]
    NotAligned,
    /// A violation as well.
    #[error("outside the flash; stay within its capacity")]
    OutOfBounds,
    /// The power is off.
    #[error("the power was cut; call `power_up`")]
    PowerCut,
    /// Asked for by `wear_out`, or a torn word of flash with error correction.
    #[error("the flash refuses; it was told to")]
    Refused,
}

impl NorFlashError for SimulatedError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::PowerCut | Self::Refused => NorFlashErrorKind::Other,
        }
    }
}

/// What a power cut leaves of a word or an erase unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tearing {
    /// A mixture of old, new and random, which then stays as it is.
    Steady,
    /// Another mixture at every power-up.
    Unsteady,
    /// What cannot be read at all, as in flash with error correction.
    Unreadable,
}

/// How a worn erase unit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wear {
    /// The erase reports a failure, after doing half of its work.
    Erase,
    /// Writes report a failure and leave anything in the word.
    Write,
    /// Writes report success and leave some bits wrong.
    Silent,
}

/// What is known of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Erased since the last power-up.
    Erased,
    /// Erased before it.
    ErasedEarlier,
    /// Written, or unknown.
    Written,
}

/// Bytes that were being changed when the power was cut.
#[derive(Debug, Clone)]
struct Torn {
    old: Vec<u8>,
    new: Vec<u8>,
}

/// Flash of erase units of `ERASE` bytes, words of `WRITE` bytes, and reads of multiples of `READ` bytes.
///
/// An *operation* is the write of one word or the erase of one unit: what a power cut can tear.
#[derive(Debug, Clone)]
pub struct SimulatedFlash<const WRITE: usize, const ERASE: usize, const READ: usize = 1> {
    bytes: Vec<u8>,
    words: Vec<Word>,
    erased: u8,
    random: u64,
    tearing: Tearing,
    /// By their first byte.
    torn: BTreeMap<usize, Torn>,
    wear: BTreeMap<usize, Wear>,
    powered: bool,
    /// Operations until the one that tears.
    cut: Option<u64>,
    operations: u64,
    bytes_read: u64,
    violations: u64,
    stale_writes: u64,
    erases: Vec<u32>,
}

impl<const WRITE: usize, const ERASE: usize> SimulatedFlash<WRITE, ERASE> {
    /// `units` blank erase units, whose blank bytes are `erased`. The seed decides what tears leave.
    pub fn new(units: usize, erased: u8, seed: u64) -> Self {
        Self::with_read_size(units, erased, seed)
    }

    /// Flash that holds these bytes, a whole number of erase units. No word is taken for blank.
    pub fn with_content(bytes: Vec<u8>, erased: u8, seed: u64) -> Self {
        let mut flash = Self::new(bytes.len() / ERASE, erased, seed);
        flash.set_content(bytes);
        flash
    }
}

impl<const WRITE: usize, const ERASE: usize, const READ: usize> SimulatedFlash<WRITE, ERASE, READ> {
    /// As `new`, for flash whose reads must be aligned to `READ` bytes.
    pub fn with_read_size(units: usize, erased: u8, seed: u64) -> Self {
        Self {
            bytes: vec![erased; units * ERASE],
            words: vec![Word::ErasedEarlier; units * ERASE / WRITE],
            erased,
            random: seed,
            tearing: Tearing::Steady,
            torn: BTreeMap::new(),
            wear: BTreeMap::new(),
            powered: true,
            cut: None,
            operations: 0,
            bytes_read: 0,
            violations: 0,
            stale_writes: 0,
            erases: vec![0; units],
        }
    }

    /// Replaces all content; bytes beyond the capacity are dropped. No word is taken for blank.
    pub fn set_content(&mut self, bytes: Vec<u8>) {
        let capacity = self.bytes.len();
        self.bytes = bytes;
        self.bytes.resize(capacity, self.erased);
        self.words.fill(Word::Written);
        self.torn.clear();
    }

    /// Draws what tears leave from another seed from now on.
    pub fn reseed(&mut self, seed: u64) {
        self.random = seed;
    }

    /// What power cuts leave from now on.
    pub fn set_tearing(&mut self, tearing: Tearing) {
        self.tearing = tearing;
    }

    /// Cuts the power during the `operation`-th operation from now; 1 is the next one. Everything after it fails until
    /// [`power_up`](Self::power_up).
    pub fn cut_at(&mut self, operation: u64) {
        self.cut = Some(operation);
    }

    /// Whether the power is on.
    pub fn is_powered(&self) -> bool {
        self.powered
    }

    /// Cuts the power now, between two operations.
    pub fn power_down(&mut self) {
        self.powered = false;
        self.cut = None;
    }

    /// Turns the power on again; a cut that has not come yet is forgotten.
    pub fn power_up(&mut self) {
        self.powered = true;
        self.cut = None;
        for word in &mut self.words {
            if *word == Word::Erased {
                *word = Word::ErasedEarlier;
            }
        }
        if self.tearing == Tearing::Unsteady {
            for (at, torn) in self.torn.clone() {
                self.tear(at, &torn);
            }
        }
    }

    /// Makes an erase unit fail from now on.
    pub fn wear_out(&mut self, unit: usize, wear: Wear) {
        self.wear.insert(unit, wear);
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Words written twice without an erase between, or after a torn one, and accesses that are unaligned or out of range.
    pub fn violations(&self) -> u64 {
        self.violations
    }

    /// Writes of words that were not erased since the last power-up: legal, but they trust that flash is blank.
    pub fn stale_writes(&self) -> u64 {
        self.stale_writes
    }

    /// How often each unit was erased.
    pub fn erases(&self) -> &[u32] {
        &self.erases
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Changes bytes behind the back of whoever uses the flash, for tests of damage.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Splitmix64: short, and good enough to tear words.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// All old, all new, each bit one of them, or each byte old, new or random.
    fn tear(&mut self, at: usize, torn: &Torn) {
        let kind = self.draw() % 4;
        for (index, (old, new)) in torn.old.iter().zip(&torn.new).enumerate() {
            let [taken, noise, choice, ..] = self.draw().to_le_bytes();
            let mixed = old & taken | new & !taken;
            let byte = match (kind, choice % 3) {
                (0, _) => *old,
                (1, _) => *new,
                (2, _) => mixed,
                (_, 0) => noise,
                (_, 1) => *old,
                _ => *new,
            };
            self.bytes[at + index] = byte;
        }
    }

    /// Counts an operation; `true` if it is the one that tears.
    fn cuts(&mut self) -> bool {
        self.operations += 1;
        let Some(left) = &mut self.cut else { return false };
        *left = left.saturating_sub(1);
        if *left > 0 {
            return false;
        }
        self.power_down();
        true
    }

    /// The bytes from `at` on were on their way to `new`.
    fn interrupt(&mut self, at: usize, new: Vec<u8>) {
        let torn = Torn { old: self.bytes[at..at + new.len()].to_vec(), new };
        self.words[at / WRITE..(at + torn.new.len()) / WRITE].fill(Word::Written);
        self.tear(at, &torn);
        self.torn.insert(at, torn);
    }

    /// Checks an access; what is wrong with it is a violation.
    fn check(&mut self, from: usize, to: usize, unit: usize) -> Result<(), SimulatedError> {
        if !self.powered {
            return Err(SimulatedError::PowerCut);
        }
        let error = if from > to || to > self.bytes.len() {
            SimulatedError::OutOfBounds
        } else if !from.is_multiple_of(unit) || !to.is_multiple_of(unit) {
            SimulatedError::NotAligned
        } else {
            return Ok(());
        };
        self.violations += 1;
        Err(error)
    }

    fn erase_unit(&mut self, unit: usize) -> Result<(), SimulatedError> {
        let (from, to) = (unit * ERASE, (unit + 1) * ERASE);
        self.torn.retain(|at, _| !(from..to).contains(at));
        if self.cuts() {
            self.interrupt(from, vec![self.erased; ERASE]);
            return Err(SimulatedError::PowerCut);
        }
        self.erases[unit] += 1;
        if self.wear.get(&unit) == Some(&Wear::Erase) {
            let half = from + ERASE / 2;
            self.bytes[from..half].fill(self.erased);
            self.words[from / WRITE..to / WRITE].fill(Word::Written);
            return Err(SimulatedError::Refused);
        }
        self.bytes[from..to].fill(self.erased);
        self.words[from / WRITE..to / WRITE].fill(Word::Erased);
        Ok(())
    }

    fn write_word(&mut self, at: usize, new: &[u8]) -> Result<(), SimulatedError> {
        match self.words[at / WRITE] {
            Word::Erased => {}
            Word::ErasedEarlier => self.stale_writes += 1,
            Word::Written => self.violations += 1,
        }
        self.words[at / WRITE] = Word::Written;
        if self.cuts() {
            self.interrupt(at, new.to_vec());
            return Err(SimulatedError::PowerCut);
        }
        let wear = self.wear.get(&(at / ERASE)).copied();
        match wear {
            Some(Wear::Write) => {
                let torn = Torn { old: self.bytes[at..at + WRITE].to_vec(), new: new.to_vec() };
                self.tear(at, &torn);
                return Err(SimulatedError::Refused);
            }
            Some(Wear::Silent) if self.draw().is_multiple_of(4) => {
                self.bytes[at..at + WRITE].copy_from_slice(new);
                self.bytes[at] ^= 1 << (self.draw() % 8);
            }
            _ => self.bytes[at..at + WRITE].copy_from_slice(new),
        }
        Ok(())
    }
}

impl<const WRITE: usize, const ERASE: usize, const READ: usize> ErrorType
    for SimulatedFlash<WRITE, ERASE, READ>
{
    type Error = SimulatedError;
}

impl<const WRITE: usize, const ERASE: usize, const READ: usize> ReadNorFlash
    for SimulatedFlash<WRITE, ERASE, READ>
{
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedError> {
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        self.check(from, to, READ)?;
        self.bytes_read += bytes.len() as u64;
        if self.tearing == Tearing::Unreadable {
            let torn = self.torn.iter().any(|(at, torn)| *at < to && from < at + torn.new.len());
            if torn {
                return Err(SimulatedError::Refused);
            }
        }
        bytes.copy_from_slice(&self.bytes[from..to]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WRITE: usize, const ERASE: usize, const READ: usize> NorFlash
    for SimulatedFlash<WRITE, ERASE, READ>
{
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedError> {
        let (from, to) = (from as usize, to as usize);
        self.check(from, to, ERASE)?;
        (from / ERASE..to / ERASE).try_for_each(|unit| self.erase_unit(unit))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedError> {
        let from = offset as usize;
        self.check(from, from + bytes.len(), WRITE)?;
        bytes
            .chunks(WRITE)
            .enumerate()
            .try_for_each(|(index, word)| self.write_word(from + index * WRITE, word))
    }
}

#[cfg(test)]
#[path = "simulated_tests.rs"]
mod tests;
