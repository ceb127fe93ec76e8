//! What the kernels over images must give, written down tap by tap, and random images to hold them against.

use std::fmt::Debug;

use proptest::prelude::*;
use supple_pack::op::OUTPUT_BLOCK;
use supple_pack::{Shape, Window};

use super::image::Image;

pub fn shape(height: u16, width: u16, channels: u16) -> Shape {
    Shape { height, width, channels }
}

/// Numbers of either sign, zeros of both signs among them, the same for the same seed.
pub fn numbers(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let number = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        match state % 16 {
            0 => 0.0,
            1 => -0.0,
            _ => (state >> 8) as f32 / 16_777_216.0 * 4.0 - 2.0,
        }
    };
    (0..count).map(number).collect()
}

/// An image, a window over it, and as many outputs as one likes: some may lie wholly outside.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub from: Shape,
    pub to: Shape,
    pub window: Window,
    pub groups: u16,
    pub seed: u32,
}

impl Case {
    /// The input position of a tap, if it lies inside.
    pub fn position(&self, at: [usize; 2], tap: [usize; 2]) -> Option<[usize; 2]> {
        let Window { stride, pad, dilation, .. } = self.window;
        let along = |axis: usize, length: u16| {
            let place = at[axis] * usize::from(stride[axis]) + tap[axis] * usize::from(dilation[axis]);
            place.checked_sub(pad[axis].into()).filter(|&place| place < length.into())
        };
        Some([along(0, self.from.height)?, along(1, self.from.width)?])
    }

    /// The positions inside that output `at` reads, each with its tap, in row-major order.
    pub fn taps(&self, at: [usize; 2]) -> Vec<([usize; 2], [usize; 2])> {
        let [rows, columns] = self.window.kernel.map(usize::from);
        let taps = (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column]));
        taps.filter_map(|tap| Some((tap, self.position(at, tap)?))).collect()
    }

    pub fn at(&self, input: &[f32], [y, x]: [usize; 2], channel: usize) -> f32 {
        input[(y * usize::from(self.from.width) + x) * usize::from(self.from.channels) + channel]
    }

    /// The whole output, one number for each position and channel.
    pub fn by_definition(&self, output: impl Fn([usize; 2], usize) -> f32) -> Vec<f32> {
        let [height, width, channels] = self.to.dimensions().map(usize::from);
        let places = (0..height).flat_map(|y| (0..width).map(move |x| [y, x]));
        places.flat_map(|at| (0..channels).map(move |c| (at, c))).map(|(at, c)| output(at, c)).collect()
    }

    /// The whole output by a kernel that makes rows, from the whole input and, the same, from as few rows as it may
    /// read, the others NaN.
    pub fn by_rows(&self, input: &[f32], row: impl Fn(&Image<f32>, usize, &mut [f32])) -> Vec<f32> {
        let whole = Image { elements: input, shape: self.from, rows: self.from.height };
        let length = whole.row_length();
        let rows = (self.window.span() as u16).min(self.from.height);
        let mut output = Vec::new();
        for y in 0..usize::from(self.to.height) {
            let mut made = vec![f32::NAN; usize::from(self.to.width) * usize::from(self.to.channels)];
            row(&whole, y, &mut made);
            let mut ring = vec![f32::NAN; usize::from(rows) * length];
            let first = (y * usize::from(self.window.stride[0])).saturating_sub(self.window.pad[0].into());
            let past = y * usize::from(self.window.stride[0]) + self.window.span() as usize;
            let past = past.saturating_sub(self.window.pad[0].into()).min(self.from.height.into());
            for y in first..past {
                let place = y % usize::from(rows) * length;
                ring[place..place + length].copy_from_slice(&input[y * length..][..length]);
            }
            let mut again = vec![f32::NAN; made.len()];
            row(&Image { elements: &ring, shape: self.from, rows }, y, &mut again);
            assert_same(&made, &again);
            output.extend(made);
        }
        output
    }
}

/// Small images, kernels, strides, pads and dilations; channels by `groups`, up to the number of channels given.
pub fn cases(most_channels: u16) -> impl Strategy<Value = Case> {
    let window = ([1u8..5, 1..5], [1u8..4, 1..4], [0u8..4, 0..4], [1u8..3, 1..3])
        .prop_map(|(kernel, stride, pad, dilation)| Window { kernel, stride, pad, dilation });
    let groups = prop_oneof![3 => Just(1u16), 1 => 2..4u16];
    let channels = [1..=most_channels, 1..=most_channels];
    let sizes = ([1u16..12, 1..24], [1u16..8, 1..24]);
    (window, groups, channels, sizes, any::<u32>()).prop_map(|(window, groups, channels, sizes, seed)| {
        let [inputs, outputs] = channels.map(|c| c.div_ceil(groups) * groups);
        let ([height, width], [to_height, to_width]) = sizes;
        let (from, to) = (shape(height, width, inputs), shape(to_height, to_width, outputs));
        Case { from, to, window, groups, seed }
    })
}

/// Weights `[groups][out][kernel height][kernel width][in]` in the order that the kernels read them.
pub fn packed(case: &Case, weights: &[f32]) -> Vec<f32> {
    let groups = usize::from(case.groups);
    let (inputs, outputs) =
        (usize::from(case.from.channels) / groups, usize::from(case.to.channels) / groups);
    let taps = case.window.taps() as usize;
    let mut packed = Vec::new();
    for group in 0..groups {
        for block in 0..outputs.div_ceil(OUTPUT_BLOCK) {
            for at in 0..taps * inputs {
                for output in block * OUTPUT_BLOCK..(block + 1) * OUTPUT_BLOCK {
                    let weight = weights[((group * outputs + output.min(outputs - 1)) * taps * inputs) + at];
                    packed.push(if output < outputs { weight } else { 0.0 });
                }
            }
        }
    }
    packed
}

/// The same bits; any NaN is the same as any other.
pub fn assert_same(found: &[f32], expected: &[f32]) {
    let bits = |numbers: &[f32]| -> Vec<u32> {
        numbers.iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect()
    };
    if bits(found) != bits(expected) {
        assert_eq!(found, expected);
        panic!("zeros of another sign: {found:?}, expected {expected:?}");
    }
}
