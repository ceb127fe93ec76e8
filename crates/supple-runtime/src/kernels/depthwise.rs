//! Depthwise convolution: each output channel sees one input channel.

use supple_pack::{Activation, Shape, Window};

use super::image::Image;
use super::window::{Axis, Lines, taps};
use super::{activate, relu};

/// One row of a depthwise convolution; output channel `c` sees input channel `c / (out / in)`.
///
/// # Shapes
/// `input` `[height][width][in]`, `output` `[width][out]` (row `y` of an image of shape `to`), `weights`
/// `[kernel height][kernel width][out]`, `bias` `[out]`.
///
/// Each output starts from its bias and adds the products in the order kernel row, kernel column; taps outside the
/// input are skipped.
#[inline(never)]
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
    let input_step = usize::from(window.dilation[1]) * inputs;
    let weight_row = usize::from(window.kernel[1]) * outputs;
    let rows = taps(window, Axis::Down, y, input.shape.height);
    let lines = Lines::of(input, &rows, window.dilation[0].into());
    for (x, pixel) in output.chunks_exact_mut(outputs).enumerate() {
        let columns = taps(window, Axis::Across, x, input.shape.width);
        pixel.iter_mut().zip(bias).for_each(|(sum, bias)| *sum = *bias);
        let mut line = lines.first + columns.first_input * inputs;
        let mut weight_line = rows.first_tap * weight_row + columns.first_tap * outputs;
        for _ in 0..rows.count {
            let (mut from, mut at, mut left) = (line, weight_line, columns.count);
            while left > 0 {
                let pixels = input.elements.get(from..).unwrap_or_default();
                let weights = weights.get(at..).unwrap_or_default();
                // Three taps in one go spare loading and storing the sums between them.
                let together = if left >= 3 && multiplier == 1 { 3 } else { 1 };
                if multiplier > 1 {
                    add_repeated(pixel, pixels, weights, multiplier);
                } else if together == 3 {
                    add_three(pixel, pixels, input_step, weights);
                } else {
                    add(pixel, pixels, weights);
                }
                left -= together;
                from += together * input_step;
                at += together * outputs;
            }
            line = lines.after(line);
            weight_line += weight_row;
        }
        match activation {
            Activation::None => {}
            Activation::Relu => pixel.iter_mut().for_each(|sum| *sum = relu(*sum)),
            Activation::Clip { .. } => pixel.iter_mut().for_each(|sum| *sum = activate(*sum, activation)),
        }
    }
}

/// Adds the products of one tap.
#[inline]
fn add(sums: &mut [f32], inputs: &[f32], weights: &[f32]) {
    for ((sum, x), weight) in sums.iter_mut().zip(inputs).zip(weights) {
        *sum += x * weight;
    }
}

/// Adds the products of three taps, one after the other.
#[inline]
fn add_three(sums: &mut [f32], inputs: &[f32], input_step: usize, weights: &[f32]) {
    let length = sums.len();
    let (second, third) = (part(inputs, input_step, length), part(inputs, 2 * input_step, length));
    let (second_weights, third_weights) = (part(weights, length, length), part(weights, 2 * length, length));
    let first = inputs.iter().zip(weights);
    let second = second.iter().zip(second_weights);
    let third = third.iter().zip(third_weights);
    for (((sum, first), second), third) in sums.iter_mut().zip(first).zip(second).zip(third) {
        let mut held = *sum;
        held += first.0 * first.1;
        held += second.0 * second.1;
        held += third.0 * third.1;
        *sum = held;
    }
}

#[inline]
fn part(of: &[f32], at: usize, length: usize) -> &[f32] {
    of.get(at..).unwrap_or_default().get(..length).unwrap_or_default()
}

/// Adds the products of one tap, several outputs for each input.
#[inline]
fn add_repeated(sums: &mut [f32], inputs: &[f32], weights: &[f32], multiplier: usize) {
    let blocks = sums.chunks_mut(multiplier.max(1)).zip(weights.chunks(multiplier.max(1)));
    for ((sums, weights), x) in blocks.zip(inputs) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += x * weight;
        }
    }
}

#[cfg(test)]
#[path = "depthwise_tests.rs"]
mod tests;
