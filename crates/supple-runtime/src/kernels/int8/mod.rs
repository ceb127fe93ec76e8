//! The same layers over `i8`. What stands here holds their place.
#![allow(unused_variables)]

use supple_pack::op::{Requantise, Rescale};
use supple_pack::{Shape, Window};

use super::image::Image;

/// What the outputs of a layer start from and how their sums become `i8`.
#[derive(Debug, Clone, Copy)]
pub struct Channelwise<'a> {
    /// The biases.
    pub bias: &'a [i32],
    /// What sums are multiplied by.
    pub multipliers: &'a [i32],
    /// The rest.
    pub requantise: Requantise,
}

/// Not there yet.
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
}

/// Not there yet.
pub fn depthwise_row(
    input: &Image<i8>,
    y: usize,
    output: &mut [i8],
    to: &Shape,
    window: &Window,
    weights: &[i8],
    finish: &Channelwise,
) {
}

/// Not there yet.
pub fn dense(input: &[i8], output: &mut [i8], weights: &[i8], finish: &Channelwise) {}

/// Not there yet.
pub fn max_pool_row(input: &Image<i8>, y: usize, output: &mut [i8], to: &Shape, window: &Window) {}

/// Not there yet.
pub fn average_pool_row(
    input: &Image<i8>,
    y: usize,
    output: &mut [i8],
    to: &Shape,
    window: &Window,
    padding: Option<i8>,
) {
}

/// Not there yet.
pub fn global_average(input: &[i8], output: &mut [i8], input_zero: i8, rescale: &Rescale) {}

/// Not there yet.
pub fn global_maximum(input: &[i8], output: &mut [i8]) {}

/// Not there yet.
pub fn sum(left: i8, right: i8, zeros: [i8; 2], multipliers: [i32; 2], rescale: &Rescale) -> i8 {
    left
}

/// Not there yet.
pub fn product(left: i8, right: i8, zeros: [i8; 2], rescale: &Rescale) -> i8 {
    left
}

/// Not there yet.
pub fn quantise(x: f32, inverse_scale: f32, zero: i8) -> i8 {
    zero
}

/// Not there yet.
pub fn dequantise(q: i8, scale: f32, zero: i8) -> f32 {
    scale
}
