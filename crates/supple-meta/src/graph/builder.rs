//! Building graphs. Equal expressions become one node, and what is known beforehand is computed at once.

use std::collections::HashMap;

use super::op::{Binary, Constant, Op, Part, Unary};
use super::window::Window;

/// A value in a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(pub(super) u32);

/// Rows and columns.
pub type Shape = (usize, usize);

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub op: Op,
    pub inputs: Vec<Node>,
    pub shape: Shape,
}

/// Expressions over matrices, in an order in which each stands after what it is made of.
///
/// # Panics
/// The methods panic on shapes that do not go together: a graph is written by a programmer, not by a user.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub(super) entries: Vec<Entry>,
    known: HashMap<(Op, Vec<Node>, Shape), Node>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Rows and columns of a value.
    pub fn shape(&self, node: Node) -> Shape {
        self.entries[node.0 as usize].shape
    }

    pub(super) fn entry(&self, node: Node) -> &Entry {
        &self.entries[node.0 as usize]
    }

    fn add_node(&mut self, op: Op, inputs: &[Node], shape: Shape) -> Node {
        let key = (op, inputs.to_vec(), shape);
        if let Some(node) = self.known.get(&key) {
            return *node;
        }
        let node = Node(self.entries.len() as u32);
        self.entries.push(Entry { op: key.0.clone(), inputs: key.1.clone(), shape });
        self.known.insert(key, node);
        node
    }

    fn filled_with(&self, node: Node) -> Option<f64> {
        match self.entry(node).op {
            Op::Fill(Constant(value)) => Some(value),
            _ => None,
        }
    }

    /// Values of a program's argument, from `offset`.
    pub fn input(&mut self, argument: usize, offset: usize, rows: usize, columns: usize) -> Node {
        self.add_node(Op::Input { argument, offset }, &[], (rows, columns))
    }

    /// One number everywhere.
    pub fn fill(&mut self, value: f64, shape: Shape) -> Node {
        self.add_node(Op::Fill(Constant(value)), &[], shape)
    }

    /// A number.
    pub fn constant(&mut self, value: f64) -> Node {
        self.fill(value, (1, 1))
    }

    /// The same value, through which no gradient passes.
    pub fn detach(&mut self, x: Node) -> Node {
        self.add_node(Op::Detach, &[x], self.shape(x))
    }

    /// The same values, in the same order in memory, in another shape.
    pub fn reshape(&mut self, x: Node, rows: usize, columns: usize) -> Node {
        let shape = self.shape(x);
        assert_eq!(shape.0 * shape.1, rows * columns, "{shape:?} to {rows} × {columns}");
        if shape == (rows, columns) {
            return x;
        }
        match (&self.entry(x).op, self.filled_with(x)) {
            (_, Some(value)) => self.fill(value, (rows, columns)),
            (Op::Reshape, _) => self.reshape(self.entry(x).inputs[0], rows, columns),
            _ => self.add_node(Op::Reshape, &[x], (rows, columns)),
        }
    }

    /// `count` columns from `first`.
    pub fn columns(&mut self, x: Node, first: usize, count: usize) -> Node {
        let (rows, columns) = self.shape(x);
        assert!(first + count <= columns, "columns {first} + {count} of {columns}");
        if count == columns {
            return x;
        }
        match self.filled_with(x) {
            Some(value) => self.fill(value, (rows, count)),
            None => self.add_node(Op::Columns(first), &[x], (rows, count)),
        }
    }

    /// `x` as the columns from `first` of a matrix of `columns`, zero elsewhere.
    pub fn pad_columns(&mut self, x: Node, first: usize, columns: usize) -> Node {
        let (rows, count) = self.shape(x);
        if count == columns {
            return x;
        }
        self.add_node(Op::PadColumns(first), &[x], (rows, columns))
    }

    /// `count` rows from `first`.
    pub fn rows(&mut self, x: Node, first: usize, count: usize) -> Node {
        let (rows, columns) = self.shape(x);
        assert!(first + count <= rows, "rows {first} + {count} of {rows}");
        if count == rows {
            return x;
        }
        self.add_node(Op::Rows(first), &[x], (count, columns))
    }

    /// `x` as the rows from `first` of a matrix of `rows`, zero elsewhere.
    pub fn pad_rows(&mut self, x: Node, first: usize, rows: usize) -> Node {
        let (count, columns) = self.shape(x);
        if count == rows {
            return x;
        }
        self.add_node(Op::PadRows(first), &[x], (rows, columns))
    }

    /// Matrices of equal height side by side.
    pub fn concatenate_columns(&mut self, parts: &[Node]) -> Node {
        if let [only] = parts {
            return *only;
        }
        let rows = self.shape(parts[0]).0;
        assert!(parts.iter().all(|part| self.shape(*part).0 == rows), "parts of unequal height");
        let columns = parts.iter().map(|part| self.shape(*part).1).sum();
        self.add_node(Op::ConcatenateColumns, parts, (rows, columns))
    }

    /// Element by element.
    pub fn unary(&mut self, unary: Unary, x: Node) -> Node {
        let shape = self.shape(x);
        if let Some(value) = self.filled_with(x) {
            return self.fill(super::kernels::scalar::unary(unary, value), shape);
        }
        let inner = self.entry(x);
        match (unary, &inner.op) {
            (Unary::Scale(Constant(1.0)), _) => x,
            (Unary::Shift(Constant(0.0)), _) => x,
            (Unary::Scale(Constant(0.0)), _) => self.fill(0.0, shape),
            (Unary::Scale(Constant(outer)), Op::Unary(Unary::Scale(Constant(factor)))) => {
                let (factor, inner) = (outer * factor, inner.inputs[0]);
                self.scale(inner, factor)
            }
            (Unary::Relu, Op::Unary(Unary::Relu)) => x,
            (Unary::Step, Op::Unary(Unary::Relu)) => {
                let inner = inner.inputs[0];
                self.unary(Unary::Step, inner)
            }
            _ => self.add_node(Op::Unary(unary), &[x], shape),
        }
    }

    /// `factor · x`.
    pub fn scale(&mut self, x: Node, factor: f64) -> Node {
        self.unary(Unary::Scale(Constant(factor)), x)
    }

    /// `x + offset`.
    pub fn shift(&mut self, x: Node, offset: f64) -> Node {
        self.unary(Unary::Shift(Constant(offset)), x)
    }

    /// `max(x, 0)`.
    pub fn relu(&mut self, x: Node) -> Node {
        self.unary(Unary::Relu, x)
    }

    /// Hyperbolic tangent.
    pub fn tanh(&mut self, x: Node) -> Node {
        self.unary(Unary::Tanh, x)
    }

    /// `e^x`.
    pub fn exponential(&mut self, x: Node) -> Node {
        self.unary(Unary::Exponential, x)
    }

    fn binary(&mut self, binary: Binary, a: Node, b: Node) -> Node {
        let shape = broadcast_shape(self.shape(a), self.shape(b));
        let (known_a, known_b) = (self.filled_with(a), self.filled_with(b));
        if let (Some(a), Some(b)) = (known_a, known_b) {
            return self.fill(super::kernels::scalar::binary(binary, a, b), shape);
        }
        // A side that is one number is folded in, if the other side has the full shape already.
        let whole = |graph: &Self, node: Node| graph.shape(node) == shape;
        match (binary, known_a, known_b) {
            (Binary::Multiply, Some(0.0), _)
            | (Binary::Multiply, _, Some(0.0))
            | (Binary::Divide, Some(0.0), _) => self.fill(0.0, shape),
            (Binary::Add, Some(c), _) if whole(self, b) => self.shift(b, c),
            (Binary::Add, _, Some(c)) if whole(self, a) => self.shift(a, c),
            (Binary::Subtract, _, Some(c)) if whole(self, a) => self.shift(a, -c),
            (Binary::Subtract, Some(c), _) if whole(self, b) => {
                let negative = self.scale(b, -1.0);
                self.shift(negative, c)
            }
            (Binary::Multiply, Some(c), _) if whole(self, b) => self.scale(b, c),
            (Binary::Multiply, _, Some(c)) if whole(self, a) => self.scale(a, c),
            (Binary::Divide, _, Some(c)) if whole(self, a) => self.scale(a, 1.0 / c),
            _ => {
                let (a, b) = self.without_broadcasts(a, b, shape);
                let (a, b) = match binary {
                    // One order for what commutes, so that equal expressions are seen as equal.
                    Binary::Add | Binary::Multiply if b < a => (b, a),
                    _ => (a, b),
                };
                self.add_node(Op::Binary(binary), &[a, b], shape)
            }
        }
    }

    /// An operand that is a mere repetition is read as it was before, where the other still gives the shape.
    fn without_broadcasts(&self, a: Node, b: Node, shape: Shape) -> (Node, Node) {
        let source = |node: Node| match self.entry(node).op {
            Op::Broadcast => self.entry(node).inputs[0],
            _ => node,
        };
        let (short_a, short_b) = (source(a), source(b));
        for (a, b) in [(short_a, short_b), (short_a, b), (a, short_b)] {
            if try_broadcast_shape(self.shape(a), self.shape(b)) == Some(shape) {
                return (a, b);
            }
        }
        (a, b)
    }

    /// `a + b`.
    pub fn add(&mut self, a: Node, b: Node) -> Node {
        self.binary(Binary::Add, a, b)
    }

    /// `a − b`.
    pub fn subtract(&mut self, a: Node, b: Node) -> Node {
        self.binary(Binary::Subtract, a, b)
    }

    /// `a · b`, element by element.
    pub fn multiply(&mut self, a: Node, b: Node) -> Node {
        self.binary(Binary::Multiply, a, b)
    }

    /// `a / b`, element by element.
    pub fn divide(&mut self, a: Node, b: Node) -> Node {
        self.binary(Binary::Divide, a, b)
    }

    /// Sum of several values of one shape.
    pub fn total(&mut self, parts: &[Node]) -> Node {
        let (first, rest) = parts.split_first().expect("at least one part");
        rest.iter().fold(*first, |sum, part| self.add(sum, *part))
    }

    /// Sides of 1 repeated.
    pub fn broadcast(&mut self, x: Node, shape: Shape) -> Node {
        if self.shape(x) == shape {
            return x;
        }
        assert_eq!(try_broadcast_shape(self.shape(x), shape), Some(shape));
        match self.filled_with(x) {
            Some(value) => self.fill(value, shape),
            None => self.add_node(Op::Broadcast, &[x], shape),
        }
    }

    /// Sum over rows, columns or both, down to a shape that can be broadcast to that of `x`.
    pub fn sum_to(&mut self, x: Node, shape: Shape) -> Node {
        let mut x = x;
        if shape.1 == 1 && self.shape(x).1 != 1 {
            x = self.sum_columns(x);
        }
        if shape.0 == 1 && self.shape(x).0 != 1 {
            x = self.sum_rows(x);
        }
        assert_eq!(self.shape(x), shape);
        x
    }

    /// Sum over the rows: `[1, columns]`.
    pub fn sum_rows(&mut self, x: Node) -> Node {
        let (rows, columns) = self.shape(x);
        if let Some(value) = self.filled_with(x) {
            return self.fill(value * rows as f64, (1, columns));
        }
        if rows == 1 { x } else { self.add_node(Op::SumRows, &[x], (1, columns)) }
    }

    /// Sum over the columns: `[rows, 1]`.
    pub fn sum_columns(&mut self, x: Node) -> Node {
        let (rows, columns) = self.shape(x);
        if let Some(value) = self.filled_with(x) {
            return self.fill(value * columns as f64, (rows, 1));
        }
        if columns == 1 { x } else { self.add_node(Op::SumColumns, &[x], (rows, 1)) }
    }

    /// Sum of all elements: a number.
    pub fn sum(&mut self, x: Node) -> Node {
        self.sum_to(x, (1, 1))
    }

    /// Mean of all elements.
    pub fn mean(&mut self, x: Node) -> Node {
        let (rows, columns) = self.shape(x);
        let sum = self.sum(x);
        self.scale(sum, 1.0 / (rows * columns) as f64)
    }

    /// Sums of `count` consecutive columns each.
    pub fn sum_groups(&mut self, x: Node, count: usize) -> Node {
        let (rows, columns) = self.shape(x);
        assert!(columns.is_multiple_of(count));
        if let Some(value) = self.filled_with(x) {
            return self.fill(value * count as f64, (rows, columns / count));
        }
        if count == 1 { x } else { self.add_node(Op::SumGroups(count), &[x], (rows, columns / count)) }
    }

    /// Each column `count` times.
    pub fn repeat_columns(&mut self, x: Node, count: usize) -> Node {
        let (rows, columns) = self.shape(x);
        if let Some(value) = self.filled_with(x) {
            return self.fill(value, (rows, columns * count));
        }
        if count == 1 { x } else { self.add_node(Op::RepeatColumns(count), &[x], (rows, columns * count)) }
    }

    /// Matrix product.
    pub fn product(&mut self, a: Node, b: Node) -> Node {
        self.product_of(a, false, b, false)
    }

    /// Matrix product of operands that may be transposed.
    pub fn product_of(&mut self, a: Node, left: bool, b: Node, right: bool) -> Node {
        let straight = |graph: &Self, node: Node, turned: bool| match graph.entry(node).op {
            Op::Transpose => (graph.entry(node).inputs[0], !turned),
            _ => (node, turned),
        };
        let ((a, left), (b, right)) = (straight(self, a, left), straight(self, b, right));
        let turn =
            |(rows, columns): Shape, turned: bool| if turned { (columns, rows) } else { (rows, columns) };
        let (shape_a, shape_b) = (turn(self.shape(a), left), turn(self.shape(b), right));
        assert_eq!(shape_a.1, shape_b.0, "{shape_a:?} by {shape_b:?}");
        let shape = (shape_a.0, shape_b.1);
        if self.filled_with(a) == Some(0.0) || self.filled_with(b) == Some(0.0) {
            return self.fill(0.0, shape);
        }
        self.add_node(Op::Product { left, right }, &[a, b], shape)
    }

    /// The transpose.
    pub fn transpose(&mut self, x: Node) -> Node {
        let (rows, columns) = self.shape(x);
        if rows == 1 || columns == 1 {
            return self.reshape(x, columns, rows);
        }
        match (&self.entry(x).op, self.filled_with(x)) {
            (_, Some(value)) => self.fill(value, (columns, rows)),
            (Op::Transpose, _) => self.entry(x).inputs[0],
            _ => self.add_node(Op::Transpose, &[x], (columns, rows)),
        }
    }

    /// Softmax over the rows of each column.
    pub fn softmax(&mut self, x: Node) -> Node {
        self.add_node(Op::Softmax, &[x], self.shape(x))
    }

    /// `ln Σ exp` over the rows of each column.
    pub fn log_sum_exp(&mut self, x: Node) -> Node {
        self.add_node(Op::LogSumExp, &[x], (1, self.shape(x).1))
    }

    /// A convolution over all channels (or, by `part`, one of its derivatives) of
    ///
    /// * x: `[channels, images · input pixels]`,
    /// * w: `[outputs, taps · channels]`,
    /// * y: `[outputs, images · output pixels]`.
    pub fn convolution(&mut self, window: Window, part: Part, a: Node, b: Node) -> Node {
        let (shape_a, shape_b) = (self.shape(a), self.shape(b));
        let (inside, outside) = (window.input_positions(), window.positions());
        let shape = match part {
            Part::Output => {
                assert_eq!((shape_a.0, shape_b.1), (window.channels, window.patch()));
                (shape_b.0, shape_a.1 / inside * outside)
            }
            Part::Input => {
                assert_eq!((shape_a.0, shape_a.1), (shape_b.0, window.patch()));
                (window.channels, shape_b.1 / outside * inside)
            }
            Part::Weights => {
                assert_eq!((shape_a.0, shape_a.1 / inside), (window.channels, shape_b.1 / outside));
                (shape_b.0, window.patch())
            }
        };
        if self.filled_with(a) == Some(0.0) || self.filled_with(b) == Some(0.0) {
            return self.fill(0.0, shape);
        }
        self.add_node(Op::Convolution(window, part), &[a, b], shape)
    }

    /// A convolution of each channel with a kernel of its own; w is `[channels, taps]`.
    pub fn depthwise(&mut self, window: Window, part: Part, a: Node, b: Node) -> Node {
        let (shape_a, shape_b) = (self.shape(a), self.shape(b));
        let (inside, outside) = (window.input_positions(), window.positions());
        assert_eq!((shape_a.0, shape_b.0), (window.channels, window.channels));
        let shape = match part {
            Part::Output => (window.channels, shape_a.1 / inside * outside),
            Part::Input => (window.channels, shape_b.1 / outside * inside),
            Part::Weights => (window.channels, window.taps()),
        };
        self.add_node(Op::Depthwise(window, part), &[a, b], shape)
    }

    /// The largest value under each window.
    pub fn max_pool(&mut self, window: Window, x: Node) -> Node {
        self.pool_gather(window, x, x)
    }

    /// Under each window, the `v` at the place of the largest `x`.
    pub fn pool_gather(&mut self, window: Window, x: Node, v: Node) -> Node {
        let (rows, columns) = self.shape(x);
        assert_eq!((rows, self.shape(v)), (window.channels, (rows, columns)));
        let shape = (rows, columns / window.input_positions() * window.positions());
        self.add_node(Op::PoolGather(window), &[x, v], shape)
    }

    /// `y` put to the places of the largest `x`.
    pub fn pool_scatter(&mut self, window: Window, x: Node, y: Node) -> Node {
        self.add_node(Op::PoolScatter(window), &[x, y], self.shape(x))
    }

    /// X of A X = B, for a symmetric positive definite A.
    pub fn solve(&mut self, a: Node, b: Node) -> Node {
        let ((rows, columns), shape) = (self.shape(a), self.shape(b));
        assert_eq!((rows, columns), (shape.0, shape.0));
        self.add_node(Op::Solve, &[a, b], shape)
    }
}

fn try_broadcast_shape(a: Shape, b: Shape) -> Option<Shape> {
    let side = |a: usize, b: usize| match (a, b) {
        _ if a == b => Some(a),
        (1, other) | (other, 1) => Some(other),
        _ => None,
    };
    Some((side(a.0, b.0)?, side(a.1, b.1)?))
}

fn broadcast_shape(a: Shape, b: Shape) -> Shape {
    try_broadcast_shape(a, b).unwrap_or_else(|| panic!("{a:?} and {b:?} do not go together"))
}
