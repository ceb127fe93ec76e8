//! Flash in a file whose system forgets what it did not sync, and tears what it was writing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use supple_app::Region;
use supple_store::{AppendError, Journal};

use super::*;

const BLOCK: usize = UNIT;
const SECTOR: usize = 512;
const PACKS: u32 = 2 * UNIT as u32;
const SEGMENT: u32 = 3 * UNIT as u32;
const REGION: Region = Region { start: PACKS, segment_bytes: SEGMENT, segments: 4 };
const CAPACITY: u32 = PACKS + 4 * SEGMENT;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    Write { at: u32, length: usize },
    Sync,
}

/// A disk behind a system's memory.
struct Disk {
    durable: Vec<u8>,
    cached: Vec<u8>,
    /// Writes since the last sync.
    pending: Vec<(usize, Vec<u8>)>,
    operations: Vec<Operation>,
    /// So many operations succeed yet; the one after them is torn.
    left: Option<usize>,
    sync_fails: bool,
    random: u64,
}

#[derive(Clone)]
struct Handle(Rc<RefCell<Disk>>);

impl Disk {
    fn shared(seed: u64) -> Handle {
        let bytes = vec![0x5a; CAPACITY as usize];
        Handle(Rc::new(RefCell::new(Self {
            durable: bytes.clone(),
            cached: bytes,
            pending: Vec::new(),
            operations: Vec::new(),
            left: None,
            sync_fails: false,
            random: seed,
        })))
    }

    fn random(&mut self, below: usize) -> usize {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % below
    }

    /// Whether the operation is done; the first that is not is torn.
    fn goes_on(&mut self) -> bool {
        match &mut self.left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.cached[at..at + bytes.len()].copy_from_slice(bytes);
        self.pending.push((at, bytes.to_vec()));
    }

    /// Of every block that was not synced there is any of what it was, a mixture by sectors, or noise.
    fn lose_power(&mut self) {
        let touched = |(at, bytes): &(usize, Vec<u8>)| *at / BLOCK..(at + bytes.len()).div_ceil(BLOCK);
        let blocks: BTreeSet<usize> = self.pending.iter().flat_map(touched).collect();
        for block in blocks {
            let writes: Vec<_> =
                self.pending.iter().filter(|write| touched(write).contains(&block)).cloned().collect();
            let left = match self.random(4) {
                0 | 1 => self.version(block, &writes),
                2 => {
                    let sectors = |sector| sector * SECTOR..(sector + 1) * SECTOR;
                    let mixed = (0..BLOCK / SECTOR)
                        .map(|sector| self.version(block, &writes)[sectors(sector)].to_vec());
                    mixed.collect::<Vec<_>>().concat()
                }
                _ => (0..BLOCK).map(|_| self.random(256) as u8).collect(),
            };
            self.durable[block * BLOCK..(block + 1) * BLOCK].copy_from_slice(&left);
        }
        self.cached.clone_from(&self.durable);
        self.pending.clear();
        self.live_on();
    }

    /// A block with any number of the writes to it made.
    fn version(&mut self, block: usize, writes: &[(usize, Vec<u8>)]) -> Vec<u8> {
        let made = self.random(writes.len() + 1);
        let start = block * BLOCK;
        let mut image = self.durable[start..start + BLOCK].to_vec();
        for (at, bytes) in &writes[..made] {
            // A write may reach over the block's borders.
            for (place, byte) in
                (*at..).zip(bytes).filter(|(place, _)| (start..start + BLOCK).contains(place))
            {
                image[place - start] = *byte;
            }
        }
        image
    }

    /// After a kill the system still has what was written.
    fn live_on(&mut self) {
        self.left = None;
        self.operations.clear();
    }
}

impl Storage for Handle {
    fn read_at(&mut self, at: u32, bytes: &mut [u8]) -> io::Result<()> {
        let disk = self.0.borrow();
        if disk.left == Some(0) {
            return Err(io::Error::other("killed"));
        }
        bytes.copy_from_slice(&disk.cached[at as usize..at as usize + bytes.len()]);
        Ok(())
    }

    fn write_at(&mut self, at: u32, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        disk.operations.push(Operation::Write { at, length: bytes.len() });
        if disk.left == Some(1) {
            let done = disk.random(bytes.len() + 1);
            disk.write(at as usize, &bytes[..done]);
            disk.left = Some(0);
        }
        if !disk.goes_on() {
            return Err(io::Error::other("killed"));
        }
        disk.write(at as usize, bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        disk.operations.push(Operation::Sync);
        if disk.left == Some(1) {
            disk.left = Some(0);
        }
        if !disk.goes_on() || disk.sync_fails {
            return Err(io::Error::other("not synced"));
        }
        let cached = disk.cached.clone();
        disk.durable = cached;
        disk.pending.clear();
        Ok(())
    }
}

fn flash(disk: &Handle) -> FileFlash<Handle> {
    FileFlash::open(disk.clone(), CAPACITY, PACKS).expect("it opens")
}

/// Record `number`, its number in front.
fn content(number: u32) -> Vec<u8> {
    const LENGTHS: [usize; 7] = [4, 100, 64, 9000, 4072, 2000, 12_000];
    let length = LENGTHS[number as usize % LENGTHS.len()];
    let mut bytes: Vec<u8> = (0..length).map(|at| (at as u32 * 7 + number * 31) as u8).collect();
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn append(journal: &mut Journal, flash: &mut FileFlash<Handle>, number: u32) -> Result<u32, AppendError> {
    let bytes = content(number);
    let record = journal.append(flash, bytes.len() as u32, |writer| {
        // Pieces of odd lengths, as snapshots have.
        bytes.chunks(77).try_for_each(|piece| writer.write(piece))
    })?;
    Ok(record.sequence)
}

/// The number of the newest record, 0 for none; its content must be right.
fn newest(disk: &Handle) -> u32 {
    let mut flash = flash(disk);
    let journal = Journal::open(&mut flash, REGION).expect("it opens");
    let Some(record) = journal.newest() else { return 0 };
    let mut bytes = vec![0; record.length as usize];
    journal.read(&mut flash, &record, 0, &mut bytes).expect("it reads");
    let number = u32::from_le_bytes(*bytes.first_chunk().expect("a number"));
    assert!(bytes == content(number), "record {number} has other bytes");
    number
}

/// Appends records behind `first` until one fails or `last` is there; the last one acknowledged.
fn live(disk: &Handle, first: u32, last: u32) -> u32 {
    let Ok(mut flash) = FileFlash::open(disk.clone(), CAPACITY, PACKS) else { return first };
    let Ok(mut journal) = Journal::open(&mut flash, REGION) else { return first };
    for number in first + 1..=last {
        if append(&mut journal, &mut flash, number).is_err() {
            return number - 1;
        }
    }
    last
}

fn operations(disk: &Handle) -> usize {
    disk.0.borrow().operations.len()
}

#[test]
fn a_records_last_word_goes_behind_all_others_and_is_synced() {
    let disk = Disk::shared(1);
    let mut flash = flash(&disk);
    let mut journal = Journal::open(&mut flash, REGION).expect("it opens");
    disk.0.borrow_mut().operations.clear();
    append(&mut journal, &mut flash, 1).expect("room");
    let write = |at: usize, length| Operation::Write { at: at as u32, length };
    let unit = |unit: usize| write(2 * UNIT + unit * UNIT, UNIT);
    let at = 2 * UNIT;
    let expected = [
        unit(0),
        unit(1),
        unit(2),
        write(at, 16),
        write(at + 16, 64),
        write(at + 80, 40),
        Operation::Sync,
        write(at + 120, 8),
        Operation::Sync,
    ];
    assert_eq!(disk.0.borrow().operations, expected);
    // The second one does not touch the blocks of the first.
    disk.0.borrow_mut().operations.clear();
    // The attempt to do so has taken a number.
    assert_eq!(append(&mut journal, &mut flash, 2), Ok(3));
    let first = disk.0.borrow().operations.first().cloned();
    assert_eq!(first, Some(unit(3)));
}

#[test]
fn what_is_acknowledged_survives_kills_and_losses_of_power_at_every_operation() {
    const LAST: u32 = 8;
    let seeds = if std::env::var_os("SUPPLE_FULL").is_some_and(|full| full == "1") { 60 } else { 4 };
    let clean = Disk::shared(0);
    assert_eq!(live(&clean, 0, LAST), LAST);
    let (all, mut cuts, mut arrived) = (operations(&clean), 0, 0);
    for cut in 1..=all {
        for seed in 0..seeds {
            let disk = Disk::shared(seed * 1000 + cut as u64);
            disk.0.borrow_mut().left = Some(cut);
            let acknowledged = live(&disk, 0, LAST);
            let killed_first = seed % 2 == 0;
            if killed_first {
                disk.0.borrow_mut().live_on();
            } else {
                disk.0.borrow_mut().lose_power();
            }
            let found = newest(&disk);
            assert!(
                found == acknowledged || found == acknowledged + 1,
                "cut {cut}, seed {seed}: {found} is there, {acknowledged} was acknowledged"
            );
            arrived += u32::from(found > acknowledged);
            // What was once found stays.
            disk.0.borrow_mut().lose_power();
            assert_eq!(newest(&disk), found, "cut {cut}, seed {seed}");
            // And goes on from there, up to a second cut.
            let second = disk.0.borrow_mut().random(200) + 1;
            disk.0.borrow_mut().left = Some(second);
            let acknowledged = live(&disk, found, found + 3);
            disk.0.borrow_mut().lose_power();
            let found = newest(&disk);
            assert!(found == acknowledged || found == acknowledged + 1, "cut {cut}, seed {seed}, second");
            cuts += 2;
        }
    }
    println!(
        "{cuts} cuts at {all} operations; {arrived} records were there without having been acknowledged"
    );
    assert!(arrived > 0 && arrived < cuts);
}

#[test]
fn the_rules_of_nor_flash_hold() {
    let disk = Disk::shared(2);
    let mut flash = flash(&disk);
    let word = [1; WORD];
    // In a pack area and in a journal.
    for start in [0, PACKS] {
        let refused = |result: Result<(), FlashError>| matches!(result, Err(FlashError::NotErased));
        assert!(refused(flash.write(start, &word)), "not erased in this run");
        flash.erase(start, start + UNIT as u32).expect("it erases");
        flash.write(start + 16, &word).expect("erased");
        assert!(refused(flash.write(start + 16, &word)), "twice");
        assert!(refused(flash.write(start + 8, &word)), "backwards");
        flash.write(start + 24, &[2; 2 * WORD]).expect("erased");
        assert!(refused(flash.write(start + 32, &word)), "the end of what was written");
        let rule = |result: Result<(), FlashError>| match result {
            Err(FlashError::Rule(kind)) => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(rule(flash.write(start + 44, &word)), NorFlashErrorKind::NotAligned);
        assert_eq!(rule(flash.write(start + 48, &[0; 4])), NorFlashErrorKind::NotAligned);
        assert_eq!(rule(flash.erase(start + 8, start + UNIT as u32)), NorFlashErrorKind::NotAligned);
        assert_eq!(rule(flash.write(CAPACITY, &word)), NorFlashErrorKind::OutOfBounds);
        assert_eq!(rule(flash.erase(start, CAPACITY + UNIT as u32)), NorFlashErrorKind::OutOfBounds);
        assert_eq!(rule(flash.read(CAPACITY, &mut [0; 1])), NorFlashErrorKind::OutOfBounds);
        let mut bytes = [0; 48];
        flash.read(start, &mut bytes).expect("it reads");
        let expected = [[0xff; 16].as_slice(), &word, &[2; 16], &[0xff; 8]].concat();
        assert_eq!(bytes, *expected);
    }
    // A pack may go on in its unit after a read, a record may not.
    flash.write(48, &word).expect("erased");
    assert!(matches!(flash.write(PACKS + 48, &word), Err(FlashError::NotErased)));
    flash.power_up().expect("it starts");
    assert!(matches!(flash.write(56, &word), Err(FlashError::NotErased)), "erased before the start");
}

#[test]
fn pack_areas_are_as_the_file_has_them() {
    let disk = Disk::shared(3);
    let mut flash = flash(&disk);
    assert_eq!(flash.packs(), [0x5a; PACKS as usize]);
    flash.erase(0, UNIT as u32).expect("it erases");
    flash.write(0, &[7; 480]).expect("erased");
    let expected = [&[7; 480][..], &[0xff; UNIT - 480], &[0x5a; UNIT]].concat();
    assert_eq!(flash.packs(), expected);
    assert_eq!(disk.0.borrow().cached[..PACKS as usize], expected);
    // Of a write that failed the file may have a part.
    disk.0.borrow_mut().left = Some(1);
    flash.write(480, &[9; 16]).expect_err("killed");
    disk.0.borrow_mut().live_on();
    flash.power_up().expect("it starts");
    assert_eq!(disk.0.borrow().cached[..PACKS as usize], *flash.packs());
}

#[test]
fn a_pack_is_on_the_disk_before_the_record_that_names_it() {
    let disk = Disk::shared(4);
    let mut flash = flash(&disk);
    let mut journal = Journal::open(&mut flash, REGION).expect("it opens");
    flash.erase(0, UNIT as u32).expect("it erases");
    flash.write(0, &[7; 480]).expect("erased");
    append(&mut journal, &mut flash, 1).expect("room");
    assert!(disk.0.borrow().pending.is_empty());
    disk.0.borrow_mut().lose_power();
    assert_eq!(disk.0.borrow().durable[..480], [7; 480]);
}

#[test]
fn after_a_failed_sync_nothing_is_written_and_all_is_read() {
    let disk = Disk::shared(5);
    let mut flash = flash(&disk);
    let mut journal = Journal::open(&mut flash, REGION).expect("it opens");
    append(&mut journal, &mut flash, 1).expect("room");
    let record = journal.newest().expect("a record");
    disk.0.borrow_mut().sync_fails = true;
    assert_eq!(append(&mut journal, &mut flash, 2), Err(AppendError::Flash));
    disk.0.borrow_mut().sync_fails = false;
    disk.0.borrow_mut().operations.clear();
    assert_eq!(append(&mut journal, &mut flash, 2), Err(AppendError::Flash));
    assert!(matches!(flash.write(0, &[0; WORD]), Err(FlashError::Broken)));
    assert_eq!(operations(&disk), 0, "it wrote all the same");
    let mut bytes = vec![0; record.length as usize];
    journal.read(&mut flash, &record, 0, &mut bytes).expect("it reads");
    assert_eq!(bytes, content(1));
}
