//! 1-d and 2-d convolution over images.

use supple_pack::op::OUTPUT_BLOCK;
use supple_pack::{Activation, Shape, Window};

use super::image::Image;
use super::strip::Strip;
use super::window::{Axis, Lines, Taps, inside, taps};

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
    row_by_strips(input, y, output, to, window, groups, weights, bias, activation);
}

/// The row, strip by strip: pixels with all columns inside are one strip, any other pixel is one by itself.
#[inline]
pub(super) fn row_by_strips(
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
    let (weights, _) = weights.as_chunks();
    let mut strip = Strip {
        rows: 0,
        runs: 1,
        run: 0,
        run_step: sizes.tap_step,
        pixel_step: usize::from(window.stride[1]) * sizes.inputs,
        weight_gap: 0,
        weight_block: sizes.weight_block,
        output_step: sizes.outputs,
        lines: Lines::of(input, &rows, sizes.row_step),
        first_input: 0,
        first_weight: 0,
        inputs: input.elements,
        weights: &[],
        bias: &[],
        activation,
    };
    let width = output.len() / sizes.outputs;
    let whole = usize::from(window.kernel[1]);
    let weights = weights.chunks_exact(sizes.weight_group);
    for (group, (weights, bias)) in weights.zip(bias.chunks(sizes.group_outputs)).enumerate() {
        (strip.weights, strip.bias) = (weights, bias);
        let mut x = 0;
        while x < width {
            let columns = taps(window, Axis::Across, x, input.shape.width);
            let inside = if columns.count == whole { inside(window, x, width, input.shape.width) } else { 1 };
            let pixels = inside.max(1);
            (strip.runs, strip.run) = sizes.runs(&columns);
            strip.rows = if columns.count > 0 { rows.count } else { 0 };
            strip.weight_gap = (whole - columns.count) * sizes.group_inputs;
            strip.first_input = columns.first_input * sizes.inputs + group * sizes.group_inputs;
            strip.first_weight = rows.first_tap * sizes.weight_row + columns.first_tap * sizes.group_inputs;
            let first_output = x * sizes.outputs + group * sizes.group_outputs;
            strip.write(pixels, output.get_mut(first_output..).unwrap_or_default());
            x += pixels;
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
