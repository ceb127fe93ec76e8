//! Strips: neighbouring pixels of an output row whose windows have the same taps inside the input.
//!
//! What a window's place costs is so paid once a strip, and neighbouring pixels may share each weight that is read.

use supple_pack::Activation;
use supple_pack::op::OUTPUT_BLOCK;

#[cfg(supple_fpu)]
use super::arm::single::sum_blocks;
use super::window::Lines;
use super::{Block, start_some};
#[cfg(not(supple_fpu))]
use super::{activate, relu};

/// The sums of a strip, for one group of channels. Lengths and steps in elements, weights in blocks of eight.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Strip<'a> {
    /// Kernel rows with taps inside.
    pub rows: usize,
    /// Of a kernel row: how many runs of inputs that lie side by side; at least one, if there are rows.
    pub runs: usize,
    /// How long a run is.
    pub run: usize,
    /// From a run's first input to the next one's.
    pub run_step: usize,
    /// From a pixel's first input to the next one's.
    pub pixel_step: usize,
    /// From the end of a kernel row's weights inside to the first one inside of the next row.
    pub weight_gap: usize,
    /// From a block of outputs to the next.
    pub weight_block: usize,
    /// From a pixel's outputs to the next one's.
    pub output_step: usize,
    /// Where the rows under the window begin.
    pub lines: Lines,
    /// The first pixel's first input, counted from where a row begins.
    pub first_input: usize,
    /// The first weight inside, counted from where a block of outputs begins.
    pub first_weight: usize,
    /// All elements held of the input.
    pub inputs: &'a [f32],
    /// `[blocks of outputs][weight_block]`; runs of a kernel row lie side by side.
    pub weights: &'a [Block],
    /// One for each output channel.
    pub bias: &'a [f32],
    pub activation: Activation,
}

impl Strip<'_> {
    /// Writes so many pixels; `output` begins with the first one's.
    #[inline]
    pub fn write(&self, pixels: usize, output: &mut [f32]) {
        let (blocks, rest) = self.bias.as_chunks::<OUTPUT_BLOCK>();
        if !blocks.is_empty() {
            sum_blocks(self, pixels, output);
        }
        if !rest.is_empty() {
            self.write_rest(blocks.len(), rest, pixels, output);
        }
    }

    /// `Some` if so many pixels by so many blocks of outputs, at least one of each, are read and written inside the
    /// slices.
    #[inline]
    pub fn stays_inside(&self, blocks: usize, pixels: usize, output: usize) -> Option<()> {
        let (pixels_before, blocks_before) = (pixels.checked_sub(1)?, blocks.checked_sub(1)?);
        let written = blocks.checked_mul(OUTPUT_BLOCK)?;
        let written = pixels_before.checked_mul(self.output_step)?.checked_add(written)?;
        let mut inside = written <= output;
        if let Some(rows_before) = self.rows.checked_sub(1) {
            let runs_before = self.runs.checked_sub(1)?;
            let extent = pixels_before.checked_mul(self.pixel_step)?;
            let extent = extent.checked_add(runs_before.checked_mul(self.run_step)?)?;
            let extent = extent.checked_add(self.first_input)?.checked_add(self.run)?;
            inside &= self.lines.within(self.inputs.len(), self.rows, extent);
            let weights_of_row = self.runs.checked_mul(self.run)?;
            let read = weights_of_row.checked_add(self.weight_gap)?.checked_mul(rows_before)?;
            let read = read.checked_add(blocks_before.checked_mul(self.weight_block)?)?;
            let read = read.checked_add(self.first_weight)?.checked_add(weights_of_row)?;
            inside &= read <= self.weights.len();
        }
        inside.then_some(())
    }

    /// The outputs after so many blocks, fewer than a block: summed apart, for there is no room for a block.
    #[inline(never)]
    fn write_rest(&self, blocks: usize, bias: &[f32], pixels: usize, output: &mut [f32]) {
        /// Pixels that share weights.
        const TOGETHER: usize = 2;
        let padded = start_some(bias);
        let mut strip = Strip {
            weights: self.weights.get(blocks * self.weight_block..).unwrap_or_default(),
            bias: &padded,
            output_step: OUTPUT_BLOCK,
            ..*self
        };
        let output = output.get_mut(blocks * OUTPUT_BLOCK..).unwrap_or_default();
        let mut places = output.chunks_mut(self.output_step.max(1));
        let mut left = pixels;
        while left > 0 {
            let together = left.min(TOGETHER);
            let mut made = [[0.0; OUTPUT_BLOCK]; TOGETHER];
            sum_blocks(&strip, together, made.as_flattened_mut());
            for (made, place) in made.iter().take(together).zip(&mut places) {
                let place = place.get_mut(..bias.len()).unwrap_or_default();
                place.iter_mut().zip(made).for_each(|(place, made)| *place = *made);
            }
            strip.first_input += together * self.pixel_step;
            left -= together;
        }
    }
}

/// Writes whole blocks of outputs, or nothing if the strip reaches outside one of its slices.
#[cfg(not(supple_fpu))]
#[inline(never)]
fn sum_blocks(strip: &Strip, pixels: usize, output: &mut [f32]) {
    let (biases, _) = strip.bias.as_chunks::<OUTPUT_BLOCK>();
    if strip.stays_inside(biases.len(), pixels, output.len()).is_none() {
        return;
    }
    let mut first_input = strip.first_input;
    for pixel in output.chunks_mut(strip.output_step.max(1)).take(pixels) {
        let (outputs, _) = pixel.as_chunks_mut::<OUTPUT_BLOCK>();
        let mut first_weight = strip.first_weight;
        for (outputs, bias) in outputs.iter_mut().zip(biases) {
            let sums = sum_block(strip, first_input, first_weight, bias);
            match strip.activation {
                Activation::None => *outputs = sums,
                Activation::Relu => *outputs = sums.map(relu),
                Activation::Clip { .. } => {
                    outputs
                        .iter_mut()
                        .zip(sums)
                        .for_each(|(output, sum)| *output = activate(sum, strip.activation));
                }
            }
            first_weight += strip.weight_block;
        }
        first_input += strip.pixel_step;
    }
}

/// The sums of a pixel, for a block of outputs. Not inlined, or the compiler makes a copy for each thing that may be.
#[cfg(not(supple_fpu))]
#[inline(never)]
fn sum_block(strip: &Strip, first_input: usize, first_weight: usize, bias: &Block) -> Block {
    let mut sums = *bias;
    let mut line = strip.lines.first;
    let mut weight = first_weight;
    for _ in 0..strip.rows {
        let mut from = line + first_input;
        for _ in 0..strip.runs {
            let inputs = strip.inputs.get(from..from + strip.run);
            let weights = strip.weights.get(weight..weight + strip.run);
            accumulate(&mut sums, inputs.unwrap_or_default(), weights.unwrap_or_default());
            from += strip.run_step;
            weight += strip.run;
        }
        line = strip.lines.after(line);
        weight += strip.weight_gap;
    }
    sums
}

/// Adds `inputs · weights` to a block of outputs; weights are `[inputs][8]`.
#[cfg(not(supple_fpu))]
#[inline]
fn accumulate(sums: &mut Block, inputs: &[f32], weights: &[Block]) {
    for (&x, block) in inputs.iter().zip(weights) {
        for (sum, &weight) in sums.iter_mut().zip(block) {
            *sum += x * weight;
        }
    }
}

#[cfg(test)]
#[path = "strip_tests.rs"]
mod tests;
