//! Writes the packs that are measured on emulated boards; `cargo xtask bench device`.
#![deny(unsafe_code, missing_docs)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use supple_bench::device::write_packs;

#[derive(Parser)]
#[command(about = "Writes the packs that are measured on emulated boards")]
struct Arguments {
    /// The folder, made if it is not there.
    folder: PathBuf,
    /// Of weights and images.
    #[arg(long, default_value = "0")]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match write_packs(&arguments.folder, arguments.seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "error: no packs in {}: {error}; check the folder's rights",
                arguments.folder.display()
            );
            ExitCode::FAILURE
        }
    }
}
