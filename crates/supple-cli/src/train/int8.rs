//! A head on a trunk in `i8`: ranges are measured, the plan is compiled, and the head is trained on the features that
//! the plan gives for tasks drawn and varied as ever.

use std::path::Path;

use serde_json::{Value, json};
use supple_data::DataSet;
use supple_meta::recipe::{RangeRecipe, Recipe};
use supple_meta::trainer::Trainer;
use supple_meta::trainer::fixed::calibration_inputs;
use supple_meta::{checkpoint, head_file};
use supple_pack::write::pack;
use supple_pack::{AlignedBytes, Pack};
use supple_trunk::{QuantisationReport, RangeChoice};

use super::meta::{Course, iterate};
use super::ranges::{self, RANGES_FILE};
use super::twin::Twin;
use super::{HEAD_FILE, METRICS_FILE, OUTPUTS, TRUNK_FILE, TrainError, export};
use crate::arguments::{Patience, TrainArguments};
use crate::calibrate::fits;
use crate::compile::{calibrated, quantised};
use crate::files;

/// The state of a head's training, beside that of the trunk's.
pub const CHECKPOINT_FILE: &str = "checkpoint-int8";

/// What there is before.
pub struct Before<'a> {
    /// The trunk.
    pub onnx: &'a [u8],
    /// What the head goes on from.
    pub head: Option<&'a [f32]>,
    /// Iterations that the trunk was trained.
    pub iterations: u64,
}

/// What came of it.
pub struct Finished {
    /// Iterations of the head.
    pub iterations: u64,
    /// Multiply-accumulates of the trunk.
    pub macs: u64,
    /// Length of a feature vector.
    pub features: usize,
    /// Accuracy, or squared error, on what was held back, before adaptation and after each step.
    pub validation: Vec<f64>,
    /// Whether it is the squared error.
    pub regression: bool,
    /// Classes and support samples a class of that.
    pub shape: (usize, usize),
    /// How it was quantised, and what that lost.
    pub quantisation: Value,
}

/// Measures, compiles and trains; writes ranges and head into `out`, where the trunk lies already.
pub fn run(
    arguments: &TrainArguments,
    recipe: &Recipe,
    set: &DataSet,
    out: &Path,
    before: &Before,
    interrupted: &dyn Fn() -> bool,
) -> Result<Finished, TrainError> {
    let (path, patience) = (out.join(TRUNK_FILE), Patience::default());
    let inputs = calibration_inputs(recipe, set)?;
    let calibrated = calibrated(&path, before.onnx, None, &inputs, choice(recipe), patience)?;
    fits(Path::new(set.name()), set.shape(), calibrated.input)?;
    ranges::write(&out.join(RANGES_FILE), &calibrated.ranges)?;
    eprintln!("{}", calibrated.report);
    if let Some(warning) = calibrated.report.warning() {
        eprintln!("warning: {warning}");
    }
    let name = recipe.head.name.clone();
    let compiled = quantised(&path, before.onnx, name, calibrated.ranges, patience)?;
    let bytes = AlignedBytes::copy_of(&pack(&compiled.parts, &[])?);
    let twin = Twin(Pack::parse(&bytes).map_err(supple_pack::write::WriteError::from)?);

    let mut head_recipe = recipe.clone();
    head_recipe.training.iterations = recipe.head_iterations();
    let mut trainer = Trainer::on_features(head_recipe, set, &twin, before.head)?;
    let checkpoint = out.join(CHECKPOINT_FILE);
    // A training that was stopped before its trunk was done has no head's checkpoint yet.
    if arguments.resume && (before.head.is_none() || checkpoint.exists()) {
        trainer.resume(checkpoint::read(&checkpoint)?)?;
    }
    let course = Course {
        metrics: &out.join(METRICS_FILE),
        checkpoint: &checkpoint,
        before: before.iterations,
        what: "head on int8 features",
    };
    iterate(&mut trainer, &course, interrupted)?;
    trainer.finish();
    checkpoint::write(&checkpoint, trainer.state())?;
    let validation = trainer.validate();
    let plan = Some(twin.0.trunk().hash.0);
    if let Some(head) = export::head(&trainer, before.onnx, plan) {
        head_file::write(&out.join(HEAD_FILE), &[head])?;
    }
    Ok(Finished {
        iterations: trainer.state().iteration,
        macs: compiled.report.macs,
        features: trainer.learner().network.features(),
        validation,
        regression: trainer.is_regression(),
        shape: trainer.validation_shape(),
        quantisation: quantisation(recipe, &calibrated.report),
    })
}

/// A trunk that was trained elsewhere: only its head is trained. `path` is the trunk's ONNX file.
pub fn run_alone(
    arguments: &TrainArguments,
    recipe: &Recipe,
    set: &DataSet,
    path: &Path,
    out: &Path,
) -> Result<(), TrainError> {
    let onnx = files::read(path)?;
    if !arguments.resume
        && let Ok(state) = checkpoint::read(&out.join(CHECKPOINT_FILE))
        && !OUTPUTS.iter().all(|name| out.join(name).exists())
    {
        return Err(TrainError::Unfinished { path: out.to_owned(), iteration: state.iteration });
    }
    super::prepare_folder(out, recipe, arguments.resume)?;
    // The same bytes: whoever has the trunk already needs no second copy for the head.
    files::write(&out.join(TRUNK_FILE), &onnx)?;
    let interrupted = crate::signal::watch().map_err(TrainError::Signal)?;
    let started = std::time::Instant::now();
    let before = Before { onnx: &onnx, head: None, iterations: 0 };
    let finished = run(arguments, recipe, set, out, &before, &interrupted)?;
    let summary = json!({
        "out": out.to_string_lossy(),
        "trunk": out.join(TRUNK_FILE).to_string_lossy(),
        "head": out.join(HEAD_FILE).to_string_lossy(),
        "iterations": finished.iterations,
        "seconds": started.elapsed().as_secs_f64(),
        "seed": recipe.seed,
        "algorithm": recipe.algorithm.build().name(),
        "macs": finished.macs,
        "features": finished.features,
        "validation": finished.validation(),
        "quantisation": finished.quantisation,
    });
    let lines = format!(
        "trained the head {} iterations on int8 features in {:.0} s; {}\n{}",
        finished.iterations,
        started.elapsed().as_secs_f64(),
        finished.line(),
        next(out),
    );
    crate::print(arguments.json, &summary, &lines);
    Ok(())
}

/// What was written, and what to do with it.
pub fn next(out: &Path) -> String {
    format!(
        "wrote {TRUNK_FILE}, {RANGES_FILE} and {HEAD_FILE} in {}\nnext: supple pack {} --int8 -o {}.supple",
        out.display(),
        out.display(),
        out.file_name().unwrap_or_default().to_string_lossy()
    )
}

impl Finished {
    /// What validation found, for programs.
    pub fn validation(&self) -> Value {
        let measure = super::meta::measure(self.regression);
        json!({"way": self.shape.0, "shot": self.shape.1, measure: self.validation})
    }

    /// Likewise, for people.
    pub fn line(&self) -> String {
        format!("in int8: {}", super::meta::found(self.regression, self.shape, &self.validation))
    }
}

fn choice(recipe: &Recipe) -> RangeChoice {
    match recipe.quantisation.range {
        RangeRecipe::MinMax => RangeChoice::MinMax,
        RangeRecipe::Percentile => RangeChoice::Percentile(recipe.quantisation.percentile),
        RangeRecipe::MeanSquaredError => RangeChoice::MeanSquaredError,
    }
}

fn quantisation(recipe: &Recipe, report: &QuantisationReport) -> Value {
    json!({
        "range": recipe.quantisation.range,
        "inputs": report.inputs,
        "head_iterations": recipe.head_iterations(),
        "features_sqnr_db": report.features_sqnr_db,
        "worst": report.worst(),
        "layers": report.layers,
    })
}
