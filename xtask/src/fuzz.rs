//! Fuzzing: bytes from outside against the targets of `fuzz/`, on stable Rust. Seeds are made by the targets themselves.
//!
//! Inputs that were found to reach something new are kept in `target/fuzz/corpus/TARGET` and read again by the next run;
//! one that a target did not survive is left in `target/fuzz/artifacts`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::command::output_of;
use crate::setup;

/// What CI gives each target.
pub const CI: Limit = Limit::Seconds(30);
/// What the long campaign gives each target.
pub const CAMPAIGN: Limit = Limit::Runs(100_000_000);
/// So many at a time, unless told otherwise.
pub const JOBS: usize = 2;

/// An input that takes longer, in seconds, hangs.
const TIMEOUT: u32 = 10;
/// Where cargo builds the targets, and where what they find is kept.
const FOLDER: &str = "target/fuzz";
/// Targets make up their inputs field by field, so what is compared with what is no help to find others, and takes time. No
/// sanitizer: the code is safe, and those need a nightly compiler.
const BUILD: [&str; 6] = ["fuzz", "build", "--sanitizer", "none", "--no-trace-compares", "--fuzz-dir"];
/// Rare edges, and shorter inputs of the same effect, are not worth their price: others are tried meanwhile.
const FUZZER: [&str; 3] = ["-entropic=0", "-reduce_inputs=0", "-print_final_stats=1"];

/// A target and the longest input that is worth its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    name: &'static str,
    longest: u32,
}

/// All of them, as in `fuzz/Cargo.toml`.
const TARGETS: [Target; 6] = [
    Target { name: "pack", longest: 768 },
    Target { name: "link", longest: 512 },
    Target { name: "plan", longest: 256 },
    Target { name: "recipe", longest: 512 },
    Target { name: "store-image", longest: 512 },
    Target { name: "store-operations", longest: 96 },
];

/// When a target has had enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// After some time.
    Seconds(u64),
    /// After so many inputs.
    Runs(u64),
}

/// What to run.
#[derive(clap::Args)]
pub struct Fuzz {
    /// One target; all by default.
    #[arg(long, value_parser = TARGETS.map(|target| target.name))]
    target: Option<String>,
    /// How long each target runs; 30 by default.
    #[arg(long, conflicts_with = "runs", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// How many inputs each target is given, instead.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// How many targets run at a time.
    #[arg(long, default_value_t = JOBS as u64, value_parser = clap::value_parser!(u64).range(1..=64))]
    jobs: u64,
}

/// Why fuzzing failed, or what it found.
#[derive(Debug, thiserror::Error)]
pub enum FuzzError {
    /// The tool is missing and could not be installed.
    #[error(
        "cargo-fuzz is missing: run `cargo install cargo-fuzz --locked` on a machine that reaches crates.io"
    )]
    NoTool,
    /// libFuzzer is C++.
    #[error("no C++ compiler: run `{}` as root (Debian, Ubuntu)", setup::apt_command(&["g++"]))]
    NoCompiler,
    /// The targets did not build.
    #[error("the fuzz targets did not build: the compiler's messages above say why")]
    Build,
    /// The compiler does not say for which machine it builds.
    #[error("`rustc -vV` names no host: install Rust from https://rustup.rs")]
    NoHost,
    /// A folder or log that cannot be used.
    #[error("{}: {source}; check the folder's rights and the room on the disk", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A target met an input that it did not survive.
    #[error(
        "{}: see the end of {}; the input is in {FOLDER}/artifacts, and `{FOLDER}/HOST/release/TARGET FILE` repeats it",
        found.join(", "),
        log.display()
    )]
    Found {
        /// The targets.
        found: Vec<&'static str>,
        /// The first one's log.
        log: PathBuf,
    },
}

impl Fuzz {
    /// Builds and runs the targets asked for, and prints a line for each.
    pub fn run(&self, root: &Path) -> Result<(), FuzzError> {
        let limit = match (self.runs, self.seconds) {
            (Some(runs), _) => Limit::Runs(runs),
            (None, Some(seconds)) => Limit::Seconds(seconds),
            (None, None) => CI,
        };
        let wanted = |target: &&Target| self.target.as_ref().is_none_or(|name| name == target.name);
        let targets: Vec<_> = TARGETS.iter().filter(wanted).copied().collect();
        run(root, &targets, limit, self.jobs as usize, &mut |line| println!("{line}"))
    }
}

/// Runs every target, some at a time, and hands a line for each to `say`.
pub fn run_all(root: &Path, limit: Limit, say: &mut dyn FnMut(&str)) -> Result<(), FuzzError> {
    run(root, &TARGETS, limit, JOBS, say)
}

/// Finds or installs cargo-fuzz, and the compiler for libFuzzer.
pub fn tool() -> Result<(), FuzzError> {
    if !setup::has_program("c++", &["g++"]) {
        return Err(FuzzError::NoCompiler);
    }
    let version = || output_of("cargo", &["fuzz", "--version"]);
    let found = version().or_else(|| {
        eprintln!("installing: cargo install cargo-fuzz --locked");
        let mut install = Command::new("cargo");
        install.args(["install", "cargo-fuzz", "--locked"]).stdout(io::stderr());
        if install.status().is_ok_and(|status| status.success()) { version() } else { None }
    });
    eprintln!("{}", found.ok_or(FuzzError::NoTool)?);
    Ok(())
}

fn run(
    root: &Path,
    targets: &[Target],
    limit: Limit,
    jobs: usize,
    say: &mut dyn FnMut(&str),
) -> Result<(), FuzzError> {
    tool()?;
    let folder = root.join(FOLDER);
    let mut build = Command::new("cargo");
    build.current_dir(root).args(BUILD).arg("fuzz").arg("--target-dir").arg(&folder);
    if let [target] = targets {
        build.arg(target.name);
    }
    let built = build.stdin(Stdio::null()).stdout(io::stderr()).status();
    if !built.is_ok_and(|status| status.success()) {
        return Err(FuzzError::Build);
    }
    let programs = folder.join(host().ok_or(FuzzError::NoHost)?).join("release");
    let mut found = Vec::new();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, reports) = mpsc::channel();
        for _ in 0..jobs {
            let (sender, next, folder, programs) = (sender.clone(), &next, &folder, &programs);
            scope.spawn(move || {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // Nobody listens any more after an error.
                    let _ = sender.send((target.name, one(*target, limit, folder, programs)));
                }
            });
        }
        drop(sender);
        for (name, report) in reports {
            let report = report?;
            say(&report.line);
            if !report.survived {
                found.push(name);
            }
        }
        Ok(())
    })?;
    match found.first() {
        None => Ok(()),
        Some(first) => Err(FuzzError::Found { log: log_of(&folder, first), found }),
    }
}

/// What became of a target.
struct Report {
    survived: bool,
    line: String,
}

/// Runs one target; all that it says goes to its log.
fn one(target: Target, limit: Limit, folder: &Path, programs: &Path) -> Result<Report, FuzzError> {
    let corpus = folder.join("corpus").join(target.name);
    let artifacts = folder.join("artifacts");
    let log = log_of(folder, target.name);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| FuzzError::Io { path, source }
    };
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    let output = fs::File::create(&log).map_err(failed(&log))?;
    let program = programs.join(target.name);
    let mut fuzzer = Command::new(&program);
    fuzzer.arg(&corpus).args(FUZZER).arg(format!("-max_len={}", target.longest));
    fuzzer.arg(format!("-timeout={TIMEOUT}")).arg(match limit {
        Limit::Seconds(seconds) => format!("-max_total_time={seconds}"),
        Limit::Runs(runs) => format!("-runs={runs}"),
    });
    fuzzer.arg(format!("-artifact_prefix={}/{}-", artifacts.display(), target.name));
    fuzzer.env("SUPPLE_SEEDS", &corpus).stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = fuzzer.stderr(output).status().map_err(failed(&program))?;
    let text = fs::read(&log).map_err(failed(&log))?;
    let inputs = inputs(&String::from_utf8_lossy(&text));
    let seconds = start.elapsed().as_secs_f64();
    let rate = inputs as f64 / seconds.max(1e-3);
    let verdict = if status.success() { "no panic, no hang" } else { "FOUND SOMETHING" };
    let name = target.name;
    let line = format!("fuzz {name}: {inputs} inputs in {seconds:.0} s, {rate:.0} a second: {verdict}");
    Ok(Report { survived: status.success(), line })
}

fn log_of(folder: &Path, target: &str) -> PathBuf {
    folder.join(format!("{target}.log"))
}

/// How many inputs a fuzzer says that it has tried.
fn inputs(text: &str) -> u64 {
    let count = |line: &str| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok();
    text.lines().rev().find_map(count).unwrap_or(0)
}

/// The machine that is built for.
fn host() -> Option<String> {
    let version = output_of("rustc", &["-vV"])?;
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzer_s_count_is_read() {
        let text = "#7\tDONE\nDone 7 runs in 1 second(s)\nstat::number_of_executed_units: 70\nstat::peak_rss_mb: 28\n";
        assert_eq!((inputs(text), inputs("==1== ERROR")), (70, 0));
    }

    #[test]
    fn every_target_is_listed_as_cargo_knows_it() {
        let manifest = fs::read_to_string(crate::root().join("fuzz/Cargo.toml")).expect("a manifest");
        let binaries: Vec<_> = manifest
            .lines()
            .skip_while(|line| *line != "[[bin]]")
            .filter_map(|line| line.strip_prefix("name = "))
            .map(|name| name.trim_matches('"'))
            .collect();
        assert_eq!(binaries, TARGETS.map(|target| target.name));
    }

    #[test]
    fn a_missing_tool_is_named_with_its_command() {
        assert!(FuzzError::NoTool.to_string().contains("cargo install cargo-fuzz --locked"));
    }
}
