//! Flash that holds anything: a journal opens it, and finds what a plain walk through the bytes finds; it goes on to
//! append. What a record holds is also read as a boot record.
//!
//! An input is a byte that chooses the flash, then parts: each is a place, and bytes to put there, as they are or as a
//! record whose checksums are right.
#![no_main]

use arbitrary::{Result, Unstructured};
use crc::{CRC_32_ISCSI, Crc, Table};
use libfuzzer_sys::fuzz_target;
use supple_fuzz::seeds;
use supple_pack::signature::KeyId;
use supple_store::simulated::SimulatedFlash;
use supple_store::{Boot, Journal, Region};

const CHECKSUM: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
/// Bytes of a segment, which is one erase unit.
const SEGMENT: usize = 160;
const SEGMENTS: usize = 3;
const REGION: Region = Region { start: 0, segment_bytes: SEGMENT as u32, segments: SEGMENTS as u32 };

fuzz_target!(init: seeds::write(first_inputs()), |input: &[u8]| {
    let mut u = Unstructured::new(input);
    let _ = match u.arbitrary::<u8>().unwrap_or_default() % 4 {
        0 => run::<1>(&mut u),
        1 => run::<4>(&mut u),
        2 => run::<8>(&mut u),
        _ => run::<32>(&mut u),
    };
});

fn run<const WRITE: usize>(u: &mut Unstructured) -> Result<()> {
    let mut image = vec![u.arbitrary()?; SEGMENT * SEGMENTS];
    while !u.is_empty() {
        part::<WRITE>(u, &mut image)?;
    }
    let expected = newest::<WRITE>(&image);
    let mut flash = SimulatedFlash::<WRITE, SEGMENT>::with_content(image, 0xff, 0);
    let mut journal = Journal::open(&mut flash, REGION).expect("opens whatever is there");
    assert!(flash.bytes_read() <= (SEGMENT * SEGMENTS) as u64, "reads a byte twice");
    let content = content(&journal, &mut flash);
    assert_eq!(content, expected);
    // Back through all that is older.
    let mut sequence = journal.newest().map(|record| record.sequence);
    while let Some(older) = sequence {
        let before = journal.before(&mut flash, older).expect("reads").map(|record| record.sequence);
        assert!(before.is_none_or(|before| before < older), "no older");
        sequence = before;
    }
    if let Some((_, bytes)) = &content {
        boot(bytes);
    }
    let appended = journal.append(&mut flash, 5, |writer| writer.write(b"after"));
    let after = journal.newest().map(|record| record.sequence);
    match appended {
        Ok(record) => {
            assert_eq!(after, Some(record.sequence));
            assert!(content.is_none_or(|(sequence, _)| sequence < record.sequence), "no newer");
            assert_eq!(Journal::open(&mut flash, REGION).expect("opens").newest(), Some(record));
        }
        Err(_) => assert_eq!(after, content.map(|(sequence, _)| sequence)),
    }
    assert_eq!((flash.violations(), flash.stale_writes()), (0, 0), "flash that was not erased is written");
    Ok(())
}

/// Sequence and payload of the newest record.
fn content<const WRITE: usize>(
    journal: &Journal,
    flash: &mut SimulatedFlash<WRITE, SEGMENT>,
) -> Option<(u32, Vec<u8>)> {
    let record = journal.newest()?;
    let mut bytes = vec![0; record.length as usize];
    journal.read(flash, &record, 0, &mut bytes).expect("a record that was found");
    let middle = record.length / 2;
    let mut half = vec![0; (record.length - middle) as usize];
    journal.read(flash, &record, middle, &mut half).expect("the second half");
    assert_eq!(half, bytes[middle as usize..]);
    assert!(journal.read(flash, &record, middle, &mut vec![0; half.len() + 1]).is_err(), "beyond its end");
    Some((record.sequence, bytes))
}

/// Puts something into the image.
fn part<const WRITE: usize>(u: &mut Unstructured, image: &mut [u8]) -> Result<()> {
    let kind: u8 = u.arbitrary()?;
    let at = usize::from(kind >> 4) * 8 + usize::from(u.arbitrary::<u8>()? % 3) * SEGMENT;
    let length = usize::from(u.arbitrary::<u8>()?);
    let mut place = |at: usize, bytes: &[u8]| {
        image.iter_mut().skip(at).zip(bytes).for_each(|(place, byte)| *place = *byte);
    };
    match kind % 4 {
        0 => place(at, u.bytes(length.min(u.len()))?),
        1 => image.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= length as u8),
        _ => {
            // At the segment's start, or where the journal would go on behind a record there.
            let start = at / SEGMENT * SEGMENT;
            let at = start + if kind % 4 == 2 { 0 } else { usize::from(kind >> 4).min(9) * WRITE.max(8) };
            let sequence: u32 = if length > 250 { u32::MAX - 1 } else { u.arbitrary::<u8>()?.into() };
            let length = if length > 240 { u.arbitrary()? } else { (length % 100) as u32 };
            let payload = u.bytes((length as usize).min(u.len()))?;
            let header = [&b"SJ\x01\x00"[..], &sequence.to_le_bytes(), &length.to_le_bytes()].concat();
            let header = [&header[..], &CHECKSUM.checksum(&header).to_le_bytes()].concat();
            let trailer = CHECKSUM.checksum(&[&header, payload].concat()).to_le_bytes();
            let payload_at = at + header.len().next_multiple_of(WRITE);
            place(at, &header);
            place(payload_at, payload);
            place(payload_at + payload.len().next_multiple_of(WRITE), &[trailer, *b"DONE"].concat());
        }
    }
    Ok(())
}

/// Sequence and payload of the newest record, found the plain way.
fn newest<const WRITE: usize>(image: &[u8]) -> Option<(u32, Vec<u8>)> {
    let mut newest: Option<(u32, Vec<u8>)> = None;
    for segment in image.chunks(SEGMENT) {
        let mut rest = segment;
        while let Some((sequence, payload, length)) = record::<WRITE>(rest) {
            if newest.as_ref().is_none_or(|newest| newest.0 < sequence) {
                newest = Some((sequence, payload.to_vec()));
            }
            rest = &rest[length..];
        }
    }
    newest
}

/// A record at the start of these bytes: sequence, payload, and how long it is.
fn record<const WRITE: usize>(bytes: &[u8]) -> Option<(u32, &[u8], usize)> {
    let word = |bytes: &[u8], at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let header = bytes.get(..16)?;
    let (sequence, length) = (word(header, 4)?, word(header, 8)? as usize);
    let sound = header.starts_with(b"SJ\x01\x00") && word(header, 12)? == CHECKSUM.checksum(&header[..12]);
    let payload_at = 16_usize.next_multiple_of(WRITE);
    let payload = bytes.get(payload_at..)?.get(..length).filter(|_| sound)?;
    let trailer_at = payload_at + length.next_multiple_of(WRITE);
    let end = trailer_at + 8_usize.next_multiple_of(WRITE);
    let trailer = bytes.get(trailer_at..end)?;
    let checksum = CHECKSUM.checksum(&[header, payload].concat());
    let whole = word(trailer, 0)? == checksum && trailer[4..8] == *b"DONE";
    whole.then_some((sequence, payload, end))
}

/// A record that is sound stays so through everything that a device does with it.
fn boot(bytes: &[u8]) {
    let Some(boot) = Boot::from_bytes(bytes) else { return };
    assert_eq!(boot.to_bytes(), bytes);
    let key = KeyId([bytes[16]; 8]);
    let waiting = boot.install(key, boot.counter(&key), |_| true);
    let started = boot.start().1;
    let confirmed = started.and_then(|started| started.confirm());
    if let Some(confirmed) = confirmed {
        assert_ne!(confirmed.running(), boot.running());
    }
    let replacing = boot.install(key, boot.counter(&key), |known| known.0[0] & 1 == 0);
    for next in [waiting.ok(), replacing.ok(), started, confirmed, boot.withdraw(), Some(boot.refuse())]
        .into_iter()
        .flatten()
    {
        assert_eq!(Boot::from_bytes(&next.to_bytes()), Some(next), "what follows is no record");
    }
}

fn first_inputs() -> Vec<Vec<u8>> {
    let waiting = Boot::default().install(KeyId([3; 8]), 4, |_| true).expect("the first key");
    let record = |kind: u8, segment: u8, sequence: u8, payload: &[u8]| {
        [&[kind, segment, payload.len() as u8, sequence], payload].concat()
    };
    (0..4)
        .flat_map(|flash| {
            let one = record(2, 0, 1, b"one");
            let two = record(2, 1, 2, &waiting.to_bytes());
            let three = record(0x53, 0, 3, b"behind");
            [
                [&[flash, 0xff][..], &one].concat(),
                [&[flash, 0][..], &one, &two].concat(),
                [&[flash, 0xff][..], &one, &two, &three, &[0x21, 1, 8]].concat(),
                [&[flash, 0][..], &record(2, 2, 9, &[1; 40])].concat(),
            ]
        })
        .collect()
}
