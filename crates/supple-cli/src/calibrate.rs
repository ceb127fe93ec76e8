//! The ranges of a trunk's values on a user's data.

use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use supple_data::DataSet;
use supple_data::broken::OnBroken;
use supple_data::render::Orientation;
use supple_trunk::{Calibrated, RangeChoice};

use crate::arguments::{Patience, Quantisation, RangeKind};
use crate::compile::{ModelError, calibrated};
use crate::data::{self, DataError};

/// Why there are no ranges.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// The data was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// `--calibrate` without a number of inputs.
    #[error("--calibration-inputs 0 calibrates on nothing: give some hundreds")]
    None,
    /// Samples of another shape.
    #[error("a sample of {path} has {found} values: calibrate on data that this trunk reads ({refused})")]
    Shape {
        /// The data.
        path: PathBuf,
        /// Values of a sample.
        found: usize,
        /// The trunk's own words.
        refused: ModelError,
    },
}

/// Calibrates a model on samples of the data that the arguments name.
pub fn run(
    model: &Path,
    onnx: &[u8],
    output: Option<&str>,
    data: &Path,
    arguments: &Quantisation,
    patience: Patience,
) -> Result<Calibrated, CalibrateError> {
    if arguments.calibration_inputs == 0 {
        return Err(CalibrateError::None);
    }
    let set = data::load_set(Some(data), None, None, OnBroken::Skip)?.set;
    let inputs = draw(&set, arguments.calibration_inputs, arguments.seed);
    calibrated(model, onnx, output, &inputs, choice(arguments), patience).map_err(|refused| {
        // The worker says what the trunk reads; which data that was is known here.
        match refused.source.to_string().starts_with("calibration input") {
            true => CalibrateError::Shape { path: data.to_owned(), found: set.shape().len(), refused },
            false => refused.into(),
        }
    })
}

/// How ranges are chosen.
pub fn choice(arguments: &Quantisation) -> RangeChoice {
    match arguments.range {
        RangeKind::MinMax => RangeChoice::MinMax,
        RangeKind::Percentile => RangeChoice::Percentile(arguments.percentile),
        RangeKind::MeanSquaredError => RangeChoice::MeanSquaredError,
    }
}

/// Different samples of a set, as the trunk reads them.
fn draw(set: &DataSet, count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    sample(&mut random, set.len(), count.min(set.len()))
        .into_iter()
        .map(|index| {
            let mut input = vec![0.0; set.shape().len()];
            set.render(index, Orientation::UPRIGHT, &mut input);
            input
        })
        .collect()
}
