//! Erases are spread over a journal's segments.

use supple_store::simulated::{SimulatedFlash, Wear};
use supple_store::{Journal, Region};

type Flash = SimulatedFlash<4, 128>;

/// The region; one erase unit lies before it, one behind.
const REGION: Region = Region { start: 128, segment_bytes: 256, segments: 5 };

fn flash() -> Flash {
    SimulatedFlash::new(12, 0xff, 1)
}

fn append(journal: &mut Journal, flash: &mut Flash, number: u32) {
    let bytes = vec![number as u8; (number * 7 % 90) as usize];
    journal.append(flash, bytes.len() as u32, |writer| writer.write(&bytes)).expect("appends");
}

/// Greatest difference between the region's units, and all erases; nothing else is erased.
fn spread(flash: &Flash) -> (u32, u32) {
    let erases = flash.erases();
    assert_eq!((erases[0], erases[11]), (0, 0));
    let units = &erases[1..11];
    let (least, most) = (units.iter().min().expect("units"), units.iter().max().expect("units"));
    (most - least, units.iter().sum())
}

#[test]
fn a_long_run_erases_every_unit_as_often_as_the_others() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    for number in 0..20_000 {
        append(&mut journal, &mut flash, number);
        assert!(spread(&flash).0 <= 1, "after {number}");
    }
    let (_, erases) = spread(&flash);
    println!("20000 records: {erases} erases of units of {} bytes, at most 1 apart", 128);
    // 12 words of header and trailer and 11 of payload on average: about 3.5 records in a segment of two units.
    assert!((8_000..14_000).contains(&erases), "{erases}");
}

/// A start costs the rest of a segment, not evenness.
#[test]
fn starts_erase_one_segment_each_and_keep_the_ring_s_order() {
    let mut flash = flash();
    for number in 0..5_000 {
        let mut journal = Journal::open(&mut flash, REGION).expect("opens");
        append(&mut journal, &mut flash, number);
        assert!(spread(&flash).0 <= 1, "after {number}");
    }
    assert_eq!(spread(&flash).1, 10_000, "two units for each start that writes");
    for _ in 0..100 {
        Journal::open(&mut flash, REGION).expect("opens");
    }
    assert_eq!(spread(&flash).1, 10_000, "nothing for one that does not");
}

/// A cut within a start's first record leaves the next start with the same segment: that unit wears, the others do not.
#[test]
fn starts_that_are_cut_short_erase_the_same_segment_again() {
    let mut flash = flash();
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    append(&mut journal, &mut flash, 1);
    for _ in 0..50 {
        flash.cut_at(3);
        let mut journal = Journal::open(&mut flash, REGION).expect("opens");
        let outcome = journal.append(&mut flash, 8, |writer| writer.write(&[1; 8]));
        assert!(outcome.is_err());
        flash.power_up();
    }
    assert_eq!(flash.erases()[1..11], [1, 1, 50, 50, 0, 0, 0, 0, 0, 0]);
}

/// A worn segment costs each round one more erase of it, and the others share its records.
#[test]
fn a_worn_segment_leaves_the_others_even() {
    let mut flash = flash();
    flash.wear_out(5, Wear::Write);
    let mut journal = Journal::open(&mut flash, REGION).expect("opens");
    for number in 0..5_000 {
        append(&mut journal, &mut flash, number);
        assert!(spread(&flash).0 <= 1, "after {number}");
    }
}
