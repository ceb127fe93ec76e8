//! One row of a depthwise convolution.

use supple_pack::{Shape, Window};

use super::taps::{Axis, row};
use super::{CHANNEL_BLOCK, Channelwise};
use crate::kernels::image::Image;

/// Row `y` of a depthwise convolution: output channel `c` sees input channel `c / (out / in)`. Taps outside the
/// input read its zero.
///
/// # Shapes
/// `input` `[height][width][in]`, `output` `[width][out]`, `weights` `[kernel height][kernel width][out]`.
#[inline(never)]
pub fn depthwise_row(
    input: &Image<i8>,
    y: usize,
    output: &mut [i8],
    to: &Shape,
    window: &Window,
    weights: &[i8],
    finish: &Channelwise,
) {
    let (rows, columns) = (Axis::vertical(window), Axis::horizontal(window));
    let [kernel_rows, kernel_columns] = window.kernel.map(usize::from);
    let channels = usize::from(input.shape.channels);
    let outputs = usize::from(to.channels).max(1);
    let outputs_of_input = (outputs / channels.max(1)).max(1);
    let outside = finish.requantise.input_zero;
    let pixels = output.chunks_exact_mut(outputs).take(to.width.into());
    for (x, pixel) in pixels.enumerate() {
        for (places, block) in pixel.chunks_mut(CHANNEL_BLOCK).zip(0..) {
            let channel = block * CHANNEL_BLOCK;
            let mut sums: [i32; CHANNEL_BLOCK] = finish.start(channel);
            for row_tap in 0..kernel_rows {
                let row = row(input, &rows, y, row_tap);
                for column_tap in 0..kernel_columns {
                    let at = (row_tap * kernel_columns + column_tap) * outputs + channel;
                    let weights = weights.get(at..at + places.len()).unwrap_or_default();
                    let corner = columns.place(x, column_tap).wrapping_mul(channels);
                    if outputs_of_input == 1 {
                        let start = corner.wrapping_add(channel);
                        match row.get(start..start.wrapping_add(places.len())) {
                            Some(inputs) => multiply(&mut sums, inputs, weights),
                            None => multiply(&mut sums, &[outside; CHANNEL_BLOCK], weights),
                        }
                    } else {
                        for ((sum, &weight), channel) in sums.iter_mut().zip(weights).zip(channel..) {
                            let place = corner.wrapping_add(channel / outputs_of_input);
                            let input = row.get(place).copied().unwrap_or(outside);
                            *sum = sum.wrapping_add(i32::from(input) * i32::from(weight));
                        }
                    }
                }
            }
            finish.store(places, channel, &sums);
        }
    }
}

/// Adds a product to each sum.
#[inline]
fn multiply(sums: &mut [i32; CHANNEL_BLOCK], inputs: &[i8], weights: &[i8]) {
    let add = |(sum, (&input, &weight)): (&mut i32, (&i8, &i8))| {
        *sum = sum.wrapping_add(i32::from(input) * i32::from(weight));
    };
    // Blocks of a known length are unrolled.
    match (inputs.first_chunk::<CHANNEL_BLOCK>(), weights.first_chunk::<CHANNEL_BLOCK>()) {
        (Some(inputs), Some(weights)) => sums.iter_mut().zip(inputs.iter().zip(weights)).for_each(add),
        _ => sums.iter_mut().zip(inputs.iter().zip(weights)).for_each(add),
    }
}
