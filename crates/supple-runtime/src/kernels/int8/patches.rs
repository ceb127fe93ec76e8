//! Convolutions and dense layers for cores that multiply pairs: inputs are copied, so that a patch has no edges.
//!
//! Up to four neighbouring places of an output row are computed together. What they read is unpacked into a patch, a
//! few words of it at a time; then all outputs take their products of it, and their sums wait in memory for the next
//! words. Edges, padding, groups and ends of runs are a matter of copying alone.

use core::ops::Range;

use supple_pack::op::{INT8_GROUP, INT8_OUTPUT_BLOCK};
use supple_pack::{Shape, Window, int8_runs};

use super::Channelwise;
use super::pairs::{Edge, Finish, Inputs, Products, add_products, finish, unpack, unpack_edge};
use super::taps::Axis;
use crate::kernels::image::{Image, ImageMut};

/// Places that are computed together.
const MOST_PLACES: usize = 4;

/// Up to here, what is shifted away and the output's zero can be added at once.
const MOST_SHIFT: u32 = 22;

/// Words of memory for a patch, and for sums: 256 bytes.
const ROOM: usize = 64;

/// So many outputs, whole blocks of them, have room for their sums at one place, at two, at three and at four.
const MOST_OUTPUTS: [usize; MOST_PLACES] = [64, 32, 20, 16];

/// Some rows of a convolution, as the portable one; weights begin at a word.
#[inline(never)]
pub fn convolution_rows(
    input: &Image<i8>,
    rows: Range<u16>,
    output: &mut ImageMut<i8>,
    window: &Window,
    groups: u16,
    weights: &[i8],
    finish: &Channelwise,
) -> Option<()> {
    let groups_or_one = usize::from(groups).max(1);
    let channels = usize::from(input.shape.channels);
    let outputs = usize::from(output.shape.channels);
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
        outputs,
        group_outputs: outputs / groups_or_one,
        groups: groups_or_one,
        runs: runs as usize,
        run: run as usize,
        run_step: usize::from(window.dilation[1]) * channels,
        finish,
    };
    layer.write(rows, output, weights)
}

/// A fully connected layer, as the portable one; weights begin at a word.
#[inline(never)]
pub fn dense(input: &[i8], output: &mut [i8], weights: &[i8], finish: &Channelwise) {
    let outputs = output.len();
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
        outputs,
        group_outputs: outputs,
        groups: 1,
        runs: 1,
        run: input.len(),
        run_step: 0,
        finish,
    };
    let shape = Shape { height: 1, width: 1, channels: outputs as u16 };
    layer.write(0..1, &mut ImageMut { elements: output, shape, rows: 1 }, weights);
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
    /// Of these, those of a group.
    group_outputs: usize,
    groups: usize,
    /// Runs of a kernel row.
    runs: usize,
    /// Length of each.
    run: usize,
    /// Elements of the input from one to the next.
    run_step: usize,
    finish: &'a Channelwise<'a>,
}

impl Layer<'_> {
    /// Not inlined, for both kinds of layers are made of it.
    #[inline(never)]
    fn write(&self, rows: Range<u16>, output: &mut ImageMut<i8>, weights: &[i8]) -> Option<()> {
        let weights = bytemuck::try_cast_slice(weights).ok()?;
        let width = usize::from(output.shape.width);
        let mut memory = Memory { patch: [0; ROOM], sums: [0; ROOM] };
        for y in rows.map(usize::from) {
            let mut pixels = output.row(y)?;
            let mut x = 0;
            while x < width {
                let places = MOST_PLACES.min(width - x);
                let corner = self.columns.place(x, 0).wrapping_mul(self.channels);
                self.tile(&Tile { y, places, corner }, pixels, weights, &mut memory)?;
                pixels = pixels.get_mut(places * self.outputs..)?;
                x += places;
            }
        }
        Some(())
    }

    /// All outputs at the places of a tile, which are the first of `pixels`.
    #[inline]
    fn tile(&self, tile: &Tile, pixels: &mut [i8], weights: &[u32], memory: &mut Memory) -> Option<()> {
        // As many outputs at a time as there is room for the sums of.
        let most = *MOST_OUTPUTS.get(tile.places - 1)?;
        let block = self.kernel_rows * self.runs * self.run.div_ceil(INT8_GROUP) * INT8_OUTPUT_BLOCK;
        let mut weights = weights;
        for group in 0..self.groups {
            let mut first = 0;
            while first < self.group_outputs {
                let outputs = most.min(self.group_outputs - first);
                let blocks = outputs.div_ceil(INT8_OUTPUT_BLOCK);
                let sums = memory.sums.get_mut(..blocks * INT8_OUTPUT_BLOCK * tile.places)?;
                let (of_these, after) = weights.split_at_checked(blocks * block)?;
                weights = after;
                let channel = group * self.group_outputs + first;
                start(sums, tile.places, self.finish.bias.get(channel..)?);
                let sums = Outputs { places: tile.places, blocks, sums, weights: of_these, block };
                self.add(tile, group, &mut memory.patch, sums);
                let sums = memory.sums.get(..outputs * tile.places)?;
                self.finish(tile.places, channel, sums, pixels.get_mut(channel..)?);
                first += outputs;
            }
        }
        Some(())
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

    /// The same for any shift and any limits.
    #[inline(never)]
    fn finish_any(&self, places: usize, sums: &[i32], multipliers: &[i32], outputs: &mut [i8]) {
        for (channel, (sums, &multiplier)) in sums.chunks_exact(places.max(1)).zip(multipliers).enumerate() {
            for (place, &sum) in sums.iter().enumerate() {
                if let Some(output) = outputs.get_mut(place * self.outputs + channel) {
                    *output = self.finish.finish(sum, multiplier);
                }
            }
        }
    }

    /// Adds all products of some outputs of a group.
    #[inline(never)]
    fn add(&self, tile: &Tile, group: usize, patch: &mut [u32; ROOM], mut outputs: Outputs) {
        let places = tile.places;
        let halves = 2 * places;
        let capacity = ROOM / halves.max(1);
        let step = self.columns.stride() * self.channels;
        let span = (places - 1) * step;
        let first = tile.corner.wrapping_add(group * self.inputs);
        let (mut left_of_patch, mut room) = (&mut patch[..], capacity);
        for tap in 0..self.kernel_rows {
            let row = self.input_row(self.rows.place(tile.y, tap));
            let mut run_start = first;
            for _ in 0..self.runs {
                let (mut start, mut left) = (run_start, self.run);
                while left > 0 {
                    let (length, inside) = row.alike(start, span, left.min(room * INT8_GROUP));
                    let words = length.div_ceil(INT8_GROUP);
                    let Some((to, after)) = left_of_patch.split_at_mut_checked(words * halves) else {
                        return;
                    };
                    let from = row.elements.get(start..).unwrap_or_default();
                    if !(inside && unpack(Inputs { places, words, length, from, step, to })) {
                        self.unpack_edge(&row, start, length, places, to);
                    }
                    start = start.wrapping_add(length);
                    left -= length;
                    room -= words;
                    left_of_patch = after;
                    if room == 0 {
                        outputs.add(patch, capacity);
                        (left_of_patch, room) = (&mut patch[..], capacity);
                    }
                }
                run_start = run_start.wrapping_add(self.run_step);
            }
        }
        if room < capacity {
            outputs.add(patch, capacity - room);
        }
    }

    /// A row of the input.
    #[inline]
    fn input_row(&self, y: usize) -> Row<'_> {
        let held = if y < self.rows_held { y } else { y % self.rows_held.max(1) };
        match self.elements.get(held.wrapping_mul(self.row_length)..) {
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
    blocks: usize,
    sums: &'a mut [i32],
    weights: &'a [u32],
    block: usize,
}

impl Outputs<'_> {
    /// Adds the products of the next words.
    #[inline(never)]
    fn add(&mut self, patch: &[u32; ROOM], words: usize) {
        let Self { places, blocks, sums, weights, block } = self;
        let (places, blocks, block) = (*places, *blocks, *block);
        add_products(Products { places, words, blocks, sums, patch, weights, block });
        *weights = weights.get(words * INT8_OUTPUT_BLOCK..).unwrap_or_default();
    }
}

/// Sums start from the biases; those that only fill up a block from whatever there was. Not inlined, or the compiler
/// looks at each round whether the slices are still as long.
#[inline(never)]
fn start(sums: &mut [i32], places: usize, bias: &[i32]) {
    if places == MOST_PLACES {
        let (sums, _) = sums.as_chunks_mut::<MOST_PLACES>();
        sums.iter_mut().zip(bias).for_each(|(sums, &bias)| *sums = [bias; MOST_PLACES]);
    } else {
        sums.chunks_exact_mut(places.max(1)).zip(bias).for_each(|(sums, &bias)| sums.fill(bias));
    }
}

/// Neighbouring places of an output row.
struct Tile {
    y: usize,
    /// 1 to 4.
    places: usize,
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
