//! Ridge regression as the head: the best linear head, in closed form.
//!
//! Bertinetto, Henriques, Torr, Vedaldi: Meta-Learning with Differentiable Closed-Form Solvers (2019), R2-D2. For
//! support features X with a row of ones below (for a bias) and targets Y, the head is W = Y Xᵀ (X Xᵀ + λ I)⁻¹, or the
//! same with a system of as many equations as there are samples, Y (Xᵀ X + λ I)⁻¹ Xᵀ; the smaller is solved. λ and a
//! scale of the outputs (a softmax wants more than one-hot columns' fit) are learned, as logarithms. The outer gradient
//! goes through the solution into the trunk; the head has no learned start.
//!
//! Cost: no steps, but a system of min(features + 1, samples) equations, forward and backward. For classes and for
//! numbers.

use super::learner::{Learner, TaskNodes};
use super::{Algorithm, AlgorithmError, TaskGraph, in_range};
use crate::graph::{Graph, Node};
use crate::model::{Initial, Statistics};

/// Ridge regression on the features.
#[derive(Debug, Clone)]
pub struct Ridge {
    lambda: f64,
    scale: f64,
    logarithms: [usize; 2],
}

/// Ridge regression with the λ and the scale that their learning starts from.
///
/// A line through (0, 1) and (1, 3), hardly held back by λ:
///
/// ```
/// use supple_meta::algorithm::ridge;
/// use supple_meta::graph::{Graph, Program, Workspace};
/// let mut graph = Graph::new();
/// let x = graph.input(0, 0, 1, 2);
/// let y = graph.input(0, 2, 1, 2);
/// let lambda = graph.constant(1e-9);
/// let weights = ridge::solve(&mut graph, x, y, lambda);
/// let program = Program::new(&graph, &[weights]);
/// let mut workspace = Workspace::<f64>::default();
/// let arguments: [&[f64]; 1] = [&[0.0, 1.0, 1.0, 3.0]];
/// program.run(&mut workspace, &arguments);
/// let line = program.output(&workspace, &arguments, 0);
/// assert!((line[0] - 2.0).abs() < 1e-6 && (line[1] - 1.0).abs() < 1e-6);
/// ```
pub fn ridge(lambda: f64, scale: f64) -> Ridge {
    Ridge { lambda, scale, logarithms: [0, 0] }
}

/// Weights, and below them the bias, of the ridge regression of `targets`, `[outputs, samples]`, on `features`,
/// `[features, samples]`: `[features + 1, outputs]`.
pub fn solve(graph: &mut Graph, features: Node, targets: Node, lambda: Node) -> Node {
    let x = with_ones(graph, features);
    let (rows, samples) = graph.shape(x);
    if rows <= samples {
        let square = graph.product_of(x, false, x, true);
        let system = add_to_diagonal(graph, square, lambda);
        let right = graph.product_of(x, false, targets, true);
        graph.solve(system, right)
    } else {
        let square = graph.product_of(x, true, x, false);
        let system = add_to_diagonal(graph, square, lambda);
        let right = graph.transpose(targets);
        let weights = graph.solve(system, right);
        graph.product(x, weights)
    }
}

/// A row of ones below.
fn with_ones(graph: &mut Graph, x: Node) -> Node {
    let (rows, columns) = graph.shape(x);
    let ones = graph.fill(1.0, (1, columns));
    let last = graph.pad_rows(ones, rows, rows + 1);
    let first = graph.pad_rows(x, 0, rows + 1);
    graph.add(first, last)
}

fn add_to_diagonal(graph: &mut Graph, square: Node, value: Node) -> Node {
    let (size, _) = graph.shape(square);
    let one = graph.constant(1.0);
    let columns: Vec<Node> = (0..size).map(|row| graph.pad_rows(one, row, size)).collect();
    let identity = graph.concatenate_columns(&columns);
    let diagonal = graph.multiply(identity, value);
    graph.add(square, diagonal)
}

impl Algorithm for Ridge {
    fn name(&self) -> &'static str {
        "ridge"
    }

    fn check(&self, _learner: &Learner) -> Result<(), AlgorithmError> {
        in_range(self.name(), "lambda", self.lambda, (1e-6, 1e6))?;
        in_range(self.name(), "scale", self.scale, (1e-4, 1e4))
    }

    fn prepare(&mut self, learner: &mut Learner) {
        self.logarithms = [("lambda", self.lambda), ("scale", self.scale)].map(|(name, value)| {
            let start = Initial::Constant(value.ln() as f32);
            learner.parameters.push(format!("{name}.logarithm"), 1, 1, start)
        });
    }

    fn task(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        parameters: &[Node],
        task: &TaskNodes,
        statistics: &Statistics,
    ) -> TaskGraph {
        let [lambda, scale] = self.logarithms.map(|index| graph.exponential(parameters[index]));
        let support = learner.embedding(graph, parameters, task.support, statistics).output;
        let query = learner.embedding(graph, parameters, task.query, statistics);
        let weights = solve(graph, support, task.support_targets, lambda);
        let x = with_ones(graph, query.output);
        let fitted = graph.product_of(weights, true, x, false);
        let outputs = graph.multiply(fitted, scale);
        TaskGraph {
            loss: learner.outer_loss.of(graph, outputs, task.query_targets, None),
            gradients: None,
            query_outputs: vec![outputs],
            support_losses: Vec::new(),
            statistics: query.statistics,
        }
    }
}
