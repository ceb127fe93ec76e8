//! Random schedules: any geometry, any lengths and values, any number of cuts, worn segments.

use std::fmt;
use std::time::Instant;

use supple_store::simulated::{SimulatedFlash, Tearing, Wear};
use supple_store::{Journal, Region};

use crate::device::{Appended, Device, Random};

/// What happened in schedules.
#[derive(Debug, Default)]
struct Tally {
    schedules: u64,
    starts: u64,
    cuts: u64,
    operations: u64,
    acknowledged: u64,
    /// Appends that a worn flash refused.
    refused: u64,
    /// Erase units that were worn out.
    worn: u64,
    /// Starts before the first record at which nothing in the region could be read.
    unreadable: u64,
    /// Records that were there at the end.
    kept: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        write!(
            to,
            "{} schedules: {} starts, {} power cuts in {} operations, {} records acknowledged, {} kept at the end, {} units worn out, {} records refused for it, {} regions erased because nothing in them read; 0 lost",
            self.schedules,
            self.starts,
            self.cuts,
            self.operations,
            self.acknowledged,
            self.kept,
            self.worn,
            self.refused,
            self.unreadable
        )
    }
}

/// One schedule, decided by its seed.
fn schedule<const WRITE: usize, const ERASE: usize, const READ: usize>(
    random: &mut Random,
    tally: &mut Tally,
) {
    let region = Region {
        start: random.below(2) * ERASE as u32,
        segment_bytes: (1 + random.below(3)) * ERASE as u32,
        segments: 2 + random.below(4),
    };
    let units = (region.segment_bytes * region.segments / ERASE as u32 + 2) as usize;
    let erased = if random.one_in(2) { 0xff } else { 0 };
    let mut flash = SimulatedFlash::<WRITE, ERASE, READ>::with_read_size(units, erased, random.next());
    if !random.one_in(4) {
        flash.set_content(random.bytes(units * ERASE));
    }
    if random.one_in(4) {
        flash.set_tearing(Tearing::Unreadable);
    }
    let mut device = Device::new(flash, region);
    let longest = Journal::longest::<SimulatedFlash<WRITE, ERASE, READ>>(&region);
    let longest = if random.one_in(2) { longest } else { longest.min(8 + random.below(24)) };
    let wears = random.one_in(4);
    let mut worn = Vec::new();
    let mut left = 2 + random.below(24);
    while left > 0 {
        let mut journal = device.start();
        tally.starts += 1;
        if !random.one_in(4) {
            let reach = [4, 40, 400][random.below(3) as usize];
            device.flash.cut_at(u64::from(1 + random.below(reach)));
        }
        while left > 0 && !random.one_in(12) {
            left -= 1;
            if wears && random.one_in(8) {
                let segment = random.below(region.segments);
                let unit = region.start / ERASE as u32
                    + segment * (region.segment_bytes / ERASE as u32)
                    + random.below(region.segment_bytes / ERASE as u32);
                let wear = [Wear::Erase, Wear::Write, Wear::Silent][random.below(3) as usize];
                device.flash.wear_out(unit as usize, wear);
                worn.push(segment);
                tally.worn += 1;
            }
            let length = random.below(longest + 1) as usize;
            let content = random.bytes(length);
            match device.append(&mut journal, &content) {
                Appended::Acknowledged => tally.acknowledged += 1,
                Appended::PowerCut => {
                    tally.cuts += 1;
                    break;
                }
                Appended::Refused => {
                    // With two segments that are sound, one is not the newest record's.
                    let sound = (0..region.segments).filter(|segment| !worn.contains(segment)).count();
                    assert!(sound < 2, "refused with {sound} sound segments");
                    tally.refused += 1;
                }
            }
        }
        device.flash.power_down();
        device.flash.power_up();
    }
    let journal = device.start();
    tally.starts += 1;
    tally.kept += device.check_older(&journal) as u64;
    tally.unreadable += device.unreadable;
    tally.operations += device.flash.operations();
    tally.schedules += 1;
}

/// Runs the schedules of `count` seeds; each can be run again by itself.
pub fn campaign(from: u64, count: u64) {
    let start = Instant::now();
    let mut tally = Tally::default();
    for seed in from..from + count {
        let shown = Shown(seed);
        let random = &mut Random(seed);
        match random.below(6) {
            0 => schedule::<1, 64, 1>(random, &mut tally),
            1 => schedule::<1, 256, 1>(random, &mut tally),
            2 => schedule::<4, 128, 1>(random, &mut tally),
            3 => schedule::<4, 128, 4>(random, &mut tally),
            4 => schedule::<8, 128, 1>(random, &mut tally),
            _ => schedule::<32, 256, 1>(random, &mut tally),
        }
        drop(shown);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{tally}\n{seconds:.1} s, {:.0} schedules a second on 1 thread", count as f64 / seconds);
    assert!(tally.cuts > count && tally.acknowledged > count && tally.refused > 0, "{tally}");
}

/// Names the seed if its schedule fails.
struct Shown(u64);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the schedule of seed {} failed", self.0);
        }
    }
}
