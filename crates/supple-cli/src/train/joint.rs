//! Several tasks at once: a recipe with `[[heads]]` to a trunk and each task's figure.

use std::path::Path;
use std::time::Instant;

use serde_json::json;
use supple_data::DataSet;
use supple_data::part::{PartError, split};
use supple_meta::head_file;
use supple_meta::multitask::{
    MultiTaskError, MultiTaskRecipe, MultiTaskTrainer, TaskDiverged, TaskMetric, TrainedTrunk,
    recipe::AnswerKind, state,
};
use supple_meta::recipe::RecipeError;
use supple_meta::trainer::TrunkStart;

use super::metrics::Metrics;
use super::{CHECKPOINT_FILE, HEAD_FILE, METRICS_FILE, TRUNK_FILE, TrainError, bar, export};
use crate::arguments::TrainArguments;
use crate::{files, signal};

/// Why there is no joint training.
#[derive(Debug, thiserror::Error)]
pub enum JointError {
    /// Recipe or data were refused.
    #[error(transparent)]
    Start(#[from] MultiTaskError),
    /// The data cannot be split.
    #[error("{0} (in the recipe: hold_back of [data])")]
    Part(#[from] PartError),
    /// A loss is no number any more.
    #[error(transparent)]
    Diverged(#[from] TaskDiverged),
}

/// Whether a recipe's text is one of several tasks.
pub fn is_joint(text: &str) -> bool {
    text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("heads"))
}

/// Reads and checks a recipe; `path` names it in errors.
pub fn parse(path: &Path, text: &str) -> Result<MultiTaskRecipe, TrainError> {
    let recipe: MultiTaskRecipe = toml::from_str(text)
        .map_err(|error| RecipeError::Syntax { path: path.to_owned(), message: error.to_string() })?;
    recipe.check().map_err(JointError::Start)?;
    Ok(recipe)
}

/// Trains on a data set; what is asked of `arguments` is where to write and whether to go on.
pub fn run(
    arguments: &TrainArguments,
    mut recipe: MultiTaskRecipe,
    set: &DataSet,
    start: Option<TrunkStart>,
    out: &Path,
) -> Result<(), TrainError> {
    let (training, held_back) = split(set, &recipe.data.hold_back()).map_err(JointError::Part)?;
    if let Some(start) = &start {
        recipe.trunk.blocks.clone_from(&start.blocks);
    }
    let start = start.as_ref().map(TrainedTrunk::from_elsewhere).transpose().map_err(JointError::Start)?;
    let trainer = MultiTaskTrainer::new(recipe, set, (&training, &held_back), start.as_ref());
    let mut trainer = trainer.map_err(JointError::Start)?;
    let checkpoint = out.join(CHECKPOINT_FILE);
    if arguments.resume {
        trainer.resume(state::read(&checkpoint)?).map_err(JointError::Start)?;
    } else if let Ok(state) = state::read(&checkpoint)
        && !out.join(TRUNK_FILE).exists()
    {
        return Err(TrainError::Unfinished { path: out.to_owned(), iteration: state.iteration });
    }
    super::prepare_folder(out, trainer.recipe(), arguments.resume)?;
    let started = Instant::now();
    iterate(&mut trainer, out)?;
    trainer.finish();
    state::write(&checkpoint, trainer.state())?;
    let metrics = trainer.validate();
    if let (Some(trunk), Some(network)) = (trainer.trunk(0), trainer.model().trunks.first()) {
        let view = export::TrunkView {
            network,
            parameters: &trainer.model().parameters,
            values: &trunk.parameters,
            statistics: &trunk.statistics,
            standardise: trunk.standardise.as_ref(),
        };
        let onnx = export::trunk(&view)?;
        files::write(&out.join(TRUNK_FILE), &onnx)?;
        let heads = export::joint_heads(&trainer, &onnx);
        if !heads.is_empty() {
            head_file::write(&out.join(HEAD_FILE), &heads)?;
        }
    }
    let summary = json!({
        "out": out.to_string_lossy(),
        "trunk": out.join(TRUNK_FILE).to_string_lossy(),
        "iterations": trainer.state().iteration,
        "seconds": started.elapsed().as_secs_f64(),
        "seed": trainer.recipe().seed,
        "tasks": metrics,
    });
    let mut lines = format!(
        "trained {} steps in {:.0} s; on what was held back:\n",
        trainer.state().iteration,
        started.elapsed().as_secs_f64()
    );
    for metric in &metrics {
        lines += &format!("  {:<20} {}\n", metric.task, figure(metric));
    }
    lines += &match out.join(HEAD_FILE).exists() {
        true => format!(
            "wrote {TRUNK_FILE} and {HEAD_FILE} in {}\nnext: supple pack {} -o {}.supple; or the trunk as the start of \
             meta-learned heads",
            out.display(),
            out.display(),
            out.file_name().unwrap_or_default().to_string_lossy()
        ),
        false => format!(
            "wrote {TRUNK_FILE} in {}; meta-learned heads can have it as the start of their trunk",
            out.display()
        ),
    };
    crate::print(arguments.json, &summary, &lines);
    Ok(())
}

fn figure(metric: &TaskMetric) -> String {
    match (metric.value, metric.kind) {
        (None, _) => "no label is known".to_owned(),
        (Some(value), AnswerKind::Classification) => format!("{:.1} % right", 100.0 * value),
        (Some(value), AnswerKind::Regression) => format!("error {value:.4} (root of the mean square)"),
    }
}

fn iterate(trainer: &mut MultiTaskTrainer, out: &Path) -> Result<(), TrainError> {
    let interrupted = signal::watch().map_err(TrainError::Signal)?;
    let checkpoint = out.join(CHECKPOINT_FILE);
    let mut metrics = Metrics::open(&out.join(METRICS_FILE), trainer.state().iteration)?;
    let steps = trainer.steps();
    let bar = bar(steps, "joint training");
    bar.set_position(trainer.state().iteration);
    bar.reset_eta();
    let every = (steps / 20).max(1);
    while !trainer.finished() {
        if interrupted() {
            metrics.flush()?;
            state::write(&checkpoint, trainer.state())?;
            bar.abandon();
            return Err(TrainError::Interrupted { iteration: trainer.state().iteration, iterations: steps });
        }
        let progress = trainer.iterate().map_err(JointError::Diverged)?;
        bar.inc(1);
        metrics.any(progress.iteration, &json!(progress))?;
        if progress.iteration.is_multiple_of(every) {
            let tasks = trainer.validate();
            for task in &tasks {
                if let Some(value) = task.value {
                    metrics.figure(&task.task, progress.iteration, value)?;
                }
            }
            metrics.always(&json!({"iteration": progress.iteration, "validation": tasks}))?;
            metrics.flush()?;
            state::write(&checkpoint, trainer.state())?;
            let shown: Vec<String> = tasks.iter().map(|t| format!("{} {}", t.task, figure(t))).collect();
            if bar.is_hidden() {
                eprintln!("step {} of {steps}: {}", progress.iteration, shown.join(", "));
            }
            bar.set_message(shown.join(", "));
        }
    }
    bar.finish();
    metrics.flush()?;
    Ok(())
}
