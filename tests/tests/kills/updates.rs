//! Packs are sent, tried, confirmed or not, while power fails.

use std::time::{Duration, Instant};

use supple_link::TrialOutcome;
use supple_link::host::{Client, LinkError};

use super::packs::{FEATURES, PACKS, Random, WAY};
use super::power::{Board, Line};
use super::report;

/// The steps of an update.
const STEPS: [&str; 4] = ["sending", "checking", "starting", "confirming"];

/// What may run after a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Runs {
    pack: usize,
    trial: bool,
}

/// What is known of the device.
struct Known {
    /// One of these runs after the next start, whenever that comes.
    allowed: Vec<Runs>,
    /// The pack that was being sent, and bytes that were acknowledged.
    sent: Option<(usize, u32)>,
    /// How long each step takes.
    longest: [Duration; STEPS.len()],
    /// The saved head, which stays with its trunk whatever pack runs.
    head: Vec<u32>,
    /// The most bytes of it that checking a pack took.
    stack: u32,
    resumed: u32,
    confirmed: u32,
    rolled_back: u32,
}

/// When power fails.
struct Cut {
    step: usize,
    /// As a share of the time that the step takes.
    share: f64,
}

/// Puts the first pack on a board that has none.
pub fn install_first(board: &mut Board) {
    let mut device = board.power_up();
    if device.info().expect("it answers").pack.is_ok() {
        return;
    }
    device.send_pack(&board.packs.signed[0], |_, _| {}).expect("a pack");
    device.pack_finish().expect("it is sound");
    device.restart().expect("it answers");
    device.confirm().expect("it is on trial");
}

pub fn run(test: &str, board: &mut Board, cuts: u32, mut random: Random) {
    let started = Instant::now();
    install_first(board);
    let mut device = board.power_up();
    device.begin(WAY).expect("classes");
    device.feature(&random.floats(FEATURES)).expect("a feature");
    device.push_support(0).expect("room");
    device.step().expect("support");
    device.save(false).expect("flash");
    let head = bits(&mut device).expect("a head");
    let mut known = Known {
        allowed: vec![Runs { pack: 0, trial: false }],
        sent: None,
        longest: [Duration::ZERO; STEPS.len()],
        head,
        stack: 0,
        resumed: 0,
        confirmed: 0,
        rolled_back: 0,
    };
    drop(device);
    let mut hit = [0; STEPS.len()];
    // The first without a cut, to learn how long its steps take.
    update(&mut board.power_up(), board, &mut known, &mut random, None).expect("power");
    for _ in 0..cuts {
        let mut device = board.power_up();
        let allowed = known.allowed.clone();
        let runs = observe(&mut device, board, &mut known, &allowed).expect("power");
        known.allowed = vec![runs];
        // A trial that is cut short goes back; one in four is not confirmed at all.
        let cut = Cut { step: random.below(STEPS.len() as u32) as usize, share: random.share() * 1.1 };
        hit[cut.step] += 1;
        let error = loop {
            match update(&mut device, board, &mut known, &mut random, Some(&cut)) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert!(board.is_off(), "{error}");
    }
    let allowed = known.allowed.clone();
    observe(&mut board.power_up(), board, &mut known, &allowed).expect("power");
    let mut counts = vec![("cuts", cuts)];
    counts.extend(STEPS.into_iter().zip(hit));
    counts.extend([
        ("transfers taken up again", known.resumed),
        ("packs confirmed", known.confirmed),
        ("packs rolled back", known.rolled_back),
        ("bytes of stack", known.stack),
    ]);
    report(test, started, &counts);
}

fn bits(device: &mut Client<Line>) -> Result<Vec<u32>, LinkError> {
    Ok(device.read_head()?.iter().map(|value| value.to_bits()).collect())
}

/// What runs must be allowed, whole, and with the head that was saved.
fn observe(
    device: &mut Client<Line>,
    board: &Board,
    known: &mut Known,
    allowed: &[Runs],
) -> Result<Runs, LinkError> {
    let facts = device.info()?.pack.expect("a whole pack runs");
    let state = device.packs()?;
    let pack = board.packs.with_checksum(facts.checksum).expect("one of those sent");
    let runs = Runs { pack, trial: state.trial };
    assert!(allowed.contains(&runs), "{runs:?} is none of {allowed:?}: {state:?}");
    assert!(!state.waiting, "a start has taken what waited: {state:?}");
    assert!(bits(device)? == known.head, "the saved head is another with pack {pack}");
    known.rolled_back +=
        u32::from(allowed.len() > 1 && !runs.trial && state.last == TrialOutcome::RolledBack);
    Ok(runs)
}

/// One update: what is on trial is confirmed, else the next pack is sent, tried and confirmed.
fn update(
    device: &mut Client<Line>,
    board: &Board,
    known: &mut Known,
    random: &mut Random,
    cut: Option<&Cut>,
) -> Result<(), LinkError> {
    let [runs] = known.allowed[..] else { unreachable!("it was observed") };
    let fail_in = |step: usize, longest: &[Duration]| {
        if let Some(cut) = cut.filter(|cut| cut.step == step) {
            board.fail_in(longest[step].mul_f64(cut.share));
        }
    };
    let trial = if runs.trial {
        runs
    } else {
        let next = (runs.pack + 1) % PACKS;
        send(device, board, known, next, &fail_in)?;
        let trial = Runs { pack: next, trial: true };
        fail_in(1, &known.longest);
        known.allowed = vec![runs, trial];
        timed(&mut known.longest[1], || device.pack_finish())?;
        known.allowed = vec![trial];
        known.sent = None;
        known.stack = device.stack_high_water()?.max(known.stack);
        fail_in(2, &known.longest);
        // The start that the cut makes may come after the one asked for, and ends the trial.
        known.allowed = vec![trial, runs];
        timed(&mut known.longest[2], || device.restart())?;
        known.allowed = vec![runs];
        observe(device, board, known, &[trial])?;
        trial
    };
    let before = if runs.trial { Runs { pack: (runs.pack + PACKS - 1) % PACKS, trial: false } } else { runs };
    if cut.is_some() && random.below(4) == 0 {
        // Not confirmed: the next start goes back.
        known.allowed = vec![before];
        device.restart()?;
        observe(device, board, known, &[before])?;
        known.rolled_back += 1;
        return Ok(());
    }
    let after = Runs { trial: false, ..trial };
    known.allowed = vec![before, after];
    fail_in(3, &known.longest);
    timed(&mut known.longest[3], || device.confirm())?;
    known.allowed = vec![after];
    known.confirmed += 1;
    Ok(())
}

/// Sends a pack; where it was being sent before, only what is missing.
fn send(
    device: &mut Client<Line>,
    board: &Board,
    known: &mut Known,
    next: usize,
    fail_in: &impl Fn(usize, &[Duration]),
) -> Result<(), LinkError> {
    let pack = &board.packs.signed[next];
    let unit = device.packs()?.unit;
    // The last unit is always sent.
    let most = (pack.len() as u32 - 1) / unit * unit;
    let there =
        known.sent.take().filter(|(pack, _)| *pack == next).map_or(0, |(_, bytes)| bytes / unit * unit);
    let mut acknowledged = there;
    fail_in(0, &known.longest);
    let start = Instant::now();
    let sent = device.send_pack(pack, |bytes, _| acknowledged = bytes);
    known.sent = Some((next, acknowledged));
    let sent = sent?;
    assert!(sent.there >= there.min(most), "{} of {there} bytes are there", sent.there);
    known.resumed += u32::from(sent.there > 0);
    if sent.there == 0 {
        known.longest[0] = start.elapsed().max(known.longest[0]);
    }
    Ok(())
}

/// Does something and remembers the longest time that it took.
fn timed<R>(longest: &mut Duration, act: impl FnOnce() -> Result<R, LinkError>) -> Result<R, LinkError> {
    let start = Instant::now();
    let result = act()?;
    *longest = start.elapsed().max(*longest);
    Ok(result)
}
