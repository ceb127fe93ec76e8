//! Random shapes, windows and numbers: each kernel against its definition.

use proptest::prelude::*;
use supple_pack::op::Requantise;
use supple_pack::{Shape, Window};

use super::definition::{
    Around, CONVOLUTIONS, DENSE, convolution, convolution_row, depthwise, each, requantised, rescaled,
    stored, taps, words,
};
use super::*;
use crate::kernels::image::Image;

/// Numbers that follow from a seed, the extremes often among them.
#[derive(Debug, Clone, Copy)]
struct Numbers(u64);

impl Numbers {
    fn mixed(self, index: usize) -> u64 {
        let mut x = self.0.wrapping_add((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn byte(self, index: usize) -> i8 {
        match self.mixed(index) {
            x if x % 16 == 0 => i8::MIN,
            x if x % 16 == 1 => i8::MAX,
            x => (x >> 8) as i8,
        }
    }

    fn bytes(self, count: u64) -> Vec<i8> {
        (0..count as usize).map(|i| self.byte(i)).collect()
    }

    /// Of all magnitudes.
    fn words(self, count: usize) -> Vec<i32> {
        let word = |i: usize| match self.mixed(i) {
            x if x % 32 == 0 => i32::MIN,
            x if x % 32 == 1 => i32::MAX,
            x => (x >> 32) as i32 >> (x % 24),
        };
        (0..count).map(word).collect()
    }
}

/// An image, a window over it, and a few of its rows at a time.
#[derive(Debug, Clone)]
struct Case {
    from: Shape,
    to: Shape,
    window: Window,
    groups: u16,
    /// More rows than must be held.
    more_rows: u16,
    seed: u64,
}

prop_compose! {
    fn cases()(
        (height, width, to_height, to_width) in (1..9_u16, 1..11_u16, 1..5_u16, 1..7_u16),
        (groups, inputs) in (1..4_u16, 1..8_u16),
        // Some are more than are summed at a time.
        outputs in prop_oneof![4 => 1..10_u16, 1 => 10..40_u16],
        kernel in [1..5_u8, 1..5_u8],
        stride in [1..4_u8, 1..4_u8],
        pad in [0..4_u8, 0..4_u8],
        dilation in [1..4_u8, 1..4_u8],
        (more_rows, seed) in (0..3_u16, any::<u64>()),
    ) -> Case {
        let from = Shape { height, width, channels: groups * inputs };
        let to = Shape { height: to_height, width: to_width, channels: groups * outputs };
        Case { from, to, window: Window { kernel, stride, pad, dilation }, groups, more_rows, seed }
    }
}

prop_compose! {
    fn requantises()(
        shift in prop_oneof![Just(1), Just(62), 1..=62_u8, 30..=40_u8],
        (input_zero, output_zero, ends) in any::<(i8, i8, [i8; 2])>(),
    ) -> Requantise {
        let [low, high] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
        Requantise { multipliers: 0, shift, input_zero, output_zero, low, high }
    }
}

impl Case {
    fn input(&self) -> Vec<i8> {
        Numbers(self.seed).bytes(self.from.elements())
    }

    /// Runs a kernel row by row, each time with no more rows of the input held than it may read.
    fn by_rows(&self, input: &[i8], to: &Shape, kernel: impl Fn(&Image<i8>, usize, &mut [i8])) -> Vec<i8> {
        let span = (usize::from(self.window.kernel[0]) - 1) * usize::from(self.window.dilation[0]) + 1;
        let height = usize::from(self.from.height);
        let rows = (span + usize::from(self.more_rows)).min(height);
        let length = usize::from(self.from.width) * usize::from(self.from.channels);
        let mut output = vec![0; to.elements() as usize];
        let row_of_output = usize::from(to.width) * usize::from(to.channels);
        for (y, output) in output.chunks_mut(row_of_output).enumerate() {
            let mut held = vec![77; rows * length];
            let start = y * usize::from(self.window.stride[0]);
            for row in (0..span).filter_map(|tap| (start + tap).checked_sub(self.window.pad[0].into())) {
                if row < height {
                    held[row % rows * length..][..length].copy_from_slice(&input[row * length..][..length]);
                }
            }
            kernel(&Image { elements: &held, shape: self.from, rows: rows as u16 }, y, output);
        }
        output
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn convolutions(case in cases(), requantise in requantises(), filler in any::<i8>()) {
        let Case { from, to, window, groups, seed, .. } = case.clone();
        let outputs = usize::from(to.channels);
        let (bias, multipliers) = (Numbers(!seed).words(outputs), Numbers(seed ^ 1).words(outputs));
        let finish = Channelwise { bias: &bias, multipliers: &multipliers, requantise };
        let weight = |out: usize, row: usize, column: usize, channel: usize| {
            Numbers(seed ^ 2).byte(((out * 8 + row) * 8 + column) * 64 + channel)
        };
        let weights = stored([from.channels.into(), outputs], &window, groups, filler, &weight);
        let weights = words(&weights);
        let input = case.input();
        let expected = convolution(&Around { image: &input, shape: from }, &to, &window, groups, &weight, &finish);
        for kernel in CONVOLUTIONS {
            let found = case.by_rows(&input, &to, |image, y, output| {
                convolution_row(kernel, image, y, output, &to, &window, groups, bytemuck::cast_slice(&weights), &finish);
            });
            prop_assert_eq!(&found, &expected);
        }
    }

    #[test]
    fn depthwise_convolutions(case in cases(), requantise in requantises(), each_input in 1..4_u16) {
        let Case { from, window, seed, .. } = case.clone();
        let channels = from.channels * each_input;
        let to = Shape { channels, ..case.to };
        let outputs = usize::from(channels);
        let (bias, multipliers) = (Numbers(!seed).words(outputs), Numbers(seed ^ 1).words(outputs));
        let finish = Channelwise { bias: &bias, multipliers: &multipliers, requantise };
        let columns = usize::from(window.kernel[1]);
        let weights = Numbers(seed ^ 2).bytes(window.taps() * u64::from(channels));
        let weight = |out: usize, row: usize, column: usize| weights[(row * columns + column) * outputs + out];
        let input = case.input();
        let found = case.by_rows(&input, &to, |image, y, output| {
            depthwise_row(image, y, output, &to, &window, &weights, &finish);
        });
        let expected = depthwise(&Around { image: &input, shape: from }, &to, &window, &weight, &finish);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn dense_layers(
        inputs in prop_oneof![1..70_usize, 1..300_usize], outputs in prop_oneof![1..14_usize, 1..80_usize],
        requantise in requantises(), filler in any::<i8>(),
        seed in any::<u64>(),
    ) {
        let (bias, multipliers) = (Numbers(!seed).words(outputs), Numbers(seed ^ 1).words(outputs));
        let finish = Channelwise { bias: &bias, multipliers: &multipliers, requantise };
        let weight = |out: usize, _: usize, _: usize, input: usize| Numbers(seed ^ 2).byte(out * 1000 + input);
        let one = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
        let weights = words(&stored([inputs, outputs], &one, 1, filler, &weight));
        let input = Numbers(seed).bytes(inputs as u64);
        let expected: Vec<i8> = (0..outputs)
            .map(|out| {
                let products = (0..inputs).map(|i| i64::from(input[i]) * i64::from(weight(out, 0, 0, i)));
                requantised(products.sum(), out, &finish)
            })
            .collect();
        for dense in DENSE {
            let mut found = vec![0; outputs];
            dense(&input, &mut found, bytemuck::cast_slice(&weights), &finish);
            prop_assert_eq!(&found, &expected);
        }
    }

    #[test]
    fn pools(case in cases(), padding in any::<Option<i8>>()) {
        let Case { from, window, .. } = case.clone();
        let to = Shape { channels: from.channels, ..case.to };
        let input = case.input();
        let around = Around { image: &input, shape: from };
        let value = |y, x, channel| {
            let taps = taps(&window, y, x).into_iter();
            taps.map(|(_, _, y, x)| around.at(y, x, channel)).collect::<Vec<_>>()
        };
        let found = case.by_rows(&input, &to, |image, y, output| max_pool_row(image, y, output, &to, &window));
        let expected = each(&to, |y, x, c| value(y, x, c).into_iter().flatten().max().unwrap_or(i8::MIN));
        prop_assert_eq!(found, expected);
        let found = case.by_rows(&input, &to, |image, y, output| {
            average_pool_row(image, y, output, &to, &window, padding);
        });
        for (place, (found, expected)) in found.into_iter().zip(each(&to, |y, x, c| {
            let counted: Vec<_> = value(y, x, c).into_iter().filter_map(|value| value.or(padding)).collect();
            let (count, sum) = (counted.len() as i32, counted.into_iter().map(i32::from).sum::<i32>());
            // A plan whose windows lie outside is refused; here it must only not stop.
            (2 * sum + count).checked_div_euclid(2 * count).map_or(found_outside(), |mean| mean as i8)
        })).enumerate() {
            prop_assert_eq!(found, expected, "{}", place);
        }
    }

    #[test]
    fn means_and_largest_of_images(
        positions in 1..40_usize, channels in 1..40_usize, seed in any::<u64>(), input_zero in any::<i8>(),
        multiplier in any::<i32>(), r in requantises(),
    ) {
        let to = Rescale { multiplier, shift: r.shift, output_zero: r.output_zero, low: r.low, high: r.high };
        let input = Numbers(seed).bytes((positions * channels) as u64);
        let of = |channel: usize| input[channel..].iter().step_by(channels).copied();
        let (mut means, mut largest) = (vec![0; channels], vec![0; channels]);
        global_average(&input, &mut means, input_zero, &to);
        global_maximum(&input, &mut largest);
        let less_zeros = |channel| of(channel).map(|q| i64::from(q) - i64::from(input_zero)).sum();
        let expected: Vec<i8> = (0..channels).map(|channel| rescaled(less_zeros(channel), &to)).collect();
        prop_assert_eq!(means, expected);
        let expected: Vec<i8> = (0..channels).filter_map(|channel| of(channel).max()).collect();
        prop_assert_eq!(largest, expected);
    }

    #[test]
    fn sums_and_products(
        (left, right, zeros) in any::<(i8, i8, [i8; 2])>(), multipliers in [-1 << 21..=1 << 21, -1 << 21..=1 << 21],
        multiplier in any::<i32>(), r in requantises(),
    ) {
        let mut to = Rescale { multiplier, shift: r.shift, output_zero: r.output_zero, low: r.low, high: r.high };
        let [a, b] = [(left, zeros[0]), (right, zeros[1])].map(|(q, zero)| i64::from(q) - i64::from(zero));
        prop_assert_eq!(product(left, right, zeros, &to), rescaled(a * b, &to));
        to.multiplier = 1;
        let value = a * i64::from(multipliers[0]) + b * i64::from(multipliers[1]);
        prop_assert_eq!(sum(left, right, zeros, multipliers, &to), rescaled(value, &to));
    }

    #[test]
    fn any_float_is_quantised(bits in any::<u32>(), inverse in any::<u32>(), near in -300.0..300.0_f32, zero in any::<i8>()) {
        for (x, inverse_scale) in [(f32::from_bits(bits), f32::from_bits(inverse)), (near, 1.0), (near / 8.0, 8.0)] {
            let raised = x * inverse_scale + 0.5;
            // What is no number, and what is beyond any i8.
            let floor = if raised.is_nan() { 0.0 } else { f64::from(raised).floor() };
            let expected = (floor + f64::from(zero)).clamp(-128.0, 127.0) as i8;
            prop_assert_eq!(quantise(x, inverse_scale, zero), expected, "{} {}", x, inverse_scale);
        }
    }

    #[test]
    fn what_was_dequantised_is_quantised_back(q in any::<i8>(), zero in any::<i8>(), scale in 1e-6..10.0_f32) {
        prop_assert_eq!(quantise(dequantise(q, scale, zero), 1.0 / scale, zero), q);
    }
}

/// The mean of nothing: 128 below zero.
fn found_outside() -> i8 {
    i8::MIN
}
