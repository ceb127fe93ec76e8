//! `i8` convolutions and dense layers, tap by tap, and `f32` to `i8`.

use core::fmt::Write;

use supple_pack::op::{INT8_OUTPUT_BLOCK, Requantise};
use supple_pack::{Shape, Window, int8_runs};
use supple_runtime::kernels::image::{Image, ImageMut};
use supple_runtime::kernels::int8::{Channelwise, convolution_rows, dense, quantise, quantise_each};

use crate::pool::Pool;
use crate::random::Random;
use crate::{Host, MARGIN, hold, position};

/// What an output holds before, and must hold after where a kernel may not write.
const UNTOUCHED: i8 = 77;

/// A convolution, row by row, from the whole input and from as few rows of it as it may read.
pub fn convolution_is_right(pool: &mut Pool, random: &mut Random) -> bool {
    let groups = if random.once_in(4) { random.within(2, 3) as u16 } else { 1 };
    let mut pair = |first, last| [random.within(first, last) as u8, random.within(first, last) as u8];
    let window = Window { kernel: pair(1, 4), stride: pair(1, 3), pad: pair(0, 3), dilation: pair(1, 2) };
    let inputs = random.within(1, 20 / u32::from(groups)) as u16;
    // Some are more than are summed at a time.
    let most = if random.once_in(8) { 40 } else { 12 };
    let outputs = random.within(1, most) as u16;
    let mut shape =
        |channels| Shape { height: random.within(1, 6) as u16, width: random.within(1, 9) as u16, channels };
    let (from, to) = (shape(inputs * groups), shape(outputs * groups));
    let length = usize::from(from.width) * usize::from(from.channels);
    let input = pool.bytes(length * usize::from(from.height));
    random.fill_bytes(input);
    let layer = Layer::new(pool, random, window, groups, [inputs.into(), outputs.into()]);
    let rows = (window.span() as u16).min(from.height);
    let row = usize::from(to.width) * usize::from(to.channels);
    let (ring, output) = (pool.bytes(length * usize::from(rows)), pool.bytes(row + 2 * MARGIN));
    for y in 0..to.height {
        ring.fill(UNTOUCHED);
        hold(ring, rows, input, &from, &window, y.into());
        let whole = Image { elements: &*input, shape: from, rows: from.height };
        for image in [whole, Image { elements: &*ring, shape: from, rows }] {
            output.fill(UNTOUCHED);
            let elements = &mut output[MARGIN..MARGIN + row];
            // One row is held: each lies in the same place.
            let mut made = ImageMut { elements, shape: to, rows: 1 };
            let (weights, finish) = (layer.weights, &layer.finish);
            let done = convolution_rows(&image, y..y + 1, &mut made, &window, groups, weights, finish);
            let expected = |at: usize| {
                let (x, channel) = (at / usize::from(to.channels), at % usize::from(to.channels));
                let place = |tap| position(&from, &window, [y.into(), x], tap);
                layer.output(channel, |group, tap, input_channel| {
                    place(tap).map(|place| input[place + group * layer.inputs + input_channel])
                })
            };
            if done.is_none() || !is_right(output, row, expected) {
                let _ = writeln!(Host, "{window:?} {from:?} {to:?} groups {groups} row {y}");
                let _ = writeln!(Host, "{:?}", layer.finish.requantise);
                return false;
            }
        }
    }
    true
}

/// A dense layer; inputs begin anywhere.
pub fn dense_is_right(pool: &mut Pool, random: &mut Random) -> bool {
    let (inputs, outputs) = (random.within(1, 300) as usize, random.within(1, 90) as usize);
    let start = random.within(0, 3) as usize;
    let input = &mut pool.bytes(inputs + start)[start..];
    random.fill_bytes(input);
    let layer = Layer::new(pool, random, Window::ONE, 1, [inputs, outputs]);
    let output = pool.bytes(outputs + 2 * MARGIN);
    output.fill(UNTOUCHED);
    dense(input, &mut output[MARGIN..MARGIN + outputs], layer.weights, &layer.finish);
    let right = is_right(output, outputs, |channel| layer.output(channel, |_, _, at| Some(input[at])));
    if !right {
        let _ = writeln!(Host, "dense {inputs} {outputs} {:?}", layer.finish.requantise);
    }
    right
}

/// Numbers of all magnitudes.
pub fn quantise_is_right(pool: &mut Pool, random: &mut Random) -> bool {
    let count = random.within(0, 50) as usize;
    let from = pool.floats(count);
    for number in from.iter_mut() {
        let bits = random.next() ^ random.next() << 16;
        // Halves are where rounding may go wrong.
        let near = bits as i32 as f32 / 8_388_608.0;
        *number = match bits % 3 {
            0 => f32::from_bits(bits),
            1 => near,
            _ => (near * 2.0) as i32 as f32 / 2.0,
        };
    }
    let inverse_scale = if random.once_in(2) { 1.0 } else { random.within(1, 1 << 20) as f32 / 1000.0 };
    let zero = random.next() as i8;
    let to = pool.bytes(count + 2 * MARGIN);
    to.fill(UNTOUCHED);
    quantise_each(from, &mut to[MARGIN..MARGIN + count], inverse_scale, zero);
    let right = is_right(to, count, |at| quantise(from[at], inverse_scale, zero));
    if !right {
        let _ = writeln!(Host, "quantise {from:?} {inverse_scale} {zero}");
    }
    right
}

/// Weights, and what becomes of sums.
struct Layer<'a> {
    window: Window,
    /// Channels of a group.
    inputs: usize,
    /// Channels of a group.
    outputs: usize,
    runs: usize,
    run: usize,
    weights: &'a [i8],
    finish: Channelwise<'a>,
}

impl<'a> Layer<'a> {
    fn new(
        pool: &mut Pool<'a>,
        random: &mut Random,
        window: Window,
        groups: u16,
        [inputs, outputs]: [usize; 2],
    ) -> Self {
        let (runs, run) = int8_runs(&window, groups, inputs as u64);
        let (runs, run) = (runs as usize, run as usize);
        let block = usize::from(window.kernel[0]) * runs * run.div_ceil(4) * 16;
        let weights = pool.bytes(block * outputs.div_ceil(INT8_OUTPUT_BLOCK) * usize::from(groups));
        random.fill_bytes(weights);
        let channels = outputs * usize::from(groups);
        let (bias, multipliers) = (pool.words(channels), pool.words(channels));
        let products = window.taps() * inputs as u64;
        // What brings most sums into range, by the large multipliers that the compiler writes; sometimes anything.
        let size = 12 + products.ilog2() / 2;
        let usual = !random.once_in(3);
        let shift = if usual { 30 - 4 + size } else { random.within(1, 62) };
        for (bias, multiplier) in bias.iter_mut().zip(multipliers.iter_mut()) {
            *bias = random.within(0, 4000) as i32 - 2000;
            *multiplier =
                if usual { random.within(1 << 26, 1 << 27) << 3 } else { random.next() << 4 } as i32;
        }
        let limited = random.once_in(4);
        let mut any = || random.next() as i8;
        let requantise = Requantise {
            multipliers: 0,
            shift: shift as u8,
            input_zero: any(),
            output_zero: any() / 4,
            low: if limited { any().min(0) } else { i8::MIN },
            high: if limited { any().max(0) } else { i8::MAX },
        };
        let finish = Channelwise { bias, multipliers, requantise };
        Self { window, inputs, outputs, runs, run, weights, finish }
    }

    /// The output of a channel; `input` is called with group, tap and channel of the group, and gives nothing outside.
    fn output(&self, channel: usize, input: impl Fn(usize, [usize; 2], usize) -> Option<i8>) -> i8 {
        let Requantise { shift, input_zero, output_zero, low, high, .. } = self.finish.requantise;
        let (group, output) = (channel / self.outputs, channel % self.outputs);
        let [rows, columns] = self.window.kernel.map(usize::from);
        let mut sum = self.finish.bias[channel];
        for row in 0..rows {
            for column in 0..columns {
                for input_channel in 0..self.inputs {
                    let value = input(group, [row, column], input_channel).unwrap_or(input_zero);
                    let weight = self.weight(group, output, [row, column], input_channel);
                    sum = sum.wrapping_add(i32::from(value) * i32::from(weight));
                }
            }
        }
        let scaled = i64::from(sum) * i64::from(self.finish.multipliers[channel]) + (1 << (shift - 1));
        ((scaled >> shift) + i64::from(output_zero)).clamp(low.into(), high.into()) as i8
    }

    /// `[groups][ceil(out / 4)][kernel height][runs][ceil(run / 4)][4 outputs][4 inputs]`.
    fn weight(&self, group: usize, output: usize, [row, column]: [usize; 2], channel: usize) -> i8 {
        let (run, at) = if self.runs == 1 { (0, column * self.inputs + channel) } else { (column, channel) };
        let block = group * self.outputs.div_ceil(4) + output / 4;
        let run = (block * usize::from(self.window.kernel[0]) + row) * self.runs + run;
        self.weights[(run * self.run.div_ceil(4) + at / 4) * 16 + output % 4 * 4 + at % 4]
    }
}

/// The same, and nothing written beside.
fn is_right(output: &[i8], count: usize, expected: impl Fn(usize) -> i8) -> bool {
    let (before, made) = output.split_at(MARGIN);
    let (made, after) = made.split_at(count);
    let untouched = |numbers: &[i8]| numbers.iter().all(|number| *number == UNTOUCHED);
    untouched(before) && untouched(after) && made.iter().enumerate().all(|(at, found)| *found == expected(at))
}
