//! Convolutions and dense layers for cores that multiply pairs: inputs are copied, so that a patch has no edges.
//!
//! Up to four neighbouring places of an output row are computed together. What they read is unpacked into a patch, a
//! few words of it at a time; then all outputs take their products of it, and their sums wait in memory for the next
//! words. Edges, padding, groups and ends of runs are a matter of copying alone.

use supple_pack::op::{INT8_GROUP, INT8_OUTPUT_BLOCK};
use supple_pack::{Shape, Window, int8_runs};

use super::Channelwise;
use super::pairs::{Edge, Finish, Inputs, Products, add_products, finish, unpack, unpack_edge};
use super::taps::Axis;
use crate::kernels::image::Image;

/// Places that are computed together.
const MOST_PLACES: usize = 4;

/// Up to here, what is shifted away and the output's zero can be added at once.
const MOST_SHIFT: u32 = 22;

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
        let mut memory = Memory { patch: [0; ROOM], sums: [0; ROOM] };
        let pixels = output.chunks_mut((MOST_PLACES * self.outputs).max(1));
        for (pixels, x) in pixels.zip((0..width).step_by(MOST_PLACES)) {
            let corner = self.columns.place(x, 0).wrapping_mul(self.channels);
            let at = Places { y, count: MOST_PLACES.min(width - x), corner };
            self.places(&at, pixels, weights, &mut memory);
        }
    }

    #[inline]
    fn places(&self, at: &Places, pixels: &mut [i8], weights: &[u32], memory: &mut Memory) {
        let group_outputs = self.outputs / self.groups.max(1);
        // As many outputs at a time as there is room for the sums of.
        let most = ROOM / at.count.max(1) / INT8_OUTPUT_BLOCK * INT8_OUTPUT_BLOCK;
        let block = self.kernel_rows * self.runs * self.run.div_ceil(INT8_GROUP) * INT8_OUTPUT_BLOCK;
        let mut weights = weights;
        for group in 0..self.groups {
            for first in (0..group_outputs).step_by(most.max(1)) {
                let outputs = most.min(group_outputs - first);
                let blocks = outputs.div_ceil(INT8_OUTPUT_BLOCK);
                let Some(sums) = memory.sums.get_mut(..blocks * INT8_OUTPUT_BLOCK * at.count) else { return };
                let Some((of_these, after)) = weights.split_at_checked(blocks * block) else { return };
                weights = after;
                let channel = group * group_outputs + first;
                start(sums, at.count, self.finish.bias.get(channel..).unwrap_or_default());
                let sums = Outputs { places: at.count, sums, weights: of_these, block };
                self.add(at, group, &mut memory.patch, sums);
                let Some(sums) = memory.sums.get(..outputs * at.count) else { return };
                self.finish(at.count, channel, sums, pixels.get_mut(channel..).unwrap_or_default());
            }
        }
    }

    /// Makes outputs, the first of them those of `channel`.
    #[inline]
    fn finish(&self, places: usize, channel: usize, sums: &[i32], outputs: &mut [i8]) {
        let Channelwise { multipliers, requantise, .. } = *self.finish;
        let multipliers = multipliers.get(channel..).unwrap_or_default();
        let shift = u32::from(requantise.shift).wrapping_sub(32);
        if (1..=MOST_SHIFT).contains(&shift) && (requantise.low, requantise.high) == (i8::MIN, i8::MAX) {
            let raise = (1 << (shift - 1)) + (i32::from(requantise.output_zero) << shift);
            finish(Finish { places, sums, multipliers, raise, shift, outputs, step: self.outputs });
        } else {
            self.finish_any(places, sums, multipliers, outputs);
        }
    }

    #[inline(never)]
    fn finish_one(&self, sum: i32, multiplier: i32) -> i8 {
        self.finish.finish(sum, multiplier)
    }

    /// The same for any shift and any limits.
    #[inline(never)]
    fn finish_any(&self, places: usize, sums: &[i32], multipliers: &[i32], outputs: &mut [i8]) {
        for (channel, (sums, &multiplier)) in sums.chunks_exact(places.max(1)).zip(multipliers).enumerate() {
            for (place, &sum) in sums.iter().enumerate() {
                if let Some(output) = outputs.get_mut(place * self.outputs + channel) {
                    *output = self.finish_one(sum, multiplier);
                }
            }
        }
    }

    /// Adds all products of some outputs of a group.
    #[inline(never)]
    fn add(&self, at: &Places, group: usize, patch: &mut [u32; ROOM], mut outputs: Outputs) {
        let places = at.count;
        let capacity = ROOM / (2 * places).max(1);
        let step = self.columns.stride() * self.channels;
        let span = (places - 1) * step;
        let mut held = 0;
        for tap in 0..self.kernel_rows {
            let row = self.input_row(self.rows.place(at.y, tap));
            let mut run_start = at.corner.wrapping_add(group * self.inputs);
            for _ in 0..self.runs {
                let (mut start, mut left) = (run_start, self.run);
                while left > 0 {
                    let (length, inside) = row.alike(start, span, left.min((capacity - held) * INT8_GROUP));
                    let to = patch.get_mut(held * 2 * places..).unwrap_or_default();
                    let from = row.elements.get(start..).unwrap_or_default();
                    if !(inside && unpack(Inputs { places, length, from, step, to })) {
                        self.unpack_edge(&row, start, length, places, to);
                    }
                    start = start.wrapping_add(length);
                    left -= length;
                    held += length.div_ceil(INT8_GROUP);
                    if held == capacity {
                        outputs.add(patch, held);
                        held = 0;
                    }
                }
                run_start = run_start.wrapping_add(self.step);
            }
        }
        if held > 0 {
            outputs.add(patch, held);
        }
    }

    /// A row of the input.
    #[inline]
    fn input_row(&self, y: usize) -> Row<'_> {
        let held = if y < self.rows_held { y } else { y % self.rows_held.max(1) };
        match self.elements.get(held * self.row_length..) {
            Some(elements) if y < self.height && elements.len() >= self.row_length => {
                Row { elements, length: self.row_length }
            }
            _ => Row::default(),
        }
    }

    /// Unpacks `length` inputs at each place, those of the first from `start` of the row on, wherever they lie.
    #[inline(never)]
    fn unpack_edge(&self, row: &Row, start: usize, length: usize, places: usize, to: &mut [u32]) {
        let outside = self.finish.requantise.input_zero;
        if row.length == 0 && length.is_multiple_of(INT8_GROUP) {
            let to = to.get_mut(..length / INT8_GROUP * 2 * places).unwrap_or_default();
            return to.fill(u32::from(i16::from(outside) as u16) * 0x1_0001);
        }
        let step = self.columns.stride() * self.channels;
        let row = row.elements.get(..row.length).unwrap_or_default();
        unpack_edge(Edge { places, length, row, start, step, outside, to });
    }
}

/// What is unpacked and what is summed, side by side in memory that is prepared once.
struct Memory {
    patch: [u32; ROOM],
    sums: [i32; ROOM],
}

/// The sums of some outputs, and their weights that are still to come.
struct Outputs<'a> {
    places: usize,
    sums: &'a mut [i32],
    weights: &'a [u32],
    block: usize,
}

impl Outputs<'_> {
    /// Adds the products of the next words.
    #[inline(never)]
    fn add(&mut self, patch: &[u32; ROOM], words: usize) {
        let Self { places, sums, weights, block } = self;
        add_products(Products { places: *places, words, sums, patch, weights, block: *block });
        *weights = weights.get(words * INT8_OUTPUT_BLOCK..).unwrap_or_default();
    }
}

/// Sums start from the biases; those that only fill up a block from whatever there was.
#[inline]
fn start(sums: &mut [i32], places: usize, bias: &[i32]) {
    if places == MOST_PLACES {
        let (sums, _) = sums.as_chunks_mut::<MOST_PLACES>();
        sums.iter_mut().zip(bias).for_each(|(sums, &bias)| *sums = [bias; MOST_PLACES]);
    } else {
        sums.chunks_exact_mut(places.max(1)).zip(bias).for_each(|(sums, &bias)| sums.fill(bias));
    }
}

/// Neighbouring places of an output row.
struct Places {
    y: usize,
    /// 1 to 4.
    count: usize,
    /// Where in its row the window of the first begins; before the row it wraps around.
    corner: usize,
}

/// A row of the input, empty where it lies outside, and what follows it in memory.
#[derive(Default)]
struct Row<'a> {
    elements: &'a [i8],
    length: usize,
}

impl Row<'_> {
    /// How many of `length` inputs from `start` and up to `start + span` on to unpack at once, and whether all of them
    /// lie inside: those that do not are kept apart, for they take longer. All but the last of a run fill words.
    #[inline]
    fn alike(&self, start: usize, span: usize, length: usize) -> (usize, bool) {
        if (start as isize) < 0 {
            return (length.min(start.wrapping_neg().next_multiple_of(INT8_GROUP)), false);
        }
        match self.length.saturating_sub(start.wrapping_add(span)) {
            inside if inside >= length => (length, true),
            inside if inside >= INT8_GROUP => (inside / INT8_GROUP * INT8_GROUP, true),
            _ => (length, false),
        }
    }
}
