//! `supple compile`: an ONNX trunk alone into a pack.

use std::path::{Path, PathBuf};

use serde_json::json;
use supple_pack::AlignedBytes;
use supple_pack::write::{WriteError, pack};
use supple_trunk::{Agreement, CompileError, CompileOptions, Compiled};

use crate::arguments::CompileArguments;
use crate::boards::Board;
use crate::files::{self, FileError};
use crate::inspect;

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
pub enum CompileVerbError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model was not compiled.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The trunk does not fit a pack.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A model that was not compiled.
#[derive(Debug, thiserror::Error)]
#[error("{path} was not compiled: {source}")]
pub struct ModelError {
    path: PathBuf,
    source: CompileError,
}

/// Compiles the bytes of a model under a name; `path` is for the message.
pub fn model(path: &Path, onnx: &[u8], name: String) -> Result<Compiled, ModelError> {
    part(path, onnx, name, None)
}

/// Compiles a model up to a tensor.
fn part(path: &Path, onnx: &[u8], name: String, output: Option<String>) -> Result<Compiled, ModelError> {
    supple_trunk::compile(onnx, &CompileOptions { name, output, ..CompileOptions::default() })
        .map_err(|source| ModelError { path: path.to_owned(), source })
}

/// Runs the verb.
pub fn run(arguments: &CompileArguments) -> Result<(), CompileVerbError> {
    let onnx = files::read(&arguments.model)?;
    let compiled = part(&arguments.model, &onnx, name(&arguments.model), arguments.output.clone())?;
    let bytes = pack(&compiled.parts, &[])?;
    files::write(&arguments.out, &bytes)?;
    let bytes = AlignedBytes::copy_of(&bytes);
    let agreement = agreement(&compiled.report.agreement);
    inspect::print(arguments.json, &arguments.out, &bytes, &Board::DEFAULT, agreement)?;
    Ok(())
}

/// The file's stem, as long as a pack's names may be.
fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = stem.floor_char_boundary(32);
    stem[..end].to_owned()
}

/// How closely the plan follows the model.
pub fn agreement(agreement: &Agreement) -> serde_json::Value {
    json!({"agreement": {
        "random_inputs": agreement.inputs,
        "largest_difference": agreement.largest_difference,
        "largest_feature": agreement.largest_feature,
    }})
}
