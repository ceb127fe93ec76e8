//! Which pack runs: one of two areas, what is on trial in the other, and how old a pack each key may still sign.
//!
//! A new pack is *installed*: it waits for the next start. That start runs it *on trial*, after it has written down that
//! it does. If the pack is then confirmed, its area is the running one; if the device starts again before, it goes back
//! to the old pack. So no pack is run twice without anyone saying that it works.
//!
//! | state | at the next start | record to write first |
//! |---|---|---|
//! | no trial | the running area | none |
//! | waiting | the other area | started |
//! | waiting, but not vouched for (any more) | the running area | no trial, rolled back |
//! | started | the running area | no trial, rolled back |
//!
//! Everything here is a pure function of a [`Boot`] to the next; whoever calls it appends the result to a journal before
//! acting on it. `docs/format.md` has the bytes.

use core::iter;

use supple_pack::signature::KeyId;

/// Bytes of a boot record.
pub const BOOT_BYTES: usize = 72;

/// Keys whose counters are kept.
pub const KEYS: usize = 4;

const MAGIC: [u8; 4] = *b"SBOT";
const VERSION: u16 = 1;
/// Bytes before the entries of keys.
const FIXED_BYTES: usize = 12;
/// Bytes of an entry: key id and counter.
const SIGNED_BYTES: usize = 12;

/// One of the two areas for packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Area {
    /// Where a programmer puts the first pack.
    #[default]
    A,
    /// The other one.
    B,
}

impl Area {
    /// The other area.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// 0 for A, 1 for B.
    pub fn index(self) -> usize {
        usize::from(self.code())
    }

    fn code(self) -> u8 {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }
}

/// A key and the counter of a pack that it signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub key: KeyId,
    /// The pack's counter.
    pub counter: u32,
}

impl Signed {
    fn to_bytes(self) -> [u8; SIGNED_BYTES] {
        let [k0, k1, k2, k3, k4, k5, k6, k7] = self.key.0;
        let [c0, c1, c2, c3] = self.counter.to_le_bytes();
        [k0, k1, k2, k3, k4, k5, k6, k7, c0, c1, c2, c3]
    }

    fn from_bytes(bytes: &[u8; SIGNED_BYTES]) -> Self {
        let [k0, k1, k2, k3, k4, k5, k6, k7, c0, c1, c2, c3] = *bytes;
        let key = KeyId([k0, k1, k2, k3, k4, k5, k6, k7]);
        Self { key, counter: u32::from_le_bytes([c0, c1, c2, c3]) }
    }
}

/// The pack in the area that is not the running one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trial {
    /// Nothing to try.
    #[default]
    None,
    /// To be tried at the next start.
    Waiting(Signed),
    /// Being tried.
    Started(Signed),
}

/// How the last trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// There was none.
    #[default]
    None,
    /// Its pack became the running one.
    Confirmed,
    /// The device started again before it was confirmed.
    RolledBack,
}

/// Why a pack is not installed. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The area to write is the one that runs.
    #[error("a pack is on trial; confirm it, or restart to go back, before installing another")]
    OnTrial,
    /// Roll-back to what may have known faults.
    #[error(
        "the pack's counter is {counter}, the key's is {floor} already; sign with --counter {floor} or more"
    )]
    OlderCounter {
        /// The pack's.
        counter: u32,
        /// The least that is accepted.
        floor: u32,
    },
    /// No room for another key's counter.
    #[error("packs of {KEYS} other keys in use were confirmed already; sign with one of those keys")]
    TooManyKeys,
}

/// What a device knows about its packs, as one record of the boot journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Boot {
    running: Area,
    trial: Trial,
    outcome: Outcome,
    /// The counters of keys, filled from the front.
    counters: [Option<Signed>; KEYS],
}

impl Boot {
    /// The area whose pack is confirmed; A on a new device.
    pub fn running(&self) -> Area {
        self.running
    }

    /// What is on trial in the other area.
    pub fn trial(&self) -> Trial {
        self.trial
    }

    /// How the last trial ended.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether this run is a trial, which the next start ends unless it is confirmed.
    pub fn is_trial(&self) -> bool {
        matches!(self.trial, Trial::Started(_))
    }

    /// The least counter that a pack signed by this key must have: the greatest that was ever confirmed.
    pub fn counter(&self, key: &KeyId) -> u32 {
        let known = self.counters.iter().flatten().find(|known| known.key == *key);
        known.map_or(0, |known| known.counter)
    }

    /// At a start: the area to run, and the record to write before running it. If that cannot be written, run
    /// [`running`](Self::running).
    pub fn start(&self) -> (Area, Option<Self>) {
        match self.trial {
            Trial::None => (self.running, None),
            Trial::Waiting(pack) => {
                (self.running.other(), Some(Self { trial: Trial::Started(pack), ..*self }))
            }
            Trial::Started(_) => (self.running, Some(self.refuse())),
        }
    }

    /// A checked pack lies in the other area, to be tried at the next start instead of any that waited.
    ///
    /// # Errors
    ///
    /// [`InstallError`] if this run is a trial, the counter is below the key's, or the key is one too many. Where places
    /// are short, that of a key which is not `in_use` any more is given up: nothing it signed is taken.
    pub fn install(
        &self,
        key: KeyId,
        counter: u32,
        in_use: impl Fn(&KeyId) -> bool,
    ) -> Result<Self, InstallError> {
        if self.is_trial() {
            return Err(InstallError::OnTrial);
        }
        let floor = self.counter(&key);
        if counter < floor {
            return Err(InstallError::OlderCounter { counter, floor });
        }
        let mut next = Self { trial: Trial::Waiting(Signed { key, counter }), ..*self };
        // What confirming will need.
        if !next.has_place(&key) {
            let given_up = |place: &Option<Signed>| place.is_some_and(|known| !in_use(&known.key));
            let from = next.counters.iter().position(given_up).ok_or(InstallError::TooManyKeys)?;
            // Filled from the front, as before.
            next.counters.iter_mut().skip(from).for_each(|place| *place = None);
            for (place, known) in next.counters.iter_mut().skip(from).zip(self.counters.iter().skip(from + 1))
            {
                *place = *known;
            }
        }
        Ok(next)
    }

    /// What waits is not vouched for: it is not tried, and what runs goes on.
    pub fn refuse(&self) -> Self {
        Self { trial: Trial::None, outcome: Outcome::RolledBack, ..*self }
    }

    /// The other area is about to be written: what waits in it is not to be tried. `None` if nothing waits.
    pub fn withdraw(&self) -> Option<Self> {
        let waits = matches!(self.trial, Trial::Waiting(_));
        waits.then_some(Self { trial: Trial::None, ..*self })
    }

    /// The pack on trial works: its area becomes the running one and its key's counter rises to its own. `None` if this
    /// run is no trial.
    pub fn confirm(&self) -> Option<Self> {
        let Trial::Started(pack) = self.trial else { return None };
        let running = self.running.other();
        let mut next = Self { running, trial: Trial::None, outcome: Outcome::Confirmed, ..*self };
        let place = next.counters.iter_mut().find(|place| place.is_none_or(|known| known.key == pack.key))?;
        *place = Some(pack);
        Some(next)
    }

    /// Whether there is an entry for a key, or room for one.
    fn has_place(&self, key: &KeyId) -> bool {
        self.counters.iter().any(|place| place.is_none_or(|known| known.key == *key))
    }

    /// The record's bytes.
    pub fn to_bytes(&self) -> [u8; BOOT_BYTES] {
        let (trial, pack) = match self.trial {
            Trial::None => (0, None),
            Trial::Waiting(pack) => (1, Some(pack)),
            Trial::Started(pack) => (2, Some(pack)),
        };
        let outcome = match self.outcome {
            Outcome::None => 0,
            Outcome::Confirmed => 1,
            Outcome::RolledBack => 2,
        };
        let keys = self.counters.iter().flatten().count() as u8;
        let mut bytes = [0; BOOT_BYTES];
        if let Some((fixed, entries)) = bytes.split_first_chunk_mut::<FIXED_BYTES>() {
            let [m0, m1, m2, m3] = MAGIC;
            let [v0, v1] = VERSION.to_le_bytes();
            *fixed = [m0, m1, m2, m3, v0, v1, self.running.code(), trial, outcome, keys, 0, 0];
            let (entries, _) = entries.as_chunks_mut();
            for (entry, signed) in entries.iter_mut().zip(iter::once(&pack).chain(&self.counters)) {
                if let Some(signed) = signed {
                    *entry = signed.to_bytes();
                }
            }
        }
        bytes
    }

    /// Reads a record; `None` unless it is one that [`to_bytes`](Self::to_bytes) can have written.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BOOT_BYTES] = bytes.try_into().ok()?;
        let (fixed, entries) = bytes.split_first_chunk::<FIXED_BYTES>()?;
        let [_, _, _, _, _, _, running, trial, outcome, keys, _, _] = *fixed;
        let (entries, _) = entries.as_chunks();
        let (pack, counters) = entries.split_first()?;
        let pack = Signed::from_bytes(pack);
        let mut boot = Self {
            running: if running == 0 { Area::A } else { Area::B },
            trial: match trial {
                0 => Trial::None,
                1 => Trial::Waiting(pack),
                _ => Trial::Started(pack),
            },
            outcome: match outcome {
                0 => Outcome::None,
                1 => Outcome::Confirmed,
                _ => Outcome::RolledBack,
            },
            counters: [None; KEYS],
        };
        for (place, bytes) in boot.counters.iter_mut().zip(counters).take(usize::from(keys)) {
            *place = Some(Signed::from_bytes(bytes));
        }
        // Every byte that means nothing else than it should, unused ones included, shows here.
        (boot.to_bytes() == *bytes && boot.is_consistent()).then_some(boot)
    }

    /// Whether each key has one counter, and a trial could be confirmed without lowering one.
    #[inline(never)]
    fn is_consistent(&self) -> bool {
        let known = || self.counters.iter().flatten();
        let single = known().all(|one| known().filter(|other| other.key == one.key).count() == 1);
        let confirmable = match self.trial {
            Trial::None => true,
            Trial::Waiting(pack) | Trial::Started(pack) => {
                pack.counter >= self.counter(&pack.key) && self.has_place(&pack.key)
            }
        };
        single && confirmable
    }
}

#[cfg(test)]
#[path = "boot_tests.rs"]
mod tests;
