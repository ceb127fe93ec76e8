//! Weights in the order the kernels read them.

use supple_pack::int8_runs;
use supple_pack::op::{INT8_GROUP, INT8_OUTPUT_BLOCK, OUTPUT_BLOCK, Window};

/// Every operation's weights start at a multiple of this many elements, so that they are aligned to 16 bytes
/// where the blob is.
pub const WEIGHT_ALIGNMENT: usize = 4;

/// Row-major `[outputs][row]` as `[ceil(outputs / 8)][row][8]`, zero where `outputs` is no multiple of 8.
///
/// A row is `[kernel_h][kernel_w][in]` of a convolution or `[in]` of a dense layer. Here each weight is rounded
/// to `f32`, once.
pub fn blocks(weights: &[f64], outputs: usize) -> Vec<f32> {
    let row = weights.len() / outputs.max(1);
    let mut packed = Vec::with_capacity(outputs.div_ceil(OUTPUT_BLOCK) * OUTPUT_BLOCK * row);
    for first in (0..outputs).step_by(OUTPUT_BLOCK) {
        for tap in 0..row {
            for output in first..first + OUTPUT_BLOCK {
                packed.push(if output < outputs { weights[output * row + tap] as f32 } else { 0.0 });
            }
        }
    }
    packed
}

/// Row-major weights of `groups` groups, each group's outputs in blocks.
pub fn layer_blocks(weights: &[f64], outputs: usize, groups: usize) -> Vec<f32> {
    let per_group = (weights.len() / groups.max(1)).max(1);
    weights.chunks(per_group).flat_map(|group| blocks(group, outputs / groups.max(1))).collect()
}

/// Row-major `[outputs][taps]` as `[taps][outputs]`.
pub fn taps_first<T: Copy>(weights: &[T], outputs: usize) -> Vec<T> {
    let taps = weights.len() / outputs.max(1);
    (0..taps * outputs).map(|i| weights[i % outputs * taps + i / outputs]).collect()
}

/// Row-major `[outputs][kernel_h][kernel_w][channels / groups]` as
/// `[groups][ceil(out / 4)][kernel_h][runs][ceil(run / 4)][4 outputs][4 inputs]`, zero where nothing is.
pub fn int8_blocks(
    weights: &[i8],
    outputs: usize,
    groups: usize,
    window: &Window,
    channels: usize,
) -> Vec<i8> {
    let (groups, outputs) = (groups.max(1), outputs / groups.max(1));
    let channels = channels / groups;
    let rows = usize::from(window.kernel[0]);
    let row = rows * usize::from(window.kernel[1]) * channels;
    let (runs, run) = int8_runs(window, groups as u16, channels as u64);
    let (runs, run) = (runs as usize, run as usize);
    let mut packed = Vec::new();
    for group in weights.chunks(outputs * row) {
        for first in (0..outputs).step_by(INT8_OUTPUT_BLOCK) {
            // Runs follow each other within a kernel row, and kernel rows within an output's weights.
            for start in (0..rows * runs).map(|index| index * run) {
                for input in (0..run).step_by(INT8_GROUP) {
                    for output in first..first + INT8_OUTPUT_BLOCK {
                        packed.extend((input..input + INT8_GROUP).map(|input| {
                            let here = output < outputs && input < run;
                            if here { group[output * row + start + input] } else { 0 }
                        }));
                    }
                }
            }
        }
    }
    packed
}

/// The trunk's weight blob while it grows.
#[derive(Debug, Default)]
pub struct Blob {
    /// The elements so far.
    pub elements: Vec<f32>,
}

impl Blob {
    /// Appends after padding to the alignment; gives where the values start.
    pub fn append(&mut self, values: impl IntoIterator<Item = f32>) -> usize {
        self.elements.resize(self.elements.len().next_multiple_of(WEIGHT_ALIGNMENT), 0.0);
        let start = self.elements.len();
        self.elements.extend(values);
        start
    }

    /// The same for `i32`.
    pub fn append_integers(&mut self, values: &[i32]) -> usize {
        self.append(values.iter().map(|value| f32::from_bits(value.cast_unsigned())))
    }

    /// The same for `i8`; the last word is filled up with zeros.
    pub fn append_bytes(&mut self, values: &[i8]) -> usize {
        let word = |bytes: &[i8]| {
            let mut word = [0; 4];
            word.iter_mut().zip(bytes).for_each(|(to, from)| *to = from.cast_unsigned());
            f32::from_bits(u32::from_le_bytes(word))
        };
        self.append(values.chunks(4).map(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written out by hand from the layout in `supple_pack::op`.
    #[test]
    fn blocks_of_eight_outputs_with_the_last_filled_with_zeros() {
        // Nine outputs, a row of two: output o has the weights 10 o and 10 o + 1.
        let weights: Vec<f64> =
            (0..9).flat_map(|o| [10.0 * f64::from(o), 10.0 * f64::from(o) + 1.0]).collect();
        #[rustfmt::skip]
        let expected = [
            0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0,
            1.0, 11.0, 21.0, 31.0, 41.0, 51.0, 61.0, 71.0,
            80.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
            81.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        ];
        assert_eq!(blocks(&weights, 9), expected);
    }

    #[test]
    fn int8_weights_lie_in_words_of_four_inputs_of_four_outputs() {
        // Five outputs over one row of three columns, two channels: a run of six, filled up to eight.
        let window = Window { kernel: [1, 3], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
        let weights: Vec<i8> = (0..30).collect();
        let packed = int8_blocks(&weights, 5, 1, &window, 2);
        assert_eq!(packed.len(), 2 * 2 * 16);
        assert_eq!(packed[..8], [0, 1, 2, 3, 6, 7, 8, 9]);
        assert_eq!(packed[16..24], [4, 5, 0, 0, 10, 11, 0, 0]);
        assert_eq!(packed[32..40], [24, 25, 26, 27, 0, 0, 0, 0]);
        // Dilated, each pixel is a run of its own.
        let dilated = Window { dilation: [1, 2], ..window };
        assert_eq!(int8_blocks(&weights, 5, 1, &dilated, 2)[..8], [0, 1, 0, 0, 6, 7, 0, 0]);
    }

    #[test]
    fn depthwise_weights_lie_tap_by_tap() {
        assert_eq!(taps_first(&[1, 2, 3, 4, 5, 6], 2), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn the_blob_aligns_every_start() {
        let mut blob = Blob::default();
        assert_eq!(blob.append([1.0, 2.0, 3.0]), 0);
        assert_eq!(blob.append_bytes(&[-1, 2]), 4);
        assert_eq!(blob.elements, [1.0, 2.0, 3.0, 0.0, f32::from_bits(0x0000_02ff)]);
    }
}
