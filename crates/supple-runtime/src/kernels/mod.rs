//! Kernels: slices in, slices out.
//!
//! Shapes are the caller's promise, checked when a pack is read; a kernel given others leaves outputs unwritten, it
//! never reaches outside its slices.
//!
//! | module | computes |
//! |---|---|
//! | [`convolution`] | 2-d convolution over NHWC images |
//! | [`dense`] | fully connected layers |
//! | [`pool`] | largest value under a window, mean over positions |
//! | [`linear_head`] | logits and gradient steps of a linear classification head |
//! | [`softmax`] | probabilities and cross-entropy |

pub mod convolution;
pub mod dense;
pub mod linear_head;
pub mod pool;
pub mod softmax;

use supple_pack::Activation;
use supple_pack::op::OUTPUT_BLOCK;

/// One accumulator for each output of a block.
type Block = [f32; OUTPUT_BLOCK];

/// `if x > 0 { x } else { 0 }`: the sign of zero is fixed, NaN becomes zero.
#[inline]
pub fn relu(x: f32) -> f32 {
    if x > 0.0 { x } else { 0.0 }
}

/// Adds `inputs · weights` to a block of outputs; weights are `[inputs][8]`.
#[inline]
fn accumulate(sums: &mut Block, inputs: &[f32], weights: &[f32]) {
    let (blocks, _) = weights.as_chunks::<OUTPUT_BLOCK>();
    for (&x, block) in inputs.iter().zip(blocks) {
        for (sum, &weight) in sums.iter_mut().zip(block) {
            *sum += x * weight;
        }
    }
}

/// The biases of a block, zero beyond the last.
#[inline]
fn start(biases: &[f32]) -> Block {
    let mut sums = [0.0; OUTPUT_BLOCK];
    for (sum, &bias) in sums.iter_mut().zip(biases) {
        *sum = bias;
    }
    sums
}

/// Writes a block's outputs, as many as there are.
#[inline]
fn store(outputs: &mut [f32], sums: &Block, activation: Activation) {
    for (output, &sum) in outputs.iter_mut().zip(sums) {
        *output = match activation {
            Activation::None => sum,
            Activation::Relu => relu(sum),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::relu;

    #[test]
    fn relu_fixes_the_sign_of_zero() {
        assert_eq!(relu(-0.0).to_bits(), 0);
        assert_eq!(relu(f32::NAN).to_bits(), 0);
        assert_eq!(relu(-1.0).to_bits(), 0);
        assert_eq!(relu(2.5), 2.5);
    }
}
