//! Batch normalisation over the channels of `[channels, positions]` matrices.
//!
//! Ioffe, Szegedy: Batch Normalization (2015). In training the statistics come from the batch; before export they
//! are fixed, and a fixed normalisation is an affine map that folds into the convolution before it.

use serde::{Deserialize, Serialize};

use crate::matrix::Real;

/// Added to the variance.
pub const EPSILON: f64 = 1e-5;

/// Mean and variance of each channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics<T> {
    /// Mean of each channel.
    pub mean: Vec<T>,
    /// (Biased) variance of each channel.
    pub variance: Vec<T>,
}

impl<T: Real> Statistics<T> {
    /// Of a batch.
    pub fn of(values: &[T], channels: usize) -> Self {
        let count = T::of_count(values.len() / channels);
        let mut mean = vec![T::zero(); channels];
        for column in values.chunks_exact(channels) {
            for (sum, value) in mean.iter_mut().zip(column) {
                *sum += *value;
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        let mut variance = vec![T::zero(); channels];
        for column in values.chunks_exact(channels) {
            for ((sum, value), mean) in variance.iter_mut().zip(column).zip(&mean) {
                *sum += (*value - *mean) * (*value - *mean);
            }
        }
        variance.iter_mut().for_each(|sum| *sum /= count);
        Self { mean, variance }
    }

    /// `1 / sqrt(variance + ε)` of each channel.
    pub fn inverse_deviation(&self) -> Vec<T> {
        self.variance.iter().map(|v| T::one() / (*v + T::of(EPSILON)).sqrt()).collect()
    }
}

/// Normalises in place, then writes `scale · normalised + shift` (with relu where asked) to `output`.
pub fn forward<T: Real>(
    statistics: &Statistics<T>,
    scale: &[T],
    shift: &[T],
    relu: bool,
    values: &mut [T],
    output: &mut [T],
) {
    let channels = scale.len();
    let inverse = statistics.inverse_deviation();
    for (column, output) in values.chunks_exact_mut(channels).zip(output.chunks_exact_mut(channels)) {
        for channel in 0..channels {
            let normalised = (column[channel] - statistics.mean[channel]) * inverse[channel];
            column[channel] = normalised;
            let value = scale[channel] * normalised + shift[channel];
            output[channel] = if !relu || value > T::zero() { value } else { T::zero() };
        }
    }
}

/// Turns the gradient of the output (relu's already applied) into that of the values before normalisation, in
/// place; adds to the gradients of `scale` and `shift`. With `batch` the statistics depend on the values.
pub fn backward<T: Real>(
    statistics: &Statistics<T>,
    scale: &[T],
    batch: bool,
    normalised: &[T],
    gradient: &mut [T],
    scale_gradient: &mut [T],
    shift_gradient: &mut [T],
) {
    let channels = scale.len();
    let inverse = statistics.inverse_deviation();
    let mut sum = vec![T::zero(); channels];
    let mut sum_normalised = vec![T::zero(); channels];
    for (gradient, normalised) in gradient.chunks_exact(channels).zip(normalised.chunks_exact(channels)) {
        for channel in 0..channels {
            sum[channel] += gradient[channel];
            sum_normalised[channel] += gradient[channel] * normalised[channel];
        }
    }
    for channel in 0..channels {
        scale_gradient[channel] += sum_normalised[channel];
        shift_gradient[channel] += sum[channel];
    }
    let weight = if batch { T::one() / T::of_count(gradient.len() / channels) } else { T::zero() };
    sum.iter_mut().chain(&mut sum_normalised).for_each(|s| *s *= weight);
    let factor: Vec<T> = scale.iter().zip(&inverse).map(|(s, i)| *s * *i).collect();
    for (gradient, normalised) in gradient.chunks_exact_mut(channels).zip(normalised.chunks_exact(channels)) {
        for channel in 0..channels {
            let centred = gradient[channel] - sum[channel] - normalised[channel] * sum_normalised[channel];
            gradient[channel] = factor[channel] * centred;
        }
    }
}
