//! Largest value and mean, of windows and of images.

use supple_pack::op::Rescale;
use supple_pack::{Shape, Window};

use super::taps::{Axis, row};
use super::{CHANNEL_BLOCK, rescale};
use crate::kernels::image::Image;

/// Row `y` of the largest values under each window, channel by channel; taps outside the input are skipped.
///
/// # Shapes
/// `input` `[height][width][channels]`, `output` `[width][channels]`.
#[inline(never)]
pub fn max_pool_row(input: &Image<i8>, y: usize, output: &mut [i8], to: &Shape, window: &Window) {
    let (rows, columns) = (Axis::vertical(window), Axis::horizontal(window));
    let channels = usize::from(input.shape.channels).max(1);
    for (x, pixel) in output.chunks_exact_mut(channels).take(to.width.into()).enumerate() {
        pixel.fill(i8::MIN);
        for row_tap in rows.taps(y, input.shape.height.into()) {
            let row = row(input, &rows, y, row_tap);
            for column_tap in columns.taps(x, input.shape.width.into()) {
                let start = columns.place(x, column_tap).wrapping_mul(channels);
                let values = row.get(start..start.wrapping_add(channels)).unwrap_or_default();
                keep_largest(pixel, values);
            }
        }
    }
}

/// Row `y` of the means under each window, channel by channel: `floor((2 · sum + count) / (2 · count))`. Taps
/// outside the input count as `padding`; where that is `None`, they do not count.
///
/// # Shapes
/// `input` `[height][width][channels]`, `output` `[width][channels]`; both of one scale and zero.
#[inline(never)]
pub fn average_pool_row(
    input: &Image<i8>,
    y: usize,
    output: &mut [i8],
    to: &Shape,
    window: &Window,
    padding: Option<i8>,
) {
    let (rows, columns) = (Axis::vertical(window), Axis::horizontal(window));
    let channels = usize::from(input.shape.channels).max(1);
    let row_taps = rows.taps(y, input.shape.height.into());
    for (x, pixel) in output.chunks_exact_mut(channels).take(to.width.into()).enumerate() {
        let column_taps = columns.taps(x, input.shape.width.into());
        let inside = (row_taps.len() * column_taps.len()) as i32;
        let (count, from_outside) = match padding {
            Some(value) => {
                let all = i32::from(window.kernel[0]) * i32::from(window.kernel[1]);
                (all, (all - inside) * i32::from(value))
            }
            None => (inside, 0),
        };
        for (places, block) in pixel.chunks_mut(CHANNEL_BLOCK).zip(0..) {
            let mut sums = [from_outside; CHANNEL_BLOCK];
            for row_tap in row_taps.clone() {
                let row = row(input, &rows, y, row_tap);
                for column_tap in column_taps.clone() {
                    let pixel = columns.place(x, column_tap).wrapping_mul(channels);
                    let start = pixel.wrapping_add(block * CHANNEL_BLOCK);
                    let values = row.get(start..start.wrapping_add(places.len())).unwrap_or_default();
                    add(&mut sums, values);
                }
            }
            for (output, sum) in places.iter_mut().zip(sums) {
                *output = mean(sum, count);
            }
        }
    }
}

/// The mean over height and width: the sum less `height · width · input_zero`, rescaled.
///
/// # Shapes
/// `input` `[height · width][channels]`, `output` `[channels]`. Sums are exact up to 2^23 positions.
#[inline(never)]
pub fn global_average(input: &[i8], output: &mut [i8], input_zero: i8, to: &Rescale) {
    let channels = output.len().max(1);
    let positions = input.len() / channels;
    let zeros = (positions as i32).wrapping_mul(input_zero.into());
    for (places, block) in output.chunks_mut(CHANNEL_BLOCK).zip(0..) {
        let mut sums = [zeros.wrapping_neg(); CHANNEL_BLOCK];
        let start = block * CHANNEL_BLOCK;
        for position in input.chunks_exact(channels) {
            add(&mut sums, position.get(start..start + places.len()).unwrap_or_default());
        }
        for (output, sum) in places.iter_mut().zip(sums) {
            *output = rescale(sum, to);
        }
    }
}

/// The largest value over height and width.
///
/// # Shapes
/// `input` `[height · width][channels]`, `output` `[channels]`.
#[inline(never)]
pub fn global_maximum(input: &[i8], output: &mut [i8]) {
    output.fill(i8::MIN);
    for position in input.chunks_exact(output.len().max(1)) {
        keep_largest(output, position);
    }
}

fn keep_largest(largest: &mut [i8], values: &[i8]) {
    for (largest, &value) in largest.iter_mut().zip(values) {
        *largest = value.max(*largest);
    }
}

/// Adds a value to each sum.
#[inline]
fn add(sums: &mut [i32; CHANNEL_BLOCK], values: &[i8]) {
    let add = |(sum, &value): (&mut i32, &i8)| *sum = sum.wrapping_add(value.into());
    // Blocks of a known length are unrolled.
    match values.first_chunk::<CHANNEL_BLOCK>() {
        Some(values) => sums.iter_mut().zip(values).for_each(add),
        None => sums.iter_mut().zip(values).for_each(add),
    }
}

/// `floor((2 · sum + count) / (2 · count))` for a sum of so many `i8`, at most 255².
#[inline]
fn mean(sum: i32, count: i32) -> i8 {
    // 128 more than the mean, so that division without signs rounds down.
    let raised = (2 * sum + 257 * count) as u32 / (2 * count as u32).max(1);
    (raised as i32 - 128) as i8
}
