//! `cargo xtask bench`: how fast, beside others.

mod host;
mod peers;
mod report;

use std::error::Error;
use std::path::Path;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub enum Bench {
    /// Speed of meta-training on this machine, one program after the other.
    Host(host::Arguments),
}

impl Bench {
    /// Measures; results go to standard output, progress to standard error.
    pub fn run(&self, root: &Path) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Host(arguments) => Ok(host::run(root, arguments)?),
        }
    }
}
