//! Reptile: the start moves towards where plain training on a task leads.
//!
//! Nichol, Achiam, Schulman: On First-Order Meta-Learning Algorithms (2018). The inner loop takes steps of plain SGD on
//! minibatches of all the task's samples, support and query alike; from θ it comes to θₖ, and θ − θₖ is what the outer
//! optimiser goes against. Nothing is differentiated twice. As the minibatches differ, the mean of the way contains the
//! gradient of how well they agree, which is what makes it more than joint training.
//!
//! The meta step, by which the start moves, is the outer loop's learning rate. The paper lets it fall linearly to zero,
//! so the outer loop should ([`OuterOptimiser::ReptileStep`](crate::outer::OuterOptimiser)).
//!
//! A task is judged as for any other algorithm, after steps on its support alone: these are of
//! [`TaskGraph::query_outputs`]. [`TaskGraph::loss`] is the mean of the minibatches' losses on the way of θₖ.
//!
//! Cost: a plain pass forward and backward of a minibatch for each step.

use super::inner::{Descending, Descent, Order, descend, fixed_rates};
use super::learner::{Learner, TaskNodes};
use super::{Algorithm, AlgorithmError, MOST_STEPS, RATES, TaskGraph, check_momentum, in_range};
use crate::graph::{Graph, Node};
use crate::model::Statistics;

/// Reptile.
#[derive(Debug, Clone)]
pub struct Reptile {
    steps: usize,
    inner_learning_rate: f64,
    minibatch: usize,
    momentum: f64,
}

/// Reptile with so many steps of a fixed size, each on a minibatch of so many samples.
///
/// ```
/// use supple_data::SampleShape;
/// use supple_meta::algorithm::{Adapts, Algorithm, AlgorithmError, Learner, reptile};
/// use supple_meta::model::{Block, Loss};
/// let block = Block::Dense { dense: 8, relu: true, batch_norm: false };
/// let learner =
///     |adapts| Learner::new(SampleShape::vector(4), &[block], (0, 1), Loss::SquaredError, adapts).unwrap();
/// let algorithm = reptile::reptile(8, 0.02, 10);
/// algorithm.check(&learner(Adapts::Everything)).unwrap();
/// assert_eq!(algorithm.check(&learner(Adapts::Head)), Err(AlgorithmError::FixedBlocks("reptile")));
/// ```
pub fn reptile(steps: usize, inner_learning_rate: f64, minibatch: usize) -> Reptile {
    Reptile { steps, inner_learning_rate, minibatch, momentum: 0.0 }
}

impl Reptile {
    /// With steps along a velocity, `v ← m v + gradient`, which begins at zero.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
}

/// Samples and their targets.
#[derive(Debug, Clone, Copy)]
struct Samples {
    inputs: Node,
    targets: Node,
}

impl Samples {
    /// Minibatch number `step`. Of m minibatches each takes every m-th sample, so that samples which lie together, as
    /// those of a class may, come into different ones; after the last it begins again.
    fn minibatch(self, graph: &mut Graph, size: usize, step: usize) -> Self {
        let (_, samples) = graph.shape(self.targets);
        let count = samples.div_ceil(size);
        if count == 1 {
            return self;
        }
        let width = graph.shape(self.inputs).1 / samples;
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for sample in (step % count..samples).step_by(count) {
            inputs.push(graph.columns(self.inputs, sample * width, width));
            targets.push(graph.columns(self.targets, sample, 1));
        }
        Self { inputs: graph.concatenate_columns(&inputs), targets: graph.concatenate_columns(&targets) }
    }
}

impl Reptile {
    /// The way from `start`, and the statistics of its last minibatch.
    fn descend(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        start: &[Node],
        samples: Samples,
        statistics: &Statistics,
    ) -> (Descent, Vec<(Node, Node)>) {
        let adapted = learner.adapted();
        let rates = fixed_rates(graph, learner, self.steps, self.inner_learning_rate);
        let mut found = Vec::new();
        let how = Descending { order: Order::First, momentum: self.momentum };
        let descent = descend(graph, &start[adapted.clone()], &rates, how, |graph, step, values| {
            let batch = samples.minibatch(graph, self.minibatch, step);
            let mut parameters = start.to_vec();
            parameters[adapted.clone()].copy_from_slice(values);
            let forward = learner.suffix(graph, &parameters, batch.inputs, statistics);
            found = forward.statistics;
            learner.loss.of(graph, forward.output, batch.targets, None)
        });
        (descent, found)
    }
}

impl Algorithm for Reptile {
    fn name(&self) -> &'static str {
        "reptile"
    }

    fn check(&self, learner: &Learner) -> Result<(), AlgorithmError> {
        in_range(self.name(), "steps", self.steps as f64, (1.0, MOST_STEPS))?;
        in_range(self.name(), "inner_learning_rate", self.inner_learning_rate, RATES)?;
        check_momentum(self.name(), self.momentum)?;
        in_range(self.name(), "minibatch", self.minibatch as f64, (1.0, 1e6))?;
        if learner.adapted().start > 0 && !learner.trunk_frozen {
            return Err(AlgorithmError::FixedBlocks(self.name()));
        }
        Ok(())
    }

    fn prepare(&mut self, _learner: &mut Learner) {}

    fn task(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        parameters: &[Node],
        task: &TaskNodes,
        statistics: &Statistics,
    ) -> TaskGraph {
        let start = learner.for_task(graph, parameters, task);
        let adapted = learner.adapted();
        let all = Samples {
            inputs: graph.concatenate_columns(&[task.support, task.query]),
            targets: graph.concatenate_columns(&[task.support_targets, task.query_targets]),
        };
        let (way, found) = self.descend(graph, learner, &start, all, statistics);
        let mut gradients = Vec::with_capacity(parameters.len());
        for (index, parameter) in parameters.iter().enumerate() {
            gradients.push(if adapted.contains(&index) {
                let end = way.values[self.steps][index - adapted.start];
                let difference = graph.subtract(start[index], end);
                learner.for_all_classes(graph, index, difference, task)
            } else {
                graph.fill(0.0, graph.shape(*parameter))
            });
        }
        let total = graph.total(&way.losses);
        let loss = graph.scale(total, 1.0 / self.steps as f64);

        let support = Samples { inputs: task.support, targets: task.support_targets };
        let (judged, _) = self.descend(graph, learner, &start, support, statistics);
        let mut query_outputs = Vec::with_capacity(self.steps + 1);
        for values in &judged.values {
            let mut parameters = start.clone();
            parameters[adapted.clone()].copy_from_slice(values);
            query_outputs.push(learner.suffix(graph, &parameters, task.query, statistics).output);
        }
        TaskGraph {
            loss,
            gradients: Some(gradients),
            query_outputs,
            support_losses: judged.losses,
            statistics: found,
        }
    }
}
