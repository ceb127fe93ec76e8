//! Heads: what is adapted on a device.

use super::parameter::{Initial, Parameters};
use crate::graph::{Graph, Node};

/// A head on a trunk's features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadShape {
    /// Length of a feature vector.
    pub features: usize,
    /// Units of a hidden layer with relu; 0 for a linear head.
    pub hidden: usize,
    /// Outputs: the largest number of classes, or the numbers to predict.
    pub outputs: usize,
}

impl HeadShape {
    /// Adds the head's parameters: (weights, bias) of each layer; gives the index of the first.
    ///
    /// The last layer starts at zero, so that all classes start alike.
    pub fn add(&self, name: &str, parameters: &mut Parameters) -> usize {
        let first = parameters.list().len();
        let mut inputs = self.features;
        if self.hidden > 0 {
            let deviation = (2.0 / inputs as f32).sqrt();
            parameters.push(
                format!("{name}.hidden.weights"),
                self.hidden,
                inputs,
                Initial::Normal(deviation),
            );
            parameters.push(format!("{name}.hidden.bias"), self.hidden, 1, Initial::Constant(0.0));
            inputs = self.hidden;
        }
        parameters.push(format!("{name}.weights"), self.outputs, inputs, Initial::Constant(0.0));
        parameters.push(format!("{name}.bias"), self.outputs, 1, Initial::Constant(0.0));
        first
    }

    /// How many parameters it has.
    pub fn parameters(&self) -> usize {
        if self.hidden > 0 { 4 } else { 2 }
    }

    /// Outputs `[outputs, samples]` of features `[features, samples]`; `parameters` are the head's own.
    pub fn forward(&self, graph: &mut Graph, parameters: &[Node], features: Node) -> Node {
        let x = self.embedding(graph, parameters, features);
        let last = &parameters[self.parameters() - 2..];
        let product = graph.product(last[0], x);
        graph.add(product, last[1])
    }

    /// What the last layer reads: the hidden layer's units, or the features themselves.
    pub fn embedding(&self, graph: &mut Graph, parameters: &[Node], features: Node) -> Node {
        if self.hidden == 0 {
            return features;
        }
        let product = graph.product(parameters[0], features);
        let sum = graph.add(product, parameters[1]);
        graph.relu(sum)
    }
}
