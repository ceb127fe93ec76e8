//! Depthwise convolution for processors with AVX2: eight channels side by side, their sums in a register until the
//! window ends.
//!
//! Every output is still one sum in one order, so this gives the bits of the kernel that it stands in for.

use supple_pack::op::OUTPUT_BLOCK;
use supple_pack::{Activation, Shape, Window};

use super::image::Image;
use super::wide::{start, store};
use super::window::{Axis, Lines, taps};
use super::{Block, activate};

/// One row, as `depthwise::depthwise_row` has it.
#[inline]
#[target_feature(enable = "avx2")]
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
    let (inputs, outputs) = (usize::from(input.shape.channels), usize::from(to.channels).max(1));
    let rows = taps(window, Axis::Down, y, input.shape.height);
    let walk = Walk {
        lines: Lines::of(input, &rows, window.dilation[0].into()),
        rows: rows.count,
        columns: 0,
        input: 0,
        input_step: usize::from(window.dilation[1]) * inputs,
        weight: 0,
        weight_step: outputs,
        weight_row: usize::from(window.kernel[1]) * outputs,
    };
    let multiplier = (outputs / inputs.max(1)).max(1);
    for (x, pixel) in output.chunks_exact_mut(outputs).enumerate() {
        let columns = taps(window, Axis::Across, x, input.shape.width);
        let input_start = columns.first_input * inputs;
        let weight_start = rows.first_tap * walk.weight_row + columns.first_tap * outputs;
        let biases = bias.chunks(OUTPUT_BLOCK);
        for (block, (pixel, bias)) in pixel.chunks_mut(OUTPUT_BLOCK).zip(biases).enumerate() {
            let first = block * OUTPUT_BLOCK;
            let (columns, weight) = (columns.count, weight_start + first);
            let mut walk = Walk { columns, weight, input: input_start + first, ..walk };
            if multiplier == 1 && pixel.len() == OUTPUT_BLOCK {
                let mut sums = start(bias);
                walk.each_tap(input.elements, weights, |inputs, weights| {
                    let (Some(inputs), Some(weights)) = (inputs.first_chunk(), weights.first_chunk()) else {
                        return;
                    };
                    let (inputs, weights): (&Block, &Block) = (inputs, weights);
                    for ((sum, x), weight) in sums.iter_mut().zip(inputs).zip(weights) {
                        *sum += x * weight;
                    }
                });
                store(pixel, &sums, activation);
            } else {
                walk.input = input_start;
                some_channels(&walk, input.elements, pixel, weights, bias, first, multiplier, activation);
            }
        }
    }
}

/// Where the taps of a block of channels lie.
#[derive(Clone, Copy)]
struct Walk {
    lines: Lines,
    rows: usize,
    columns: usize,
    /// The first input in an input row.
    input: usize,
    input_step: usize,
    /// The first weight.
    weight: usize,
    weight_step: usize,
    weight_row: usize,
}

impl Walk {
    /// Calls for each tap with the inputs and the weights from there on.
    #[inline(always)]
    fn each_tap(&self, inputs: &[f32], weights: &[f32], mut tap: impl FnMut(&[f32], &[f32])) {
        let (mut line, mut weight_line) = (self.lines.first, self.weight);
        for _ in 0..self.rows {
            let (mut from, mut weight) = (line + self.input, weight_line);
            for _ in 0..self.columns {
                tap(inputs.get(from..).unwrap_or_default(), weights.get(weight..).unwrap_or_default());
                from += self.input_step;
                weight += self.weight_step;
            }
            line = self.lines.after(line);
            weight_line += self.weight_row;
        }
    }
}

/// Channels that do not fill a block, or of which several share an input channel. Apart, so that the sums of full
/// blocks may lie in registers.
#[inline(never)]
fn some_channels(
    walk: &Walk,
    inputs: &[f32],
    outputs: &mut [f32],
    weights: &[f32],
    bias: &[f32],
    first: usize,
    multiplier: usize,
    activation: Activation,
) {
    for (index, (output, &bias)) in outputs.iter_mut().zip(bias).enumerate() {
        let channel = (first + index) / multiplier.max(1);
        let mut sum = bias;
        walk.each_tap(inputs, weights, |inputs, weights| {
            if let (Some(x), Some(weight)) = (inputs.get(channel), weights.get(index)) {
                sum += x * weight;
            }
        });
        *output = activate(sum, activation);
    }
}
