//! The ranges of a trunk's values on a user's data.

use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use supple_data::DataSet;
use supple_data::SampleShape;
use supple_data::broken::OnBroken;
use supple_data::render::Orientation;
use supple_pack::Shape;
use supple_trunk::{Calibrated, RangeChoice};

use crate::arguments::{Patience, Quantisation, RangeKind};
use crate::compile::{ModelError, calibrated};
use crate::data::{self, DataError};

/// Of `--range percentile` where no percentile is given.
const USUAL_PERCENTILE: f32 = 99.99;

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
    /// Samples of another size.
    #[error("a sample of {path} has {found} values: calibrate on data that this trunk reads ({refused})")]
    Size {
        /// The data.
        path: PathBuf,
        /// Values of a sample.
        found: usize,
        /// The trunk's own words.
        refused: ModelError,
    },
    /// As many values in another order.
    #[error(
        "a sample of {path} is {found}, but the trunk reads {expected}, channels last (height × width × channels): store \
         the samples so, as the device will give them"
    )]
    Shape {
        /// The data.
        path: PathBuf,
        /// As it is.
        found: String,
        /// As it should be.
        expected: String,
    },
    /// A percentile that nothing asks for.
    #[error("--percentile goes with --range percentile: leave one of them out")]
    Percentile,
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
    let choice = choice(arguments)?;
    let set = data::load_set(Some(data), None, None, OnBroken::Skip)?.set;
    let inputs = draw(&set, arguments.calibration_inputs, arguments.seed);
    let calibrated = calibrated(model, onnx, output, &inputs, choice, patience).map_err(|refused| {
        // The worker says what the trunk reads; which data that was is known here.
        match refused.source.to_string().starts_with("calibration input") {
            true => CalibrateError::Size { path: data.to_owned(), found: set.shape().len(), refused },
            false => refused.into(),
        }
    })?;
    fits(data, set.shape(), calibrated.input)?;
    Ok(calibrated)
}

/// Holds a sample's shape against the trunk's; a vector says nothing of an order and is taken as it is.
pub fn fits(data: &Path, sample: SampleShape, trunk: Shape) -> Result<(), CalibrateError> {
    let expected = trunk.dimensions().map(usize::from);
    let found = [sample.height, sample.width, sample.channels];
    let vector = |shape: [usize; 3]| shape[0] == 1 && shape[1] == 1;
    if found == expected || vector(found) || vector(expected) {
        return Ok(());
    }
    let words = |shape: [usize; 3]| format!("{} × {} × {}", shape[0], shape[1], shape[2]);
    Err(CalibrateError::Shape { path: data.to_owned(), found: words(found), expected: words(expected) })
}

/// How ranges are chosen.
fn choice(arguments: &Quantisation) -> Result<RangeChoice, CalibrateError> {
    match (arguments.range, arguments.percentile) {
        (None | Some(RangeKind::MinMax), None) => Ok(RangeChoice::MinMax),
        (Some(RangeKind::MeanSquaredError), None) => Ok(RangeChoice::MeanSquaredError),
        (Some(RangeKind::Percentile), None) => Ok(RangeChoice::Percentile(USUAL_PERCENTILE)),
        (None | Some(RangeKind::Percentile), Some(percentile)) => Ok(RangeChoice::Percentile(percentile)),
        (Some(RangeKind::MinMax | RangeKind::MeanSquaredError), Some(_)) => Err(CalibrateError::Percentile),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_with_channels_first_are_refused() {
        let trunk = Shape { height: 16, width: 20, channels: 3 };
        let of = |height, width, channels| {
            fits(Path::new("x.npz"), SampleShape { height, width, channels }, trunk)
        };
        assert!(of(16, 20, 3).is_ok());
        let error = of(3, 16, 20).unwrap_err().to_string();
        assert!(error.contains("3 × 16 × 20") && error.contains("16 × 20 × 3, channels last"), "{error}");
        assert!(of(20, 16, 3).is_err());
        // A vector says nothing of an order.
        assert!(of(1, 1, 960).is_ok());
    }
}
