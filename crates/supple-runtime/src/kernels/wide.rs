//! Convolutions and dense layers for processors with AVX2: several pixels share each weight that is read,
//! and several blocks of outputs each input.
//!
//! Every output is still one sum in one order, so these give the bits of the kernels that they stand in for.

use core::arch::x86_64::{__m256, _mm256_add_ps, _mm256_mul_ps, _mm256_set1_ps};

use supple_pack::op::OUTPUT_BLOCK;
use supple_pack::{Activation, Shape, Window};

use super::convolution::Sizes;
use super::image::Image;
use super::window::{Axis, Lines, Taps, inside, taps};
use super::{Block, activate, relu, start_some};

/// The sums of a block of outputs, in one register.
type Sums = __m256;

/// So many pixels at most are summed side by side.
const MOST_PIXELS: usize = 5;

/// One row of a convolution, as `convolution::convolution_row` has it.
#[inline]
#[target_feature(enable = "avx2")]
pub fn convolution_row(
    input: &Image<f32>,
    y: usize,
    output: &mut [f32],
    to: &Shape,
    window: &Window,
    groups: u16,
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    let sizes = Sizes::of(input, to, window, groups);
    let row = Row {
        input,
        sizes: &sizes,
        rows: taps(window, Axis::Down, y, input.shape.height),
        pixel_step: usize::from(window.stride[1]) * sizes.inputs,
        activation,
    };
    let width = output.len() / sizes.outputs;
    let whole = usize::from(window.kernel[1]);
    let weights = weights.as_chunks().0.chunks_exact(sizes.weight_group);
    for (group, (weights, bias)) in weights.zip(bias.chunks(sizes.group_outputs)).enumerate() {
        let mut first = group * sizes.group_outputs;
        let mut blocks = Blocks { weights, bias, block: sizes.weight_block };
        while !blocks.bias.is_empty() {
            // Pixels of which some taps lie outside come one by one, so they take more outputs at once.
            let many = blocks.bias.len() > 3 * OUTPUT_BLOCK;
            let two = blocks.bias.len() > OUTPUT_BLOCK;
            let mut x = 0;
            while x < width {
                let columns = taps(window, Axis::Across, x, input.shape.width);
                let at = group * sizes.group_inputs + columns.first_input * sizes.inputs;
                let place = Place { pixel: x * sizes.outputs + first, input: at, columns };
                let inside =
                    if columns.count == whole { inside(window, x, width, input.shape.width) } else { 1 };
                // As even a split as can be, so that no pixel is left alone.
                let pixels = inside.div_ceil(inside.div_ceil(MOST_PIXELS).max(1));
                let pixels = pixels.clamp(1, MOST_PIXELS);
                match (many, two, pixels) {
                    (true, _, 1) => row.block::<1, 4>(output, &place, &blocks),
                    (true, _, 2) => row.block::<2, 4>(output, &place, &blocks),
                    (true, _, n) => {
                        let later = Place { pixel: place.pixel + 2 * OUTPUT_BLOCK, ..place };
                        let rest = blocks.after(2);
                        row.pixels::<2>(n, output, &place, &blocks);
                        row.pixels::<2>(n, output, &later, &rest);
                    }
                    (_, true, n) => row.pixels::<2>(n, output, &place, &blocks),
                    (_, _, n) => row.pixels::<1>(n, output, &place, &blocks),
                }
                x += pixels;
            }
            let done = if many { 4 } else { 1 + usize::from(two) };
            first += done * OUTPUT_BLOCK;
            blocks = blocks.after(done);
        }
    }
}

/// Blocks of outputs still to be made.
struct Blocks<'a> {
    /// `[blocks][kernel height][kernel width][in][8]`.
    weights: &'a [Block],
    bias: &'a [f32],
    /// Weights of a block.
    block: usize,
}

impl<'a> Blocks<'a> {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn after(&self, blocks: usize) -> Blocks<'a> {
        Blocks {
            weights: self.weights.get(blocks * self.block..).unwrap_or_default(),
            bias: self.bias.get(blocks * OUTPUT_BLOCK..).unwrap_or_default(),
            block: self.block,
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn start<const BLOCKS: usize>(&self) -> [Sums; BLOCKS] {
        let mut sums = [_mm256_set1_ps(0.0); BLOCKS];
        for (sums, bias) in sums.iter_mut().zip(self.bias.chunks(OUTPUT_BLOCK)) {
            *sums = bytemuck::cast(start(bias));
        }
        sums
    }
}

/// The first of some pixels.
#[derive(Clone, Copy)]
struct Place {
    /// Where its outputs begin in the row.
    pixel: usize,
    /// Where its inputs begin in an input row.
    input: usize,
    columns: Taps,
}

/// What is the same for all pixels of a row.
struct Row<'a> {
    input: &'a Image<'a, f32>,
    sizes: &'a Sizes,
    rows: Taps,
    /// From a pixel's inputs to the next one's.
    pixel_step: usize,
    activation: Activation,
}

impl Row<'_> {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pixels<const BLOCKS: usize>(&self, pixels: usize, output: &mut [f32], place: &Place, blocks: &Blocks) {
        match pixels {
            1 => self.block::<1, BLOCKS>(output, place, blocks),
            2 => self.block::<2, BLOCKS>(output, place, blocks),
            3 => self.block::<3, BLOCKS>(output, place, blocks),
            4 => self.block::<4, BLOCKS>(output, place, blocks),
            _ => self.block::<MOST_PIXELS, BLOCKS>(output, place, blocks),
        }
    }

    /// Some pixels by some blocks of outputs.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn block<const PIXELS: usize, const BLOCKS: usize>(
        &self,
        output: &mut [f32],
        place: &Place,
        blocks: &Blocks,
    ) {
        let sizes = self.sizes;
        let mut sums = [blocks.start::<BLOCKS>(); PIXELS];
        let (runs, run) = sizes.runs(&place.columns);
        let lines = Lines::of(self.input, &self.rows, sizes.row_step);
        let mut line = lines.first;
        for row in 0..self.rows.count {
            let weight_row =
                (self.rows.first_tap + row) * sizes.weight_row + place.columns.first_tap * sizes.group_inputs;
            for tap in 0..runs {
                let at = line + place.input + tap * sizes.tap_step;
                let inputs = self.input.elements.get(at..).unwrap_or_default();
                let at = weight_row + tap * sizes.group_inputs;
                sum_run(&mut sums, inputs, self.pixel_step, run, blocks.weights, at, sizes.weight_block);
            }
            line = lines.after(line);
        }
        let pixels = output.get_mut(place.pixel..).unwrap_or_default();
        for (outputs, sums) in pixels.chunks_mut(sizes.outputs).zip(&sums) {
            let ends = outputs.len().min(blocks.bias.len());
            let outputs = outputs.get_mut(..ends).unwrap_or_default();
            for (outputs, sums) in outputs.chunks_mut(OUTPUT_BLOCK).zip(sums) {
                store(outputs, &bytemuck::cast(*sums), self.activation);
            }
        }
    }
}

/// Adds the products of a run of inputs of each pixel with the weights of each block.
#[inline]
#[target_feature(enable = "avx2")]
fn sum_run<const PIXELS: usize, const BLOCKS: usize>(
    sums: &mut [[Sums; BLOCKS]; PIXELS],
    inputs: &[f32],
    pixel_step: usize,
    run: usize,
    weights: &[Block],
    at: usize,
    block: usize,
) {
    let mut pixels: [&[f32]; PIXELS] = [&[]; PIXELS];
    for (index, pixel) in pixels.iter_mut().enumerate() {
        let from = index * pixel_step;
        *pixel = inputs.get(from..from + run).unwrap_or_default();
    }
    let mut streams: [&[Block]; BLOCKS] = [&[]; BLOCKS];
    for (index, stream) in streams.iter_mut().enumerate() {
        let from = index * block + at;
        *stream = weights.get(from..from + run).unwrap_or_default();
    }
    if pixels.iter().any(|pixel| pixel.len() != run) || streams.iter().any(|stream| stream.len() != run) {
        return;
    }
    // In registers until the run ends.
    let mut held = *sums;
    for index in 0..run {
        for (pixel, sums) in pixels.iter().zip(&mut held) {
            let x = _mm256_set1_ps(pixel[index]);
            for (stream, sums) in streams.iter().zip(sums) {
                *sums = _mm256_add_ps(*sums, _mm256_mul_ps(x, bytemuck::cast(stream[index])));
            }
        }
    }
    *sums = held;
}

/// The biases of a block, zero beyond the last.
#[inline]
pub(super) fn start(biases: &[f32]) -> Block {
    match biases.first_chunk() {
        Some(block) => *block,
        None => start_some(biases),
    }
}

/// Writes a block's outputs, as many as there are.
#[inline]
pub(super) fn store(outputs: &mut [f32], sums: &Block, activation: Activation) {
    let Some(outputs) = outputs.first_chunk_mut::<OUTPUT_BLOCK>() else {
        return store_some(outputs, *sums, activation);
    };
    match activation {
        Activation::None => *outputs = *sums,
        Activation::Relu => *outputs = sums.map(relu),
        Activation::Clip { .. } => *outputs = sums.map(|sum| activate(sum, activation)),
    }
}

/// Writes the outputs of a block that there are. Not inlined, as the biases of some outputs.
#[inline(never)]
fn store_some(outputs: &mut [f32], sums: Block, activation: Activation) {
    for (output, sum) in outputs.iter_mut().zip(sums) {
        *output = activate(sum, activation);
    }
}

/// A dense layer, as `dense::dense` has it.
#[inline]
#[target_feature(enable = "avx2")]
pub fn dense(input: &[f32], output: &mut [f32], weights: &[f32], bias: &[f32], activation: Activation) {
    /// Blocks of outputs side by side.
    const BLOCKS: usize = 4;
    let mut blocks = Blocks { weights: weights.as_chunks().0, bias, block: input.len() };
    for outputs in output.chunks_mut(BLOCKS * OUTPUT_BLOCK) {
        if outputs.len() > (BLOCKS - 1) * OUTPUT_BLOCK {
            dense_block::<BLOCKS>(input, outputs, &blocks, activation);
        } else {
            for (index, outputs) in outputs.chunks_mut(OUTPUT_BLOCK).enumerate() {
                dense_block::<1>(input, outputs, &blocks.after(index), activation);
            }
        }
        blocks = blocks.after(BLOCKS);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn dense_block<const BLOCKS: usize>(
    input: &[f32],
    outputs: &mut [f32],
    blocks: &Blocks,
    activation: Activation,
) {
    let mut sums = [blocks.start::<BLOCKS>()];
    sum_run(&mut sums, input, 0, input.len(), blocks.weights, 0, blocks.block);
    for (outputs, sums) in outputs.chunks_mut(OUTPUT_BLOCK).zip(&sums[0]) {
        store(outputs, &bytemuck::cast(*sums), activation);
    }
}

#[cfg(test)]
#[path = "wide_tests.rs"]
mod tests;
