//! Losses of heads, as numbers in a graph.

use crate::graph::{Constant, Graph, Node, Unary};

/// What an inner or outer loop makes small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// Mean over the samples of the softmax cross-entropy, times `scale`. Targets are one column a sample that sums to
    /// one.
    CrossEntropy {
        /// The device's inner loop uses the number of classes (`supple_pack::HeadSpec`), other protocols 1.
        scale: f64,
    },
    /// Mean of the squared errors over samples and outputs.
    SquaredError,
    /// Mean of Huber's loss over samples and outputs.
    Huber {
        /// Where it turns from square to straight.
        limit: f64,
    },
}

impl Loss {
    /// Of outputs and targets, both `[outputs, samples]`. With `known`, 1 or 0 for each sample (`[1, samples]`) or each
    /// target, only known ones count; where none is known the loss is zero.
    pub fn of(&self, graph: &mut Graph, outputs: Node, targets: Node, known: Option<Node>) -> Node {
        let (each, factor) = match self {
            Self::CrossEntropy { scale } => {
                let sums = graph.log_sum_exp(outputs);
                let product = graph.multiply(outputs, targets);
                let chosen = graph.sum_rows(product);
                (graph.subtract(sums, chosen), *scale)
            }
            Self::SquaredError => {
                let error = graph.subtract(outputs, targets);
                (graph.multiply(error, error), 1.0)
            }
            Self::Huber { limit } => {
                let error = graph.subtract(outputs, targets);
                (graph.unary(Unary::Huber(Constant(*limit)), error), 1.0)
            }
        };
        let Some(known) = known else {
            let mean = graph.mean(each);
            return graph.scale(mean, factor);
        };
        let masked = graph.multiply(each, known);
        let sum = graph.sum(masked);
        let known = graph.broadcast(known, graph.shape(each));
        let count = graph.sum(known);
        // Nothing known: 0 / tiny is 0.
        let count = graph.shift(count, 1e-12);
        let mean = graph.divide(sum, count);
        graph.scale(mean, factor)
    }
}
