//! 1-d and 2-d convolution over images.

use supple_pack::op::OUTPUT_BLOCK;
use supple_pack::{Activation, Shape, Window};

use super::image::Image;
use super::window::{Axis, Lines, Taps, taps};
use super::{accumulate, start, store};

/// One row of `output = activation(bias + weights ⋆ input)`.
///
/// # Shapes
/// `input` `[height][width][in]`, `output` `[width][out]` (row `y` of an image of shape `to`), `weights`
/// `[groups][ceil(out / 8)][kernel height][kernel width][in][8]` with `out` and `in` of one group, `bias` `[out]`.
///
/// Each output starts from its bias and adds the products in the order kernel row, kernel column, input channel;
/// taps outside the input are skipped.
#[inline(never)]
pub fn convolution_row(
    input: &Image<f32>,
    y: usize,
    output: &mut [f32],
    to: &Shape,
    window: &Window,
    groups: u16,
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    #[cfg(all(feature = "host", target_arch = "x86_64"))]
    if super::host::convolution_row(input, y, output, to, window, groups, weights, bias, activation) {
        return;
    }
    portable_row(input, y, output, to, window, groups, weights, bias, activation);
}

#[inline]
pub(super) fn portable_row(
    input: &Image<f32>,
    y: usize,
    output: &mut [f32],
    to: &Shape,
    window: &Window,
    groups: u16,
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    let sizes = Sizes::of(input, to, window, groups);
    let rows = taps(window, Axis::Down, y, input.shape.height);
    let lines = Lines::of(input, &rows, sizes.row_step);
    let (weights, _) = weights.as_chunks();
    let weight_start = rows.first_tap * sizes.weight_row;
    for (x, pixel) in output.chunks_exact_mut(sizes.outputs).enumerate() {
        let columns = taps(window, Axis::Across, x, input.shape.width);
        let (runs, run) = sizes.runs(&columns);
        let weight_start = weight_start + columns.first_tap * sizes.group_inputs;
        let mut input_start = columns.first_input * sizes.inputs;
        let pixel = pixel.chunks_mut(sizes.group_outputs);
        let weights = weights.chunks_exact(sizes.weight_group);
        let biases = bias.chunks(sizes.group_outputs);
        for ((pixel, weights), bias) in pixel.zip(weights).zip(biases) {
            // By reference, or `zip` would count the blocks beforehand: a division, and at opt-level s one by what the
            // compiler no longer knows not to be 0.
            let mut blocks = weights.chunks_exact(sizes.weight_block);
            let biases = bias.chunks(OUTPUT_BLOCK);
            for ((pixel, weights), bias) in pixel.chunks_mut(OUTPUT_BLOCK).zip(&mut blocks).zip(biases) {
                let mut sums = start(bias);
                let mut line = lines.first;
                let mut at = weight_start;
                for _ in 0..rows.count {
                    let (mut from, mut weight) = (line + input_start, at);
                    for _ in 0..runs {
                        let inputs = input.elements.get(from..).unwrap_or_default().get(..run);
                        let weights = weights.get(weight..).unwrap_or_default().get(..run);
                        let (Some(inputs), Some(weights)) = (inputs, weights) else { break };
                        accumulate(&mut sums, inputs, weights);
                        from += sizes.tap_step;
                        weight += sizes.group_inputs;
                    }
                    line = lines.after(line);
                    at += sizes.weight_row;
                }
                store(pixel, &sums, activation);
            }
            input_start += sizes.group_inputs;
        }
    }
}

/// Lengths and steps in elements, weights in blocks of eight; none of them 0 where something is divided by it.
pub(super) struct Sizes {
    /// Channels of a pixel.
    pub inputs: usize,
    /// Channels of a pixel.
    pub outputs: usize,
    /// Channels of a group; so many blocks of weights has a tap.
    pub group_inputs: usize,
    /// Channels of a group.
    pub group_outputs: usize,
    /// Whether the taps of a kernel row are one run of inputs.
    pub side_by_side: bool,
    /// From a tap's input to the next one's.
    pub tap_step: usize,
    /// Rows from a tap's input to the next one's below.
    pub row_step: usize,
    /// Weights of a kernel row, for a block of outputs.
    pub weight_row: usize,
    /// Weights of a block of outputs.
    pub weight_block: usize,
    /// Weights of a group.
    pub weight_group: usize,
}

impl Sizes {
    #[inline]
    pub fn of(input: &Image<f32>, to: &Shape, window: &Window, groups: u16) -> Self {
        let groups = usize::from(groups).max(1);
        let (inputs, outputs) = (usize::from(input.shape.channels), usize::from(to.channels).max(1));
        let (group_inputs, group_outputs) =
            if groups == 1 { (inputs, outputs) } else { (inputs / groups, (outputs / groups).max(1)) };
        let [kernel_rows, kernel_columns] = window.kernel.map(usize::from);
        let [row_step, column_step] = window.dilation.map(usize::from);
        let weight_row = kernel_columns * group_inputs;
        let weight_block = (kernel_rows * weight_row).max(1);
        Self {
            inputs,
            outputs,
            group_inputs,
            group_outputs,
            side_by_side: groups == 1 && column_step == 1,
            tap_step: column_step * inputs,
            row_step,
            weight_row,
            weight_block,
            weight_group: (weight_block * group_outputs.div_ceil(OUTPUT_BLOCK)).max(1),
        }
    }

    /// Of a kernel row: how many runs of inputs that lie side by side, and how long each is.
    #[inline]
    pub fn runs(&self, columns: &Taps) -> (usize, usize) {
        if self.side_by_side {
            (1, columns.count * self.group_inputs)
        } else {
            (columns.count, self.group_inputs)
        }
    }
}

#[cfg(test)]
#[path = "convolution_tests.rs"]
mod tests;
