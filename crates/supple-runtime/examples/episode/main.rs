//! Runs an episode on a Linux board, the trunk by its plan and by tract, and prints every number's bits:
//! `episode PACK INPUTS`, where the file of inputs holds `f32`, little-endian, a support sample of each class and then
//! queries. A host that computes the same has the same arithmetic.

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
    let usage = "say `episode PACK INPUTS`";
    let mut file = || {
        let path = arguments.next().ok_or(usage.to_owned())?;
        fs::read(&path).map_err(|error| format!("{path} cannot be read: {error}"))
    };
    let bytes = AlignedBytes::copy_of(&file()?);
    let inputs: Vec<f32> = file()?.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    println!("architecture {}", env::consts::ARCH);
    for line in told::told(&bytes, &inputs)? {
        println!("{line}");
    }
    let mut trunk = match TractTrunk::new(&Pack::parse(&bytes)?) {
        Ok(trunk) => trunk,
        // Trunks in i8 are run by their plans.
        Err(TractError::Unsupported { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut feature = vec![0.0; trunk.feature_length()];
    for (sample, input) in inputs.chunks_exact(trunk.input_length()).enumerate() {
        trunk.features(input, &mut feature)?;
        println!("{}", told::line(&format!("tract.{sample}"), &feature));
    }
    Ok(())
}
