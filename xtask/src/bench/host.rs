//! `cargo xtask bench host`: meta-training, ours and others', case by case.

use std::env;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::peers::{self, CASES, PEERS, PLAN, Place};
use super::report::{self, Measured, SUPPLE};

/// Time for each program and case, unless a number of iterations is given.
const SECONDS: f64 = 10.0;

/// The command line's part for this.
#[derive(clap::Args)]
pub struct Arguments {
    /// Other programs as well, with the python named in PEERS_PYTHON (docs/benchmarks.md).
    #[arg(long)]
    pub peers: bool,
    /// Only these of the other programs; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(peers::names()))]
    pub peer: Vec<String>,
    /// Only these cases; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(CASES))]
    pub case: Vec<String>,
    /// Time limit for each program and case; 10 if there is no limit of iterations either.
    #[arg(long, value_parser = positive)]
    pub seconds: Option<f64>,
    /// Outer iterations for each program and case: equal work, so that the figures can be compared.
    #[arg(long)]
    pub iterations: Option<u64>,
    /// Threads, each on a processor of its own.
    #[arg(long, default_value = "1")]
    pub threads: NonZero<usize>,
    /// A list of objects instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    /// The time limit, if there is one.
    pub fn limit(&self) -> Option<f64> {
        self.seconds.or(self.iterations.is_none().then_some(SECONDS))
    }
}

/// Not so large that a duration could not hold it.
fn positive(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0 && *seconds < 1e9);
    seconds.ok_or_else(|| "give a number above 0".to_owned())
}

/// Why there are no results, or not all.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// No python.
    #[error(
        "set PEERS_PYTHON to the python that has the other programs; docs/benchmarks.md says how to set it up"
    )]
    NoPython,
    /// No scripts.
    #[error("{} has no common.py: set SUPPLE_PEERS to the folder of the other programs' scripts", .0.display())]
    NoPeers(PathBuf),
    /// Cargo did not start.
    #[error("starting cargo failed: {0}; install Rust from https://rustup.rs")]
    NoCargo(io::Error),
    /// Cargo said why.
    #[error("supple-bench did not build; cargo's messages above say why")]
    DoesNotBuild,
    /// Some runs failed.
    #[error("{failed} of {runs} runs failed, as told above; the results are of the others")]
    Failed {
        /// Runs without a result.
        failed: usize,
        /// All runs.
        runs: usize,
    },
}

/// Measures and prints.
pub fn run(root: &Path, arguments: &Arguments) -> Result<(), HostError> {
    let with_peers = arguments.peers || !arguments.peer.is_empty();
    let place = if with_peers { Some(Place::find(root)?) } else { None };
    build(root)?;
    let (mut results, mut failed, mut runs) = (Vec::new(), 0, 0);
    let mut note = |case: &str, program: &str, outcome: Result<Measured, String>| {
        runs += 1;
        match outcome {
            Ok(result) => {
                let speed = result.iterations_per_cpu_second.unwrap_or(f64::NAN);
                eprintln!("{case}, {program}: {speed:.2} iterations per CPU second");
                results.push(result);
            }
            Err(error) => {
                eprintln!("{case}, {program}: {error}");
                failed += 1;
            }
        }
    };
    let wanted = |case: &&str| arguments.case.is_empty() || arguments.case.iter().any(|name| name == case);
    for case in CASES.into_iter().filter(wanted) {
        match ours(root, case, arguments) {
            Ok(all) => all.into_iter().for_each(|one| note(case, &one.program.clone(), Ok(one))),
            Err(error) => note(case, SUPPLE, Err(error)),
        }
        let Some(place) = &place else { continue };
        for peer in PEERS.iter().filter(|peer| peer.takes_part(case, &arguments.peer)) {
            note(case, peer.name, place.measure(peer, case, arguments));
        }
    }
    if arguments.json {
        println!("{:#}", report::json(&results));
    } else {
        print!("{}", report::table(&results));
    }
    if failed == 0 { Ok(()) } else { Err(HostError::Failed { failed, runs }) }
}

fn build(root: &Path) -> Result<(), HostError> {
    let mut cargo = super::cargo_build(root, &["supple-bench", "supple-bench-plan"]);
    let status = cargo.status().map_err(HostError::NoCargo)?;
    if status.success() { Ok(()) } else { Err(HostError::DoesNotBuild) }
}

/// Measures ours on one case, and what it measures beside itself.
fn ours(root: &Path, case: &str, arguments: &Arguments) -> Result<Vec<Measured>, String> {
    let name = if case == PLAN { "supple-bench-plan" } else { "supple-bench" };
    let program = format!("{name}{}", env::consts::EXE_SUFFIX);
    let mut command = Command::new(root.join("target/release").join(program));
    command.current_dir(root);
    if case != PLAN {
        command.args(["--case", case, "--threads", &arguments.threads.to_string()]);
    }
    if let Some(iterations) = arguments.iterations {
        command.args(["--iterations", &iterations.to_string()]);
    }
    if let Some(seconds) = arguments.limit() {
        command.args(["--seconds", &seconds.to_string()]);
    }
    let line = peers::last_line(&mut command)?;
    let measured = |program: &str, line: &Value| {
        let number = |key: &str| line.get(key).and_then(Value::as_f64);
        Measured {
            case: case.to_owned(),
            program: program.to_owned(),
            threads: if case == PLAN { 1 } else { arguments.threads.get() },
            iterations_per_cpu_second: number("iterations_per_cpu_second"),
            iterations_per_second: number("iterations_per_second"),
            iterations: line.get("iterations").and_then(Value::as_u64),
            final_metric: number("final_metric"),
            metric: line.get("metric").and_then(Value::as_str).unwrap_or("").to_owned(),
        }
    };
    let mut all = vec![measured(SUPPLE, &line)];
    all.extend(line.get("beside").map(|beside| measured("tract", beside)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Whole {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parsed(line: &str) -> Arguments {
        Whole::try_parse_from(line.split(' ')).expect("a right line").arguments
    }

    #[test]
    fn there_is_a_time_limit_unless_the_work_is_limited() {
        assert_eq!(parsed("bench").limit(), Some(SECONDS));
        assert_eq!(parsed("bench --iterations 100").limit(), None);
        assert_eq!(parsed("bench --iterations 100 --seconds 2").limit(), Some(2.0));
    }

    #[test]
    fn wrong_names_and_times_are_refused() {
        for line in ["bench --case sine", "bench --peer jaxx", "bench --seconds 0", "bench --threads 0"] {
            assert!(Whole::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
