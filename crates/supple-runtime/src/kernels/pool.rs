//! Largest value under a window, mean over positions.

use supple_pack::{Shape, Window};

use super::convolution::taps;

/// The largest value under each window, channel by channel; taps outside the input are skipped.
///
/// # Shapes
/// `input` `[height][width][channels]`, `output` likewise with its own height and width.
///
/// A value replaces the largest so far when it is greater, so of two zeros the first stays, and a NaN stays only
/// where it comes first.
pub fn max_pool(input: &[f32], from: &Shape, output: &mut [f32], to: &Shape, window: &Window) {
    let channels = usize::from(from.channels).max(1);
    let width = usize::from(to.width).max(1);
    let [kernel_rows, kernel_columns] = window.kernel.map(usize::from);
    let places = output.chunks_exact_mut(channels).take(usize::from(to.height) * width);
    for (place, pixel) in places.enumerate() {
        let rows = taps(place / width, window.stride[0], window.pad[0], kernel_rows, from.height);
        let columns = taps(place % width, window.stride[1], window.pad[1], kernel_columns, from.width);
        let mut first = true;
        for row in rows.first_input..rows.first_input + rows.count {
            let at = (row * usize::from(from.width) + columns.first_input) * channels;
            let run = input.get(at..at + columns.count * channels).unwrap_or_default();
            for values in run.chunks_exact(channels) {
                if first {
                    pixel.copy_from_slice(values);
                    first = false;
                    continue;
                }
                for (largest, &value) in pixel.iter_mut().zip(values) {
                    if value > *largest {
                        *largest = value;
                    }
                }
            }
        }
    }
}

/// The mean over height and width: the sum in row-major order times `1 / (height * width)`.
///
/// # Shapes
/// `input` `[height · width][channels]`, `output` `[channels]`.
pub fn global_average_pool(input: &[f32], output: &mut [f32]) {
    let channels = output.len().max(1);
    output.fill(0.0);
    let positions = input.chunks_exact(channels);
    let weight = 1.0 / positions.len().max(1) as f32;
    for position in positions {
        for (sum, &value) in output.iter_mut().zip(position) {
            *sum += value;
        }
    }
    output.iter_mut().for_each(|sum| *sum *= weight);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_under_each_window() {
        let from = Shape { height: 3, width: 3, channels: 1 };
        let to = Shape { height: 2, width: 2, channels: 1 };
        let window = Window { kernel: [2, 2], stride: [2, 2], pad: [1, 1] };
        let mut output = [9.0; 4];
        max_pool(&[-1.0, 5.0, 2.0, 0.0, -3.0, 7.0, 1.0, 8.0, -2.0], &from, &mut output, &to, &window);
        assert_eq!(output, [-1.0, 5.0, 1.0, 8.0]);
    }

    #[test]
    fn the_mean_of_each_channel() {
        let mut output = [9.0; 2];
        global_average_pool(&[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 6.0, 60.0], &mut output);
        assert_eq!(output, [3.0, 30.0]);
    }
}
