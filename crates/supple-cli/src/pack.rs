//! `supple pack`: a training's trunk and head into a pack.

use std::path::{Path, PathBuf};

use supple_meta::head_file::{HeadFile, HeadFileError};
use supple_meta::recipe::Recipe;
use supple_pack::write::{HeadParts, WriteError, pack, trunk_hash};
use supple_pack::{AlignedBytes, LabelMeaning};

use crate::arguments::PackArguments;
use crate::boards::Board;
use crate::compile::{ModelError, agreement, model, quantised};
use crate::files::{self, FileError};
use crate::inspect;
use crate::train::ranges::{self, RANGES_FILE, RangesError};
use crate::train::{HEAD_FILE, RECIPE_FILE, TRUNK_FILE};

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
    /// A head of f32 features for a trunk in int8.
    #[error(
        "the head in {0} was trained on features in f32: train one with precision = \"int8\" in [trunk] of its recipe, or \
         leave --int8 out"
    )]
    TrainedOnF32(PathBuf),
    /// A head of int8 features for a trunk in f32.
    #[error("the head in {0} was trained on features in int8: add --int8")]
    TrainedOnInt8(PathBuf),
    /// A head of another int8 plan.
    #[error(
        "the head in {0} was trained on features of another int8 plan than trunk and {RANGES_FILE} there compile to: keep \
         what one training wrote together, or train again with this version"
    )]
    OtherPlan(PathBuf),
    /// The ranges could not be read.
    #[error(transparent)]
    Ranges(#[from] RangesError),
    /// Trunk and head do not fit a pack.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The trunk in a folder, or the one that its recipe names and leaves as it is: a folder that is kept need not hold
/// another's trunk once more.
fn trunk(folder: &Path) -> Option<PathBuf> {
    let named = || {
        let recipe = Recipe::read(&folder.join(RECIPE_FILE)).ok()?;
        recipe.quantises_only().then_some(folder.join(recipe.trunk.start?))
    };
    Some(folder.join(TRUNK_FILE)).filter(|path| path.is_file()).or_else(named).filter(|path| path.is_file())
}

/// Runs the verb.
pub fn run(arguments: &PackArguments) -> Result<(), PackVerbError> {
    let folder = &arguments.folder;
    let path = trunk(folder).ok_or_else(|| PackVerbError::NoTraining(folder.clone()))?;
    let onnx = files::read(&path)?;
    let head = HeadFile::read(&folder.join(HEAD_FILE), &path, &onnx)?;
    let name = head.name.clone();
    let compiled = match (arguments.int8, head.plan) {
        (true, None) => return Err(PackVerbError::TrainedOnF32(folder.clone())),
        (false, Some(_)) => return Err(PackVerbError::TrainedOnInt8(folder.clone())),
        (false, None) => model(&path, &onnx, name, arguments.patience)?,
        (true, Some(plan)) => {
            let ranges = ranges::read(&folder.join(RANGES_FILE))?;
            let compiled = quantised(&path, &onnx, name, ranges, arguments.patience)?;
            if trunk_hash(&compiled.parts).0 != plan {
                return Err(PackVerbError::OtherPlan(folder.clone()));
            }
            compiled
        }
    };
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
