//! `supple pack`: a training's trunk and heads into a pack.

use std::path::{Path, PathBuf};

use supple_meta::head_file::{self, Answers, HeadFile, HeadFileError, HeadStart};
use supple_meta::recipe::{CacheRecipe, Recipe};
use supple_pack::write::{HeadParts, Trim, WriteError, heads_only, pack, trunk_hash};
use supple_pack::{AlignedBytes, Element, HeadTask, LabelMeaning, Start, TrunkHash};

use crate::arguments::{CacheKind, PackArguments};
use crate::boards::Board;
use crate::compile::{ModelError, agreement, model, quantised};
use crate::files::{self, FileError};
use crate::inspect;
use crate::key::sign::{SigningError, signed};
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
    /// The pack was not signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
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
    let heads = head_file::read(&folder.join(HEAD_FILE), &path, &onnx)?;
    // The heads of one training were trained on features of one plan.
    let plan = heads.iter().find_map(|head| head.plan);
    let name = heads.first().map(|head| head.name.clone()).unwrap_or_default();
    let compiled = match (arguments.int8, plan) {
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
    let trunk = trunk_hash(&compiled.parts);
    let trim = Trim { capacity: arguments.capacity, max_support: arguments.max_support };
    let mut parts = Vec::with_capacity(heads.len());
    for head in heads {
        let mut head = head_parts(head, trunk);
        match arguments.cache {
            Some(CacheKind::F32) => head.cache = Element::F32,
            Some(CacheKind::I8) => head.cache = Element::I8,
            None => {}
        }
        head.trim(&trim)?;
        parts.push(head);
    }
    let mut bytes = pack(&compiled.parts, &parts)?;
    if arguments.heads_only {
        bytes = heads_only(&bytes, &Trim::default())?;
    }
    if let Some(key) = &arguments.signing.key {
        bytes = signed(&arguments.out, &bytes, key, &arguments.signing.terms)?;
    }
    files::write(&arguments.out, &bytes)?;
    let bytes = AlignedBytes::copy_of(&bytes);
    let agreement = agreement(&compiled.report);
    inspect::print(arguments.json, &arguments.out, &bytes, &Board::DEFAULT, agreement)?;
    Ok(())
}

/// A head as a pack has it.
fn head_parts(head: HeadFile, trunk: TrunkHash) -> HeadParts {
    HeadParts {
        name: head.name,
        trunk,
        data: head.data,
        hidden: head.hidden,
        capacity: head.capacity,
        max_support: head.max_support,
        cache: match head.cache {
            CacheRecipe::F32 => Element::F32,
            CacheRecipe::I8 => Element::I8,
        },
        task: match head.answers {
            Answers::NewClasses => HeadTask::Classes(LabelMeaning::Fresh),
            Answers::KeptClasses => HeadTask::Classes(LabelMeaning::Kept),
            Answers::Numbers => HeadTask::Numbers,
        },
        start: match head.start {
            HeadStart::Learned => Start::Learned,
            HeadStart::Prototypes { temperature } => Start::Prototypes { temperature },
        },
        momentum: head.momentum,
        parameters: head.parameters,
        rates: head.rates,
    }
}
