//! Every check and test, one after the other; the first failure ends it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::aarch64::{self, Aarch64Error};
use crate::bench::{DeviceError, check_device};
use crate::campaign::{Log, LogError};
use crate::command::run_lines;
use crate::firmware::{self, FirmwareError};
use crate::gates::{self, PanicError, StackError};
use crate::setup::{self, SetupError};
use crate::tally::Tally;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    /// Something is missing.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// An image did not build.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// Nothing for the emulated Linux board to run.
    #[error(transparent)]
    Aarch64(#[from] Aarch64Error),
    /// A panic is reachable.
    #[error(transparent)]
    Panic(#[from] PanicError),
    /// A stack is too deep.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A trunk or a head costs more than it did.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Cargo found something wrong.
    #[error("`cargo {command}` failed; {remedy}")]
    Cargo {
        /// The command and its arguments.
        command: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Cargo did not start.
    #[error("cargo did not run: {0}; install Rust from https://rustup.rs")]
    NoCargo(io::Error),
    /// The campaign's log could not be written.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A cargo command to run.
struct Cargo<'a> {
    folder: &'a str,
    arguments: &'a [&'a str],
    remedy: &'static str,
}

/// Features of builds for one pack, that they compile without warnings: a head on its own, a trunk in `i8` and a head in
/// `f32`, and kinds that the device bench does not build. All others are in its images.
const REDUCED: [&str; 3] = [
    "",
    "int8,convolution,rows,momentum,cache-int8",
    "float,pool,movement,element,hidden,numbers,prototypes",
];

const FORMAT: &str = "run `cargo fmt --all`; if rustfmt is missing, `rustup component add rustfmt`";
const FORMAT_FIRMWARE: &str = "run `cargo fmt --all` in firmware/";
const CLIPPY: &str = "correct what clippy names above; if clippy is missing, `rustup component add clippy`";
const BUILD: &str = "the compiler's messages above say why";
const TESTS: &str = "the failed tests are named above; repeat one with `cargo test --release -p CRATE NAME`";
const DOCUMENTATION: &str = "correct the documentation comments named above";

/// Runs everything; `full` adds the long campaigns. The closing line is `N passed, N failed, N skipped`.
///
/// A step that fails without a failed test counts as one failure, so that no failure ends with `0 failed`.
pub fn run(root: &Path, full: bool) -> ExitCode {
    let mut run = Run::new(root, full);
    let outcome = run.steps();
    let code = run.close(outcome);
    println!("{}", run.tally);
    code
}

struct Run<'a> {
    root: &'a Path,
    data: PathBuf,
    full: bool,
    log: Option<Log>,
    tally: Tally,
    times: Vec<(&'static str, Duration)>,
}

impl<'a> Run<'a> {
    fn new(root: &'a Path, full: bool) -> Self {
        let beside = || root.parent().unwrap_or(root).join("shared/data");
        let data = env::var_os("SUPPLE_DATA").map_or_else(beside, PathBuf::from);
        let data = absolute(&data).unwrap_or(data);
        Self { root, data, full, log: None, tally: Tally::default(), times: Vec::new() }
    }

    /// The steps in their order.
    ///
    /// Every cargo command on the workspace names all targets and one profile: with the same dependencies' features
    /// everywhere, tract is checked once (clippy, documentation) and compiled once (build, tests). A plain
    /// `cargo build --workspace` would leave out the tests' dependencies, and with them features of tract's.
    fn steps(&mut self) -> Result<(), StepError> {
        if self.full {
            self.log = Some(Log::start(self.root, &self.data)?);
        }
        let bare_metal = self.step("set-up", |run| Ok(setup::run(run.root)?))?;
        self.cargo_step("format", ".", &["fmt", "--all", "--check"], FORMAT)?;
        self.cargo_step("format of the firmware", "firmware", &["fmt", "--all", "--check"], FORMAT_FIRMWARE)?;
        let clippy = ["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
        self.cargo_step("clippy", ".", &clippy, CLIPPY)?;
        for features in REDUCED {
            let clippy =
                ["clippy", "--release", "--package", "supple-runtime", "--lib", "--no-default-features"];
            let clippy = [&clippy[..], &["--features", features, "--", "-D", "warnings"]].concat();
            self.cargo_step("clippy of a build for one pack", ".", &clippy, CLIPPY)?;
        }
        let app = ["--release", "--package", "supple-app", "--target-dir", "../target/firmware-host"];
        let clippy = [&["clippy", "--all-targets"], &app[..], &["--", "-D", "warnings"]].concat();
        self.cargo_step("clippy of the firmware", "firmware", &clippy, CLIPPY)?;
        self.step("firmware images", |run| {
            for board in firmware::boards() {
                let image = firmware::build(run.root, board, &bare_metal)?.image;
                eprintln!("{board}: {} bytes of code, {} bytes of static RAM", image.code, image.fixed_ram);
            }
            firmware::build_emulated_too(run.root, &bare_metal)?;
            firmware::build_kernels(run.root, &bare_metal)?;
            Ok(())
        })?;
        self.step("no panics", |run| Ok(gates::no_panics(run.root, &bare_metal)?))?;
        self.step("deepest stacks", |run| Ok(gates::stacks(run.root, &bare_metal)?))?;
        let tests = [&["test", "--no-fail-fast"], &app[..], &["--", "--show-output"]].concat();
        self.cargo_step("tests of the firmware", "firmware", &tests, TESTS)?;
        let build = ["build", "--release", "--workspace", "--all-targets"];
        self.cargo_step("build", ".", &build, BUILD)?;
        self.step("program for aarch64", |run| Ok(aarch64::build(run.root)?))?;
        self.step("cost on a device", |run| Ok(check_device(run.root)?))?;
        let tests = ["test", "--release", "--workspace", "--tests", "--no-fail-fast", "--", "--show-output"];
        self.cargo_step("tests", ".", &tests, TESTS)?;
        let tests = ["test", "--release", "--workspace", "--doc", "--no-fail-fast"];
        self.cargo_step("tests in the documentation", ".", &tests, TESTS)?;
        let doc = ["doc", "--release", "--workspace", "--no-deps", "--lib", "--bins", "--examples"];
        self.cargo_step("documentation", ".", &doc, DOCUMENTATION)
    }

    fn cargo_step(
        &mut self,
        name: &'static str,
        folder: &str,
        arguments: &[&str],
        remedy: &'static str,
    ) -> Result<(), StepError> {
        self.step(name, |run| run.cargo(&Cargo { folder, arguments, remedy }))
    }

    /// Runs a step, with its name before and its time behind.
    fn step<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Self) -> Result<T, StepError>,
    ) -> Result<T, StepError> {
        self.say(&format!("\n== {name}"));
        let start = Instant::now();
        let outcome = work(self);
        let time = start.elapsed();
        self.times.push((name, time));
        let verdict = if outcome.is_ok() { "done" } else { "FAILED" };
        self.say(&format!("== {name}: {verdict}, {:.1} s", time.as_secs_f64()));
        outcome
    }

    /// Runs cargo, shows what it says as it says it, and counts the tests in it.
    fn cargo(&mut self, cargo: &Cargo) -> Result<(), StepError> {
        let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(program);
        command.current_dir(self.root.join(cargo.folder)).args(cargo.arguments);
        command.env("SUPPLE_DATA", &self.data).env_remove("SUPPLE_FULL");
        if self.full {
            command.env("SUPPLE_FULL", "1");
        }
        if cargo.arguments.first() == Some(&"doc") {
            command.env("RUSTDOCFLAGS", "-D warnings");
        }
        let status = run_lines(&mut command, |line| {
            println!("{line}");
            self.tally.read(line);
            if let Some(log) = &mut self.log {
                log.line(line);
            }
        });
        if status.map_err(StepError::NoCargo)?.success() {
            return Ok(());
        }
        Err(StepError::Cargo { command: cargo.arguments.join(" "), remedy: cargo.remedy })
    }

    /// Says how it went; the closing line is still to come.
    fn close(&mut self, outcome: Result<(), StepError>) -> ExitCode {
        for reason in self.tally.reasons().to_vec() {
            self.say(&format!("skipped, no data: {reason}"));
        }
        for (name, time) in self.times.clone() {
            self.say(&format!("{:>8.1} s  {name}", time.as_secs_f64()));
        }
        let mut success = outcome.is_ok();
        if let Err(error) = outcome {
            let step = self.times.last().map_or("the campaign's log", |(name, _)| *name);
            self.say(&format!("error: step `{step}`: {error}"));
            if self.tally.failed() == 0 {
                self.tally.fail();
            }
        }
        if let Some(mut log) = self.log.take() {
            log.line(&self.tally.to_string());
            match log.finish() {
                Ok(path) => eprintln!("log: {}", path.display()),
                Err(error) => {
                    eprintln!("error: {error}");
                    success = false;
                }
            }
        }
        if success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn say(&mut self, line: &str) {
        eprintln!("{line}");
        if let Some(log) = &mut self.log {
            log.line(line);
        }
    }
}
