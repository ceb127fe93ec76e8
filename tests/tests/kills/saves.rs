//! Heads are saved over and over while power fails.

use std::time::{Duration, Instant};

use supple_link::host::{Client, LinkError};

use super::packs::{FEATURES, Random, SUPPORT, WAY};
use super::power::{Board, Line};
use super::{report, updates};

/// What the device must keep.
#[derive(Default)]
struct Kept {
    /// The newest version that was acknowledged, and its head's bits.
    acknowledged: Option<(u32, Vec<u32>)>,
    /// The head of a version that was not acknowledged.
    under_way: Option<Vec<u32>>,
}

/// When power fails.
struct Cut {
    /// Before which save, counted from the start, the clock is set.
    save: u32,
    /// As a share of the time that one takes; more hits what is done between two.
    share: f64,
}

pub fn run(test: &str, board: &mut Board, cuts: u32, mut random: Random) {
    let started = Instant::now();
    updates::install_first(board);
    let (mut kept, mut longest) = (Kept::default(), Duration::from_millis(1));
    let (mut acknowledged, mut finished, mut lost) = (0, 0, 0);
    for _ in 0..cuts {
        let mut device = board.power_up();
        let under_way = kept.under_way.is_some();
        let before = kept.acknowledged.as_ref().map_or(0, |(version, _)| *version);
        check(&mut device, &mut kept);
        let now = kept.acknowledged.as_ref().map_or(0, |(version, _)| *version);
        finished += u32::from(under_way && now > before);
        lost += u32::from(under_way && now == before);
        let cut = Cut { save: random.below(4), share: random.share() * 1.2 };
        let error = work(&mut device, board, &mut random, &mut kept, &cut, &mut longest, &mut acknowledged);
        assert!(board.is_off(), "{error}");
    }
    check(&mut board.power_up(), &mut kept);
    assert!(acknowledged > cuts, "hardly anything was saved");
    let counts = [
        ("cuts", cuts),
        ("saves acknowledged", acknowledged),
        ("cut within but there whole", finished),
        ("cut within and gone", lost),
    ];
    report(test, started, &counts);
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// After a start: the newest version is the one acknowledged last, or the one that was under way, whole.
fn check(device: &mut Client<Line>, kept: &mut Kept) {
    let newest = device.version(None).expect("it answers");
    let under_way = kept.under_way.take();
    let Some(newest) = newest else {
        assert!(kept.acknowledged.is_none(), "version {:?} is gone", kept.acknowledged);
        return;
    };
    assert!(newest.own_trunk && newest.heads == 1, "{newest:?}");
    // Restored by itself.
    let head = bits(&device.read_head().expect("the newest version is restored"));
    let before = kept.acknowledged.take();
    let last = before.as_ref().map_or(0, |(version, _)| *version);
    match &before {
        Some((version, bits)) if newest.version == *version => assert!(head == *bits, "version {version}"),
        _ => {
            // A number may have been used up by what was cut.
            assert!(newest.version > last, "version {last} is gone: {newest:?}");
            // What the board had still to read when it was reset, it does afterwards: a save of what it restored.
            let restored = before.as_ref().is_some_and(|(_, bits)| *bits == head);
            assert!(restored || under_way.is_some_and(|bits| bits == head), "version {}", newest.version);
        }
    }
    // The one before, which no save has touched, can be gone back to.
    if let Some(older) = device.version(Some(newest.version)).expect("it answers") {
        device.restore(Some(older.version), None).expect("it is kept");
    }
    device.restore(None, None).expect("it is kept");
    assert!(bits(&device.read_head().expect("a head")) == head, "restored anew");
    kept.acknowledged = Some((newest.version, head));
}

/// Learns and saves until power fails.
fn work(
    device: &mut Client<Line>,
    board: &Board,
    random: &mut Random,
    kept: &mut Kept,
    cut: &Cut,
    longest: &mut Duration,
    acknowledged: &mut u32,
) -> LinkError {
    let mut saves = 0;
    let mut learn_and_save = || {
        if kept.acknowledged.is_none() || random.below(8) == 0 {
            device.begin(WAY)?;
        }
        for sample in 0.. {
            if usize::is_multiple_of(sample, SUPPORT) {
                device.clear_support()?;
            }
            device.feature(&random.floats(FEATURES))?;
            device.push_support(random.below(WAY.into()) as u16)?;
            device.step()?;
            let head = bits(&device.read_head()?);
            kept.under_way = Some(head.clone());
            if saves == cut.save {
                board.fail_in(longest.mul_f64(cut.share));
            }
            saves += 1;
            let start = Instant::now();
            let version = device.save(false)?.version;
            *longest = start.elapsed().max(*longest);
            kept.under_way = None;
            let before = kept.acknowledged.as_ref().map_or(0, |(version, _)| *version);
            assert!(version > before, "version {version} after {before}");
            kept.acknowledged = Some((version, head));
            *acknowledged += 1;
        }
        Ok(())
    };
    match learn_and_save() {
        Ok(()) => unreachable!("it never ends by itself"),
        Err(error) => error,
    }
}
