//! `supple train`: a recipe to a trunk, a head and what a report needs.

mod export;
mod int8;
mod joint;
mod meta;
mod metrics;
mod onnx;
pub mod ranges;
mod twin;

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use supple_data::DataSet;
use supple_data::broken::OnBroken;
use supple_meta::checkpoint::{ReadCheckpointError, WriteCheckpointError};
use supple_meta::head_file::HeadFileError;
use supple_meta::recipe::{DataRecipe, OnBrokenRecipe, Recipe, RecipeError};
use supple_meta::tensorboard::EventError;
use supple_meta::trainer::{Diverged, StartError, TrunkStart};
use supple_pack::write::WriteError;

use crate::arguments::TrainArguments;
use crate::calibrate::CalibrateError;
use crate::compile::ModelError;
use crate::data::{self, DataError};
use crate::files::{self, FileError};

/// The trunk in a training's output folder.
pub const TRUNK_FILE: &str = "trunk.onnx";
/// The head, likewise.
pub const HEAD_FILE: &str = "head.postcard";
const OUTPUTS: [&str; 2] = [TRUNK_FILE, HEAD_FILE];
const CHECKPOINT_FILE: &str = "checkpoint";
const METRICS_FILE: &str = "metrics.jsonl";
/// What `--print-recipe` shows by itself.
const BUILT_IN: &str = include_str!("../../../../models/glyphs/recipe.toml");
/// The recipe, likewise.
pub const RECIPE_FILE: &str = "recipe.toml";

/// Share of a new iteration in the loss that the progress bar shows.
const SHOWN_SHARE: f32 = 0.05;

/// Why there is no trained head.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The recipe was refused.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The data was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Recipe and data do not go together.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The trunk to start from.
    #[error(transparent)]
    Onnx(#[from] onnx::OnnxStartError),
    /// Several tasks at once.
    #[error(transparent)]
    Joint(#[from] joint::JointError),
    /// The output folder.
    #[error("cannot make the folder {path}: {source}; choose another with --out")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A training that was not finished lies there.
    #[error(
        "{path} holds a training that stopped at iteration {iteration}: go on with --resume, choose another folder \
         with --out, or remove its checkpoint"
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// Iterations done.
        iteration: u64,
    },
    /// The recipe cannot be written as TOML.
    #[error("the recipe cannot be written: {0}; give simpler values")]
    WriteRecipe(toml::ser::Error),
    /// A file of the output.
    #[error(transparent)]
    File(#[from] FileError),
    /// TensorBoard's file.
    #[error(transparent)]
    Events(#[from] EventError),
    /// The checkpoint was not written.
    #[error(transparent)]
    WriteCheckpoint(#[from] WriteCheckpointError),
    /// The checkpoint was refused.
    #[error(transparent)]
    ReadCheckpoint(#[from] ReadCheckpointError),
    /// The loss is no number any more.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// Ctrl-C.
    #[error("stopped at iteration {iteration} of {iterations}; go on with the same command and --resume")]
    Interrupted {
        /// Iterations done.
        iteration: u64,
        /// Iterations of the recipe.
        iterations: u64,
    },
    /// Ctrl-C cannot be caught.
    #[error("cannot watch for Ctrl-C: {0}; start the program from a shell")]
    Signal(ctrlc::Error),
    /// The trunk cannot be written as ONNX, or no plan would run it.
    #[error(transparent)]
    Export(#[from] export::ExportError),
    /// The data does not fit the trunk.
    #[error(transparent)]
    Calibrate(#[from] CalibrateError),
    /// The head was not written.
    #[error(transparent)]
    Head(#[from] HeadFileError),
    /// The trunk was not quantised.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The quantised plan makes no pack.
    #[error(transparent)]
    Pack(#[from] WriteError),
}

/// Runs the verb.
pub fn run(arguments: &TrainArguments) -> Result<(), TrainError> {
    let (path, text) = match &arguments.recipe {
        Some(path) => (path.as_path(), Recipe::text(path)?),
        None => (Path::new("glyphs"), BUILT_IN.to_owned()),
    };
    let out = arguments.out.clone().unwrap_or_else(|| default_folder(path));
    if joint::is_joint(&text) {
        let mut recipe = joint::parse(path, &text)?;
        recipe.seed = arguments.seed.unwrap_or(recipe.seed);
        if arguments.print_recipe {
            return print_recipe(arguments, &recipe);
        }
        let set = data_set(arguments, &recipe.data)?;
        let start = start(path, recipe.trunk.start.as_deref())?;
        return joint::run(arguments, recipe, &set, start, &out);
    }
    let mut recipe = Recipe::parse(path, &text)?;
    recipe.seed = arguments.seed.unwrap_or(recipe.seed);
    if arguments.print_recipe {
        return print_recipe(arguments, &recipe);
    }
    let set = data_set(arguments, &recipe.data)?;
    if recipe.quantises_only()
        && let Some(onnx) = &recipe.trunk.start
    {
        return int8::run_alone(arguments, &recipe, &set, &beside(path, onnx), &out);
    }
    let start = start(path, recipe.trunk.start.as_deref())?;
    meta::run(arguments, recipe, &set, start, &out)
}

fn print_recipe(arguments: &TrainArguments, recipe: &impl Serialize) -> Result<(), TrainError> {
    let text = toml::to_string_pretty(recipe).map_err(TrainError::WriteRecipe)?;
    crate::print(arguments.json, &json!(recipe), text.trim_end());
    Ok(())
}

/// The data that a recipe asks for.
fn data_set(arguments: &TrainArguments, data: &DataRecipe) -> Result<DataSet, TrainError> {
    let on_broken = match data.on_broken {
        OnBrokenRecipe::Refuse => OnBroken::Refuse,
        OnBrokenRecipe::Skip => OnBroken::Skip,
    };
    // A recipe for Omniglot also learns from generated drawings, where these are named.
    let source = match arguments.data.as_deref().and_then(Path::to_str) {
        Some(named) if named == "glyphs" || named.starts_with("glyphs:") => None,
        _ => Some(data.source),
    };
    let path = arguments.data.as_deref();
    Ok(data::load_set(path, source, Some(data.generator_seed), on_broken)?.set)
}

/// The trunk to start from; as with any path in a file, from the folder that the file lies in.
fn start(recipe: &Path, onnx: Option<&Path>) -> Result<Option<TrunkStart>, TrainError> {
    Ok(onnx.map(|path| onnx::start(&beside(recipe, path))).transpose()?)
}

fn beside(recipe: &Path, path: &Path) -> PathBuf {
    recipe.parent().unwrap_or(Path::new(".")).join(path)
}

/// A folder that shows this recipe and no other training's results; what a resumed one goes on from stays.
fn prepare_folder(out: &Path, recipe: &impl Serialize, resumes: bool) -> Result<(), TrainError> {
    make_folder(out)?;
    remove_outputs(out)?;
    if !resumes {
        remove(&out.join(int8::CHECKPOINT_FILE))?;
    }
    let text = toml::to_string(recipe).map_err(TrainError::WriteRecipe)?;
    Ok(files::write(&out.join(RECIPE_FILE), text.as_bytes())?)
}

fn make_folder(out: &Path) -> Result<(), TrainError> {
    std::fs::create_dir_all(out).map_err(|source| TrainError::Folder { path: out.to_owned(), source })
}

/// What another training left: a folder must not show one recipe and hold another's trunk.
fn remove_outputs(out: &Path) -> Result<(), TrainError> {
    OUTPUTS.iter().chain([&ranges::RANGES_FILE]).try_for_each(|name| remove(&out.join(name)))
}

fn remove(path: &Path) -> Result<(), TrainError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::Write { path: path.to_owned(), source }.into())
        }
        _ => Ok(()),
    }
}

/// A progress bar on standard error.
pub fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg} ({elapsed}, {eta} left)");
    let bar = ProgressBar::new(length).with_prefix(what);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// `runs/` and the recipe's name, or its folder's where it is just called recipe.
fn default_folder(recipe: &Path) -> PathBuf {
    let stem = recipe.file_stem().filter(|stem| *stem != "recipe");
    let name = stem.or_else(|| recipe.parent().and_then(Path::file_name));
    Path::new("runs").join(name.unwrap_or("recipe".as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_s_folder_names_the_run() {
        assert_eq!(default_folder(Path::new("models/omniglot/recipe.toml")), Path::new("runs/omniglot"));
        assert_eq!(default_folder(Path::new("fast.toml")), Path::new("runs/fast"));
        assert_eq!(default_folder(Path::new("recipe.toml")), Path::new("runs/recipe"));
    }
}
