//! Which kernels this processor runs.
//!
//! A kernel compiled for AVX2 may only run where there is AVX2. That is the one thing that the compiler cannot check,
//! so this is the one module that may hold unsafe code.
#![allow(unsafe_code)]

use std::arch::is_x86_feature_detected;

use supple_pack::{Activation, Shape, Window};

use super::image::Image;
use super::{wide, wide_depthwise};

/// [`convolution_row`](super::convolution::convolution_row), if this processor has a wide form of it.
#[inline]
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
) -> bool {
    let has = is_x86_feature_detected!("avx2");
    if has {
        // SAFETY: the processor has AVX2.
        unsafe { wide::convolution_row(input, y, output, to, window, groups, weights, bias, activation) }
    }
    has
}

/// [`depthwise_row`](super::depthwise::depthwise_row), if this processor has a wide form of it.
#[inline]
pub fn depthwise_row(
    input: &Image<f32>,
    y: usize,
    output: &mut [f32],
    to: &Shape,
    window: &Window,
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) -> bool {
    let has = is_x86_feature_detected!("avx2");
    if has {
        // SAFETY: the processor has AVX2.
        unsafe { wide_depthwise::depthwise_row(input, y, output, to, window, weights, bias, activation) }
    }
    has
}

/// [`dense`](super::dense::dense), if this processor has a wide form of it.
#[inline]
pub fn dense(
    input: &[f32],
    output: &mut [f32],
    weights: &[f32],
    bias: &[f32],
    activation: Activation,
) -> bool {
    let has = is_x86_feature_detected!("avx2");
    if has {
        // SAFETY: the processor has AVX2.
        unsafe { wide::dense(input, output, weights, bias, activation) }
    }
    has
}
