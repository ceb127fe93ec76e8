//! A meta-training: a recipe to a trunk, a head and what a report needs.

use std::path::Path;
use std::time::Instant;

use serde_json::json;
use supple_data::DataSet;
use supple_meta::algorithm::AlgorithmRecipe;
use supple_meta::recipe::{Kind, Precision, Recipe};
use supple_meta::trainer::{Progress, Trainer, TrunkStart};
use supple_meta::{checkpoint, head_file};

use super::metrics::Metrics;
use super::{
    CHECKPOINT_FILE, HEAD_FILE, METRICS_FILE, OUTPUTS, SHOWN_SHARE, TRUNK_FILE, TrainError, bar, export, int8,
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
    let learns_rows = !matches!(recipe.algorithm, AlgorithmRecipe::ProtoMaml(_));
    if recipe.task.kind == Kind::NewClasses && recipe.training.way < recipe.head.capacity && learns_rows {
        eprintln!(
            "note: tasks have {} classes, so of the head's {} only these learn where to start; the rest start at zero",
            recipe.training.way, recipe.head.capacity
        );
    }
    let mut trainer = Trainer::new(recipe, set, start)?;
    let checkpoint = out.join(CHECKPOINT_FILE);
    if arguments.resume {
        trainer.resume(checkpoint::read(&checkpoint)?)?;
    } else if let Ok(state) = checkpoint::read(&checkpoint)
        && !OUTPUTS.iter().all(|name| out.join(name).exists())
    {
        return Err(TrainError::Unfinished { path: out.to_owned(), iteration: state.iteration });
    }
    super::prepare_folder(out, trainer.recipe(), arguments.resume)?;

    let started = Instant::now();
    let interrupted = signal::watch().map_err(TrainError::Signal)?;
    let metrics = out.join(METRICS_FILE);
    let course = Course { metrics: &metrics, checkpoint: &checkpoint, before: 0, what: "meta-training" };
    iterate(&mut trainer, &course, &interrupted)?;
    trainer.finish();
    checkpoint::write(&checkpoint, trainer.state())?;
    let validation = trainer.validate();
    let onnx = export::trunk(&export::TrunkView::of(&trainer))?;
    files::write(&out.join(TRUNK_FILE), &onnx)?;
    let iterations = trainer.state().iteration;
    let int8 = match trainer.recipe().trunk.precision {
        Precision::F32 => {
            if let Some(head) = export::head(&trainer, &onnx, None) {
                head_file::write(&out.join(HEAD_FILE), &[head])?;
            }
            None
        }
        Precision::Int8 => {
            let before = int8::Before { onnx: &onnx, head: Some(trainer.head_values()), iterations };
            Some(int8::run(arguments, trainer.recipe(), set, out, &before, &interrupted)?)
        }
    };

    let (way, shot) = trainer.validation_shape();
    let learner = trainer.learner();
    let mut summary = json!({
        "out": out.to_string_lossy(),
        "trunk": out.join(TRUNK_FILE).to_string_lossy(),
        "head": out.join(HEAD_FILE).to_string_lossy(),
        "iterations": iterations,
        "seconds": started.elapsed().as_secs_f64(),
        "seed": trainer.recipe().seed,
        "algorithm": trainer.algorithm().name(),
        "macs": learner.network.macs(),
        "features": learner.network.features(),
        "parameters": learner.parameters.len(),
        "validation": {"way": way, "shot": shot, measure(trainer.is_regression()): validation},
    });
    if let Some(int8) = &int8 {
        // What a device will reach comes first; beside it, what quantising has cost.
        summary["validation_f32"] = summary["validation"].take();
        summary["validation"] = int8.validation();
        summary["quantisation"] = int8.quantisation.clone();
    }
    let on_validation = found(trainer.is_regression(), (way, shot), &validation);
    if let Some(int8) = &int8 {
        let lines = format!(
            "trained {iterations} iterations and {} of the head in {:.0} s; {on_validation}\n{}\n{}",
            int8.iterations,
            started.elapsed().as_secs_f64(),
            int8.line(),
            int8::next(out),
        );
        crate::print(arguments.json, &summary, &lines);
        return Ok(());
    }
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
pub fn measure(regression: bool) -> &'static str {
    if regression { "squared_error" } else { "accuracy" }
}

/// What validation found, in words.
pub fn found(regression: bool, (way, shot): (usize, usize), validation: &[f64]) -> String {
    let before = validation.first().copied().unwrap_or_default();
    let after = validation.last().copied().unwrap_or_default();
    match regression {
        true => format!(
            "{shot} samples of what was held back: squared error {before:.4} before adaptation, {after:.4} after"
        ),
        false => format!(
            "{way}-way {shot}-shot on what was held back: {:.1} % before adaptation, {:.1} % after",
            100.0 * before,
            100.0 * after
        ),
    }
}

/// A run of iterations within a training.
pub struct Course<'a> {
    /// Where its metrics go.
    pub metrics: &'a Path,
    /// Where its state goes.
    pub checkpoint: &'a Path,
    /// Iterations before its first one, which metrics count on from.
    pub before: u64,
    /// What the progress bar says.
    pub what: &'static str,
}

/// All iterations that are left, with a checkpoint at each validation and on Ctrl-C.
pub fn iterate(
    trainer: &mut Trainer,
    course: &Course,
    interrupted: &dyn Fn() -> bool,
) -> Result<(), TrainError> {
    let Course { checkpoint, before, .. } = *course;
    if trainer.finished() {
        // Metrics may go on with what came after.
        return Ok(());
    }
    let mut metrics = Metrics::open(course.metrics, before + trainer.state().iteration)?;
    let iterations = trainer.recipe().training.iterations;
    let bar = bar(iterations, course.what);
    bar.set_position(trainer.state().iteration);
    bar.reset_eta();
    let mut shown_loss = None;
    let mut validated = String::new();
    while !trainer.finished() {
        if interrupted() {
            metrics.flush()?;
            checkpoint::write(checkpoint, trainer.state())?;
            bar.abandon();
            return Err(TrainError::Interrupted {
                iteration: before + trainer.state().iteration,
                iterations: before + iterations,
            });
        }
        let progress = trainer.iterate()?;
        bar.inc(1);
        let loss = shown_loss.map_or(progress.loss, |shown| shown + SHOWN_SHARE * (progress.loss - shown));
        shown_loss = Some(loss);
        metrics.iteration(&Progress { iteration: before + progress.iteration, ..progress })?;
        if progress.iteration.is_multiple_of(trainer.recipe().training.validation_every) {
            let accuracy = trainer.validate();
            metrics.validation(before + progress.iteration, &accuracy)?;
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
