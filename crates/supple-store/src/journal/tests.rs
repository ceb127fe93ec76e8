//! Bytes, limits and errors; power cuts are in `tests/power_cuts.rs`.

use embedded_storage::nor_flash::ReadNorFlash;

use super::*;
use crate::simulated::{SimulatedError, SimulatedFlash, Tearing, Wear};

type Flash = SimulatedFlash<4, 64>;

const REGION: Region = Region { start: 64, segment_bytes: 128, segments: 3 };

fn flash() -> Flash {
    SimulatedFlash::new(8, 0xff, 1)
}

fn append<F: NorFlash>(journal: &mut Journal, flash: &mut F, bytes: &[u8]) -> Result<Record, AppendError> {
    journal
        .append(flash, bytes.len() as u32, |writer| bytes.chunks(7).try_for_each(|piece| writer.write(piece)))
}

fn content<F: NorFlash>(journal: &Journal, flash: &mut F, record: &Record) -> Vec<u8> {
    let mut bytes = vec![0; record.length as usize];
    journal.read(flash, record, 0, &mut bytes).expect("reads");
    bytes
}

/// CRC-32C computed bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 },
        )
    })
}

/// A header with a right checksum.
fn header(sequence: u32, length: u32) -> Vec<u8> {
    let mut bytes = b"SJ\x01\x00".to_vec();
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    let checksum = crc(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    assert_eq!(journal.newest(), None);
    append(&mut journal, &mut flash, b"hello").expect("appends");
    let mut expected = header(1, 5);
    expected.extend_from_slice(b"hello");
    let checksum = crc(&expected);
    expected.extend_from_slice(&[0, 0, 0]);
    expected.extend_from_slice(&checksum.to_le_bytes());
    expected.extend_from_slice(b"DONE");
    assert_eq!(flash.bytes()[64..96], expected);
    assert_eq!(flash.bytes()[..64], [0xff; 64], "before the region");
    assert_eq!(flash.bytes()[96..], [0xff; 512 - 96], "behind the record");
}

/// The same header and trailer in words of 32 bytes.
#[test]
fn every_part_fills_whole_words() {
    let mut flash = SimulatedFlash::<32, 128>::new(2, 0x00, 1);
    let region = Region { start: 0, segment_bytes: 128, segments: 2 };
    let mut journal = Journal::open(&mut flash, region).expect("opens");
    append(&mut journal, &mut flash, &[7; 33]).expect("appends");
    assert_eq!(flash.bytes()[..16], header(1, 33));
    assert_eq!(flash.bytes()[32..65], [7; 33]);
    assert_eq!(flash.bytes()[100..104], *b"DONE");
    assert_eq!(Journal::longest::<SimulatedFlash<32, 128>>(&region), 64);
}

#[test]
fn records_survive_a_start_and_older_ones_are_found() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    for number in 0..4 {
        append(&mut journal, &mut flash, &[number; 30]).expect("appends");
    }
    let found = Journal::open(&mut flash, REGION).expect("opens");
    assert_eq!(found.newest(), journal.newest());
    let mut record = found.newest().expect("a record");
    for number in [3, 2, 1, 0] {
        assert_eq!((record.sequence, record.length), (u32::from(number) + 1, 30));
        assert_eq!(content(&found, &mut flash, &record), [number; 30]);
        let before = found.before(&mut flash, record.sequence).expect("reads");
        assert_eq!(before.is_some(), number > 0);
        record = before.unwrap_or(record);
    }
}

#[test]
fn any_part_of_a_payload_is_read_whatever_the_read_size() {
    fn check<const READ: usize>() {
        let mut flash = SimulatedFlash::<4, 256, READ>::with_read_size(2, 0xff, 1);
        let region = Region { start: 0, segment_bytes: 256, segments: 2 };
        let mut journal = Journal::open(&mut flash, region).expect("opens");
        let bytes: Vec<u8> = (0..150).collect();
        let record = append(&mut journal, &mut flash, &bytes).expect("appends");
        for from in 0..=150 {
            for to in from..=150 {
                let mut part = vec![0; to - from];
                journal.read(&mut flash, &record, from as u32, &mut part).expect("reads");
                assert_eq!(part, bytes[from..to]);
            }
        }
        let mut two = [0; 2];
        for offset in [149, 150, u32::MAX] {
            assert_eq!(journal.read(&mut flash, &record, offset, &mut two), Err(ReadError::Beyond));
        }
        assert_eq!(flash.violations(), 0);
    }
    check::<1>();
    check::<4>();
    check::<16>();
}

#[test]
fn a_record_whose_segment_was_erased_is_gone() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    let first = append(&mut journal, &mut flash, &[1; 100]).expect("appends");
    for number in 2..=4 {
        append(&mut journal, &mut flash, &[number; 100]).expect("appends");
    }
    assert_eq!(journal.read(&mut flash, &first, 0, &mut [0; 4]), Err(ReadError::Gone));
    assert_eq!(journal.before(&mut flash, 2), Ok(None));
}

#[test]
fn records_as_long_as_a_segment_and_of_no_length_are_kept() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    assert_eq!(Journal::longest::<Flash>(&REGION), 104);
    for length in [104, 0, 80, 104, 0, 0] {
        let record = append(&mut journal, &mut flash, &vec![9; length]).expect("appends");
        assert_eq!(content(&journal, &mut flash, &record), vec![9; length]);
        assert_eq!(Journal::open(&mut flash, REGION).expect("opens").newest(), Some(record));
    }
    let error = append(&mut journal, &mut flash, &[9; 105]);
    assert_eq!(error, Err(AppendError::TooLong { length: 105, longest: 104 }));
    let error = journal.append(&mut flash, u32::MAX, |_| Ok(()));
    assert_eq!(error, Err(AppendError::TooLong { length: u32::MAX, longest: 104 }));
}

#[test]
fn content_of_another_length_or_none_is_refused_and_the_newest_stays() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    let record = append(&mut journal, &mut flash, b"old").expect("appends");
    let mut calls = 0;
    let short = journal.append(&mut flash, 4, |writer| {
        calls += 1;
        writer.write(&[1, 2])
    });
    // Even where the caller does not look at what `write` says.
    let long = journal.append(&mut flash, 4, |writer| {
        calls += 1;
        let _ = writer.write(&[1, 2, 3]);
        let _ = writer.write(&[4, 5]);
        let _ = writer.write(&[4]);
        Ok(())
    });
    let none = journal.append(&mut flash, 1, |writer| {
        calls += 1;
        writer.write(&[1])?;
        Err(AppendError::Content)
    });
    assert_eq!((short, long), (Err(AppendError::Length), Err(AppendError::Length)));
    assert_eq!((none, calls), (Err(AppendError::Content), 3));
    assert_eq!(Journal::open(&mut flash, REGION).expect("opens").newest(), Some(record));
    let next = append(&mut journal, &mut flash, b"new").expect("appends");
    assert_eq!(Journal::open(&mut flash, REGION).expect("opens").newest(), Some(next));
    assert_eq!((flash.violations(), flash.stale_writes()), (0, 0));
}

#[test]
fn regions_that_do_not_fit_are_refused() {
    let mut flash = flash();
    let mut open = |start, segment_bytes, segments| {
        Journal::open(&mut flash, Region { start, segment_bytes, segments }).err()
    };
    assert_eq!(open(0, 64, 8), None);
    assert_eq!(open(32, 64, 2), Some(OpenError::Misaligned));
    assert_eq!(open(0, 96, 2), Some(OpenError::Misaligned));
    assert_eq!(open(0, 64, 1), Some(OpenError::TooSmall));
    assert_eq!(open(0, 0, 2), Some(OpenError::TooSmall));
    assert_eq!(open(0, 64, 9), Some(OpenError::BeyondFlash));
    assert_eq!(open(64, 64, 8), Some(OpenError::BeyondFlash));
    assert_eq!(open(0xffff_ffc0, 64, 2), Some(OpenError::BeyondFlash));
    assert_eq!(open(0, 0x8000_0000, 2), Some(OpenError::BeyondFlash));
    let mut small = SimulatedFlash::<1, 16>::new(4, 0xff, 1);
    let region = Region { start: 0, segment_bytes: 16, segments: 2 };
    assert_eq!(Journal::open(&mut small, region).err(), Some(OpenError::TooSmall));
    let mut odd = SimulatedFlash::<12, 48>::new(4, 0xff, 1);
    let region = Region { start: 0, segment_bytes: 48, segments: 2 };
    assert_eq!(Journal::open(&mut odd, region).err(), Some(OpenError::Geometry));
}

#[test]
fn sequence_numbers_do_not_wrap() {
    let place = |sequence| {
        let mut bytes = header(sequence, 1);
        bytes.push(7);
        let checksum = crc(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(b"DONE");
        bytes.resize(192, 0xff);
        SimulatedFlash::<1, 64>::with_content(bytes, 0xff, 1)
    };
    let region = Region { start: 0, segment_bytes: 64, segments: 3 };
    let mut flash = place(u32::MAX - 1);
    let mut journal = Journal::open(&mut flash, region).expect("opens");
    let last = append(&mut journal, &mut flash, b"last").expect("appends");
    assert_eq!(last.sequence, u32::MAX);
    assert_eq!(append(&mut journal, &mut flash, b"more"), Err(AppendError::Sequence));
    let mut journal = Journal::open(&mut flash, region).expect("opens");
    let operations = flash.operations();
    assert_eq!(append(&mut journal, &mut flash, b"more"), Err(AppendError::Sequence));
    assert_eq!(flash.operations(), operations, "nothing was erased for it");
    assert_eq!(content(&journal, &mut flash, &last), b"last");
}

/// A torn record's number is not used again: should its words read otherwise one day, it must not beat a later record.
#[test]
fn the_number_of_a_torn_record_is_passed_over() {
    let mut bytes = vec![0xff; 64];
    bytes.extend_from_slice(&header(9, 8));
    bytes.resize(192, 0xff);
    let mut flash = SimulatedFlash::<1, 64>::with_content(bytes, 0xff, 1);
    let region = Region { start: 0, segment_bytes: 64, segments: 3 };
    let mut journal = Journal::open(&mut flash, region).expect("opens");
    assert_eq!(journal.newest(), None);
    assert_eq!(append(&mut journal, &mut flash, b"next").expect("appends").sequence, 10);
}

#[test]
fn worn_segments_are_passed_over_and_the_newest_is_never_risked() {
    for wear in [Wear::Erase, Wear::Write, Wear::Silent] {
        let mut flash = flash();
        let mut journal = Journal::open(&mut flash, REGION).expect("opens");
        let first = append(&mut journal, &mut flash, &[1; 100]).expect("appends");
        // The first unit of the second segment.
        flash.wear_out(3, wear);
        let second = append(&mut journal, &mut flash, &[2; 100]).expect("passes over it");
        assert_eq!((first.segment, second.segment), (0, 2), "{wear:?}");
        assert!(second.sequence > first.sequence);
        flash.wear_out(1, wear);
        assert_eq!(append(&mut journal, &mut flash, &[3; 100]), Err(AppendError::Flash), "{wear:?}");
        assert_eq!(journal.newest(), Some(second));
        let found = Journal::open(&mut flash, REGION).expect("opens");
        assert_eq!(found.newest(), Some(second), "{wear:?}");
        assert_eq!(content(&found, &mut flash, &second), [2; 100]);
        assert_eq!((flash.violations(), flash.stale_writes()), (0, 0));
    }
}

/// The rest of a segment in which a write failed is not written, whatever the flash says later.
#[test]
fn a_segment_is_left_alone_after_a_failure() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    append(&mut journal, &mut flash, &[1; 8]).expect("appends");
    flash.wear_out(1, Wear::Write);
    let second = append(&mut journal, &mut flash, &[2; 8]).expect("appends elsewhere");
    assert_eq!(second.segment, 1);
    assert_eq!(append(&mut journal, &mut flash, &[3; 8]).expect("behind it").segment, 1);
}

/// Behind a record that does not read back nothing would be found again.
#[test]
fn nothing_is_written_behind_a_record_that_is_not_whole() {
    let mut flash = flash();
    let region = Region { segments: 2, ..REGION };
    let mut journal = Journal::open(&mut flash, region).expect("opens");
    // Each segment's first unit; a record of 40 bytes fills it.
    flash.wear_out(1, Wear::Silent);
    flash.wear_out(3, Wear::Silent);
    for number in 2..10 {
        assert_eq!(append(&mut journal, &mut flash, &[number; 40]), Err(AppendError::Flash), "{number}");
        assert_eq!(Journal::open(&mut flash, region).expect("opens").newest(), None);
    }
}

#[test]
fn no_power_is_an_error_and_words_that_do_not_read_are_torn_ones() {
    let mut flash = flash();
    flash.set_tearing(Tearing::Unreadable);
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    let first = append(&mut journal, &mut flash, &[1; 8]).expect("appends");
    flash.cut_at(7);
    assert_eq!(append(&mut journal, &mut flash, &[2; 8]), Err(AppendError::Flash));
    assert_eq!(Journal::open(&mut flash, REGION), Err(OpenError::Flash));
    assert_eq!(journal.before(&mut flash, 9), Err(ReadError::Flash));
    assert_eq!(journal.read(&mut flash, &first, 0, &mut [0]), Err(ReadError::Flash));
    flash.power_up();
    assert_eq!(flash.read(120, &mut [0; 4]), Err(SimulatedError::Refused), "the torn word");
    let found = Journal::open(&mut flash, REGION).expect("opens");
    assert_eq!(found.newest(), Some(first));
}

/// An empty journal instead would bring back what a device knew on its first day.
#[test]
fn a_region_in_which_nothing_reads_is_an_error_until_it_is_erased() {
    let mut flash = flash();
    flash.set_tearing(Tearing::Unreadable);
    for segment in 0..3 {
        flash.cut_at(1);
        assert!(flash.erase(64 + 128 * segment, 64 + 128 * (segment + 1)).is_err());
        flash.power_up();
        let expected = if segment < 2 { None } else { Some(OpenError::Flash) };
        assert_eq!(Journal::open(&mut flash, REGION).err(), expected);
    }
    flash.erase(64, 128).expect("erases");
    assert_eq!(Journal::open(&mut flash, REGION).expect("opens").newest(), None);
}

#[test]
fn opening_reads_no_byte_twice_and_writes_nothing() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    for number in 0..40 {
        append(&mut journal, &mut flash, &vec![number; usize::from(number)]).expect("appends");
        let (read, operations) = (flash.bytes_read(), flash.operations());
        Journal::open(&mut flash, REGION).expect("opens");
        assert!(flash.bytes_read() - read <= 3 * 128, "{}", flash.bytes_read() - read);
        assert_eq!(flash.operations(), operations);
    }
}
