//! The first inputs of a campaign, made by code.

use std::path::PathBuf;
use std::{env, fs};

/// Where they are written: a folder that the fuzzer is given too.
const FOLDER: &str = "SUPPLE_SEEDS";

/// Writes inputs to the folder that the variable `SUPPLE_SEEDS` names, if it does. Called before the fuzzer reads its
/// folders.
pub fn write(inputs: impl IntoIterator<Item = Vec<u8>>) {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    for (number, input) in inputs.into_iter().enumerate() {
        let path = folder.join(format!("seed-{number}"));
        fs::write(&path, input)
            .unwrap_or_else(|error| panic!("{}: {error}; make the folder", path.display()));
    }
}
