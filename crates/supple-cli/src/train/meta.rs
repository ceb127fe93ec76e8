//! A meta-training: a recipe to a trunk, a head and what a report needs.

use std::path::Path;
use std::time::Instant;

use serde_json::json;
use supple_data::DataSet;
use supple_meta::checkpoint;
use supple_meta::recipe::{Kind, Recipe};
use supple_meta::trainer::{Trainer, TrunkStart};

use super::metrics::Metrics;
use super::{
    CHECKPOINT_FILE, HEAD_FILE, METRICS_FILE, OUTPUTS, RECIPE_FILE, SHOWN_SHARE, TRUNK_FILE, TrainError, bar,
    export,
};
use crate::arguments::TrainArguments;
use crate::{files, signal};

/// Trains on a data set; what is asked of `arguments` is whether to go on and how to print.
pub fn run(
    arguments: &TrainArguments,
    recipe: Recipe,
    set: &DataSet,
    start: Option<TrunkStart>,
    out: &Path,
) -> Result<(), TrainError> {
    if recipe.task.kind == Kind::NewClasses && recipe.training.way < recipe.head.capacity {
        eprintln!(
            "note: tasks have {} classes, so of the head's {} only these learn where to start; the rest start at zero",
            recipe.training.way, recipe.head.capacity
        );
    }
    let mut trainer = Trainer::new(recipe, set, start)?;
    export::check(&trainer.learner().network)?;
    let checkpoint = out.join(CHECKPOINT_FILE);
    if arguments.resume {
        trainer.resume(checkpoint::read(&checkpoint)?)?;
    } else if let Ok(state) = checkpoint::read(&checkpoint)
        && !OUTPUTS.iter().all(|name| out.join(name).exists())
    {
        return Err(TrainError::Unfinished { path: out.to_owned(), iteration: state.iteration });
    }
    super::make_folder(out)?;
    super::remove_outputs(out)?;
    let text = toml::to_string(trainer.recipe()).map_err(TrainError::WriteRecipe)?;
    files::write(&out.join(RECIPE_FILE), text.as_bytes())?;

    let started = Instant::now();
    iterate(&mut trainer, &out.join(METRICS_FILE), &checkpoint)?;
    trainer.finish();
    checkpoint::write(&checkpoint, trainer.state())?;
    let validation = trainer.validate();
    let onnx = export::trunk(&export::TrunkView::of(&trainer))?;
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
