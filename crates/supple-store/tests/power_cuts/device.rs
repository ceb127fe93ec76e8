//! A device that appends record after record, and what must be true of it whenever the power comes back.

use std::collections::BTreeMap;

use embedded_storage::nor_flash::NorFlash;
use supple_store::simulated::SimulatedFlash;
use supple_store::{AppendError, Journal, OpenError, Record, Region};

/// Splitmix64.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: u32) -> u32 {
        (((self.next() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// With a chance of 1 in `count`.
    pub fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next().to_le_bytes());
        words.take(length.div_ceil(8)).flatten().take(length).collect()
    }
}

/// A record's payload.
pub type Content = Vec<u8>;

/// What an append came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    Acknowledged,
    /// The flash refused, with the power on.
    Refused,
    PowerCut,
}

/// The last record that was acknowledged is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an acknowledged record is lost")]
pub struct Lost;

/// A device between two starts, with what it must still know.
#[derive(Debug, Clone)]
pub struct Device<const WRITE: usize, const ERASE: usize, const READ: usize> {
    pub flash: SimulatedFlash<WRITE, ERASE, READ>,
    pub region: Region,
    /// Whether what a start finds must be found by all later ones: not so with unsteady words.
    pub steady: bool,
    /// The last record that was acknowledged, or found by a start.
    kept: Option<(u32, Content)>,
    /// What was appended after it, without an answer.
    under_way: Vec<Content>,
    /// Everything that was ever appended, and as how many-eth.
    history: BTreeMap<Content, usize>,
    /// Starts at which nothing in the region could be read.
    pub unreadable: u64,
}

impl<const WRITE: usize, const ERASE: usize, const READ: usize> Device<WRITE, ERASE, READ> {
    pub fn new(flash: SimulatedFlash<WRITE, ERASE, READ>, region: Region) -> Self {
        let (under_way, history) = (Vec::new(), BTreeMap::new());
        Self { flash, region, steady: true, kept: None, under_way, history, unreadable: 0 }
    }

    /// Opens the journal and checks everything that a start promises.
    pub fn start(&mut self) -> Journal {
        self.try_start().unwrap_or_else(|lost| panic!("{lost}"))
    }

    /// The same, for starts that may find the last record lost.
    pub fn try_start(&mut self) -> Result<Journal, Lost> {
        let before = self.flash.bytes_read();
        let journal = self.open();
        let read = self.flash.bytes_read() - before;
        assert!(read <= u64::from(self.region.segments * self.region.segment_bytes), "{read} bytes read");
        let found = journal.newest().map(|record| (record.sequence, self.content(&journal, &record)));
        if found != self.kept {
            let (sequence, content) = found.as_ref().ok_or(Lost)?;
            if self.kept.as_ref().is_some_and(|(kept, _)| sequence <= kept) {
                return Err(Lost);
            }
            assert!(self.under_way.contains(content), "{sequence} was never appended");
        }
        if self.steady {
            self.kept = found;
            self.under_way.clear();
        }
        self.check_flash();
        Ok(journal)
    }

    /// Opens the journal, after an erase of the region if nothing in it reads: only before the first record.
    fn open(&mut self) -> Journal {
        match Journal::open(&mut self.flash, self.region) {
            Err(OpenError::Flash) if self.kept.is_none() => {}
            outcome => return outcome.expect("opens whatever a cut has left"),
        }
        self.unreadable += 1;
        let end = self.region.start + self.region.segments * self.region.segment_bytes;
        for unit in (self.region.start..end).step_by(ERASE) {
            // A worn unit refuses; it reads all the same.
            let _ = self.flash.erase(unit, unit + ERASE as u32);
        }
        Journal::open(&mut self.flash, self.region).expect("opens after the remedy")
    }

    /// Appends a record and checks what the journal says about it.
    pub fn append(&mut self, journal: &mut Journal, content: &Content) -> Appended {
        let newest = journal.newest();
        self.history.insert(content.clone(), self.history.len());
        let outcome = journal.append(&mut self.flash, content.len() as u32, |writer| {
            content.chunks(11).try_for_each(|piece| writer.write(piece))
        });
        self.check_flash();
        let refused = match outcome {
            Ok(record) => {
                assert_eq!(journal.newest(), Some(record));
                assert_eq!(self.content(journal, &record), *content);
                assert!(newest.is_none_or(|newest| newest.sequence < record.sequence));
                self.kept = Some((record.sequence, content.clone()));
                self.under_way.clear();
                return Appended::Acknowledged;
            }
            Err(AppendError::Flash) if self.flash.is_powered() => Appended::Refused,
            Err(AppendError::Flash) => Appended::PowerCut,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(journal.newest(), newest);
        self.under_way.push(content.clone());
        refused
    }

    /// Goes through all records, newest first: each must have been appended, in this order. Gives their number.
    pub fn check_older(&mut self, journal: &Journal) -> usize {
        let mut next = journal.newest();
        let mut last = usize::MAX;
        let mut count = 0;
        while let Some(record) = next {
            let content = self.content(journal, &record);
            let place = *self.history.get(&content).expect("was appended once");
            // Short ones may be alike. The same one is there twice if the flash refused its last word and kept it all
            // the same.
            if content.len() >= 8 {
                assert!(place <= last, "{} is out of order", record.sequence);
                last = place;
            }
            count += 1;
            next = journal.before(&mut self.flash, record.sequence).expect("reads");
            assert!(next.is_none_or(|older| older.sequence < record.sequence));
        }
        count
    }

    fn content(&mut self, journal: &Journal, record: &Record) -> Content {
        let mut bytes = vec![0; record.length as usize];
        journal.read(&mut self.flash, record, 0, &mut bytes).expect("reads");
        bytes
    }

    fn check_flash(&self) {
        assert_eq!(self.flash.violations(), 0, "words written twice, or accesses that are not allowed");
        assert_eq!(self.flash.stale_writes(), 0, "words written that this run did not erase");
    }
}
