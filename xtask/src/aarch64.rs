//! Builds what an emulated Linux board with aarch64 runs: an episode by plan and by tract.
//!
//! Into a target folder of its own, for tract is compiled once more, which takes some minutes.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::command::{output_of, run_within};
use crate::setup::{apt_command, install};

const TARGET: &str = "aarch64-unknown-linux-gnu";
/// A rustup that has not got the target by then will not get it.
const RUSTUP_LIMIT: Duration = Duration::from_secs(30);
/// Programs, and Debian's packages that have them; the second one of the linker brings its C library.
const LINKER: &str = "aarch64-linux-gnu-gcc";
const LINKER_PACKAGES: [&str; 2] = ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"];
const QEMU: &str = "qemu-aarch64";
const QEMU_PACKAGE: &str = "qemu-user";

/// Why there is no program for aarch64.
#[derive(Debug, thiserror::Error)]
pub enum Aarch64Error {
    /// No standard library for the target.
    #[error("no standard library for {TARGET}: run `rustup target add {TARGET}`")]
    NoTarget,
    /// A program is missing.
    #[error("{program} is missing: run `{}` as root (Debian, Ubuntu)", apt_command(packages))]
    Missing {
        /// The program.
        program: &'static str,
        /// Debian's packages of it.
        packages: &'static [&'static str],
    },
    /// Cargo said why.
    #[error("the program for aarch64 did not build; cargo's messages above say why")]
    DoesNotBuild,
    /// Cargo did not start.
    #[error("cargo did not start: {0}; install Rust from https://rustup.rs")]
    NoCargo(io::Error),
}

/// Finds or installs what it takes, and builds the program.
pub fn build(root: &Path) -> Result<(), Aarch64Error> {
    set_up()?;
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(program)
        .current_dir(root)
        .args(["build", "--release", "--quiet", "--package", "supple-runtime", "--features", "tract"])
        .args(["--example", "episode", "--target", TARGET, "--target-dir", "target/aarch64"])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
        .status()
        .map_err(Aarch64Error::NoCargo)?;
    if status.success() { Ok(()) } else { Err(Aarch64Error::DoesNotBuild) }
}

fn set_up() -> Result<(), Aarch64Error> {
    let has_target = || {
        let library = output_of("rustc", &["--print", "target-libdir", "--target", TARGET]);
        library.and_then(|folder| fs::read_dir(folder).ok()).is_some_and(|mut files| files.next().is_some())
    };
    if !has_target() {
        let mut rustup = Command::new("rustup");
        eprintln!("installing: rustup target add {TARGET} (at most {} s)", RUSTUP_LIMIT.as_secs());
        // Whether it worked is seen by what is there.
        let _ = run_within(rustup.args(["target", "add", TARGET]), RUSTUP_LIMIT);
        if !has_target() {
            return Err(Aarch64Error::NoTarget);
        }
    }
    find(LINKER, &LINKER_PACKAGES)?;
    find(QEMU, &[QEMU_PACKAGE])
}

/// Finds or installs a program.
fn find(program: &'static str, packages: &'static [&'static str]) -> Result<(), Aarch64Error> {
    let version = || output_of(program, &["--version"]);
    let found = version().or_else(|| if install(packages) { version() } else { None });
    let found = found.ok_or(Aarch64Error::Missing { program, packages })?;
    eprintln!("aarch64: {}", found.lines().next().unwrap_or(program));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_command() {
        let error = Aarch64Error::Missing { program: LINKER, packages: &LINKER_PACKAGES }.to_string();
        let command = "apt-get install --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross";
        assert!(error.contains(command), "{error}");
        assert!(Aarch64Error::NoTarget.to_string().contains("rustup target add aarch64-unknown-linux-gnu"));
    }
}
