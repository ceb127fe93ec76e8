//! The processor's time, and which processors.

use std::time::{Duration, Instant};

use crate::cases::Case;

/// Iterations before the clock starts: pages are touched and caches filled by then. They count as training.
pub const WARM_UP: u64 = 4;
/// Between two looks at the clock.
const SLICE: Duration = Duration::from_millis(20);
/// Iterations between two looks at most.
const MOST_AT_ONCE: u64 = 1 << 16;

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    /// Outer iterations, those of the warm-up left out.
    pub iterations: u64,
    /// Time on the wall.
    pub wall: Duration,
    /// Time of all threads on processors, where the system tells.
    pub processor: Option<Duration>,
}

/// A time limit as it is written on the command line, in seconds.
pub fn positive(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0 && *seconds < 1e9);
    seconds.ok_or_else(|| "give a number above 0".to_owned())
}

/// Iterates until either limit is reached.
pub fn measure(case: &mut dyn Case, iterations: Option<u64>, limit: Option<Duration>) -> Measurement {
    case.iterate(WARM_UP as usize);
    let (start, processor_start) = (Instant::now(), processor_time());
    let (mut done, mut count) = (0, 1);
    loop {
        let left = iterations.map_or(u64::MAX, |iterations| iterations - done);
        let wall = start.elapsed();
        if left == 0 || limit.is_some_and(|limit| wall >= limit) {
            let processor = processor_start.zip(processor_time()).map(|(start, end)| end - start);
            return Measurement { iterations: done, wall, processor };
        }
        let now = left.min(count);
        case.iterate(now as usize);
        done += now;
        if start.elapsed() - wall < SLICE {
            count = (2 * count).min(MOST_AT_ONCE);
        }
    }
}

/// What this process has had of all processors.
#[cfg(unix)]
fn processor_time() -> Option<Duration> {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).ok().map(Duration::from)
}

/// Not told.
#[cfg(not(unix))]
fn processor_time() -> Option<Duration> {
    None
}

/// Keeps this thread, and those that it starts, on the first `threads` processors of those allowed.
#[cfg(target_os = "linux")]
pub fn pin(threads: usize) -> Result<(), String> {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    let this_thread = Pid::from_raw(0);
    let pin = || {
        let allowed = sched_getaffinity(this_thread)?;
        let mut wanted = CpuSet::new();
        let every = (0..CpuSet::count()).filter(|processor| allowed.is_set(*processor).unwrap_or(false));
        for processor in every.take(threads) {
            wanted.set(processor)?;
        }
        sched_setaffinity(this_thread, &wanted)
    };
    pin().map_err(|error: nix::Error| error.to_string())
}

/// Systems without a way to pin leave the threads where they like.
#[cfg(not(target_os = "linux"))]
pub fn pin(_threads: usize) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counter {
        calls: Vec<usize>,
    }

    impl Case for Counter {
        fn iterate(&mut self, count: usize) {
            self.calls.push(count);
        }

        fn final_metric(&mut self) -> (f64, &'static str) {
            (0.0, "none")
        }
    }

    #[test]
    fn a_number_of_iterations_is_kept_to_the_last() {
        let mut counter = Counter::default();
        let measurement = measure(&mut counter, Some(1000), None);
        assert_eq!(measurement.iterations, 1000);
        assert_eq!(counter.calls.iter().sum::<usize>(), 1000 + WARM_UP as usize);
    }

    #[test]
    fn time_ends_it_as_well() {
        let mut counter = Counter::default();
        let measurement = measure(&mut counter, None, Some(Duration::from_millis(30)));
        assert!(measurement.iterations > 0 && measurement.wall >= Duration::from_millis(30));
        if let Some(processor) = measurement.processor {
            assert!(processor > Duration::ZERO);
        }
    }
}
