//! `supple pack`: a training's trunk and head into a pack.

use std::path::PathBuf;

use supple_meta::head_file::{HeadFile, HeadFileError};
use supple_pack::write::{HeadParts, WriteError, pack, trunk_hash};
use supple_pack::{AlignedBytes, LabelMeaning};

use crate::arguments::PackArguments;
use crate::boards::Board;
use crate::compile::{ModelError, agreement, model};
use crate::files::{self, FileError};
use crate::inspect;
use crate::train::{HEAD_FILE, TRUNK_FILE};

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
pub enum PackVerbError {
    /// Not a training's output.
    #[error("{0} holds no {TRUNK_FILE}: give the folder that `supple train` wrote, once it has finished")]
    NoTraining(PathBuf),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The head could not be read.
    #[error(transparent)]
    Head(#[from] HeadFileError),
    /// The trunk was not compiled.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Trunk and head do not fit a pack.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Runs the verb.
pub fn run(arguments: &PackArguments) -> Result<(), PackVerbError> {
    let path = arguments.folder.join(TRUNK_FILE);
    if !path.is_file() {
        return Err(PackVerbError::NoTraining(arguments.folder.clone()));
    }
    let onnx = files::read(&path)?;
    let head = HeadFile::read(&arguments.folder.join(HEAD_FILE), &path, &onnx)?;
    let compiled = model(&path, &onnx, head.name.clone(), arguments.patience)?;
    let head = HeadParts {
        name: head.name,
        trunk: trunk_hash(&compiled.parts),
        data: head.data,
        capacity: head.capacity,
        max_support: head.max_support,
        weights: head.weights,
        bias: head.bias,
        rates: head.rates,
        labels: if head.labels_keep_meaning { LabelMeaning::Kept } else { LabelMeaning::Fresh },
    };
    let bytes = pack(&compiled.parts, &[head])?;
    files::write(&arguments.out, &bytes)?;
    let bytes = AlignedBytes::copy_of(&bytes);
    let agreement = agreement(&compiled.report);
    inspect::print(arguments.json, &arguments.out, &bytes, &Board::DEFAULT, agreement)?;
    Ok(())
}
