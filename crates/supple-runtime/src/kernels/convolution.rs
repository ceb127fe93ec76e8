//! 2-d convolution over NHWC images.

use supple_pack::op::OUTPUT_BLOCK;
use supple_pack::{Activation, Shape, Window};

use super::{accumulate, start, store};

/// `output = activation(bias + weights ⋆ input)`.
///
/// # Shapes
/// `input` `[height][width][in]`, `output` `[height][width][out]`, `weights`
/// `[ceil(out / 8)][kernel height][kernel width][in][8]`, `bias` `[out]`.
///
/// Each output starts from its bias and adds the products in the order kernel row, kernel column, input channel;
/// taps outside the input are skipped.
pub fn convolution(
    input: &[f32],
    from: &Shape,
    output: &mut [f32],
    to: &Shape,
    window: &Window,
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    let channels = usize::from(from.channels);
    let outputs = usize::from(to.channels);
    let input_row = usize::from(from.width) * channels;
    let [kernel_rows, kernel_columns] = window.kernel.map(usize::from);
    let weight_row = kernel_columns * channels * OUTPUT_BLOCK;
    let places = output.chunks_exact_mut(outputs.max(1)).enumerate();
    let width = usize::from(to.width).max(1);
    for (place, pixel) in places.take(usize::from(to.height) * width) {
        let rows = taps(place / width, window.stride[0], window.pad[0], kernel_rows, from.height);
        let columns = taps(place % width, window.stride[1], window.pad[1], kernel_columns, from.width);
        let run = columns.count * channels;
        let weight_start = columns.first_tap * channels * OUTPUT_BLOCK;
        let blocks = weights.chunks_exact((kernel_rows * weight_row).max(1));
        let biases = bias.chunks(OUTPUT_BLOCK);
        for ((pixel, weights), bias) in pixel.chunks_mut(OUTPUT_BLOCK).zip(blocks).zip(biases) {
            let mut sums = start(bias);
            for row in 0..rows.count {
                let input_start = (rows.first_input + row) * input_row + columns.first_input * channels;
                let weight_start = (rows.first_tap + row) * weight_row + weight_start;
                let inputs = input.get(input_start..input_start + run).unwrap_or_default();
                accumulate(&mut sums, inputs, weights.get(weight_start..).unwrap_or_default());
            }
            store(pixel, &sums, activation);
        }
    }
}

/// The taps of a window that lie inside the input, along one axis.
pub(super) struct Taps {
    pub first_tap: usize,
    pub first_input: usize,
    pub count: usize,
}

#[inline]
pub(super) fn taps(output: usize, stride: u8, pad: u8, kernel: usize, input: u16) -> Taps {
    let start = output * usize::from(stride);
    let pad = usize::from(pad);
    let first_tap = pad.saturating_sub(start);
    let first_input = start.saturating_sub(pad);
    let left = usize::from(input).saturating_sub(first_input);
    Taps { first_tap, first_input, count: kernel.saturating_sub(first_tap).min(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(height: u16, width: u16, channels: u16) -> Shape {
        Shape { height, width, channels }
    }

    /// The definition, one output at a time in the order that the kernel promises.
    fn by_definition(
        input: &[f32],
        from: Shape,
        to: Shape,
        window: Window,
        weight: impl Fn(usize, usize, usize, usize) -> f32,
        bias: &[f32],
    ) -> Vec<f32> {
        let mut output = Vec::new();
        for place in 0..usize::from(to.height) * usize::from(to.width) {
            for (out, bias) in bias.iter().enumerate() {
                let mut sum = *bias;
                for (ky, kx) in (0..usize::from(window.kernel[0]))
                    .flat_map(|y| (0..usize::from(window.kernel[1])).map(move |x| (y, x)))
                {
                    let y = place / usize::from(to.width) * usize::from(window.stride[0]) + ky;
                    let x = place % usize::from(to.width) * usize::from(window.stride[1]) + kx;
                    let y = y.wrapping_sub(window.pad[0].into());
                    let x = x.wrapping_sub(window.pad[1].into());
                    if y >= from.height.into() || x >= from.width.into() {
                        continue;
                    }
                    for channel in 0..usize::from(from.channels) {
                        let at = (y * usize::from(from.width) + x) * usize::from(from.channels) + channel;
                        sum += input[at] * weight(out, ky, kx, channel);
                    }
                }
                output.push(sum);
            }
        }
        output
    }

    #[test]
    fn agrees_with_the_definition_bit_for_bit() {
        for (from, to, kernel, stride, pad) in [
            (shape(5, 7, 3), shape(3, 4, 10), [3, 3], [2, 2], [1, 1]),
            (shape(1, 20, 2), shape(1, 8, 5), [1, 5], [1, 2], [0, 0]),
            (shape(4, 4, 1), shape(4, 4, 8), [5, 3], [1, 1], [2, 1]),
            (shape(4, 4, 2), shape(1, 1, 9), [4, 4], [1, 1], [0, 0]),
        ] {
            let window = Window { kernel, stride, pad };
            let (out, channels) = (usize::from(to.channels), usize::from(from.channels));
            let [rows, columns] = kernel.map(usize::from);
            let value = |i: usize| ((i * 7919 % 1000) as f32 - 500.0) / 317.0;
            let input: Vec<f32> = (0..from.elements() as usize).map(value).collect();
            let bias: Vec<f32> = (0..out).map(|i| value(i + 77)).collect();
            let weight = |o: usize, y: usize, x: usize, c: usize| value(((o * 11 + y) * 13 + x) * 17 + c);
            let mut packed = vec![0.0; out.next_multiple_of(8) * rows * columns * channels];
            for o in 0..out {
                for (y, x, c) in (0..rows)
                    .flat_map(|y| (0..columns).flat_map(move |x| (0..channels).map(move |c| (y, x, c))))
                {
                    packed[((((o / 8) * rows + y) * columns + x) * channels + c) * 8 + o % 8] =
                        weight(o, y, x, c);
                }
            }
            let mut output = vec![f32::NAN; to.elements() as usize];
            convolution(&input, &from, &mut output, &to, &window, &packed, &bias, Activation::None);
            let expected = by_definition(&input, from, to, window, weight, &bias);
            assert_eq!(output, expected, "{window:?}");
            convolution(&input, &from, &mut output, &to, &window, &packed, &bias, Activation::Relu);
            let expected: Vec<f32> = expected.into_iter().map(super::super::relu).collect();
            assert_eq!(output, expected, "{window:?}");
        }
    }
}
