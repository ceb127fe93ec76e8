//! Builds what an emulated Linux board with aarch64 runs: an episode by plan and by tract, and the server.
//!
//! Into a target folder of its own, for tract is compiled once more, which takes some minutes.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::setup::{self, apt_command};

const TARGET: &str = "aarch64-unknown-linux-gnu";
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
    #[error("the programs for aarch64 did not build; cargo's messages above say why")]
    DoesNotBuild,
    /// Cargo did not start.
    #[error("cargo did not start: {0}; install Rust from https://rustup.rs")]
    NoCargo(io::Error),
}

/// Finds or installs what it takes, and builds the programs.
pub fn build(root: &Path) -> Result<(), Aarch64Error> {
    set_up()?;
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(program)
        .current_dir(root)
        .args(["build", "--release", "--quiet", "--package", "supple-runtime", "--package", "supple-edge"])
        .args(["--features", "supple-runtime/tract", "--example", "episode", "--bin", "supple-edge"])
        .args(["--target", TARGET, "--target-dir", "target/aarch64"])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
        .status()
        .map_err(Aarch64Error::NoCargo)?;
    if status.success() { Ok(()) } else { Err(Aarch64Error::DoesNotBuild) }
}

fn set_up() -> Result<(), Aarch64Error> {
    if !setup::has(TARGET) {
        // Whether it worked is seen by what is there.
        setup::rustup_adds(&[TARGET]);
        if !setup::has(TARGET) {
            return Err(Aarch64Error::NoTarget);
        }
    }
    let programs: [(_, &[_]); 2] = [(LINKER, &LINKER_PACKAGES), (QEMU, &[QEMU_PACKAGE])];
    for (program, packages) in programs {
        if !setup::has_program(program, packages) {
            return Err(Aarch64Error::Missing { program, packages });
        }
    }
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
