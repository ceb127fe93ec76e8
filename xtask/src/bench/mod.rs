//! `cargo xtask bench`: how fast, beside others, and at what cost on a device.

mod device;
mod host;
mod peers;
mod report;

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::{env, io};

use clap::Subcommand;

pub use device::DeviceError;

/// What to measure.
#[derive(Subcommand)]
pub enum Bench {
    /// Speed of meta-training on this machine, one program after the other.
    Host(host::Arguments),
    /// Instructions, RAM, stack and code of trunks and heads on emulated boards.
    Device(device::Arguments),
}

/// The figures of the table, held against it: the part of this for `cargo xtask test`.
pub fn check_device(root: &Path) -> Result<(), DeviceError> {
    device::check(root)
}

/// Cargo, about to build some of the workspace's programs.
fn cargo_build(root: &Path, programs: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    // The whole workspace's features: with the programs' own, tract would be compiled once more.
    cargo.args(["build", "--release", "--quiet", "--workspace"]);
    cargo.args(programs.iter().flat_map(|program| ["--bin", program]));
    cargo.arg("--target-dir").arg(root.join("target")).current_dir(root);
    // Standard output is for results.
    cargo.stdout(io::stderr());
    cargo
}

impl Bench {
    /// Measures; results go to standard output, progress to standard error.
    pub fn run(&self, root: &Path) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Host(arguments) => Ok(host::run(root, arguments)?),
            Self::Device(arguments) => Ok(device::run(root, arguments)?),
        }
    }
}
