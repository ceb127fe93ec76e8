//! `supple train`: a recipe to a trunk, a head and what a report needs.

mod export;
mod metrics;
mod onnx;

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use supple_data::DataSet;
use supple_meta::checkpoint::{self, ReadCheckpointError, WriteCheckpointError};
use supple_meta::head_file::HeadFileError;
use supple_meta::recipe::{Kind, Recipe, RecipeError, Source};
use supple_meta::trainer::{Diverged, StartError, Trainer};

use self::metrics::Metrics;
use crate::arguments::TrainArguments;
use crate::data::{self, DataError};
use crate::files::{self, FileError};
use crate::signal;

/// The trunk in a training's output folder.
pub const TRUNK_FILE: &str = "trunk.onnx";
/// The head, likewise.
pub const HEAD_FILE: &str = "head.postcard";
const OUTPUTS: [&str; 2] = [TRUNK_FILE, HEAD_FILE];
const CHECKPOINT_FILE: &str = "checkpoint";
const METRICS_FILE: &str = "metrics.jsonl";
/// What `--print-recipe` shows by itself.
const BUILT_IN: &str = include_str!("../../../../models/glyphs/recipe.toml");
const RECIPE_FILE: &str = "recipe.toml";

/// Share of a new iteration in the loss that the progress bar shows.
const SHOWN_SHARE: f32 = 0.05;

/// Why there is no trained head.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The recipe was refused.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The recipe wants data that was not given.
    #[error(
        "the recipe trains on Omniglot: give its zip or folder with --data (or `--data glyphs` for generated drawings)"
    )]
    NoData,
    /// The data was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Recipe and data do not go together.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The trunk to start from.
    #[error(transparent)]
    Onnx(#[from] onnx::OnnxStartError),
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
    /// The head was not written.
    #[error(transparent)]
    Head(#[from] HeadFileError),
}

/// Runs the verb.
pub fn run(arguments: &TrainArguments) -> Result<(), TrainError> {
    let mut recipe = match &arguments.recipe {
        Some(path) => Recipe::read(path)?,
        None => Recipe::parse(Path::new("glyphs"), BUILT_IN)?,
    };
    recipe.seed = arguments.seed.unwrap_or(recipe.seed);
    if arguments.print_recipe {
        let text = toml::to_string_pretty(&recipe).map_err(TrainError::WriteRecipe)?;
        crate::print(arguments.json, &json!(recipe), text.trim_end());
        return Ok(());
    }
    if recipe.task.kind == Kind::NewClasses && recipe.training.way < recipe.head.capacity {
        eprintln!(
            "note: tasks have {} classes, so of the head's {} only these learn where to start; the rest start at zero",
            recipe.training.way, recipe.head.capacity
        );
    }
    let set: DataSet = match (&arguments.data, recipe.data.source) {
        (Some(path), _) => data::load(path)?.into(),
        (None, Source::Glyphs) => supple_data::glyphs::generate(recipe.data.generator_seed).into(),
        (None, _) => return Err(TrainError::NoData),
    };
    let out = arguments.out.clone().unwrap_or_else(|| default_folder(arguments.recipe.as_deref()));
    let beside = arguments.recipe.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
    // As with any path in a file, from the folder that the file lies in.
    let start = recipe.trunk.start.as_ref().map(|path| onnx::start(&beside.join(path))).transpose()?;
    let mut trainer = Trainer::new(recipe, &set, start)?;
    export::check(&trainer)?;
    let checkpoint = out.join(CHECKPOINT_FILE);
    if arguments.resume {
        trainer.resume(checkpoint::read(&checkpoint)?)?;
    } else if let Ok(state) = checkpoint::read(&checkpoint)
        && !OUTPUTS.iter().all(|name| out.join(name).exists())
    {
        return Err(TrainError::Unfinished { path: out, iteration: state.iteration });
    }
    std::fs::create_dir_all(&out).map_err(|source| TrainError::Folder { path: out.clone(), source })?;
    remove_outputs(&out)?;
    let text = toml::to_string(trainer.recipe()).map_err(TrainError::WriteRecipe)?;
    files::write(&out.join(RECIPE_FILE), text.as_bytes())?;

    let started = Instant::now();
    iterate(&mut trainer, &out.join(METRICS_FILE), &checkpoint)?;
    trainer.finish();
    checkpoint::write(&checkpoint, trainer.state())?;
    let validation = trainer.validate();
    let onnx = export::trunk(&trainer)?;
    files::write(&out.join(TRUNK_FILE), &onnx)?;
    if let Some(head) = export::head(&trainer, &onnx) {
        head.write(&out.join(HEAD_FILE))?;
    }

    let (before, after) = (validation[0], validation[validation.len() - 1]);
    let (way, shot) = trainer.validation_shape();
    let learner = trainer.learner();
    let summary = json!({
        "out": out.to_string_lossy(),
        "trunk": out.join(TRUNK_FILE).to_string_lossy(),
        "head": out.join(HEAD_FILE).to_string_lossy(),
        "iterations": trainer.state().iteration,
        "seconds": started.elapsed().as_secs_f64(),
        "seed": trainer.recipe().seed,
        "algorithm": trainer.algorithm().name(),
        "macs": learner.network.macs(),
        "features": learner.network.features(),
        "parameters": learner.parameters.len(),
        "validation": {"way": way, "shot": shot, measure(&trainer): validation},
    });
    let on_validation = match trainer.is_regression() {
        true => format!(
            "{shot} samples of what was held back: squared error {before:.4} before adaptation, {after:.4} after"
        ),
        false => format!(
            "{way}-way {shot}-shot on what was held back: {:.1} % before adaptation, {:.1} % after",
            100.0 * before,
            100.0 * after
        ),
    };
    let next = match out.join(HEAD_FILE).exists() {
        true => format!(
            "next: supple pack {} -o {}.supple",
            out.display(),
            out.file_name().unwrap_or_default().to_string_lossy()
        ),
        false => "the start is for hosts: no device adapts this head".to_owned(),
    };
    let lines = format!(
        "trained {} iterations in {:.0} s; {on_validation}\nwrote {} in {}\n{next}",
        trainer.state().iteration,
        started.elapsed().as_secs_f64(),
        if out.join(HEAD_FILE).exists() {
            format!("{TRUNK_FILE} and {HEAD_FILE}")
        } else {
            TRUNK_FILE.to_owned()
        },
        out.display(),
    );
    crate::print(arguments.json, &summary, &lines);
    Ok(())
}

/// The name of what validation measures.
fn measure(trainer: &Trainer) -> &'static str {
    if trainer.is_regression() { "squared_error" } else { "accuracy" }
}

/// What another training left: a folder must not show one recipe and hold another's trunk.
fn remove_outputs(out: &Path) -> Result<(), TrainError> {
    for name in OUTPUTS {
        let path = out.join(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::Write { path, source }.into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// All iterations that are left, with a checkpoint at each validation and on Ctrl-C.
fn iterate(trainer: &mut Trainer, metrics: &Path, checkpoint: &Path) -> Result<(), TrainError> {
    let interrupted = signal::watch().map_err(TrainError::Signal)?;
    let mut metrics = Metrics::open(metrics, trainer.state().iteration)?;
    let iterations = trainer.recipe().training.iterations;
    let bar = bar(iterations, "meta-training");
    bar.set_position(trainer.state().iteration);
    bar.reset_eta();
    let mut shown_loss = None;
    let mut validated = String::new();
    while !trainer.finished() {
        if interrupted() {
            metrics.flush()?;
            checkpoint::write(checkpoint, trainer.state())?;
            bar.abandon();
            return Err(TrainError::Interrupted { iteration: trainer.state().iteration, iterations });
        }
        let progress = trainer.iterate()?;
        bar.inc(1);
        let loss = shown_loss.map_or(progress.loss, |shown| shown + SHOWN_SHARE * (progress.loss - shown));
        shown_loss = Some(loss);
        metrics.iteration(&progress)?;
        if progress.iteration.is_multiple_of(trainer.recipe().training.validation_every) {
            let accuracy = trainer.validate();
            metrics.validation(progress.iteration, &accuracy)?;
            metrics.flush()?;
            checkpoint::write(checkpoint, trainer.state())?;
            let last = accuracy.last().copied().unwrap_or_default();
            let shown = match trainer.is_regression() {
                true => format!("squared error {last:.4}"),
                false => format!("{:.1} %", 100.0 * last),
            };
            if bar.is_hidden() {
                // No terminal: a line at each validation instead of a bar.
                eprintln!(
                    "iteration {} of {iterations}: loss {loss:.3}, validation {shown}, {:.0} s left",
                    progress.iteration,
                    bar.eta().as_secs_f64()
                );
            }
            validated = format!(", validation {shown}");
        }
        bar.set_message(format!("loss {loss:.3}{validated}"));
    }
    bar.finish();
    metrics.flush()?;
    Ok(())
}

/// A progress bar on standard error.
pub fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg} ({elapsed}, {eta} left)");
    let bar = ProgressBar::new(length).with_prefix(what);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// `runs/` and the recipe's name, or its folder's where it is just called recipe.
fn default_folder(recipe: Option<&Path>) -> PathBuf {
    let recipe = recipe.unwrap_or(Path::new("glyphs"));
    let stem = recipe.file_stem().filter(|stem| *stem != "recipe");
    let name = stem.or_else(|| recipe.parent().and_then(Path::file_name));
    Path::new("runs").join(name.unwrap_or("recipe".as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_s_folder_names_the_run() {
        assert_eq!(default_folder(Some(Path::new("models/omniglot/recipe.toml"))), Path::new("runs/omniglot"));
        assert_eq!(default_folder(Some(Path::new("fast.toml"))), Path::new("runs/fast"));
        assert_eq!(default_folder(Some(Path::new("recipe.toml"))), Path::new("runs/recipe"));
    }
}
