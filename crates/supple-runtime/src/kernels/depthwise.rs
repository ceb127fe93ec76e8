//! Depthwise convolution: each output channel sees one input channel.

use supple_pack::op::OUTPUT_BLOCK;
use supple_pack::{Activation, Shape, Window};

use super::image::Image;
use super::window::{Axis, line, taps};
use super::{start, store};

/// One row of a depthwise convolution; output channel `c` sees input channel `c / (out / in)`.
///
/// # Shapes
/// `input` `[height][width][in]`, `output` `[width][out]` (row `y` of an image of shape `to`), `weights`
/// `[kernel height][kernel width][out]`, `bias` `[out]`.
///
/// Each output starts from its bias and adds the products in the order kernel row, kernel column; taps outside the
/// input are skipped.
pub fn depthwise_row(
    input: &Image<f32>,
    y: usize,
    output: &mut [f32],
    to: &Shape,
    window: &Window,
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    #[cfg(all(feature = "host", target_arch = "x86_64"))]
    if super::host::depthwise_row(input, y, output, to, window, weights, bias, activation) {
        return;
    }
    portable_row(input, y, output, to, window, weights, bias, activation);
}

#[inline(always)]
pub(super) fn portable_row(
    input: &Image<f32>,
    y: usize,
    output: &mut [f32],
    to: &Shape,
    window: &Window,
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    let (inputs, outputs) = (usize::from(input.shape.channels), usize::from(to.channels).max(1));
    let multiplier = (outputs / inputs.max(1)).max(1);
    let [row_step, column_step] = window.dilation.map(usize::from);
    let kernel_columns = usize::from(window.kernel[1]);
    let rows = taps(window, Axis::Down, y, input.shape.height);
    for (x, pixel) in output.chunks_exact_mut(outputs).enumerate() {
        let columns = taps(window, Axis::Across, x, input.shape.width);
        let biases = bias.chunks(OUTPUT_BLOCK);
        for (block, (pixel, bias)) in pixel.chunks_mut(OUTPUT_BLOCK).zip(biases).enumerate() {
            let first = block * OUTPUT_BLOCK;
            let mut sums = start(bias);
            for row in 0..rows.count {
                let inputs_line = line(input, rows.first_input + row * row_step);
                let weight_row = (rows.first_tap + row) * kernel_columns + columns.first_tap;
                for column in 0..columns.count {
                    let at = (columns.first_input + column * column_step) * inputs;
                    let weight_at = (weight_row + column) * outputs + first;
                    let weights = weights.get(weight_at..).unwrap_or_default();
                    let weights = weights.get(..pixel.len()).unwrap_or_default();
                    if multiplier == 1 {
                        let channels = inputs_line.get(at + first..).unwrap_or_default();
                        multiply(&mut sums, channels, weights);
                        continue;
                    }
                    let channels = inputs_line.get(at..).unwrap_or_default();
                    for (index, (sum, weight)) in sums.iter_mut().zip(weights).enumerate() {
                        let channel = (first + index) / multiplier;
                        *sum += channels.get(channel).copied().unwrap_or_default() * weight;
                    }
                }
            }
            store(pixel, &sums, activation);
        }
    }
}

/// Adds eight products, or fewer at the end of a pixel.
#[inline]
fn multiply(sums: &mut [f32; OUTPUT_BLOCK], inputs: &[f32], weights: &[f32]) {
    if let (Some(inputs), Some(weights)) = (inputs.first_chunk(), weights.first_chunk()) {
        let (inputs, weights): (&[f32; OUTPUT_BLOCK], &[f32; OUTPUT_BLOCK]) = (inputs, weights);
        for ((sum, x), weight) in sums.iter_mut().zip(inputs).zip(weights) {
            *sum += x * weight;
        }
    } else {
        for ((sum, x), weight) in sums.iter_mut().zip(inputs).zip(weights) {
            *sum += x * weight;
        }
    }
}

#[cfg(test)]
#[path = "depthwise_tests.rs"]
mod tests;
