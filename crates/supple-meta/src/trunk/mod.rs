//! The trunk: blocks of convolution, batch normalisation and relu, then the mean over what positions are left.
//!
//! Parameters are one flat vector, block after block: weights, scale, shift. So optimisers, checkpoints and
//! gradient sums need not know the trunk's shape.

pub mod batch_norm;
pub mod convolution;

use serde::{Deserialize, Serialize};

use self::batch_norm::Statistics;
use self::convolution::{Convolution, Scratch};
use crate::matrix::Real;

/// One block of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockSpec {
    /// Output channels.
    pub channels: usize,
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Stride on both axes.
    pub stride: usize,
    /// Padding on every side.
    pub padding: usize,
    /// Whether a relu ends the block.
    pub relu: bool,
}

/// Why blocks make no trunk.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TrunkError {
    /// There is none.
    #[error("a trunk needs at least one block")]
    Empty,
    /// A number is zero or beyond any small board.
    #[error("block {block} of the trunk: {what} must be within {least}..={most}, but is {value}")]
    OutOfRange {
        /// Counted from 1.
        block: usize,
        /// The key.
        what: &'static str,
        /// Allowed from.
        least: usize,
        /// Allowed to.
        most: usize,
        /// As given.
        value: usize,
    },
    /// The kernel does not fit.
    #[error(
        "block {block} of the trunk: a kernel of {kernel} does not fit an input of {input} with padding {padding}"
    )]
    KernelTooLarge {
        /// Counted from 1.
        block: usize,
        /// As given.
        kernel: usize,
        /// Side of the block's input.
        input: usize,
        /// As given.
        padding: usize,
    },
}

/// A block with its place in the parameter vector.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// Its convolution.
    pub convolution: Convolution,
    /// Whether a relu ends it.
    pub relu: bool,
    first_parameter: usize,
}

impl Block {
    /// Weights, scale and shift out of the trunk's parameters.
    pub fn parameters<'p, T>(&self, parameters: &'p [T]) -> (&'p [T], &'p [T], &'p [T]) {
        let (weights, rest) = parameters[self.first_parameter..].split_at(self.convolution.weights());
        let (scale, rest) = rest.split_at(self.convolution.output_channels);
        (weights, scale, &rest[..self.convolution.output_channels])
    }

    fn parameters_mut<'p, T>(&self, parameters: &'p mut [T]) -> (&'p mut [T], &'p mut [T], &'p mut [T]) {
        let (weights, rest) = parameters[self.first_parameter..].split_at_mut(self.convolution.weights());
        let (scale, rest) = rest.split_at_mut(self.convolution.output_channels);
        (weights, scale, &mut rest[..self.convolution.output_channels])
    }
}

/// A trunk's shape.
#[derive(Debug, Clone)]
pub struct Trunk {
    blocks: Vec<Block>,
}

/// Values kept between forward and backward, and buffers; reused from batch to batch.
#[derive(Debug)]
pub struct Workspace<T> {
    images: usize,
    /// Input of each block; the last entry is the output of the last block.
    activations: Vec<Vec<T>>,
    /// Normalised convolution outputs of each block.
    normalised: Vec<Vec<T>>,
    statistics: Vec<Statistics<T>>,
    batch: bool,
    gradient: Vec<T>,
    next_gradient: Vec<T>,
    scratch: Scratch<T>,
}

impl<T> Default for Workspace<T> {
    fn default() -> Self {
        Self {
            images: 0,
            activations: Vec::new(),
            normalised: Vec::new(),
            statistics: Vec::new(),
            batch: false,
            gradient: Vec::new(),
            next_gradient: Vec::new(),
            scratch: Scratch::default(),
        }
    }
}

impl<T> Workspace<T> {
    /// The statistics the last forward pass used.
    pub fn statistics(&self) -> &[Statistics<T>] {
        &self.statistics
    }
}

impl Trunk {
    /// A trunk over square inputs of one channel.
    pub fn new(input_side: usize, blocks: &[BlockSpec]) -> Result<Self, TrunkError> {
        if blocks.is_empty() {
            return Err(TrunkError::Empty);
        }
        let (mut side, mut channels, mut first_parameter) = (input_side, 1, 0);
        let mut built = Vec::with_capacity(blocks.len());
        for (index, spec) in blocks.iter().enumerate() {
            let block = index + 1;
            for (what, value, least, most) in [
                ("channels", spec.channels, 1, 512),
                ("kernel", spec.kernel, 1, 15),
                ("stride", spec.stride, 1, 15),
                ("padding", spec.padding, 0, spec.kernel.saturating_sub(1)),
            ] {
                if !(least..=most).contains(&value) {
                    return Err(TrunkError::OutOfRange { block, what, least, most, value });
                }
            }
            let (kernel, padding) = (spec.kernel, spec.padding);
            if side + 2 * padding < kernel {
                return Err(TrunkError::KernelTooLarge { block, kernel, input: side, padding });
            }
            let convolution = Convolution {
                input_side: side,
                input_channels: channels,
                output_channels: spec.channels,
                kernel,
                stride: spec.stride,
                padding,
            };
            built.push(Block { convolution, relu: spec.relu, first_parameter });
            first_parameter += convolution.weights() + 2 * spec.channels;
            side = convolution.output_side();
            channels = spec.channels;
        }
        Ok(Self { blocks: built })
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Length of a feature vector.
    pub fn features(&self) -> usize {
        self.blocks.last().map_or(0, |b| b.convolution.output_channels)
    }

    /// Values of one input.
    pub fn input_values(&self) -> usize {
        self.blocks.first().map_or(0, |b| b.convolution.input_values())
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.blocks.iter().map(|b| b.convolution.weights() + 2 * b.convolution.output_channels).sum()
    }

    /// Multiply-accumulates for one input, padding counted.
    pub fn macs(&self) -> usize {
        self.blocks.iter().map(|b| b.convolution.macs()).sum()
    }

    /// Starting parameters: weights normal with variance 2 / fan-in (He et al. 2015), scale 1, shift 0.
    pub fn initial_parameters(&self, random: &mut impl rand::Rng) -> Vec<f32> {
        let mut parameters = vec![0.0; self.parameters()];
        for block in &self.blocks {
            let deviation = (2.0 / block.convolution.patch() as f32).sqrt();
            let (weights, scale, _) = block.parameters_mut(&mut parameters);
            weights.iter_mut().for_each(|w| *w = deviation * crate::random::normal(random));
            scale.fill(1.0);
        }
        parameters
    }

    /// Features of a batch, `[features, images]`. With `fixed` statistics, or else with the batch's own.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        fixed: Option<&[Statistics<T>]>,
        inputs: &[T],
        workspace: &mut Workspace<T>,
    ) -> Vec<T> {
        let images = inputs.len() / self.input_values();
        workspace.images = images;
        workspace.batch = fixed.is_none();
        workspace.statistics.clear();
        workspace.activations.resize_with(self.blocks.len() + 1, Vec::new);
        workspace.normalised.resize_with(self.blocks.len(), Vec::new);
        workspace.activations[0].clear();
        workspace.activations[0].extend_from_slice(inputs);
        for (index, block) in self.blocks.iter().enumerate() {
            let channels = block.convolution.output_channels;
            let size = images * block.convolution.positions() * channels;
            let (weights, scale, shift) = block.parameters(parameters);
            let (before, after) = workspace.activations.split_at_mut(index + 1);
            let values = &mut workspace.normalised[index];
            values.resize(size, T::zero());
            after[0].resize(size, T::zero());
            block.convolution.forward(weights, &before[index], values, &mut workspace.scratch);
            let statistics =
                fixed.map_or_else(|| Statistics::of(values, channels), |fixed| fixed[index].clone());
            batch_norm::forward(&statistics, scale, shift, block.relu, values, &mut after[0]);
            workspace.statistics.push(statistics);
        }
        self.mean_over_positions(&workspace.activations[self.blocks.len()], images)
    }

    fn mean_over_positions<T: Real>(&self, values: &[T], images: usize) -> Vec<T> {
        let length = self.features();
        let per_image = values.len() / images.max(1);
        let weight = T::one() / T::of_count(per_image / length);
        let mut features = vec![T::zero(); images * length];
        for (image, feature) in values.chunks_exact(per_image).zip(features.chunks_exact_mut(length)) {
            for position in image.chunks_exact(length) {
                for (sum, value) in feature.iter_mut().zip(position) {
                    *sum += *value * weight;
                }
            }
        }
        features
    }

    /// Adds the gradient of the parameters, given that of the features of the last forward pass.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        feature_gradient: &[T],
        workspace: &mut Workspace<T>,
        gradient: &mut [T],
    ) {
        let length = self.features();
        let last = &workspace.activations[self.blocks.len()];
        let positions = last.len() / workspace.images / length;
        let weight = T::one() / T::of_count(positions);
        workspace.gradient.clear();
        for feature in feature_gradient.chunks_exact(length) {
            for _ in 0..positions {
                workspace.gradient.extend(feature.iter().map(|g| *g * weight));
            }
        }
        for (index, block) in self.blocks.iter().enumerate().rev() {
            if block.relu {
                for (gradient, value) in workspace.gradient.iter_mut().zip(&workspace.activations[index + 1])
                {
                    if *value <= T::zero() {
                        *gradient = T::zero();
                    }
                }
            }
            let (weights, scale, _) = block.parameters(parameters);
            let (weights_gradient, scale_gradient, shift_gradient) = block.parameters_mut(gradient);
            batch_norm::backward(
                &workspace.statistics[index],
                scale,
                workspace.batch,
                &workspace.normalised[index],
                &mut workspace.gradient,
                scale_gradient,
                shift_gradient,
            );
            let input = &workspace.activations[index];
            workspace.next_gradient.resize(input.len(), T::zero());
            block.convolution.backward(
                weights,
                input,
                &workspace.gradient,
                weights_gradient,
                (index > 0).then_some(&mut workspace.next_gradient[..]),
                &mut workspace.scratch,
            );
            std::mem::swap(&mut workspace.gradient, &mut workspace.next_gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(channels: usize, kernel: usize, stride: usize, padding: usize, relu: bool) -> BlockSpec {
        BlockSpec { channels, kernel, stride, padding, relu }
    }

    #[test]
    fn shapes_and_counts() {
        let blocks = [block(64, 3, 2, 1, true); 4];
        let trunk = Trunk::new(28, &blocks).unwrap();
        assert_eq!(trunk.features(), 64);
        assert_eq!(trunk.macs(), 14 * 14 * 9 * 64 + (7 * 7 + 4 * 4 + 2 * 2) * 9 * 64 * 64);
        assert!(matches!(
            Trunk::new(4, &[block(8, 7, 1, 0, true)]),
            Err(TrunkError::KernelTooLarge { block: 1, .. })
        ));
        assert!(matches!(Trunk::new(4, &[block(0, 3, 1, 0, true)]), Err(TrunkError::OutOfRange { .. })));
    }

    /// Central differences in f64 on a smooth function of the features.
    #[test]
    fn gradients_agree_with_central_differences() {
        let trunk =
            Trunk::new(6, &[block(3, 3, 2, 1, true), block(4, 3, 1, 1, true), block(2, 2, 1, 0, false)])
                .unwrap();
        let wave = |n: usize, s: f64| (0..n).map(|i| (i as f64 * 0.7 + s).sin()).collect::<Vec<f64>>();
        let parameters: Vec<f64> = wave(trunk.parameters(), 0.2).iter().map(|v| v * 0.8 + 0.05).collect();
        let inputs = wave(5 * 36, 0.4);
        let fixed: Vec<Statistics<f64>> = trunk
            .blocks()
            .iter()
            .map(|b| Statistics {
                mean: wave(b.convolution.output_channels, 0.1),
                variance: vec![0.7; b.convolution.output_channels],
            })
            .collect();
        for fixed in [None, Some(&fixed[..])] {
            let mut workspace = Workspace::default();
            let mut loss = |parameters: &[f64]| {
                let features = trunk.forward(parameters, fixed, &inputs, &mut workspace);
                features.iter().enumerate().map(|(i, f)| (f * (1.0 + i as f64 * 0.3)).sin()).sum::<f64>()
            };
            let numeric: Vec<f64> = (0..parameters.len())
                .map(|i| {
                    let mut moved = parameters.clone();
                    moved[i] += 1e-6;
                    let above = loss(&moved);
                    moved[i] -= 2e-6;
                    (above - loss(&moved)) / 2e-6
                })
                .collect();
            let features = trunk.forward(&parameters, fixed, &inputs, &mut workspace);
            let feature_gradient: Vec<f64> = features
                .iter()
                .enumerate()
                .map(|(i, f)| {
                    let k = 1.0 + i as f64 * 0.3;
                    k * (f * k).cos()
                })
                .collect();
            let mut gradient = vec![0.0; parameters.len()];
            trunk.backward(&parameters, &feature_gradient, &mut workspace, &mut gradient);
            for (index, (a, b)) in gradient.iter().zip(&numeric).enumerate() {
                assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "parameter {index}: {a} against {b}");
            }
        }
    }
}
