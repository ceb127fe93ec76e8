//! Bringing inputs to mean 0 and deviation 1, by what the training part shows.

use serde::{Deserialize, Serialize};
use supple_data::DataSet;
use supple_data::part::Part;
use supple_data::render::Orientation;

/// One mean and factor a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardise {
    /// Of each channel.
    pub mean: Vec<f32>,
    /// One over the deviation of each channel; 0 where it never changes.
    pub factor: Vec<f32>,
}

impl Standardise {
    /// Over all samples of a part.
    pub fn of(set: &DataSet, part: &Part) -> Self {
        Self::over(set, part.samples(set))
    }

    /// Over some samples, of which there must be one at least.
    pub fn over(set: &DataSet, samples: impl Iterator<Item = usize>) -> Self {
        let channels = set.shape().channels;
        let mut input = vec![0.0; set.shape().len()];
        let mut count = 0.0;
        let (mut sums, mut squares) = (vec![0.0f64; channels], vec![0.0f64; channels]);
        for sample in samples {
            set.render(sample, Orientation::UPRIGHT, &mut input);
            for pixel in input.chunks_exact(channels) {
                count += 1.0;
                for ((value, sum), square) in pixel.iter().zip(&mut sums).zip(&mut squares) {
                    *sum += f64::from(*value);
                    *square += f64::from(*value) * f64::from(*value);
                }
            }
        }
        let mean: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        let factor = squares.iter().zip(&mean).map(|(square, mean)| {
            let variance = square / count - mean * mean;
            // Below this a channel holds rounding errors only.
            if variance > 1e-12 * (1.0 + mean * mean) { (1.0 / variance.sqrt()) as f32 } else { 0.0 }
        });
        Self { factor: factor.collect(), mean: mean.iter().map(|mean| *mean as f32).collect() }
    }

    /// On one sample, `[pixels][channels]`.
    pub fn apply(&self, input: &mut [f32]) {
        for pixel in input.chunks_exact_mut(self.mean.len()) {
            for ((value, mean), factor) in pixel.iter_mut().zip(&self.mean).zip(&self.factor) {
                *value = (*value - mean) * factor;
            }
        }
    }
}
