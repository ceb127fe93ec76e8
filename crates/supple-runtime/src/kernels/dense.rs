//! Fully connected layers.

use supple_pack::Activation;
use supple_pack::op::OUTPUT_BLOCK;

use super::strip::Strip;
use super::window::Lines;

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
    as_strip(input, output, weights, bias, activation);
}

/// The layer as a strip of one pixel, under a window of one row.
#[inline]
pub(super) fn as_strip(
    input: &[f32],
    output: &mut [f32],
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    let strip = Strip {
        rows: 1,
        runs: 1,
        run: input.len(),
        run_step: 0,
        pixel_step: 0,
        weight_gap: 0,
        weight_block: input.len(),
        output_step: output.len(),
        lines: Lines::one(input.len()),
        first_input: 0,
        first_weight: 0,
        inputs: input,
        weights: weights.as_chunks::<OUTPUT_BLOCK>().0,
        bias,
        activation,
    };
    strip.write(1, output);
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
