//! `supple compile`: an ONNX trunk alone into a pack.

use std::io::{stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use supple_pack::AlignedBytes;
use supple_pack::write::{WriteError, pack};
use supple_trunk::isolated::{
    IsolatedError, Limits, Worker, calibrate_isolated, candidates_isolated, compile_isolated, work,
};
use supple_trunk::{Calibrated, Candidate, CompileOptions, Compiled, RangeChoice, Ranges, Report};

use crate::arguments::{CompileArguments, Patience};
use crate::boards::Board;
use crate::calibrate::{self, CalibrateError};
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
    /// There are no ranges to quantise with.
    #[error(transparent)]
    Calibrate(#[from] CalibrateError),
    /// The trunk does not fit a pack.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A model that was not compiled.
#[derive(Debug, thiserror::Error)]
#[error("{path} was not compiled: {source}")]
pub struct ModelError {
    path: PathBuf,
    /// Why.
    pub source: IsolatedError,
}

/// Compiles the bytes of a model under a name; `path` is for the message.
pub fn model(path: &Path, onnx: &[u8], name: String, patience: Patience) -> Result<Compiled, ModelError> {
    part(path, onnx, CompileOptions { name, ..CompileOptions::default() }, patience)
}

/// Likewise, to a plan in `i8`.
pub fn quantised(
    path: &Path,
    onnx: &[u8],
    name: String,
    ranges: Ranges,
    patience: Patience,
) -> Result<Compiled, ModelError> {
    part(path, onnx, CompileOptions { name, int8: Some(ranges), ..CompileOptions::default() }, patience)
}

fn part(
    path: &Path,
    onnx: &[u8],
    options: CompileOptions,
    patience: Patience,
) -> Result<Compiled, ModelError> {
    this_program(patience)
        .and_then(|worker| compile_isolated(&worker, onnx, &options))
        .map_err(|source| ModelError { path: path.to_owned(), source })
}

/// Calibrates a model on inputs in the plan's order.
pub fn calibrated(
    path: &Path,
    onnx: &[u8],
    output: Option<&str>,
    inputs: &[Vec<f32>],
    choice: RangeChoice,
    patience: Patience,
) -> Result<Calibrated, ModelError> {
    this_program(patience)
        .and_then(|worker| calibrate_isolated(&worker, onnx, output, inputs, choice))
        .map_err(|source| ModelError { path: path.to_owned(), source })
}

/// Where a model could be cut.
pub fn cuts(onnx: &[u8], patience: Patience) -> Result<Vec<Candidate>, IsolatedError> {
    candidates_isolated(&this_program(patience)?, onnx)
}

/// Models are read by another process of this very program.
fn this_program(patience: Patience) -> Result<Worker, IsolatedError> {
    let program = std::env::current_exe()
        .map_err(|source| IsolatedError::Start { program: PathBuf::from("supple"), source })?;
    let limits = Limits { seconds: patience.time_limit, ..Limits::default() };
    Ok(Worker { program, arguments: vec!["compile-worker".into()], limits })
}

/// Is that other process.
pub fn worker() -> ExitCode {
    match work(&mut stdin().lock(), &mut stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}; this verb is for `supple` itself");
            ExitCode::FAILURE
        }
    }
}

/// Runs the verb.
pub fn run(arguments: &CompileArguments) -> Result<(), CompileVerbError> {
    let onnx = files::read(&arguments.model)?;
    let (path, output, patience) = (&arguments.model, arguments.output.as_deref(), arguments.patience);
    let quantisation = &arguments.quantisation;
    let calibrated = match &quantisation.calibrate {
        Some(data) => Some(calibrate::run(path, &onnx, output, data, quantisation, patience)?),
        None => None,
    };
    let options = CompileOptions {
        name: name(path),
        output: arguments.output.clone(),
        int8: calibrated.as_ref().map(|calibrated| calibrated.ranges.clone()),
        ..CompileOptions::default()
    };
    let compiled = part(path, &onnx, options, patience)?;
    let bytes = pack(&compiled.parts, &[])?;
    files::write(&arguments.out, &bytes)?;
    let bytes = AlignedBytes::copy_of(&bytes);
    let mut more = agreement(&compiled.report);
    if let Some(Calibrated { report, .. }) = &calibrated {
        eprintln!("{report}");
        more["quantisation"] = json!(report);
        if let Some(warning) = report.warning() {
            eprintln!("warning: {warning}");
            more["warning"] = json!(warning);
        }
    }
    inspect::print(arguments.json, &arguments.out, &bytes, &Board::DEFAULT, more)?;
    Ok(())
}

/// The file's stem, as long as a pack's names may be.
fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = stem.floor_char_boundary(32);
    stem[..end].to_owned()
}

/// How closely the plan follows the model, and how small its arena could be.
pub fn agreement(report: &Report) -> serde_json::Value {
    let agreement = &report.agreement;
    json!({
        "agreement": {
            "random_inputs": agreement.inputs,
            "largest_difference": agreement.largest_difference,
            "largest_feature": agreement.largest_feature,
        },
    })
}
