//! The operations of a graph. All are closed under differentiation: the derivative of each is made of others.

use std::hash::{Hash, Hasher};

use super::window::Window;

/// A constant, compared and hashed by its bits.
#[derive(Debug, Clone, Copy)]
pub struct Constant(pub f64);

impl PartialEq for Constant {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Constant {}

impl Hash for Constant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// Element by element, of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unary {
    /// `c · x`.
    Scale(Constant),
    /// `x + c`.
    Shift(Constant),
    /// `max(x, 0)`.
    Relu,
    /// 1 where `x > 0`, else 0; its derivative is taken as 0.
    Step,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e^−x)`.
    Sigmoid,
    /// `e^x`.
    Exponential,
    /// Natural logarithm.
    Logarithm,
    /// Square root.
    SquareRoot,
    /// `1 / √x`.
    InverseSquareRoot,
    /// `|x|`.
    Absolute,
    /// −1, 0 or 1.
    Sign,
    /// `x² / 2` up to `|x| = c`, beyond it `c · (|x| − c / 2)` (Huber 1964).
    Huber(Constant),
    /// `x`, held within −c and c.
    Clamp(Constant),
    /// 1 where `|x| < c`, else 0; its derivative is taken as 0.
    Inside(Constant),
}

/// Element by element, of two values; either may be broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `a + b`.
    Add,
    /// `a − b`.
    Subtract,
    /// `a · b`.
    Multiply,
    /// `a / b`.
    Divide,
}

/// One of the three partial derivatives of the trilinear form Σ y · (w ⋆ x).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Of (x, w): the convolution itself.
    Output,
    /// Of (w, y): what the input's gradient is.
    Input,
    /// Of (x, y): what the weights' gradient is.
    Weights,
}

/// An operation. Values are matrices in column-major order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// `[rows, columns]` values of an argument of the program, from an offset.
    Input {
        /// Which argument.
        argument: usize,
        /// First value.
        offset: usize,
    },
    /// One number everywhere.
    Fill(Constant),
    /// The input; no gradient passes.
    Detach,
    /// The same values in another shape.
    Reshape,
    /// Consecutive columns, from this one.
    Columns(usize),
    /// Zero columns around the input, so many before it.
    PadColumns(usize),
    /// Consecutive rows, from this one.
    Rows(usize),
    /// Zero rows around the input, so many before it.
    PadRows(usize),
    /// Inputs side by side.
    ConcatenateColumns,
    /// Element by element.
    Unary(Unary),
    /// Element by element, a side of 1 being broadcast.
    Binary(Binary),
    /// A side of 1 repeated.
    Broadcast,
    /// Sum over the rows: `[1, columns]`.
    SumRows,
    /// Sum over the columns: `[rows, 1]`.
    SumColumns,
    /// Sums of so many consecutive columns.
    SumGroups(usize),
    /// Each column so many times.
    RepeatColumns(usize),
    /// Matrix product; flags transpose the operands.
    Product {
        /// Whether the left operand is transposed.
        left: bool,
        /// Whether the right operand is transposed.
        right: bool,
    },
    /// The transpose.
    Transpose,
    /// Softmax over the rows of each column.
    Softmax,
    /// `ln Σ exp` over the rows of each column: `[1, columns]`.
    LogSumExp,
    /// Convolution over all channels, or its derivatives.
    Convolution(Window, Part),
    /// Convolution of each channel with a kernel of its own, or its derivatives.
    Depthwise(Window, Part),
    /// Of (x, v): under each window, the v at the place of the largest x.
    PoolGather(Window),
    /// Of (x, y): y put to the places of the largest x, zero elsewhere.
    PoolScatter(Window),
    /// Solution X of A X = B for a symmetric positive definite A.
    Solve,
}
