//! The main job on built-in data: train, pack, evaluate, adapt on an emulated board.

mod figures;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::figures::{Figures, Printed};
use crate::firmware::{self, FirmwareError};
use crate::setup::{self, SetupError};

/// Where everything goes; a fresh run starts by deleting it.
const FOLDER: &str = "target/demo";
const RECIPE: &str = "models/glyphs/recipe.toml";
const TRAINING: &str = "target/demo/training";
const PACK: &str = "target/demo/glyphs.supple";
const PAGE: &str = "target/demo/index.html";
const FIGURES: &str = "target/demo/demo.json";
/// Steps that are announced.
const STEPS: usize = 7;

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Something is missing.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No firmware.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// A file or a folder.
    #[error("{what} failed: {source}; check the folder's rights and the space on the disk")]
    File {
        /// What was tried.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A program did not start.
    #[error("starting `{command}` failed: {source}")]
    Start {
        /// The command line.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("`{command}` ended with {status}; its messages above say why, and it can be run alone")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A program printed something else.
    #[error("`{command}` should have printed JSON with a number at {key}, but printed: {printed}")]
    Output {
        /// The command line.
        command: String,
        /// A JSON pointer.
        key: &'static str,
        /// What it printed.
        printed: String,
    },
    /// Adaptation did not help.
    #[error(
        "accuracy after adaptation ({after:.4}) is not above that before ({before:.4}): look at {TRAINING}"
    )]
    NotBetter {
        /// Mean accuracy at step 0.
        before: f64,
        /// Mean accuracy at the last step.
        after: f64,
    },
    /// Host and device differ.
    #[error(
        "only {equal} of {episodes} episodes on the emulated board were bit for bit the host's: \
         run `cargo xtask test`, whose kernel tests find where they part"
    )]
    NotEqual {
        /// Episodes that agreed.
        equal: u64,
        /// Episodes run.
        episodes: u64,
    },
}

/// Runs everything afresh and writes the page and the figures.
pub fn run(root: &Path) -> Result<(), DemoError> {
    let mut steps = Steps::default();
    let bare_metal = steps.take("set-up", || Ok(setup::run(root)?))?;
    let board = firmware::DEFAULT_BOARD;
    let built = steps.take("firmware", || Ok(firmware::build(root, board, &bare_metal)?))?;
    steps.take("build supple", || build(root))?;

    let folder = root.join(FOLDER);
    if folder.exists() {
        let failed = |source| DemoError::File { what: format!("deleting {}", folder.display()), source };
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    let failed = |source| DemoError::File { what: format!("creating {}", folder.display()), source };
    fs::create_dir_all(&folder).map_err(failed)?;

    let start = Instant::now();
    let firmware = built.path.strip_prefix(root).unwrap_or(&built.path).to_string_lossy().into_owned();
    let task = "--data glyphs --split validation --way 5 --shot 1";
    let train = format!("train {RECIPE} --out {TRAINING} --json");
    let pack = format!("pack {TRAINING} -o {PACK} --json");
    let twin = format!("eval {PACK} {task} --episodes 600 --seed 1 --on twin --json");
    let qemu = format!(
        "eval {PACK} {task} --queries 3 --episodes 10 --seed 1 --on qemu --board {board} --firmware {firmware} \
         --report {PAGE} --json"
    );
    steps.take("train", || supple(root, &train))?;
    let training_seconds = start.elapsed().as_secs_f64();
    steps.take("pack", || supple(root, &pack))?;
    let twin = steps.take("evaluate on the host", || supple(root, &twin))?;
    let qemu = steps.take("adapt on the emulated board", || supple(root, &qemu))?;
    let seconds = start.elapsed().as_secs_f64();

    let figures = Figures::from(&twin, &qemu)?;
    figures.check()?;
    figures::write(&root.join(FIGURES), &figures.json(training_seconds, seconds))?;
    print!("{}", figures.summary(board, seconds));
    Ok(())
}

/// Announces steps and measures them.
#[derive(Default)]
struct Steps {
    taken: usize,
}

impl Steps {
    fn take<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T, DemoError>) -> Result<T, DemoError> {
        self.taken += 1;
        println!("[{}/{STEPS}] {name} …", self.taken);
        let start = Instant::now();
        let outcome = step()?;
        println!("[{}/{STEPS}] {name}: {}", self.taken, seconds_of(start.elapsed()));
        Ok(outcome)
    }
}

fn seconds_of(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn build(root: &Path) -> Result<(), DemoError> {
    let command = "cargo build --release -p supple-cli";
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.args(command.split(' ').skip(1)).arg("--target-dir").arg(root.join("target")).current_dir(root);
    // Standard output is for results.
    let status = cargo.stdout(io::stderr()).status();
    let status = status.map_err(|source| DemoError::Start { command: command.to_owned(), source })?;
    if status.success() { Ok(()) } else { Err(DemoError::Command { command: command.to_owned(), status }) }
}

/// Runs the `supple` that was built. None of the arguments holds a space.
fn supple(root: &Path, arguments: &str) -> Result<Printed, DemoError> {
    let command = format!("supple {arguments}");
    let program = root.join("target/release").join(format!("supple{}", env::consts::EXE_SUFFIX));
    let mut supple = Command::new(program);
    supple.args(arguments.split_whitespace()).current_dir(root).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = supple.output().map_err(|source| DemoError::Start { command: command.clone(), source })?;
    if !output.status.success() {
        return Err(DemoError::Command { command, status: output.status });
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Printed { command, text, json })
}
