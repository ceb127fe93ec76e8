//! Builds the images under test, apart from those that are shipped.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::firmware;
use crate::setup::BareMetal;

/// What to build.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// A package of the firmware's workspace.
    pub package: &'a str,
    /// One of its examples instead of its program.
    pub example: Option<&'a str>,
    /// Its target.
    pub target: &'a str,
    /// Another opt-level than the shipped one, as TOML has it.
    pub level: Option<&'a str>,
    /// Whether a reachable panic is refused.
    pub refuse_panics: bool,
    /// Whether the compiler tells frames.
    pub frames: bool,
}

impl<'a> Subject<'a> {
    /// A board as it is shipped.
    pub fn board(board: &'a str, target: &'a str) -> Self {
        let level = (firmware::profile(board) == "small").then_some("\"s\"");
        Self { package: board, example: None, target, level, refuse_panics: false, frames: false }
    }

    /// An example of `supple-panic`.
    pub fn example(example: &'a str, target: &'a str) -> Self {
        let example = Some(example);
        Self { package: PANIC, example, target, level: None, refuse_panics: false, frames: false }
    }

    /// The board's or the example's name.
    pub fn name(&self) -> &'a str {
        self.example.unwrap_or(self.package)
    }
}

const PANIC: &str = "supple-panic";
/// What the handler of `supple-panic` calls if it is to refuse.
const REFUSED: &str = "a_panic_is_reachable";

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The linker misses what only a panic calls.
    #[error("a panic is reachable")]
    Panics,
    /// Cargo said why.
    #[error("{name} did not build for {target}:\n{messages}\ncorrect what the compiler names")]
    DoesNotBuild {
        /// The subject.
        name: String,
        /// Its target.
        target: String,
        /// What cargo said.
        messages: String,
    },
    /// Cargo did not start.
    #[error("cargo did not start: {0}; install Rust from https://rustup.rs")]
    NoCargo(io::Error),
}

/// Builds a subject; the path of its ELF.
pub fn build(root: &Path, subject: &Subject, bare_metal: &BareMetal) -> Result<PathBuf, BuildError> {
    let folder = root.join(if subject.frames { "target/gates/frames" } else { "target/gates/panics" });
    let mut cargo = firmware::cargo(bare_metal);
    cargo.current_dir(root.join("firmware"));
    if let Some(level) = subject.level {
        cargo.args(["--config", &format!("profile.release.opt-level={level}")]);
    }
    cargo.args(["build", "--release", "--quiet", "--package", subject.package, "--target", subject.target]);
    cargo.arg("--target-dir").arg(&folder);
    if let Some(example) = subject.example {
        cargo.args(["--example", example]);
    }
    if subject.refuse_panics {
        cargo.args(["--features", &format!("{PANIC}/refuse")]);
    }
    let mut flags = firmware::flags(root);
    if subject.frames {
        flags.push("\u{1f}-Zemit-stack-sizes");
        cargo.env("RUSTC_BOOTSTRAP", "1");
    }
    let output = cargo
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .stdin(Stdio::null())
        .output()
        .map_err(BuildError::NoCargo)?;
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr);
        if messages.contains(&format!("undefined symbol: {REFUSED}")) {
            return Err(BuildError::Panics);
        }
        let (name, target) = (subject.name().to_owned(), subject.target.to_owned());
        return Err(BuildError::DoesNotBuild { name, target, messages: messages.into_owned() });
    }
    let programs = folder.join(subject.target).join("release");
    Ok(if subject.example.is_some() { programs.join("examples") } else { programs }.join(subject.name()))
}
