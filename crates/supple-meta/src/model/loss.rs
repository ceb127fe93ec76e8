//! Losses of heads, as numbers in a graph.

use crate::graph::{Constant, Graph, Node, Unary};

/// What an inner or outer loop makes small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// Mean over the samples of the softmax cross-entropy, times `scale`. Targets are one column a sample that sums to
    /// one.
    CrossEntropy {
        /// Often 1.
        scale: f64,
    },
    /// The same, `scale` being the number of the task's classes: what a device's inner loop makes small, so that one
    /// set of step sizes serves any number of classes (`supple_pack::HeadSpec`).
    SummedCrossEntropy,
    /// Mean of the squared errors over samples and outputs.
    SquaredError,
    /// Mean of Huber's loss over samples and outputs.
    Huber {
        /// Where it turns from square to straight.
        limit: f64,
    },
}

impl Loss {
    /// The same without a scale: what an outer loop makes small by default.
    pub fn outer(self) -> Self {
        match self {
            Self::CrossEntropy { .. } | Self::SummedCrossEntropy => Self::CrossEntropy { scale: 1.0 },
            other => other,
        }
    }

    /// Whether it is of classes.
    pub fn classifies(self) -> bool {
        matches!(self, Self::CrossEntropy { .. } | Self::SummedCrossEntropy)
    }

    /// Of outputs and targets, both `[outputs, samples]`. With `known`, 1 or 0 for each sample (`[1, samples]`) or each
    /// target, only known ones count; where none is known the loss is zero.
    pub fn of(&self, graph: &mut Graph, outputs: Node, targets: Node, known: Option<Node>) -> Node {
        let (each, factor) = match self {
            Self::CrossEntropy { .. } | Self::SummedCrossEntropy => {
                let scale = match self {
                    Self::CrossEntropy { scale } => *scale,
                    _ => graph.shape(targets).0 as f64,
                };
                let sums = graph.log_sum_exp(outputs);
                let product = graph.multiply(outputs, targets);
                let chosen = graph.sum_rows(product);
                (graph.subtract(sums, chosen), scale)
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
