//! The board and the packs that all share.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use supple_tests::run::{Outcome, RECIPE, Scratch, Training, firmware, read, run, scratch, supple};

pub const NAME: &str = "mps2-an386";

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("device_cli"));

/// A pack of about 30 KB, so that a transfer can be interrupted.
pub static PACK: LazyLock<PathBuf> = LazyLock::new(|| pack("first", 1));
/// Another trunk.
pub static OTHER: LazyLock<PathBuf> = LazyLock::new(|| pack("second", 2));

fn pack(name: &str, seed: u64) -> PathBuf {
    let recipe = RECIPE
        .replace("seed = 1", &format!("seed = {seed}"))
        .replace("max_support = 40", "max_support = 40\nhidden = 200")
        .replace("iterations = 100", "iterations = 25");
    let training =
        Training { recipe: SCRATCH.file(&format!("{name}.toml"), recipe), out: SCRATCH.join(name) };
    run(&mut training.command(&[])).json();
    training.pack()
}

/// The key whose packs the board takes; the name of its two files, without endings.
pub static KEY: LazyLock<PathBuf> = LazyLock::new(|| key("vendor"));
/// Another one.
pub static STRANGER: LazyLock<PathBuf> = LazyLock::new(|| key("stranger"));

fn key(name: &str) -> PathBuf {
    let path = SCRATCH.join(name);
    run(&mut supple(&[&"key", &"new", &path])).succeeded();
    path
}

/// A pack signed with a key, under another name.
pub fn signed(pack: &Path, name: &str, key: &Path, terms: &[&str]) -> PathBuf {
    let signed = SCRATCH.join(name);
    let mut command = supple(&[&"key", &"sign", &pack, &"--key", &key.with_extension("pem"), &"-o", &signed]);
    run(command.args(terms)).succeeded();
    signed
}

/// An emulated board with a folder of its own for what is kept; ended on drop.
pub struct Board {
    state: PathBuf,
}

impl Board {
    /// None runs yet.
    pub fn new(name: &str) -> Self {
        Self { state: SCRATCH.join(&format!("state-{name}")) }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        SCRATCH.join(&format!("{}-{name}", self.state.file_name().unwrap_or_default().to_string_lossy()))
    }

    /// A command that finds this board.
    pub fn command(&self, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = supple(arguments);
        command.env("SUPPLE_STATE", &self.state);
        command
    }

    pub fn flash(&self, arguments: &[&dyn AsRef<OsStr>]) -> Outcome {
        let mut command = self.command(&[&"flash", &"--board", &NAME, &"--json"]);
        run(command.args(arguments.iter().map(AsRef::as_ref)))
    }

    /// Starts it with a pack, and [`KEY`] for others.
    pub fn start(&self, pack: &Path) -> Value {
        let keys = self.file("keys.bin");
        let public = KEY.with_extension("pub.pem");
        run(&mut supple(&[&"key", &"ring", &public, &"-o", &keys])).succeeded();
        self.flash(&[&pack, &"--firmware", &firmware(), &"--keys", &keys]).json()
    }

    pub fn device_command(&self, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = self.command(&[&"device", &"--port", &format!("qemu:{NAME}"), &"--json"]);
        command.args(arguments.iter().map(AsRef::as_ref));
        command
    }

    pub fn device(&self, arguments: &[&dyn AsRef<OsStr>]) -> Outcome {
        run(&mut self.device_command(arguments))
    }

    pub fn ask(&self, arguments: &[&dyn AsRef<OsStr>]) -> Value {
        self.device(arguments).json()
    }

    /// All heads that have begun, as `pull` writes them.
    pub fn heads(&self) -> Value {
        let file = self.file("heads.json");
        self.ask(&[&"pull", &"-o", &file]);
        let pulled: Value = serde_json::from_slice(&read(&file)).expect("JSON");
        pulled["heads"].clone()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.flash(&[&"--stop"]);
    }
}
