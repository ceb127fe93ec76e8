//! Fully connected layers.

use supple_pack::op::INT8_OUTPUT_BLOCK;

use super::Channelwise;
use super::products::{accumulate, weights_of_run};

/// A fully connected layer.
///
/// # Shapes
/// `input` `[in]`, `output` `[out]`, `weights` `[ceil(out / 4)][ceil(in / 4)][4 outputs][4 inputs]`.
#[inline(never)]
pub fn dense(input: &[i8], output: &mut [i8], weights: &[i8], finish: &Channelwise) {
    let blocks = weights.chunks_exact(weights_of_run(input.len()).max(1));
    for ((outputs, weights), block) in output.chunks_mut(INT8_OUTPUT_BLOCK).zip(blocks).zip(0..) {
        let channel = block * INT8_OUTPUT_BLOCK;
        let mut sums = [finish.start(channel)];
        accumulate(&mut sums, [input], weights);
        finish.store(outputs, channel, sums.as_flattened());
    }
}
