//! Kernels: slices in, slices out.
//!
//! Shapes are the caller's promise, checked when a pack is read; a kernel given others leaves outputs unwritten, it
//! never reaches outside its slices. A kernel over images writes one row of its output, so that of its input no
//! more than the rows under the window need be there.
//!
//! | module | computes |
//! |---|---|
//! | [`image`] | an image, whole or a few rows of it |
//! | [`convolution`] | 1-d and 2-d convolution |
//! | [`depthwise`] | convolution in which each output channel sees one input channel |
//! | [`dense`] | fully connected layers |
//! | [`pool`] | largest value and mean, under a window or over all positions |
//! | [`element`] | functions of one number and of two |
//! | [`spread`] | two values of which one may be repeated along the other, element by element |
//! | [`walk`] | elements moved from place to place |
//! | [`softmax`] | probabilities and cross-entropy |
//! | [`head`] | layers of heads: many samples forward, gradient steps |
//! | [`int8`] | the same layers over `i8` |

#[cfg(any(supple_dsp, supple_fpu))]
mod arm;
pub mod convolution;
#[cfg(test)]
mod definition;
pub mod dense;
pub mod depthwise;
pub mod element;
pub mod head;
#[cfg(all(feature = "host", target_arch = "x86_64"))]
mod host;
pub mod image;
pub mod int8;
pub mod pool;
pub mod softmax;
pub mod spread;
pub mod walk;
#[cfg(all(feature = "host", target_arch = "x86_64"))]
mod wide;
#[cfg(all(feature = "host", target_arch = "x86_64"))]
mod wide_depthwise;
mod window;

use supple_pack::Activation;
use supple_pack::op::OUTPUT_BLOCK;

pub use element::{activate, relu};

/// One accumulator for each output of a block.
type Block = [f32; OUTPUT_BLOCK];

/// Adds `inputs · weights` to a block of outputs; weights are `[inputs][8]`.
#[inline]
fn accumulate(sums: &mut Block, inputs: &[f32], weights: &[Block]) {
    for (&x, block) in inputs.iter().zip(weights) {
        for (sum, &weight) in sums.iter_mut().zip(block) {
            *sum += x * weight;
        }
    }
}

/// The biases of a block, zero beyond the last.
#[inline]
fn start(biases: &[f32]) -> Block {
    match biases.first_chunk() {
        Some(block) => *block,
        None => start_some(biases),
    }
}

/// Not inlined: sums that are counted through by a variable would never lie in registers.
#[inline(never)]
fn start_some(biases: &[f32]) -> Block {
    let mut sums = [0.0; OUTPUT_BLOCK];
    for (sum, &bias) in sums.iter_mut().zip(biases) {
        *sum = bias;
    }
    sums
}

/// Writes a block's outputs, as many as there are.
#[inline]
fn store(outputs: &mut [f32], sums: &Block, activation: Activation) {
    let Some(outputs) = outputs.first_chunk_mut::<OUTPUT_BLOCK>() else {
        return store_some(outputs, *sums, activation);
    };
    match activation {
        Activation::None => *outputs = *sums,
        Activation::Relu => *outputs = sums.map(relu),
        Activation::Clip { .. } => *outputs = sums.map(|sum| activate(sum, activation)),
    }
}

/// Not inlined, as [`start_some`].
#[inline(never)]
fn store_some(outputs: &mut [f32], sums: Block, activation: Activation) {
    for (output, sum) in outputs.iter_mut().zip(sums) {
        *output = activate(sum, activation);
    }
}
