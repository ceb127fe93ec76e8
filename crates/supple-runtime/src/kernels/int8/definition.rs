//! What the kernels compute, straight from the formulas, and weights in the order that they are stored in.

use core::ops::Range;

use supple_pack::op::{INT8_GROUP, INT8_OUTPUT_BLOCK, Requantise, Rescale};
use supple_pack::{Shape, Window, int8_runs};

use super::{Channelwise, convolution_rows, dense, patches};
use crate::kernels::image::{Image, ImageMut};

/// `clamp(floor((value · multiplier + 2^(shift − 1)) / 2^shift) + output_zero, low, high)` without any limit.
pub fn rescaled(value: i64, to: &Rescale) -> i8 {
    let product = i128::from(value) * i128::from(to.multiplier) + (1 << (to.shift - 1));
    let rounded = product.div_euclid(1 << to.shift) + i128::from(to.output_zero);
    rounded.clamp(to.low.into(), to.high.into()) as i8
}

pub fn requantised(sum: i64, channel: usize, finish: &Channelwise) -> i8 {
    let Requantise { shift, output_zero, low, high, .. } = finish.requantise;
    let to = Rescale { multiplier: finish.multipliers[channel], shift, output_zero, low, high };
    // Sums wrap around.
    rescaled(i64::from((sum + i64::from(finish.bias[channel])) as i32), &to)
}

/// An image and what lies around it.
pub struct Around<'a> {
    pub image: &'a [i8],
    pub shape: Shape,
}

impl Around<'_> {
    /// `None` outside.
    pub fn at(&self, y: i64, x: i64, channel: usize) -> Option<i8> {
        let [height, width, channels] = self.shape.dimensions().map(i64::from);
        let inside = (0..height).contains(&y) && (0..width).contains(&x);
        inside.then(|| self.image[((y * width + x) * channels) as usize + channel])
    }
}

/// Each tap of the window of an output pixel: kernel row, kernel column, and where it lies in the input.
pub fn taps(window: &Window, y: usize, x: usize) -> Vec<(usize, usize, i64, i64)> {
    let place = |axis: usize, at: usize, tap: usize| {
        let [stride, pad, dilation] =
            [window.stride, window.pad, window.dilation].map(|pair| i64::from(pair[axis]));
        at as i64 * stride + tap as i64 * dilation - pad
    };
    let [rows, columns] = window.kernel.map(usize::from);
    let all = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    all.map(|(row, column)| (row, column, place(0, y, row), place(1, x, column))).collect()
}

/// A kernel for convolutions.
pub type Convolution =
    fn(&Image<i8>, Range<u16>, &mut ImageMut<i8>, &Window, u16, &[i8], &Channelwise) -> Option<()>;

/// The portable path and the one for cores that multiply pairs.
pub const CONVOLUTIONS: [Convolution; 2] = [convolution_rows, patches::convolution_rows];

/// Runs a kernel for one row of an output of this shape.
pub fn convolution_row(
    kernel: Convolution,
    input: &Image<i8>,
    y: usize,
    output: &mut [i8],
    to: &Shape,
    window: &Window,
    groups: u16,
    weights: &[i8],
    finish: &Channelwise,
) {
    let mut output = ImageMut { elements: output, shape: *to, rows: 1 };
    kernel(input, y as u16..y as u16 + 1, &mut output, window, groups, weights, finish);
}

/// A kernel for dense layers.
type Dense = fn(&[i8], &mut [i8], &[i8], &Channelwise);

/// Both paths.
pub const DENSE: [Dense; 2] = [dense, patches::dense];

/// Weights as words, so that they begin at one.
pub fn words(weights: &[i8]) -> Vec<u32> {
    let (words, rest) = weights.as_chunks();
    assert!(rest.is_empty());
    words.iter().map(|word: &[i8; INT8_GROUP]| u32::from_ne_bytes(word.map(|byte| byte as u8))).collect()
}

/// Every element of an output of this shape, by row, column and channel.
pub fn each(to: &Shape, of: impl Fn(usize, usize, usize) -> i8) -> Vec<i8> {
    let [height, width, channels] = to.dimensions().map(usize::from);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    places.flat_map(|(y, x)| (0..channels).map(move |c| (y, x, c))).map(|(y, x, c)| of(y, x, c)).collect()
}

/// `weight` is called with output channel, kernel row, kernel column and input channel of the group.
pub fn convolution(
    input: &Around,
    to: &Shape,
    window: &Window,
    groups: u16,
    weight: &impl Fn(usize, usize, usize, usize) -> i8,
    finish: &Channelwise,
) -> Vec<i8> {
    let inputs = usize::from(input.shape.channels / groups);
    let outputs = usize::from(to.channels / groups);
    each(to, |y, x, out| {
        let mut sum = 0;
        for (row, column, from_y, from_x) in taps(window, y, x) {
            for channel in 0..inputs {
                let value = input.at(from_y, from_x, out / outputs * inputs + channel);
                let value = value.unwrap_or(finish.requantise.input_zero);
                sum += i64::from(value) * i64::from(weight(out, row, column, channel));
            }
        }
        requantised(sum, out, finish)
    })
}

/// `weight` is called with output channel, kernel row and kernel column.
pub fn depthwise(
    input: &Around,
    to: &Shape,
    window: &Window,
    weight: &impl Fn(usize, usize, usize) -> i8,
    finish: &Channelwise,
) -> Vec<i8> {
    let outputs_of_input = usize::from(to.channels / input.shape.channels);
    each(to, |y, x, out| {
        let taps = taps(window, y, x).into_iter();
        let products = taps.map(|(row, column, from_y, from_x)| {
            let value = input.at(from_y, from_x, out / outputs_of_input);
            let value = value.unwrap_or(finish.requantise.input_zero);
            i64::from(value) * i64::from(weight(out, row, column))
        });
        requantised(products.sum(), out, finish)
    })
}

/// `[groups][ceil(out / 4)][kernel height][runs][ceil(run / 4)][4 outputs][4 inputs]`; what fills up blocks is
/// `filler`, which must not matter.
pub fn stored(
    channels: [usize; 2],
    window: &Window,
    groups: u16,
    filler: i8,
    weight: &impl Fn(usize, usize, usize, usize) -> i8,
) -> Vec<i8> {
    let [inputs, outputs] = channels.map(|channels| channels / usize::from(groups));
    let (runs, run) = int8_runs(window, groups, inputs as u64);
    let (runs, run) = (runs as usize, run as usize);
    let mut stored = Vec::new();
    for group in 0..usize::from(groups) {
        for block in (0..outputs).step_by(INT8_OUTPUT_BLOCK) {
            for row in 0..usize::from(window.kernel[0]) {
                for (at_run, word) in
                    (0..runs).flat_map(|r| (0..run).step_by(INT8_GROUP).map(move |w| (r, w)))
                {
                    for (output, input) in (0..16).map(|i| (block + i / INT8_GROUP, word + i % INT8_GROUP)) {
                        // In a run over a whole kernel row the columns follow one another.
                        let (column, channel) = (at_run + input / inputs, input % inputs);
                        stored.push(if output < outputs && input < run {
                            weight(group * outputs + output, row, column, channel)
                        } else {
                            filler
                        });
                    }
                }
            }
        }
    }
    stored
}
