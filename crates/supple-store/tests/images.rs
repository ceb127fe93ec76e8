//! Flash may hold anything: a journal opens it, and what it then gives has right checksums.
//!
//! `SUPPLE_FULL=1` gives it twelve million images instead of some tens of thousands.

use std::env;
use std::time::Instant;

use supple_store::simulated::SimulatedFlash;
use supple_store::{AppendError, Boot, Journal, Record, Region};

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 32) as usize * end) >> 32
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// CRC-32C by a table of its own.
struct Crc([u32; 256]);

impl Crc {
    fn new() -> Self {
        Self(std::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 })
        }))
    }

    fn of<'a>(&self, bytes: impl IntoIterator<Item = &'a u8>) -> u32 {
        let step = |sum: u32, byte: &u8| sum >> 8 ^ self.0[usize::from(sum as u8 ^ byte)];
        !bytes.into_iter().fold(!0, step)
    }
}

/// Lengths and sequence numbers at which arithmetic goes wrong, if it does.
const HOSTILE: [u32; 14] = [
    0,
    1,
    2,
    31,
    64,
    104,
    105,
    128,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ff00,
    u32::MAX - 24,
    u32::MAX - 1,
    u32::MAX,
];

/// Writes a record with right checksums, but whatever sequence and length; what does not fit is cut off.
fn plant(image: &mut [u8], at: usize, word: usize, crc: &Crc, random: &mut Random) {
    let hostile = |random: &mut Random| match random.below(3) {
        0 => random.pick(&HOSTILE),
        1 => random.below(200) as u32,
        _ => random.next() as u32,
    };
    let (sequence, length) = (hostile(random), hostile(random));
    let mut record = b"SJ\x01\x00".to_vec();
    record.extend_from_slice(&sequence.to_le_bytes());
    record.extend_from_slice(&length.to_le_bytes());
    let checksum = crc.of(&record);
    record.extend_from_slice(&checksum.to_le_bytes());
    let payload = random.bytes((length as usize).min(image.len()));
    let checksum = crc.of(record.iter().chain(&payload));
    let pad = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(word), 0);
    pad(&mut record);
    record.extend_from_slice(&payload);
    pad(&mut record);
    record.extend_from_slice(&checksum.to_le_bytes());
    record.extend_from_slice(b"DONE");
    for (place, byte) in image.iter_mut().skip(at).zip(record) {
        *place = byte;
    }
}

/// Changes bits, bytes, or whole stretches.
fn damage(image: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(image.len());
        match random.below(5) {
            0 => image[at] ^= 1 << random.below(8),
            1 => image[at] = random.next() as u8,
            2 => {
                let end = (at + random.below(40)).min(image.len());
                let value = random.pick(&[0, 0xff]);
                image[at..end].fill(value);
            }
            3 => {
                let length = random.below(64).min(image.len() - at);
                let to = random.below(image.len() - length + 1);
                image.copy_within(at..at + length, to);
            }
            _ => {
                let value = random.pick(&HOSTILE).to_le_bytes();
                for (place, byte) in image.iter_mut().skip(at).zip(value) {
                    *place = byte;
                }
            }
        }
    }
}

/// What became of images.
#[derive(Debug, Default)]
struct Tally {
    images: u64,
    empty: u64,
    records: u64,
    boots: u64,
    appended: u64,
    used_up: u64,
}

const ERASE: usize = 128;
const SEGMENTS: u32 = 3;

struct Harness<const WRITE: usize> {
    flash: SimulatedFlash<WRITE, ERASE>,
    region: Region,
    crc: Crc,
    /// Images of journals that were written as they should be.
    sound: Vec<Vec<u8>>,
}

impl<const WRITE: usize> Harness<WRITE> {
    fn new(random: &mut Random) -> Self {
        let region = Region { start: ERASE as u32, segment_bytes: ERASE as u32, segments: SEGMENTS };
        let blank = || SimulatedFlash::<WRITE, ERASE>::new(SEGMENTS as usize + 2, 0xff, 1);
        let longest = Journal::longest::<SimulatedFlash<WRITE, ERASE>>(&region) as usize;
        let sound = (0..50).map(|_| {
            let mut flash = blank();
            let mut journal = Journal::open(&mut flash, region).expect("opens");
            for _ in 0..random.below(20) {
                let length = random.below(longest + 1);
                let bytes = if random.below(3) > 0 {
                    random.bytes(length)
                } else {
                    let boot = Boot::default().to_bytes();
                    boot[..boot.len().min(longest)].to_vec()
                };
                let length = bytes.len() as u32;
                journal.append(&mut flash, length, |writer| writer.write(&bytes)).expect("appends");
            }
            flash.bytes().to_vec()
        });
        Self { region, crc: Crc::new(), sound: sound.collect(), flash: blank() }
    }

    fn image(&self, random: &mut Random) -> Vec<u8> {
        let bytes = (SEGMENTS as usize + 2) * ERASE;
        let words = bytes / WRITE;
        match random.below(4) {
            0 => random.bytes(bytes),
            1 => {
                let mut image = random.pick(&self.sound.iter().collect::<Vec<_>>()).clone();
                damage(&mut image, random);
                image
            }
            kind => {
                let mut image = if kind == 2 {
                    vec![0xff; bytes]
                } else {
                    random.pick(&self.sound.iter().collect::<Vec<_>>()).clone()
                };
                for _ in 0..=random.below(4) {
                    let at = if random.below(2) == 0 {
                        (1 + random.below(SEGMENTS as usize)) * ERASE
                    } else {
                        random.below(words) * WRITE
                    };
                    plant(&mut image, at, WRITE, &self.crc, random);
                }
                if random.below(2) == 0 {
                    damage(&mut image, random);
                }
                image
            }
        }
    }

    /// Reads a record and holds it against the image.
    fn check(&mut self, journal: &Journal, record: &Record, image: &[u8], tally: &mut Tally) {
        let mut payload = [0; ERASE];
        let payload = &mut payload[..record.length as usize];
        journal.read(&mut self.flash, record, 0, payload).expect("a whole record reads");
        // The one header in the image that says this, with this payload and its checksum behind it.
        let mut header = b"SJ\x01\x00".to_vec();
        header.extend_from_slice(&record.sequence.to_le_bytes());
        header.extend_from_slice(&record.length.to_le_bytes());
        header.extend_from_slice(&self.crc.of(&header).to_le_bytes());
        let mut trailer = self.crc.of(header.iter().chain(&*payload)).to_le_bytes().to_vec();
        trailer.extend_from_slice(b"DONE");
        let part = |length: usize| length.next_multiple_of(WRITE);
        let region = &image[ERASE..(1 + SEGMENTS as usize) * ERASE];
        let there = region.chunks(ERASE).any(|segment| {
            (0..segment.len()).step_by(WRITE).any(|at| {
                let behind = &segment[at..];
                behind.starts_with(&header)
                    && behind.get(part(16)..).is_some_and(|behind| {
                        behind.starts_with(payload)
                            && behind.get(part(payload.len())..).is_some_and(|end| end.starts_with(&trailer))
                    })
            })
        });
        assert!(there, "{record:?} is not in the image");
        tally.records += 1;
        tally.boots += u64::from(Boot::from_bytes(payload).is_some());
        let end = record.length;
        for (offset, length) in [(end, 1), (u32::MAX, 1), (0, end as usize + 1), (1, usize::from(u16::MAX))] {
            let mut bytes = vec![0; length];
            assert!(journal.read(&mut self.flash, record, offset, &mut bytes).is_err());
        }
    }

    /// Opens an image, reads all there is, and appends to it.
    fn run(&mut self, random: &mut Random, tally: &mut Tally) {
        let image = self.image(random);
        self.flash.set_content(image.clone());
        let (read, operations) = (self.flash.bytes_read(), self.flash.operations());
        let mut journal =
            Journal::open(&mut self.flash, self.region).expect("what lies there does not matter");
        assert!(self.flash.bytes_read() - read <= u64::from(SEGMENTS) * ERASE as u64);
        assert_eq!(self.flash.operations(), operations, "opening writes nothing");
        let newest = journal.newest();
        let mut next = newest;
        let mut count = 0;
        while let Some(record) = next {
            self.check(&journal, &record, &image, tally);
            next = journal.before(&mut self.flash, record.sequence).expect("reads");
            assert!(next.is_none_or(|older| older.sequence < record.sequence), "older ones come to an end");
            count += 1;
        }
        assert!(count * 24 <= SEGMENTS as usize * ERASE, "{count} records");
        tally.images += 1;
        tally.empty += u64::from(newest.is_none());
        if random.below(4) == 0 {
            self.append(&mut journal, newest, tally);
        }
        assert_eq!((self.flash.violations(), self.flash.stale_writes()), (0, 0));
    }

    /// Whatever there was, the next record is the newest, unless there are no numbers left.
    fn append(&mut self, journal: &mut Journal, newest: Option<Record>, tally: &mut Tally) {
        match journal.append(&mut self.flash, 5, |writer| writer.write(b"hello")) {
            Ok(record) => {
                assert!(newest.is_none_or(|newest| newest.sequence < record.sequence));
                let found = Journal::open(&mut self.flash, self.region).expect("opens").newest();
                assert_eq!(found, Some(record));
                tally.appended += 1;
            }
            Err(AppendError::Sequence) => tally.used_up += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Opens `count` images.
fn campaign(from: u64, count: u64) {
    let start = Instant::now();
    let mut tally = Tally::default();
    let mut random = Random(from);
    let mut one = Harness::<1>::new(&mut random);
    let mut four = Harness::<4>::new(&mut random);
    let mut thirty_two = Harness::<32>::new(&mut random);
    for seed in from..from + count {
        let random = &mut Random(seed);
        let shown = Shown(seed);
        match random.below(3) {
            0 => one.run(random, &mut tally),
            1 => four.run(random, &mut tally),
            _ => thirty_two.run(random, &mut tally),
        }
        drop(shown);
    }
    let Tally { images, empty, records, boots, appended, used_up } = tally;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{images} images: {empty} without a record, {records} records read elsewhere ({boots} of them boot records), all with right checksums; {appended} appended to, {used_up} had no sequence numbers left; 0 panics\n{seconds:.1} s, {:.0} images a second on 1 thread",
        count as f64 / seconds
    );
    assert!(empty > count / 10 && records > count / 4 && appended > count / 10 && used_up > 0 && boots > 0);
}

/// Names the seed if its image fails.
struct Shown(u64);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the image of seed {} failed", self.0);
        }
    }
}

#[test]
fn any_image_opens_and_gives_only_sound_records() {
    campaign(0, 60_000);
}

/// Twelve million, where the long campaigns run.
#[test]
fn twelve_million_images_open_and_give_only_sound_records() {
    if env::var_os("SUPPLE_FULL").is_none_or(|value| value != "1") {
        return;
    }
    let count = env::var("SUPPLE_IMAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(12_000_000);
    campaign(100_000_000, count);
}
