//! Weights in the order the kernels read them.

use supple_pack::op::OUTPUT_BLOCK;

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
    fn the_blob_aligns_every_start() {
        let mut blob = Blob::default();
        assert_eq!(blob.append([1.0, 2.0, 3.0]), 0);
        assert_eq!(blob.append([4.0]), 4);
        assert_eq!(blob.elements, [1.0, 2.0, 3.0, 0.0, 4.0]);
    }
}
