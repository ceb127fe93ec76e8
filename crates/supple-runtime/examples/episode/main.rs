//! Runs a generated episode on a Linux board, the trunk by its plan and by tract, and prints every number's bits:
//! `episode PACK SEED`. A host that prints the same has the same arithmetic.

mod told;

use std::error::Error;
use std::process::ExitCode;
use std::{env, fs};

use supple_pack::{AlignedBytes, Pack};
use supple_runtime::trunk::tract::TractError;
use supple_runtime::{TractTrunk, Trunk};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let usage = "say `episode PACK SEED`";
    let path = arguments.next().ok_or(usage)?;
    let seed: u32 = arguments.next().ok_or(usage)?.parse()?;
    let file = fs::read(&path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let bytes = AlignedBytes::copy_of(&file);
    println!("architecture {}", env::consts::ARCH);
    for line in told::told(&bytes, seed)? {
        println!("{line}");
    }
    let mut trunk = match TractTrunk::new(&Pack::parse(&bytes)?) {
        Ok(trunk) => trunk,
        // Trunks in i8 are run by their plans.
        Err(TractError::Unsupported { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut feature = vec![0.0; trunk.feature_length()];
    for (sample, input) in told::inputs(trunk.input_length(), seed).enumerate() {
        trunk.features(&input, &mut feature)?;
        println!("{}", told::line(&format!("tract.{sample}"), &feature));
    }
    Ok(())
}
