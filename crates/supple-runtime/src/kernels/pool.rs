//! Largest value and mean, under a window or over all positions.

use supple_pack::{Shape, Window};

use super::image::Image;
use super::window::{Axis, Lines, Taps, taps};

/// One row of the largest values under each window, channel by channel; taps outside the input are skipped.
///
/// # Shapes
/// `input` `[height][width][channels]`, `output` `[width][channels]` (row `y` of an image of shape `to`).
///
/// A value replaces the largest so far when it is greater, so of two zeros the first stays, and a NaN stays only
/// where it comes first.
#[inline(never)]
pub fn max_pool_row(input: &Image<f32>, y: usize, output: &mut [f32], to: &Shape, window: &Window) {
    let rows = taps(window, Axis::Down, y, input.shape.height);
    for (x, pixel) in output.chunks_exact_mut(usize::from(to.channels).max(1)).enumerate() {
        let columns = taps(window, Axis::Across, x, input.shape.width);
        let mut first = true;
        each_tap(input, window, &rows, &columns, |values| {
            if first {
                pixel.iter_mut().zip(values).for_each(|(largest, &value)| *largest = value);
                first = false;
            } else {
                keep_larger(pixel, values);
            }
        });
    }
}

/// One row of the means under each window, channel by channel: the sum in row-major order times `1 / count`. Taps
/// outside the input count as zeros, or not at all, as `count_padding` says.
///
/// # Shapes
/// `input` `[height][width][channels]`, `output` `[width][channels]` (row `y` of an image of shape `to`).
#[inline(never)]
pub fn average_pool_row(
    input: &Image<f32>,
    y: usize,
    output: &mut [f32],
    to: &Shape,
    window: &Window,
    count_padding: bool,
) {
    let rows = taps(window, Axis::Down, y, input.shape.height);
    for (x, pixel) in output.chunks_exact_mut(usize::from(to.channels).max(1)).enumerate() {
        let columns = taps(window, Axis::Across, x, input.shape.width);
        let [kernel_rows, kernel_columns] = window.kernel.map(usize::from);
        let count = if count_padding { kernel_rows * kernel_columns } else { rows.count * columns.count };
        pixel.fill(0.0);
        each_tap(input, window, &rows, &columns, |values| add(pixel, values));
        scale(pixel, count);
    }
}

/// The mean over height and width: the sum in row-major order times `1 / (height * width)`.
///
/// # Shapes
/// `input` `[height · width][channels]`, `output` `[channels]`.
#[inline(never)]
pub fn global_average(input: &[f32], output: &mut [f32]) {
    output.fill(0.0);
    let positions = input.chunks_exact(output.len().max(1));
    let count = positions.len();
    positions.for_each(|position| add(output, position));
    scale(output, count);
}

/// The largest value over height and width, by the rules of [`max_pool_row`].
///
/// # Shapes
/// `input` `[height · width][channels]`, `output` `[channels]`.
#[inline(never)]
pub fn global_maximum(input: &[f32], output: &mut [f32]) {
    let mut positions = input.chunks_exact(output.len().max(1));
    let first = positions.next().unwrap_or_default();
    output.iter_mut().zip(first).for_each(|(largest, &value)| *largest = value);
    positions.for_each(|position| keep_larger(output, position));
}

/// Calls with the pixel under each tap, in row-major order.
#[inline]
fn each_tap(input: &Image<f32>, window: &Window, rows: &Taps, columns: &Taps, mut tap: impl FnMut(&[f32])) {
    let channels = usize::from(input.shape.channels);
    let [row_step, column_step] = window.dilation.map(usize::from);
    let lines = Lines::of(input, rows, row_step);
    let mut line = lines.first + columns.first_input * channels;
    for _ in 0..rows.count {
        let mut at = line;
        for _ in 0..columns.count {
            tap(input.elements.get(at..).unwrap_or_default().get(..channels).unwrap_or_default());
            at += column_step * channels;
        }
        line = lines.after(line);
    }
}

#[inline]
fn keep_larger(largest: &mut [f32], values: &[f32]) {
    for (largest, &value) in largest.iter_mut().zip(values) {
        if value > *largest {
            *largest = value;
        }
    }
}

#[inline]
fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

#[inline]
fn scale(sums: &mut [f32], count: usize) {
    let weight = 1.0 / count.max(1) as f32;
    sums.iter_mut().for_each(|sum| *sum *= weight);
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
