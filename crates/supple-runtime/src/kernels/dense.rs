//! Fully connected layers.

use supple_pack::Activation;
use supple_pack::op::OUTPUT_BLOCK;

use super::{accumulate, start, store};

/// `output = activation(bias + weights · input)`.
///
/// # Shapes
/// `input` `[in]`, `output` `[out]`, `weights` `[ceil(out / 8)][in][8]`, `bias` `[out]`.
///
/// Each output starts from its bias and adds the products in the order of the inputs.
#[inline(never)]
pub fn dense(input: &[f32], output: &mut [f32], weights: &[f32], bias: &[f32], activation: Activation) {
    #[cfg(all(feature = "host", target_arch = "x86_64"))]
    if super::host::dense(input, output, weights, bias, activation) {
        return;
    }
    portable(input, output, weights, bias, activation);
}

#[inline]
pub(super) fn portable(
    input: &[f32],
    output: &mut [f32],
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    // By reference for the reason given in `convolution`.
    let mut blocks = weights.as_chunks::<OUTPUT_BLOCK>().0.chunks_exact(input.len().max(1));
    let biases = bias.chunks(OUTPUT_BLOCK);
    for ((output, weights), bias) in output.chunks_mut(OUTPUT_BLOCK).zip(&mut blocks).zip(biases) {
        let mut sums = start(bias);
        accumulate(&mut sums, input, weights);
        store(output, &sums, activation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_outputs_of_three_inputs() {
        let mut weights = [0.0; 24];
        for (input, row) in [[1.0, -2.0], [3.0, 4.0], [0.5, -6.0]].iter().enumerate() {
            weights[input * 8..input * 8 + 2].copy_from_slice(row);
        }
        let mut output = [9.0; 2];
        dense(&[2.0, 1.0, 4.0], &mut output, &weights, &[0.25, 0.5], Activation::None);
        assert_eq!(output, [7.25, -23.5]);
        dense(&[2.0, 1.0, 4.0], &mut output, &weights, &[0.25, 0.5], Activation::Relu);
        assert_eq!(output, [7.25, 0.0]);
    }
}
