//! The power is cut at every operation, at every pair of operations, and at random: what was acknowledged is there.
//!
//! `SUPPLE_FULL=1` runs a million random schedules instead of some thousands, and all pairs of cuts of all schedules for
//! each way in which words can be torn.

mod device;
mod random;

use std::env;
use std::time::Instant;

use supple_store::Region;
use supple_store::simulated::{SimulatedFlash, Tearing};

use device::{Appended, Content, Device, Random};

/// Runs of one kind, and what happened in them.
#[derive(Debug, Default)]
struct Count {
    singles: u64,
    pairs: u64,
    /// The most segments' worth of operations without any cut.
    operations: u64,
}

/// A small schedule: where, and how long the records are.
struct Schedule<'s> {
    /// Erase units of a segment.
    units: u32,
    segments: u32,
    lengths: &'s [u32],
}

/// Appends the rest of the contents until the power is cut; `true` if it was.
fn go_on<const WRITE: usize, const ERASE: usize>(
    device: &mut Device<WRITE, ERASE, 1>,
    contents: &[Content],
    done: &mut usize,
) -> bool {
    let mut journal = device.start();
    while let Some(content) = contents.get(*done) {
        match device.append(&mut journal, content) {
            Appended::Acknowledged => *done += 1,
            Appended::PowerCut => {
                *done += 1;
                return true;
            }
            Appended::Refused => panic!("nothing is worn out"),
        }
    }
    false
}

/// After everything: a start, one more record, another start.
fn close<const WRITE: usize, const ERASE: usize>(mut device: Device<WRITE, ERASE, 1>) {
    device.flash.power_up();
    let mut journal = device.start();
    let length = supple_store::Journal::longest::<SimulatedFlash<WRITE, ERASE, 1>>(&device.region).min(12);
    let outcome = device.append(&mut journal, &vec![0x5a; length as usize]);
    assert_eq!(outcome, Appended::Acknowledged);
    device.flash.power_down();
    device.flash.power_up();
    let journal = device.start();
    device.check_older(&journal);
}

/// Every single cut with every tear seed, and every pair of cuts.
fn exhaust<const WRITE: usize, const ERASE: usize>(
    schedule: &Schedule,
    erased: u8,
    tearing: Tearing,
    count: &mut Count,
) {
    let mut random = Random(u64::from(erased) ^ WRITE as u64);
    let contents: Vec<Content> =
        schedule.lengths.iter().map(|length| random.bytes(*length as usize)).collect();
    let Schedule { units, segments, .. } = *schedule;
    // A unit before and behind the region must stay as it is; the region begins with anything.
    let all = (units * segments + 2) as usize;
    let flash = SimulatedFlash::<WRITE, ERASE>::with_content(random.bytes(all * ERASE), erased, 1);
    let region = Region { start: ERASE as u32, segment_bytes: units * ERASE as u32, segments };
    let mut fresh = Device::new(flash, region);
    fresh.flash.set_tearing(tearing);
    fresh.steady = tearing != Tearing::Unsteady;

    let mut whole = fresh.clone();
    assert!(!go_on(&mut whole, &contents, &mut 0));
    let erased_segments: u32 = whole.flash.erases().iter().sum::<u32>() / units;
    assert!(erased_segments > 3, "the ring turns over: {erased_segments}");
    count.operations = count.operations.max(whole.flash.operations());
    let around = |device: &Device<WRITE, ERASE, 1>| {
        let bytes = device.flash.bytes();
        (bytes[..ERASE].to_vec(), bytes[(all - 1) * ERASE..].to_vec())
    };
    let untouched = around(&fresh);

    for first in 1..=whole.flash.operations() {
        for seed in 0..4 {
            let mut device = fresh.clone();
            device.flash.reseed(first * 1000 + seed);
            device.flash.cut_at(first);
            let mut done = 0;
            assert!(go_on(&mut device, &contents, &mut done), "the cut comes");
            device.flash.power_up();
            close(device.clone());
            count.singles += 1;
            if seed > 0 {
                continue;
            }
            for second in 1.. {
                let (mut device, mut done) = (device.clone(), done);
                device.flash.reseed(first * 1_000_000 + second);
                device.flash.cut_at(second);
                let cut = go_on(&mut device, &contents, &mut done);
                assert_eq!(around(&device), untouched);
                if !cut {
                    break;
                }
                close(device);
                count.pairs += 1;
            }
        }
    }
}

/// Schedules in which a segment holds several records, one, or parts of both.
fn exhaust_words<const WRITE: usize, const ERASE: usize>(tearing: Tearing, schedules: &[Schedule]) -> Count {
    let mut count = Count::default();
    for schedule in schedules {
        for erased in [0xff, 0x00] {
            exhaust::<WRITE, ERASE>(schedule, erased, tearing, &mut count);
        }
    }
    count
}

fn report(what: &str, start: Instant, counts: &[Count]) {
    let singles: u64 = counts.iter().map(|count| count.singles).sum();
    let pairs: u64 = counts.iter().map(|count| count.pairs).sum();
    let longest = counts.iter().map(|count| count.operations).max().unwrap_or_default();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what}: {singles} single cuts, {pairs} pairs of cuts, schedules of up to {longest} operations, 0 lost; {seconds:.1} s"
    );
}

fn full() -> bool {
    env::var_os("SUPPLE_FULL").is_some_and(|value| value == "1")
}

/// Words of 1, 4, 8 and 32 bytes; in several schedules each, or in one.
fn every_word(tearing: Tearing, several: bool) -> [Count; 4] {
    let schedule = |units, segments, lengths| Schedule { units, segments, lengths };
    let some = |schedules: &[Schedule]| if several { schedules.len() } else { 1 };
    let one = [schedule(1, 3, &[10, 40, 0, 3, 17, 25][..]), schedule(2, 3, &[30, 5, 50, 104, 20, 70])];
    let four = [
        schedule(1, 3, &[10, 40, 0, 3, 17, 25, 33][..]),
        schedule(2, 3, &[30, 5, 50, 104, 20, 70, 90]),
        schedule(1, 5, &[1, 40, 2, 39, 4, 36, 20, 21, 22]),
    ];
    let eight = [
        schedule(1, 3, &[10, 40, 100, 3, 17, 99, 33, 60, 70][..]),
        schedule(2, 4, &[130, 60, 150, 204, 20, 170, 90, 100, 64]),
    ];
    let thirty_two = [
        schedule(1, 3, &[10, 40, 0, 3, 17, 64, 33, 60][..]),
        schedule(2, 3, &[30, 5, 50, 160, 192, 20, 70, 90, 160]),
        schedule(1, 4, &[64, 1, 33, 40, 60, 64, 64, 2, 50]),
    ];
    [
        exhaust_words::<1, 64>(tearing, &one[..some(&one)]),
        exhaust_words::<4, 64>(tearing, &four[..some(&four)]),
        exhaust_words::<8, 128>(tearing, &eight[..some(&eight)]),
        exhaust_words::<32, 128>(tearing, &thirty_two[..some(&thirty_two)]),
    ]
}

#[test]
fn every_cut_and_every_pair_of_cuts_leaves_the_old_or_the_new() {
    let start = Instant::now();
    report("torn words of any bits", start, &every_word(Tearing::Steady, true));
}

/// As in flash with error correction.
#[test]
fn torn_words_may_be_unreadable() {
    let start = Instant::now();
    report("torn words that do not read", start, &every_word(Tearing::Unreadable, full()));
}

/// With three segments, two records in doubt never push out the last sure one.
#[test]
fn torn_words_may_read_otherwise_at_every_start() {
    let start = Instant::now();
    report("torn words that change at every start", start, &every_word(Tearing::Unsteady, full()));
}

/// What the flash has to change for a record to be lost, which shows that these tests would see it: with two segments, a
/// record in doubt is the newest at one start, so the other segment is erased, and is none at the next.
#[test]
fn two_segments_are_not_enough_where_torn_words_change() {
    let mut lost = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let flash = SimulatedFlash::<32, 128>::new(2, 0xff, seed);
        let mut device = Device::new(flash, Region { start: 0, segment_bytes: 128, segments: 2 });
        device.flash.set_tearing(Tearing::Unsteady);
        device.steady = false;
        let mut journal = device.start();
        assert_eq!(device.append(&mut journal, &random.bytes(40)), Appended::Acknowledged);
        for _ in 0..2 {
            device.flash.cut_at(u64::from(1 + random.below(5)));
            let Ok(mut journal) = device.try_start() else { break };
            device.append(&mut journal, &random.bytes(40));
            device.flash.power_up();
        }
        lost += u64::from(device.try_start().is_err());
    }
    println!("two segments, words that change at every start, two cuts: {lost} of 20000 lose a record");
    assert!(lost > 0);
}

#[test]
fn random_schedules_lose_nothing() {
    random::campaign(0, 6_000);
}

/// A million, where the long campaigns run.
#[test]
fn a_million_random_schedules_lose_nothing() {
    if !full() {
        return;
    }
    let count = env::var("SUPPLE_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_200_000);
    random::campaign(10_000_000, count);
}
