//! The operations of a plan, in the order they run.
//!
//! All values are row-major, height × width × channels. 1-d signals are images of height 1, vectors images of
//! 1 × 1. A value lives in the arena, a weight in the pack's weight blob, both at offsets counted in words of four
//! bytes, so that any of them may be read by the word.
//!
//! # Arithmetic
//! - `f32`: every product is rounded, then added (no fused multiply-add); an output starts from its bias and adds
//!   its products in the order kernel row, kernel column, input channel.
//! - `i8`: a value `q` stands for `scale · (q − zero)`. Sums are exact in `i32` (a pack that lets them grow beyond it
//!   is its own fault: they wrap); [`Requantise`] says how they become `i8` again, to the bit.
//!
//! Taps of a window that lie outside the input are skipped in `f32`; in `i8` they read the input's zero.

use serde::{Deserialize, Serialize};

/// `f32` outputs are computed in blocks of this many channels, and weights are stored in that order, so that a
/// kernel reads them as one stream. Kernels block across outputs only: the order in which one output's
/// products are summed never changes.
pub const OUTPUT_BLOCK: usize = 8;

/// `i8` weights are stored in blocks of this many outputs, and within a block in groups of [`INT8_GROUP`] inputs.
pub const INT8_OUTPUT_BLOCK: usize = 4;

/// So many consecutive inputs of one output lie side by side in `i8` weights: a word.
pub const INT8_GROUP: usize = 4;

/// The most operations that run row by row together.
pub const MOST_ROWS_OPS: usize = 4;

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

/// What a value's elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Element {
    /// Little-endian `f32`.
    F32,
    /// `i8`; the value's last word is filled up.
    I8,
}

/// A value in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// Its first word, counted from the start of the arena.
    pub offset: u32,
    /// Its shape.
    pub shape: Shape,
    /// What its elements are.
    pub element: Element,
    /// How many of its rows are held at once. All of them, but for a value between two operations of one
    /// [`Op::Rows`]: there row `y` lies in place `y % rows`.
    pub rows: u16,
}

/// What is applied to an `f32` before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// Nothing.
    None,
    /// `if x > 0 { x } else { 0 }`.
    Relu,
    /// `if x < low { low } else if x > high { high } else { x }`.
    Clip {
        /// The smallest output.
        low: f32,
        /// The largest output.
        high: f32,
    },
}

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Function {
    /// One of the activations that other operations apply too.
    Activation(Activation),
    /// `if x > 0 { x } else { slope · x }`.
    LeakyRelu {
        /// The slope below zero.
        slope: f32,
    },
    /// `1 / (1 + exp(−x))`.
    Sigmoid,
    /// `slope · x + offset`, held within 0 and 1.
    HardSigmoid {
        /// 1/6 in most models.
        slope: f32,
        /// 1/2 in most models.
        offset: f32,
    },
    /// The hyperbolic tangent.
    Tanh,
    /// `x` times the hard sigmoid of slope 1/6 and offset 1/2.
    HardSwish,
    /// `|x|`.
    Absolute,
    /// `exp(x)`.
    Exponential,
    /// The natural logarithm.
    Logarithm,
    /// The square root.
    SquareRoot,
    /// `1 / x`.
    Reciprocal,
    /// The error function.
    ErrorFunction,
}

/// A function of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// `left + right`.
    Add,
    /// `left − right`.
    Subtract,
    /// `left · right`.
    Multiply,
    /// `left / right`.
    Divide,
    /// `if right > left { right } else { left }`.
    Maximum,
    /// `if right < left { right } else { left }`.
    Minimum,
}

/// A sliding window: shared by convolution and pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Kernel height and width.
    pub kernel: [u8; 2],
    /// Vertical and horizontal stride, at least 1.
    pub stride: [u8; 2],
    /// Rows above and columns to the left that lie outside; what lies below and to the right follows from the shapes.
    pub pad: [u8; 2],
    /// Distance between neighbouring taps, at least 1.
    pub dilation: [u8; 2],
}

/// How an `i32` sum becomes an `i8`:
/// `clamp((sum · multiplier + 2^(shift − 1)) >> shift + output_zero, low, high)`, the product in `i64`, the shift
/// arithmetic. So halves are rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requantise {
    /// Where the `i32` multipliers lie, one for each output channel.
    pub multipliers: u32,
    /// 1 to 62.
    pub shift: u8,
    /// What taps outside the input read.
    pub input_zero: i8,
    /// The zero of the output.
    pub output_zero: i8,
    /// The smallest output.
    pub low: i8,
    /// The largest output.
    pub high: i8,
}

/// What becomes of a sum of products; it says in which arithmetic the sum was taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Epilogue {
    /// `f32`.
    Float(Activation),
    /// `i8`. Biases are `i32` and hold `−input_zero · Σ weights` already.
    Int8(Requantise),
}

/// A convolution, depthwise convolution or dense layer.
///
/// | | `f32` weights | `i8` weights |
/// |---|---|---|
/// | [`Op::Convolution`], [`Op::Dense`] | `[groups][ceil(out / 8)][kernel_h][kernel_w][in][8]` | `[groups][ceil(out / 4)][kernel_h][runs][ceil(run / 4)][4 outputs][4 inputs]` |
/// | [`Op::Depthwise`] | `[kernel_h][kernel_w][out]` | the same |
///
/// `out` and `in` are a group's channels; what fills up blocks is zero. A run is a stretch of inputs that lie side
/// by side: a whole kernel row (`runs` = 1, `run` = kernel_w · in) where there is one group and no horizontal
/// dilation, else a pixel (`runs` = kernel_w, `run` = in). A dense layer is a run over all its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The value read.
    pub input: Value,
    /// The value written.
    pub output: Value,
    /// Where the weights lie.
    pub weights: u32,
    /// Where the biases lie, `f32` or `i32`, one for each output channel.
    pub bias: u32,
    /// What becomes of the sums.
    pub epilogue: Epilogue,
}

/// One side of a binary operation. Where one of its dimensions is 1, it is repeated along the output's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operand {
    /// A value of the arena.
    Value(Value),
    /// A constant among the weights.
    Constant {
        /// Where it lies.
        at: u32,
        /// Its shape.
        shape: Shape,
    },
}

/// Five nested loops over elements: element `from + Σ index · from_step` of the input goes to element
/// `to + Σ index · to_step` of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Lengths of the loops, the last the innermost.
    pub lengths: [u16; 5],
    /// The first element read.
    pub from: u32,
    /// What each loop adds to the place read.
    pub from_steps: [i32; 5],
    /// The first element written.
    pub to: u32,
    /// What each loop adds to the place written.
    pub to_steps: [i32; 5],
}

/// How an `i8` is rescaled: `clamp((value · multiplier + 2^(shift − 1)) >> shift + output_zero, low, high)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescale {
    /// The multiplier.
    pub multiplier: i32,
    /// 1 to 62.
    pub shift: u8,
    /// The zero of the output.
    pub output_zero: i8,
    /// The smallest output.
    pub low: i8,
    /// The largest output.
    pub high: i8,
}

/// One step of a plan. The order of the variants is the format: append only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// 1-d and 2-d convolution.
    Convolution {
        /// Values, weights, epilogue.
        layer: Layer,
        /// Kernel, stride, padding, dilation.
        window: Window,
        /// Groups of channels that do not see each other.
        groups: u16,
    },
    /// Each output channel `c` sees input channel `c / (out / in)` alone.
    Depthwise {
        /// Values, weights, epilogue.
        layer: Layer,
        /// Kernel, stride, padding, dilation.
        window: Window,
    },
    /// Fully connected layer over all elements of the input in their order; the output is a vector.
    Dense {
        /// Values, weights, epilogue.
        layer: Layer,
    },
    /// Largest value under the window; taps outside the input are skipped.
    MaxPool {
        /// The image read.
        input: Value,
        /// The image written, of the same element.
        output: Value,
        /// Kernel, stride, padding, dilation.
        window: Window,
    },
    /// Mean of the values under the window. `f32`: the sum in row-major order times `1 / count`. `i8`, input and
    /// output of one scale and zero: `floor((2 · sum + count) / (2 · count))`.
    AveragePool {
        /// The image read.
        input: Value,
        /// The image written, of the same element.
        output: Value,
        /// Kernel, stride, padding, dilation.
        window: Window,
        /// What taps in the padding count as; `None` where they do not count. Always 0 in `f32`.
        padding: Option<i8>,
    },
    /// Mean over height and width. `f32`: the sum in row-major order times `1 / (height · width)`. `i8`: the
    /// exact sum less `height · width · input_zero`, rescaled.
    GlobalAverage {
        /// The image read.
        input: Value,
        /// The vector written, of the same element.
        output: Value,
        /// For `i8`: the input's zero, and the way to the output.
        rescale: Option<(i8, Rescale)>,
    },
    /// Largest value over height and width.
    GlobalMaximum {
        /// The image read.
        input: Value,
        /// The vector written, of the same element.
        output: Value,
    },
    /// A function of each element, `f32`; may be in place.
    Unary {
        /// The value read.
        input: Value,
        /// The value written, of the same shape.
        output: Value,
        /// The function.
        function: Function,
    },
    /// A function of two numbers, element by element, `f32`; may be in place of an operand of the output's shape.
    Binary {
        /// The left operand.
        left: Operand,
        /// The right operand.
        right: Operand,
        /// The value written.
        output: Value,
        /// The function.
        operation: Operation,
        /// Applied to each output.
        activation: Activation,
    },
    /// Sum of two `i8` values; may be in place of an operand of the output's shape. The value that is rescaled is
    /// `(left − left_zero) · left_multiplier + (right − right_zero) · right_multiplier`; `rescale.multiplier` is 1.
    SumInt8 {
        /// The left operand.
        left: Operand,
        /// The right operand.
        right: Operand,
        /// The value written.
        output: Value,
        /// The zeros of left and right.
        zeros: [i8; 2],
        /// The multipliers of left and right, each within ±2^21.
        multipliers: [i32; 2],
        /// The way to the output.
        rescale: Rescale,
    },
    /// Product of two `i8` values; may be in place of an operand of the output's shape. The value that is rescaled
    /// is `(left − left_zero) · (right − right_zero)`.
    ProductInt8 {
        /// The left operand.
        left: Operand,
        /// The right operand.
        right: Operand,
        /// The value written.
        output: Value,
        /// The zeros of left and right.
        zeros: [i8; 2],
        /// The way to the output.
        rescale: Rescale,
    },
    /// Softmax over the channels of each position, `f32`; may be in place.
    Softmax {
        /// The value read.
        input: Value,
        /// The value written, of the same shape.
        output: Value,
    },
    /// Moves elements; what it does not write keeps what it held.
    Copy {
        /// The value read.
        input: Value,
        /// The value written, of the same element.
        output: Value,
        /// Which element goes where.
        walk: Walk,
    },
    /// Sets every element.
    Fill {
        /// The value written.
        output: Value,
        /// The bits of an `f32`, or an `i8` in the lowest byte.
        bits: u32,
    },
    /// `f32` to `i8`: `clamp(floor(x · inverse_scale + 1/2) + zero, −128, 127)`, the product and the sum rounded to
    /// `f32`; NaN gives `zero`.
    Quantise {
        /// The `f32` value read.
        input: Value,
        /// The `i8` value written, of the same shape.
        output: Value,
        /// One over the scale.
        inverse_scale: f32,
        /// The zero.
        zero: i8,
    },
    /// `i8` to `f32`: `scale · (q − zero)`.
    Dequantise {
        /// The `i8` value read.
        input: Value,
        /// The `f32` value written, of the same shape.
        output: Value,
        /// The scale.
        scale: f32,
        /// The zero.
        zero: i8,
    },
    /// A function of each `i8`, from a table; may be in place.
    Table {
        /// The value read.
        input: Value,
        /// The value written, of the same shape.
        output: Value,
        /// Where the table's 256 entries lie; `q` is looked up at `q + 128`.
        table: u32,
    },
    /// The next operations, two to four, run row by row: each writes a row as soon as the rows it reads are there,
    /// so that of the values between them only a few rows are held. Their results are those of the same operations
    /// run one after the other, so no two of the values that they read and write may overlap.
    Rows {
        /// How many.
        ops: u8,
    },
}
