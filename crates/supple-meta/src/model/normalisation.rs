//! Batch normalisation in a graph (Ioffe, Szegedy 2015).

use crate::graph::{Graph, Node, Unary};

/// Added to the variance.
pub const EPSILON: f64 = 1e-5;

/// What normalisation by the batch's own statistics gives.
#[derive(Debug, Clone, Copy)]
pub struct Normalised {
    /// `[channels, pixels]`.
    pub output: Node,
    /// Of each channel.
    pub mean: Node,
    /// Of each channel, divided by the number of pixels.
    pub variance: Node,
}

/// Normalises each channel of `x`, `[channels, pixels]`, by its mean and variance over the pixels; then
/// `scale · x + shift`, each `[channels, 1]`.
pub fn of_batch(graph: &mut Graph, x: Node, scale: Node, shift: Node) -> Normalised {
    let (_, pixels) = graph.shape(x);
    let sum = graph.sum_columns(x);
    let mean = graph.scale(sum, 1.0 / pixels as f64);
    let centred = graph.subtract(x, mean);
    let squares = graph.multiply(centred, centred);
    let sum = graph.sum_columns(squares);
    let variance = graph.scale(sum, 1.0 / pixels as f64);
    let lifted = graph.shift(variance, EPSILON);
    let factor = graph.unary(Unary::InverseSquareRoot, lifted);
    let factor = graph.multiply(factor, scale);
    let scaled = graph.multiply(centred, factor);
    Normalised { output: graph.add(scaled, shift), mean, variance }
}

/// Normalises by fixed statistics, each `[channels, 1]`, as a device does.
pub fn by_fixed(
    graph: &mut Graph,
    x: Node,
    (mean, variance): (Node, Node),
    scale: Node,
    shift: Node,
) -> Node {
    let lifted = graph.shift(variance, EPSILON);
    let factor = graph.unary(Unary::InverseSquareRoot, lifted);
    let factor = graph.multiply(factor, scale);
    let centred = graph.subtract(x, mean);
    let scaled = graph.multiply(centred, factor);
    graph.add(scaled, shift)
}
