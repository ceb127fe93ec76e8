//! Mutations of sound models, some thousands at a time, a million in the long campaign.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use supple_trunk::isolated::{IsolatedError, Session};
use supple_trunk::{CompileError, CompileOptions, FrontError, compile};

use crate::common::drawing;
use crate::{LIMITS, mutate, quiet, seeds, worker};

/// Models of one process, after which another is started: what a long life does to its memory is not the models'
/// fault.
const LIFE: usize = 20_000;

fn options() -> CompileOptions {
    CompileOptions { inputs: 1, ..CompileOptions::default() }
}

/// A mutation of one of the seeds.
fn mutation(seeds: &[Vec<u8>], next: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let seed = &seeds[next(seeds.len())];
    if next(4) == 0 { mutate::bytes(seed, next) } else { mutate::structure(seed, next) }
}

/// What became of models.
#[derive(Debug, Clone, Default)]
struct Tally {
    accepted: u64,
    refused: u64,
    /// Refused because a panic of tract's was caught.
    faults: u64,
    timed_out: u64,
    out_of_memory: u64,
    died: u64,
    longest: Duration,
    most_memory: u64,
    /// One example of each way to die.
    examples: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.faults += other.faults;
        self.timed_out += other.timed_out;
        self.out_of_memory += other.out_of_memory;
        self.died += other.died;
        self.longest = self.longest.max(other.longest);
        self.most_memory = self.most_memory.max(other.most_memory);
        self.examples.extend(other.examples);
    }

    fn total(&self) -> u64 {
        self.accepted + self.refused + self.faults + self.timed_out + self.out_of_memory + self.died
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{} models: {} accepted, {} refused, {} faults of tract caught, {} timed out, {} out of memory, {} crashed; longest {} ms, most memory {} MB",
            self.total(),
            self.accepted,
            self.refused,
            self.faults,
            self.timed_out,
            self.out_of_memory,
            self.died,
            self.longest.as_millis(),
            self.most_memory / 1_000_000
        )?;
        for (how, seed) in &self.examples {
            write!(f, "\n  {how}, first at seed {seed}")?;
        }
        Ok(())
    }
}

/// Every model has a seed of its own, so that each can be made again.
fn seeded(seed: u64) -> impl FnMut(usize) -> usize {
    // Splitmix: neighbouring seeds must not give neighbouring draws.
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    drawing((mixed ^ (mixed >> 31)) | 1)
}

/// Sends models with the seeds `from..to` to a worker.
fn isolated(from: u64, to: u64) -> Tally {
    let (seeds, options) = (seeds::all(), options());
    let mut session = Session::new(worker());
    let mut tally = Tally::default();
    for seed in from..to {
        if (seed - from) as usize % LIFE == LIFE - 1 {
            session.restart();
        }
        let model = mutation(&seeds, &mut seeded(seed));
        let start = Instant::now();
        let outcome = session.compile(&model, &options);
        tally.longest = tally.longest.max(start.elapsed());
        let mut remember = |how: String| {
            tally.examples.entry(how).or_insert(seed);
        };
        match outcome {
            Ok(_) => tally.accepted += 1,
            Err(IsolatedError::Refused(refused)) => {
                assert!(!refused.message.is_empty());
                assert!(
                    !refused.message.contains("compiler has a fault"),
                    "seed {seed}: {}",
                    refused.message
                );
                if refused.fault { tally.faults += 1 } else { tally.refused += 1 }
            }
            Err(error @ IsolatedError::TimeOut(_)) => {
                remember(error.to_string());
                tally.timed_out += 1;
            }
            Err(error @ IsolatedError::Memory(_)) => {
                remember(error.to_string());
                tally.out_of_memory += 1;
            }
            Err(error @ IsolatedError::Died { .. }) => {
                remember(error.to_string());
                tally.died += 1;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
        tally.most_memory = tally.most_memory.max(session.usage().peak_bytes);
    }
    tally
}

/// The same on several threads, with the rate.
fn campaign(from: u64, count: u64, threads: u64) -> Tally {
    let start = Instant::now();
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let share = count.div_ceil(threads);
        let running: Vec<_> = (0..threads)
            .map(|index| {
                let first = from + index * share;
                scope.spawn(move || isolated(first, (first + share).min(from + count)))
            })
            .collect();
        for thread in running {
            match thread.join() {
                Ok(part) => tally.add(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{tally}\n{seconds:.1} s, {:.0} models a second on {threads} thread(s)", count as f64 / seconds);
    tally
}

#[test]
fn seeds_are_sound_models() {
    // Those that plans cannot express yet must fail for that alone.
    for seed in seeds::all() {
        match compile(&seed, &options()) {
            Ok(_) | Err(CompileError::Unsupported(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// In this process, where no start of a process takes time.
#[test]
fn mutations_give_an_error_or_a_checked_plan() {
    quiet();
    let (seeds, options) = (seeds::all(), options());
    let mut tally = Tally::default();
    for seed in 0..4_000 {
        let start = Instant::now();
        match compile(&mutation(&seeds, &mut seeded(seed)), &options) {
            Ok(_) => tally.accepted += 1,
            Err(CompileError::Front(FrontError::Panic { .. })) => tally.faults += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                tally.refused += 1;
            }
        }
        tally.longest = tally.longest.max(start.elapsed());
    }
    println!("{tally}");
    assert!(tally.accepted > 100 && tally.refused > 2_000, "{tally}");
    assert!(tally.longest < Duration::from_secs(LIMITS.seconds), "{tally}");
}

#[test]
fn mutations_are_contained_by_the_worker() {
    let tally = campaign(1_000_000, 400, 1);
    assert!(tally.accepted > 10 && tally.refused > 200, "{tally}");
    assert_eq!(tally.timed_out + tally.out_of_memory + tally.died, 0, "{tally}");
}

/// A million, where the long campaigns run.
#[test]
fn a_million_mutations_are_contained_by_the_worker() {
    if env::var_os("SUPPLE_FULL").is_none_or(|value| value != "1") {
        return;
    }
    let count = env::var("SUPPLE_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let tally = campaign(10_000_000, count, threads);
    // What a worker contains is contained: it is told above, and must stay rare.
    assert!(tally.timed_out + tally.out_of_memory + tally.died <= count / 10_000, "{tally}");
    assert!(tally.longest < Duration::from_secs(2 * LIMITS.seconds + 2), "{tally}");
}
