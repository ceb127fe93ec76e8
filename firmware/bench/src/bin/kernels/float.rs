//! `f32` convolutions and dense layers, tap by tap.

use core::fmt::Write;

use supple_pack::{Activation, Shape, Window};
use supple_runtime::kernels::activate;
use supple_runtime::kernels::convolution::convolution_row;
use supple_runtime::kernels::dense::dense;
use supple_runtime::kernels::image::Image;

use crate::pool::Pool;
use crate::random::Random;
use crate::{Host, MARGIN, hold, position};

/// What an output holds before, and must hold after where a kernel may not write.
const UNTOUCHED: f32 = 1234.5;

/// A convolution, row by row, from the whole input and from as few rows of it as it may read.
pub fn convolution_is_right(pool: &mut Pool, random: &mut Random) -> bool {
    let groups = if random.next().is_multiple_of(4) { random.within(2, 3) as u16 } else { 1 };
    let mut pair = |first, last| [random.within(first, last) as u8, random.within(first, last) as u8];
    let window = Window { kernel: pair(1, 4), stride: pair(1, 3), pad: pair(0, 3), dilation: pair(1, 2) };
    let most = 20 / u32::from(groups);
    let [inputs, outputs] = [random.within(1, most) as u16, random.within(1, most) as u16];
    let mut shape =
        |channels| Shape { height: random.within(1, 9) as u16, width: random.within(1, 9) as u16, channels };
    let (from, to) = (shape(inputs * groups), shape(outputs * groups));
    let activation = activation(random);
    let wild = random.next().is_multiple_of(8);
    let length = usize::from(from.width) * usize::from(from.channels);
    let input = pool.floats(length * usize::from(from.height));
    random.fill(input, wild);
    let taps = window.taps() as usize;
    let block = taps * usize::from(inputs) * 8;
    let weights = pool.floats(block * usize::from(outputs).div_ceil(8) * usize::from(groups));
    random.fill(weights, false);
    let bias = pool.floats(to.channels.into());
    random.fill(bias, false);
    let rows = (window.span() as u16).min(from.height);
    let row = usize::from(to.width) * usize::from(to.channels);
    let (ring, output) = (pool.floats(length * usize::from(rows)), pool.floats(row + 2 * MARGIN));
    for y in 0..usize::from(to.height) {
        ring.fill(f32::NAN);
        hold(ring, rows, input, &from, &window, y);
        let whole = Image { elements: &*input, shape: from, rows: from.height };
        for image in [whole, Image { elements: &*ring, shape: from, rows }] {
            output.fill(UNTOUCHED);
            let made = &mut output[MARGIN..MARGIN + row];
            convolution_row(&image, y, made, &to, &window, groups, weights, bias, activation);
            let expected = |at: usize| {
                let (x, channel) = (at / usize::from(to.channels), at % usize::from(to.channels));
                let (group, output) = (channel / usize::from(outputs), channel % usize::from(outputs));
                let blocks = usize::from(outputs).div_ceil(8);
                let weights = &weights[(group * blocks + output / 8) * block..][..block];
                let mut sum = bias[channel];
                for tap in 0..taps {
                    let across = usize::from(window.kernel[1]);
                    let Some(place) = position(&from, &window, [y, x], [tap / across, tap % across]) else {
                        continue;
                    };
                    for input_channel in 0..usize::from(inputs) {
                        let x = input[place + group * usize::from(inputs) + input_channel];
                        sum += x * weights[(tap * usize::from(inputs) + input_channel) * 8 + output % 8];
                    }
                }
                activate(sum, activation)
            };
            if !is_right(output, row, expected) {
                let _ = writeln!(Host, "{window:?} {from:?} {to:?} groups {groups} {activation:?} row {y}");
                return false;
            }
        }
    }
    true
}

/// A dense layer.
pub fn dense_is_right(pool: &mut Pool, random: &mut Random) -> bool {
    let (inputs, outputs) = (random.within(1, 200) as usize, random.within(1, 40) as usize);
    let activation = activation(random);
    let input = pool.floats(inputs);
    random.fill(input, false);
    let weights = pool.floats(outputs.div_ceil(8) * inputs * 8);
    random.fill(weights, false);
    let bias = pool.floats(outputs);
    random.fill(bias, false);
    let output = pool.floats(outputs + 2 * MARGIN);
    output.fill(UNTOUCHED);
    dense(input, &mut output[MARGIN..MARGIN + outputs], weights, bias, activation);
    let expected = |output: usize| {
        let weights = &weights[output / 8 * inputs * 8..][..inputs * 8];
        let products = input.iter().zip(weights.chunks_exact(8));
        let sum = products.fold(bias[output], |sum, (x, block)| sum + x * block[output % 8]);
        activate(sum, activation)
    };
    let right = is_right(output, outputs, expected);
    if !right {
        let _ = writeln!(Host, "dense {inputs} {outputs} {activation:?}");
    }
    right
}

fn activation(random: &mut Random) -> Activation {
    match random.next() % 3 {
        0 => Activation::None,
        1 => Activation::Relu,
        _ => Activation::Clip { low: -1.5, high: 6.0 },
    }
}

/// The same bits, any NaN like any other, and nothing written beside.
fn is_right(output: &[f32], count: usize, expected: impl Fn(usize) -> f32) -> bool {
    let (before, made) = output.split_at(MARGIN);
    let (made, after) = made.split_at(count);
    let untouched = |numbers: &[f32]| numbers.iter().all(|number| *number == UNTOUCHED);
    let same = |(at, found): (usize, &f32)| {
        let expected = expected(at);
        found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan()
    };
    untouched(before) && untouched(after) && made.iter().enumerate().all(same)
}
