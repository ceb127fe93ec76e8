//! Any row of operations on a journal in simulated flash: records appended, the power cut in the middle of a word or an
//! erase, erase units worn out, starts. A model holds what must be found: what was acknowledged last, or what was under
//! way after it.
#![no_main]

use arbitrary::{Result, Unstructured};
use embedded_storage::nor_flash::NorFlash;
use libfuzzer_sys::fuzz_target;
use supple_fuzz::seeds;
use supple_store::simulated::{SimulatedFlash, Tearing, Wear};
use supple_store::{AppendError, Journal, OpenError, ReadError, Record, Region};

/// The most operations of one input.
const MOST: u8 = 16;
/// The longest record.
const LONGEST: u8 = 90;

fuzz_target!(init: seeds::write(first_inputs()), |input: &[u8]| {
    let mut u = Unstructured::new(input);
    let _ = match u.arbitrary::<u8>().unwrap_or_default() % 4 {
        0 => run::<1, 64, 1>(&mut u),
        1 => run::<4, 64, 4>(&mut u),
        2 => run::<8, 128, 1>(&mut u),
        _ => run::<32, 128, 4>(&mut u),
    };
});

/// A record's bytes: its number, repeated. So two are seldom alike.
fn payload(number: u8, length: u8) -> Vec<u8> {
    vec![number; usize::from(length)]
}

struct Device<const WRITE: usize, const ERASE: usize, const READ: usize> {
    flash: SimulatedFlash<WRITE, ERASE, READ>,
    region: Region,
    journal: Journal,
    /// Whether what one start finds must be found by the next.
    steady: bool,
    /// What was acknowledged last, or found by a start.
    kept: Option<(u32, Vec<u8>)>,
    /// What was appended after it without an answer.
    under_way: Vec<Vec<u8>>,
    number: u8,
}

fn run<const WRITE: usize, const ERASE: usize, const READ: usize>(u: &mut Unstructured) -> Result<()> {
    let choice: u8 = u.arbitrary()?;
    let (units, segments) = (usize::from(choice % 2) + 1, u32::from(choice >> 1) % 3 + 2);
    let erased = if choice & 0x20 > 0 { 0 } else { 0xff };
    let region = Region { start: 0, segment_bytes: (units * ERASE) as u32, segments };
    let mut flash = SimulatedFlash::with_read_size(units * segments as usize, erased, choice.into());
    // Words that read otherwise at every start are promised nothing in two segments.
    let steady = choice & 0x40 == 0 || segments < 3;
    flash.set_tearing(match (steady, choice & 0x80 > 0) {
        (false, _) => Tearing::Unsteady,
        (true, false) => Tearing::Steady,
        (true, true) => Tearing::Unreadable,
    });
    let journal = Journal::open(&mut flash, region).expect("a blank region");
    let mut device = Device::<WRITE, ERASE, READ> {
        flash,
        region,
        journal,
        steady,
        kept: None,
        under_way: Vec::new(),
        number: 0,
    };
    for _ in 0..MOST {
        if u.is_empty() {
            break;
        }
        device.act(u)?;
    }
    device.start();
    Ok(())
}

impl<const WRITE: usize, const ERASE: usize, const READ: usize> Device<WRITE, ERASE, READ> {
    fn act(&mut self, u: &mut Unstructured) -> Result<()> {
        let byte: u8 = u.arbitrary()?;
        match byte % 8 {
            0..=2 => self.append(u.int_in_range(0..=LONGEST)?),
            // Nor that three records in doubt leave a sure one.
            3 if !self.steady && self.under_way.len() >= 2 => {}
            3 => {
                self.flash.cut_at(u64::from(byte >> 3) + 1);
                self.append(u.int_in_range(0..=LONGEST)?);
            }
            4 => self.start(),
            5 => self.older(),
            6 if byte >> 3 == 31 && self.steady => {
                let unit = u.choose_index(self.flash.erases().len())?;
                self.flash.wear_out(unit, *u.choose(&[Wear::Erase, Wear::Write, Wear::Silent])?);
            }
            6 => self.read(u.arbitrary()?, byte >> 3),
            _ => self.flash.reseed(byte.into()),
        }
        if !self.flash.is_powered() {
            self.start();
        }
        assert_eq!(self.flash.violations(), 0, "a word written twice, or an access that is not allowed");
        assert_eq!(self.flash.stale_writes(), 0, "a word written that this run did not erase");
        Ok(())
    }

    fn append(&mut self, length: u8) {
        self.number = self.number.wrapping_add(1);
        let content = payload(self.number, length);
        let newest = self.journal.newest();
        let outcome = self.journal.append(&mut self.flash, length.into(), |writer| {
            content.chunks(7).try_for_each(|piece| writer.write(piece))
        });
        match outcome {
            Ok(record) => {
                assert!(newest.is_none_or(|newest| newest.sequence < record.sequence), "no newer");
                assert_eq!(self.content(&record), content);
                self.kept = Some((record.sequence, content));
                self.under_way.clear();
            }
            Err(AppendError::TooLong { longest, .. }) => {
                assert!(
                    u32::from(length) > longest
                        && longest == Journal::longest::<SimulatedFlash<WRITE, ERASE, READ>>(&self.region)
                );
            }
            Err(AppendError::Flash) => {
                assert_eq!(self.journal.newest(), newest);
                self.under_way.push(content);
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The power comes back.
    fn start(&mut self) {
        self.flash.power_up();
        let read = self.flash.bytes_read();
        self.journal = match Journal::open(&mut self.flash, self.region) {
            Err(OpenError::Flash) if self.kept.is_none() => self.reopen(),
            outcome => outcome.expect("opens whatever a cut has left"),
        };
        let read = self.flash.bytes_read() - read;
        assert!(read <= u64::from(self.region.segments * self.region.segment_bytes), "{read} bytes read");
        let newest = self.journal.newest();
        let found = newest.map(|record| (record.sequence, self.content(&record)));
        if found != self.kept {
            let (sequence, content) = found.as_ref().expect("an acknowledged record is lost");
            assert!(self.kept.as_ref().is_none_or(|(kept, _)| sequence > kept), "an older one is the newest");
            assert!(self.under_way.contains(content), "never appended");
        }
        if self.steady {
            self.kept = found;
            self.under_way.clear();
        }
    }

    /// No segment reads, and nothing was acknowledged: the error says to erase the region.
    fn reopen(&mut self) -> Journal {
        for unit in 0..self.flash.erases().len() as u32 {
            // A worn unit refuses; it reads all the same.
            let _ = self.flash.erase(unit * ERASE as u32, (unit + 1) * ERASE as u32);
        }
        Journal::open(&mut self.flash, self.region).expect("opens after the remedy")
    }

    fn older(&mut self) {
        let mut next = self.journal.newest();
        while let Some(record) = next {
            let content = self.content(&record);
            assert!(content.iter().all(|byte| *byte == content[0]), "a mixture");
            next = self.journal.before(&mut self.flash, record.sequence).expect("reads");
            assert!(next.is_none_or(|older| older.sequence < record.sequence), "no older");
        }
    }

    fn read(&mut self, offset: u8, length: u8) {
        let Some(record) = self.journal.newest() else { return };
        let mut bytes = [0; 32];
        let bytes = &mut bytes[..usize::from(length)];
        let fits = u32::from(offset) + u32::from(length) <= record.length;
        let outcome = self.journal.read(&mut self.flash, &record, offset.into(), bytes);
        assert_eq!(outcome, if fits { Ok(()) } else { Err(ReadError::Beyond) });
    }

    fn content(&mut self, record: &Record) -> Vec<u8> {
        let mut bytes = vec![0; record.length as usize];
        self.journal.read(&mut self.flash, record, 0, &mut bytes).expect("reads");
        bytes
    }
}

fn first_inputs() -> Vec<Vec<u8>> {
    (0..32_u8)
        .map(|flash| {
            // Appends, cuts at rising operations, starts, worn units, older records.
            let cuts = (0..4).flat_map(|cut| [3 | (cut * 5 + flash) << 3, 20 + cut, 0, 8]);
            [flash % 4, flash.wrapping_mul(37)]
                .into_iter()
                .chain([0, 30, 1, 50, 4, 5])
                .chain(cuts)
                .chain([0xfe, 1, 2, 4])
                .collect()
        })
        .collect()
}
