//! Convolutions and dense layers for cores that multiply pairs: inputs are copied, so that a patch has no edges.
//!
//! Up to four neighbouring places of an output row are computed together. What they read is unpacked into a patch, a
//! few words of it at a time; then all outputs take their products of it, and their sums wait in memory for the next
//! words. Edges, padding, groups and ends of runs are a matter of copying alone.

use supple_pack::op::{INT8_GROUP, INT8_OUTPUT_BLOCK};
use supple_pack::{Shape, Window, int8_runs};

use super::pairs::{Products, add_products, even, odd};
use super::taps::Axis;
use super::Channelwise;
use crate::kernels::image::Image;

/// Places that are computed together.
const MOST_PLACES: usize = 4;

/// Words of memory for a patch, and for sums: 256 bytes.
const ROOM: usize = 64;

/// Row `y` of a convolution, as the portable one; weights begin at a word.
#[inline(never)]
pub fn convolution_row(
    input: &Image<i8>,
    y: usize,
    output: &mut [i8],
    to: &Shape,
    window: &Window,
    groups: u16,
    weights: &[i8],
    finish: &Channelwise,
) {
    let groups_or_one = usize::from(groups).max(1);
    let channels = usize::from(input.shape.channels);
    let inputs = channels / groups_or_one;
    let (runs, run) = int8_runs(window, groups, inputs as u64);
    let layer = Layer {
        elements: input.elements,
        row_length: input.row_length(),
        rows_held: input.rows.into(),
        height: input.shape.height.into(),
        rows: Axis::vertical(window),
        kernel_rows: window.kernel[0].into(),
        columns: Axis::horizontal(window),
        channels,
        inputs,
        outputs: to.channels.into(),
        groups: groups_or_one,
        runs: runs as usize,
        run: run as usize,
        step: usize::from(window.dilation[1]) * channels,
        finish,
    };
    layer.row(y, to.width.into(), output, weights);
}

/// A fully connected layer, as the portable one; weights begin at a word.
#[inline(never)]
pub fn dense(input: &[i8], output: &mut [i8], weights: &[i8], finish: &Channelwise) {
    let layer = Layer {
        elements: input,
        row_length: input.len(),
        rows_held: 1,
        height: 1,
        rows: Axis::SINGLE,
        kernel_rows: 1,
        columns: Axis::SINGLE,
        channels: input.len(),
        inputs: input.len(),
        outputs: output.len(),
        groups: 1,
        runs: 1,
        run: input.len(),
        step: 0,
        finish,
    };
    layer.row(0, 1, output, weights);
}

/// A convolution; a dense layer is one with a single place.
struct Layer<'a> {
    /// `[rows held][row length]`: row `y` lies in place `y % rows held`.
    elements: &'a [i8],
    row_length: usize,
    rows_held: usize,
    height: usize,
    rows: Axis,
    kernel_rows: usize,
    columns: Axis,
    /// Channels of the input.
    channels: usize,
    /// Of these, those of a group.
    inputs: usize,
    /// Channels of the output.
    outputs: usize,
    groups: usize,
    /// Runs of a kernel row.
    runs: usize,
    /// Length of each.
    run: usize,
    /// Elements of the input from one to the next.
    step: usize,
    finish: &'a Channelwise<'a>,
}

impl Layer<'_> {
    fn row(&self, y: usize, width: usize, output: &mut [i8], weights: &[i8]) {
        let Ok(weights) = bytemuck::try_cast_slice(weights) else { return };
        let pixels = output.chunks_mut((MOST_PLACES * self.outputs).max(1));
        for (pixels, x) in pixels.zip((0..width).step_by(MOST_PLACES)) {
            self.places(y, x, MOST_PLACES.min(width - x), pixels, weights);
        }
    }

    /// Some places from column `x` on.
    fn places(&self, y: usize, x: usize, places: usize, pixels: &mut [i8], weights: &[u32]) {
        let group_outputs = self.outputs / self.groups;
        // As many outputs at a time as there is room for the sums of.
        let most = ROOM / places / INT8_OUTPUT_BLOCK * INT8_OUTPUT_BLOCK;
        let words = self.kernel_rows * self.runs * self.run.div_ceil(INT8_GROUP);
        let block = words * INT8_OUTPUT_BLOCK;
        let mut weights = weights;
        for group in 0..self.groups {
            for first in (0..group_outputs).step_by(most) {
                let outputs = most.min(group_outputs - first);
                let blocks = outputs.div_ceil(INT8_OUTPUT_BLOCK);
                let mut sums = [0; ROOM];
                let Some(sums) = sums.get_mut(..blocks * INT8_OUTPUT_BLOCK * places) else { return };
                let Some((of_these, after)) = weights.split_at_checked(blocks * block) else { return };
                weights = after;
                self.add(y, x, places, group, sums, of_these, block);
                let channel = group * group_outputs + first;
                let biases = self.finish.bias.get(channel..).unwrap_or_default();
                let multipliers = self.finish.multipliers.get(channel..).unwrap_or_default();
                for place in 0..places {
                    let start = place * self.outputs + channel;
                    let pixel = pixels.get_mut(start..start + outputs).unwrap_or_default();
                    let sums = sums.get(place..).unwrap_or_default().iter().step_by(places);
                    for (((output, &sum), &bias), &multiplier) in pixel.iter_mut().zip(sums).zip(biases).zip(multipliers) {
                        *output = self.finish.finish(sum.wrapping_add(bias), multiplier);
                    }
                }
            }
        }
    }

    /// Adds all products of some outputs of a group.
    fn add(
        &self,
        y: usize,
        x: usize,
        places: usize,
        group: usize,
        sums: &mut [i32],
        weights: &[u32],
        block: usize,
    ) {
        let outside = self.finish.requantise.input_zero;
        let mut patch = [0; ROOM];
        let capacity = ROOM / (2 * places);
        let (mut held, mut weights) = (0, weights);
        let mut flush = |patch: &[u32], held: &mut usize| {
            let Some(patch) = patch.get(..*held * 2 * places) else { return };
            add_products(Products { places, sums, patch, weights, block });
            weights = weights.get(*held * INT8_OUTPUT_BLOCK..).unwrap_or_default();
            *held = 0;
        };
        for tap in 0..self.kernel_rows {
            let row = self.input_row(y, tap);
            for run in 0..self.runs {
                let offset = group * self.inputs + run * self.step;
                let mut done = 0;
                while done < self.run {
                    let length = (self.run - done).min((capacity - held) * INT8_GROUP);
                    for place in 0..places {
                        let corner = self.columns.place(x + place, 0).wrapping_mul(self.channels);
                        let start = corner.wrapping_add(offset + done);
                        let to = patch.get_mut(held * 2 * places + place..).unwrap_or_default();
                        unpack(row, start, length, outside, to, places);
                    }
                    held += length.div_ceil(INT8_GROUP);
                    done += length;
                    if held == capacity {
                        flush(&patch, &mut held);
                    }
                }
            }
        }
        flush(&patch, &mut held);
    }

    /// The row of the input that a kernel row reads; empty where it lies outside.
    fn input_row(&self, y: usize, tap: usize) -> &[i8] {
        let place = self.rows.place(y, tap);
        if place >= self.height {
            return &[];
        }
        let start = place % self.rows_held.max(1) * self.row_length;
        self.elements.get(start..start + self.row_length).unwrap_or_default()
    }
}

/// Unpacks the `length` inputs from `start` of a row on, each word into `to[0]` and `to[places]` of the next
/// `2 · places`; inputs that lie outside the row count as `outside`, what fills up the last word as zero.
fn unpack(row: &[i8], start: usize, length: usize, outside: i8, to: &mut [u32], places: usize) {
    for (to, first) in to.chunks_mut((2 * places).max(1)).zip((0..length).step_by(INT8_GROUP)) {
        let word = word(row, start.wrapping_add(first), length - first, outside);
        if let Some(to) = to.first_mut() {
            *to = even(word);
        }
        if let Some(to) = to.get_mut(places) {
            *to = odd(word);
        }
    }
}

/// The word that begins at `at` of a row; of its bytes, those from `length` on are zero.
#[inline]
fn word(row: &[i8], at: usize, length: usize, outside: i8) -> u32 {
    let kept = if length < INT8_GROUP { (1 << (8 * length)) - 1 } else { u32::MAX };
    if let Some(bytes) = row.get(at..).and_then(<[i8]>::first_chunk::<INT8_GROUP>) {
        return u32::from_le_bytes(bytes.map(|byte| byte as u8)) & kept;
    }
    // Places before the row wrapped around and lie beyond its end too.
    let byte = |i: usize| row.get(at.wrapping_add(i)).copied().unwrap_or(outside) as u8;
    u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]) & kept
}
