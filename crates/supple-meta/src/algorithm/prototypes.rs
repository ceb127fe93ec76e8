//! Prototypes: a class is the mean of its support's features. Alone, or as the start of gradient steps.
//!
//! Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning (2017). A query sample belongs to the nearest
//! prototype c: its logits are −τ |f − c|². What all classes share drops out of a softmax, so that is a linear head with
//! weights 2 τ c and bias −τ |c|². The temperature τ is learned, as a logarithm.
//!
//! Triantafillou et al.: Meta-Dataset (2020), Proto-MAML. The same head is where the gradient steps of [`maml`](super::maml) start;
//! the outer gradient goes through prototypes and steps into the trunk. The head has no learned start, so tasks may have
//! any number of classes.
//!
//! Cost: prototypes are one pass of the trunk and a mean; with steps, that of [`maml`](super::maml).

use super::learner::{Learner, TaskNodes};
use super::maml::Maml;
use super::{Algorithm, AlgorithmError, TaskGraph, in_range};
use crate::graph::{Graph, Node};
use crate::model::{Initial, Statistics};

/// Prototypes, with or without gradient steps after them.
#[derive(Debug, Clone)]
pub struct Prototypes {
    temperature: f64,
    steps: Option<Maml>,
    logarithm: usize,
}

/// Prototypes alone, with the temperature that its learning starts from.
///
/// ```
/// use supple_data::SampleShape;
/// use supple_meta::algorithm::{Adapts, Algorithm, AlgorithmError, Learner, prototypes};
/// use supple_meta::model::{Block, Loss};
/// let block = Block::Dense { dense: 8, relu: true, batch_norm: false };
/// let learner = |loss| Learner::new(SampleShape::vector(4), &[block], (0, 3), loss, Adapts::Head).unwrap();
/// let algorithm = prototypes::prototypes(1.0);
/// algorithm.check(&learner(Loss::SummedCrossEntropy)).unwrap();
/// let refused = algorithm.check(&learner(Loss::SquaredError)).unwrap_err();
/// assert_eq!(refused, AlgorithmError::NeedsClasses("prototypes"));
/// ```
pub fn prototypes(temperature: f64) -> Prototypes {
    Prototypes { temperature, steps: None, logarithm: 0 }
}

/// Prototypes, then so many gradient steps of a fixed size ([`Prototypes::with_steps`] for other sizes).
pub fn proto_maml(steps: usize, inner_learning_rate: f64, temperature: f64) -> Prototypes {
    prototypes(temperature).with_steps(Maml::new("proto-maml", steps, inner_learning_rate))
}

impl Prototypes {
    /// Followed by the steps of another algorithm.
    pub fn with_steps(mut self, steps: Maml) -> Self {
        self.steps = Some(steps);
        self
    }
}

/// The mean of each class's features, `[features, way]`; `targets` are one-hot columns, `[way, samples]`.
pub fn means(graph: &mut Graph, features: Node, targets: Node) -> Node {
    let sums = graph.product_of(features, false, targets, true);
    let counts = graph.sum_columns(targets);
    let counts = graph.transpose(counts);
    graph.divide(sums, counts)
}

/// Weights `[way, features]` and bias `[way, 1]` of the linear head that finds the nearest prototype.
pub fn head(graph: &mut Graph, prototypes: Node, temperature: Node) -> (Node, Node) {
    let turned = graph.transpose(prototypes);
    let doubled = graph.scale(turned, 2.0);
    let weights = graph.multiply(doubled, temperature);
    let squares = graph.multiply(prototypes, prototypes);
    let norms = graph.sum_rows(squares);
    let norms = graph.transpose(norms);
    let negative = graph.scale(norms, -1.0);
    (weights, graph.multiply(negative, temperature))
}

impl Algorithm for Prototypes {
    fn name(&self) -> &'static str {
        if self.steps.is_some() { "proto-maml" } else { "prototypes" }
    }

    fn check(&self, learner: &Learner) -> Result<(), AlgorithmError> {
        if !learner.loss.classifies() {
            return Err(AlgorithmError::NeedsClasses(self.name()));
        }
        in_range(self.name(), "temperature", self.temperature, (1e-4, 1e4))?;
        self.steps.as_ref().map_or(Ok(()), |steps| steps.check(learner))
    }

    fn prepare(&mut self, learner: &mut Learner) {
        if let Some(steps) = &mut self.steps {
            steps.prepare(learner);
        }
        let start = Initial::Constant(self.temperature.ln() as f32);
        self.logarithm = learner.parameters.push("temperature.logarithm", 1, 1, start);
    }

    fn task(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        parameters: &[Node],
        task: &TaskNodes,
        statistics: &Statistics,
    ) -> TaskGraph {
        let temperature = graph.exponential(parameters[self.logarithm]);
        let first = learner.at_step(graph, parameters, 0);
        let support = learner.embedding(graph, &first, task.support, statistics).output;
        let means = means(graph, support, task.support_targets);
        let (weights, bias) = head(graph, means, temperature);
        let last = learner.head_range().end - 2;
        let mut start = parameters.to_vec();
        start[last..last + 2].copy_from_slice(&[weights, bias]);
        if let Some(steps) = &self.steps {
            return steps.task_from(graph, learner, parameters, &start, task, statistics);
        }
        let query = learner.suffix(graph, &start, task.query, statistics);
        TaskGraph {
            loss: learner.outer_loss.of(graph, query.output, task.query_targets, None),
            gradients: None,
            query_outputs: vec![query.output],
            support_losses: Vec::new(),
            statistics: query.statistics,
        }
    }

    fn advance(&mut self, done: f64) -> bool {
        self.steps.as_mut().is_some_and(|steps| steps.advance(done))
    }

    fn rate_parameters(&self) -> std::ops::Range<usize> {
        self.steps.as_ref().map_or(0..0, Maml::rate_parameters)
    }

    fn step_sizes(&self, learner: &Learner, values: &[f32]) -> Option<Vec<Vec<f32>>> {
        self.steps.as_ref()?.step_sizes(learner, values)
    }

    fn momentum(&self) -> f64 {
        self.steps.as_ref().map_or(0.0, Maml::momentum)
    }

    fn start_temperature(&self, learner: &Learner, values: &[f32]) -> Option<f32> {
        let logarithm = values.get(learner.parameters.get(self.logarithm).range())?;
        logarithm.first().map(|logarithm| logarithm.exp())
    }
}
