//! The operations of a plan.
//!
//! Activations are NHWC with the batch axis left out (a device runs one sample at a time). A value lives in
//! the arena at an offset counted in `f32` elements; a weight lives in the pack's weight blob at an offset
//! counted in `f32` elements too. 1-d signals are images of height 1.

use serde::{Deserialize, Serialize};

/// Outputs are computed in blocks of this many channels, and weights are stored in that order, so that a
/// kernel reads them as one stream. Kernels block across outputs only: the order in which one output's
/// products are summed never changes.
pub const OUTPUT_BLOCK: usize = 8;

/// Height, width and channels of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Rows; 1 for signals and vectors.
    pub height: u16,
    /// Columns; samples of a signal; 1 for vectors.
    pub width: u16,
    /// Channels; the length of a vector.
    pub channels: u16,
}

/// A value in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// First element, counted in `f32` from the start of the arena.
    pub offset: u32,
    /// Its shape, row-major NHWC.
    pub shape: Shape,
}

/// What is applied to an output before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// Nothing.
    None,
    /// `if x > 0 { x } else { 0 }`.
    Relu,
}

/// A sliding window: shared by convolution and pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Kernel height and width.
    pub kernel: [u8; 2],
    /// Vertical and horizontal stride, at least 1.
    pub stride: [u8; 2],
    /// Padding above and to the left; what lies below and to the right follows from the shapes.
    /// Taps outside the input are skipped, not added as zero.
    pub pad: [u8; 2],
}

/// One step of a plan. The order of the variants is the format: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// 2-d convolution over all input channels.
    Conv2d {
        /// The image read.
        input: Value,
        /// The image written.
        output: Value,
        /// Kernel, stride, padding.
        window: Window,
        /// Weights as `[ceil(out / 8)][kernel_h][kernel_w][in][8]`, zero where out is no multiple of 8.
        weights: u32,
        /// `out` biases.
        bias: u32,
        /// Applied to each output.
        activation: Activation,
    },
    /// Fully connected layer over all elements of the input in their NHWC order.
    Dense {
        /// The vector read (any shape, flattened).
        input: Value,
        /// The vector written, `channels` long.
        output: Value,
        /// Weights as `[ceil(out / 8)][in][8]`, zero where out is no multiple of 8.
        weights: u32,
        /// `out` biases.
        bias: u32,
        /// Applied to each output.
        activation: Activation,
    },
    /// Largest value under the window; taps outside the input are skipped.
    MaxPool {
        /// The image read.
        input: Value,
        /// The image written.
        output: Value,
        /// Kernel, stride, padding.
        window: Window,
    },
    /// Mean over height and width: the sum in row-major order times `1 / (height * width)`.
    GlobalAveragePool {
        /// The image read.
        input: Value,
        /// The vector written.
        output: Value,
    },
    /// `relu` where it could not be fused into the operation before it; may be in place.
    Relu {
        /// The value read.
        input: Value,
        /// The value written, of the same shape.
        output: Value,
    },
}
