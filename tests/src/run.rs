//! Runs the `supple` command as its users do, and holds what it says and leaves against what was promised.

use std::collections::BTreeMap;
use std::env;
use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::root;

/// Trains in seconds on built-in drawings: 16 features, 8 classes, 40 support samples, 3 steps, a pack of 9 KB.
pub const RECIPE: &str = r#"
seed = 1

[data]
source = "glyphs"

[trunk]
blocks = [
  { channels = 4, kernel = 3, stride = 2, padding = 1, relu = true },
  { channels = 8, kernel = 3, stride = 2, padding = 1, relu = true },
  { channels = 8, kernel = 3, stride = 2, padding = 1, relu = true },
  { channels = 16, kernel = 3, stride = 1, padding = 0, relu = false },
]

[head]
name = "tiny"
capacity = 8
max_support = 40

[algorithm]
name = "anil"
steps = 3
inner_learning_rate = 0.05
rates = "per-step"
early_step_share = 0.3

[training]
iterations = 100
way = 8
shots = [1, 5]
queries = 2
fixed_statistics_after = 0.7
validation_every = 25
validation_episodes = 20
"#;

/// The command with these arguments, to be started in the checkout's root.
///
/// # Panics
/// If the command is not built.
pub fn supple(arguments: &[&dyn AsRef<OsStr>]) -> Command {
    let program = target().join("release").join(format!("supple{EXE_SUFFIX}"));
    assert!(program.is_file(), "there is no {}: `cargo build --release --workspace`", program.display());
    let mut command = Command::new(program);
    command.args(arguments.iter().map(AsRef::as_ref)).current_dir(root()).stdin(Stdio::null());
    // A panic fails a test anyway, and its message says where.
    command.env("RUST_BACKTRACE", "0");
    command
}

/// The firmware image of the emulated board.
///
/// # Panics
/// If it is not built.
pub fn firmware() -> PathBuf {
    let path = root().join("target/firmware/mps2-an386.elf");
    assert!(path.is_file(), "there is no {}: `cargo xtask firmware`", path.display());
    path
}

/// Cargo's target folder.
fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// An empty folder below cargo's target folder, this process' own while the process runs.
///
/// # Panics
/// If it cannot be made.
pub fn scratch(name: &str) -> Scratch {
    let parent = target().join("tmp");
    let path = parent.join(name);
    let make = || {
        fs::create_dir_all(&parent)?;
        let lock = File::create(parent.join(format!("{name}.lock")))?;
        lock.lock()?;
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path)?;
        Ok(lock)
    };
    let lock = make().unwrap_or_else(|error: std::io::Error| panic!("{}: {error}", path.display()));
    Scratch { path, _lock: lock }
}

/// See [`scratch`].
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// A file or folder in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file in it with these bytes.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        write(&path, bytes);
        path
    }
}

/// Writes a file and the folders above it.
///
/// # Panics
/// If it cannot be written.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes));
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Reads a file.
///
/// # Panics
/// If it cannot be read.
pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder with its bytes; none where there is no folder.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { [(path.clone(), read(path))].into() })
        .collect()
}

/// What became of a command.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
    /// The command, to be seen when a test fails.
    pub command: String,
}

/// Runs a command to its end.
///
/// # Panics
/// If it does not start.
pub fn run(command: &mut Command) -> Outcome {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Outcome::of(command, output)
}

impl Outcome {
    /// Of a command that has ended.
    pub fn of(command: &Command, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            command: format!("{command:?}"),
        }
    }

    /// What it printed; it must have succeeded.
    ///
    /// # Panics
    /// If it has not.
    pub fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// The one JSON object it printed; it must have succeeded.
    ///
    /// # Panics
    /// If it has not, or printed anything else.
    pub fn json(self) -> Value {
        let text = self.succeeded();
        match serde_json::from_str(&text) {
            Ok(object @ Value::Object(_)) => object,
            other => panic!("one JSON object, not {other:?}: {text}"),
        }
    }

    /// It must have refused its input: exit code 1, nothing printed, one message, in which all of `words` occur.
    ///
    /// # Panics
    /// If it has not.
    pub fn refused(&self, words: &[&str]) {
        self.failed(1, words);
    }

    /// It must have told of wrong usage: exit code 2, nothing printed, one message, in which all of `words` occur.
    ///
    /// # Panics
    /// If it has not.
    pub fn misused(&self, words: &[&str]) {
        self.failed(2, words);
    }

    fn failed(&self, code: i32, words: &[&str]) {
        assert!(!self.stderr.contains("panicked"), "a panic is always a bug: {self:#?}");
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        assert!(self.stderr.starts_with("error: "), "{self:#?}");
        assert_eq!(self.stderr.matches("error: ").count(), 1, "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in {self:#?}");
        }
    }
}

/// A training by [`RECIPE`] in a folder of its own.
#[derive(Debug)]
pub struct Training {
    /// Its recipe.
    pub recipe: PathBuf,
    /// Its output folder.
    pub out: PathBuf,
}

impl Training {
    /// A training that is still to be run.
    pub fn new(scratch: &Scratch, name: &str) -> Self {
        Self { recipe: scratch.file(&format!("{name}.toml"), RECIPE), out: scratch.join(name) }
    }

    /// `supple train` with these further arguments.
    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = supple(&[&"train", &self.recipe, &"--out", &self.out, &"--json"]);
        command.args(more);
        command
    }

    /// Packs its output.
    ///
    /// # Panics
    /// If that fails.
    pub fn pack(&self) -> PathBuf {
        let pack = self.out.with_extension("supple");
        run(&mut supple(&[&"pack", &self.out, &"-o", &pack])).succeeded();
        pack
    }

    /// The bytes of what it leaves, by file: all but the checkpoint.
    pub fn results(&self) -> [(&'static str, Vec<u8>); 3] {
        ["trunk.onnx", "head.postcard", "metrics.jsonl"].map(|name| (name, read(self.out.join(name))))
    }
}

/// Trains and packs.
///
/// # Panics
/// If that fails.
pub fn train(scratch: &Scratch, name: &str, more: &[&str]) -> (Training, PathBuf) {
    let training = Training::new(scratch, name);
    run(&mut training.command(more)).json();
    let pack = training.pack();
    (training, pack)
}
