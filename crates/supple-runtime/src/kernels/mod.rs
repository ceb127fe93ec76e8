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
mod strip;
pub mod walk;
#[cfg(all(feature = "host", target_arch = "x86_64"))]
mod wide;
#[cfg(all(feature = "host", target_arch = "x86_64"))]
mod wide_depthwise;
mod window;

use supple_pack::op::OUTPUT_BLOCK;

pub use element::{activate, relu};

/// One accumulator for each output of a block.
type Block = [f32; OUTPUT_BLOCK];

/// The biases of a block, zero beyond the last.
///
/// Not inlined: sums that are counted through by a variable would never lie in registers.
#[inline(never)]
fn start_some(biases: &[f32]) -> Block {
    let mut sums = [0.0; OUTPUT_BLOCK];
    for (sum, &bias) in sums.iter_mut().zip(biases) {
        *sum = bias;
    }
    sums
}
