//! CAVIA: a context vector is all that is adapted.
//!
//! Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson: Fast Context Adaptation via Meta-Learning (2019). Each task starts with
//! a context φ of zeros and takes gradient steps on it; everything else is shared. The context conditions the first of
//! the layers that a learner adapts: C · φ is added to what that layer computes, before its relu, with a learned C. For a
//! fully connected layer that is the same as writing φ beside its input. (Where batch normalisation follows the layer,
//! C · φ is added to its shift, for it would take away what is added before.)
//!
//! Cost: that of [`maml`](super::maml) in time; a task's result is a vector of a few numbers. It overfits little, and
//! stands large step sizes.

use super::inner::{Order, descend};
use super::learner::{Learner, TaskNodes};
use super::{Algorithm, AlgorithmError, MOST_STEPS, RATES, TaskGraph, in_range};
use crate::graph::{Graph, Node};
use crate::model::{Initial, Statistics};

/// CAVIA.
#[derive(Debug, Clone)]
pub struct Cavia {
    context: usize,
    steps: usize,
    inner_learning_rate: f64,
    order: Order,
    matrix: usize,
}

/// CAVIA with a context of so many numbers and so many steps of a fixed size.
///
/// ```
/// use supple_data::SampleShape;
/// use supple_meta::algorithm::{Adapts, Algorithm, Learner, cavia};
/// use supple_meta::model::{Block, Loss};
/// let block = Block::Dense { dense: 40, relu: true, batch_norm: false };
/// let (input, loss) = (SampleShape::vector(1), Loss::SquaredError);
/// let mut learner = Learner::new(input, &[block, block], (0, 1), loss, Adapts::Everything).unwrap();
/// let start = learner.parameters.len();
/// cavia::cavia(5, 1, 1.0).prepare(&mut learner);
/// assert_eq!(learner.parameters.len(), start + 40 * 5); // C, for the first layer
/// ```
pub fn cavia(context: usize, steps: usize, inner_learning_rate: f64) -> Cavia {
    Cavia { context, steps, inner_learning_rate, order: Order::Second, matrix: 0 }
}

impl Cavia {
    /// With inner gradients differentiated or taken as constants.
    pub fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }
}

impl Algorithm for Cavia {
    fn name(&self) -> &'static str {
        "cavia"
    }

    fn check(&self, _learner: &Learner) -> Result<(), AlgorithmError> {
        in_range(self.name(), "context", self.context as f64, (1.0, 1024.0))?;
        in_range(self.name(), "steps", self.steps as f64, (1.0, MOST_STEPS))?;
        in_range(self.name(), "inner_learning_rate", self.inner_learning_rate, RATES)
    }

    fn prepare(&mut self, learner: &mut Learner) {
        let bias = learner.first_bias();
        let weights = learner.parameters.get(learner.adapted().start);
        // As the layer's weights would start, were φ part of the input. Zeros would never leave zero.
        let deviation = (2.0 / (weights.columns + self.context) as f32).sqrt();
        let rows = learner.parameters.get(bias).rows;
        self.matrix = learner.parameters.push("context", rows, self.context, Initial::Normal(deviation));
    }

    fn task(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        parameters: &[Node],
        task: &TaskNodes,
        statistics: &Statistics,
    ) -> TaskGraph {
        let bias = learner.first_bias();
        let start = learner.for_task(graph, parameters, task);
        // C in the bias's place, so that its rows are chosen as those of the bias.
        let mut in_place = parameters.to_vec();
        in_place[bias] = parameters[self.matrix];
        let matrix = learner.for_task(graph, &in_place, task)[bias];
        let conditioned = |graph: &mut Graph, context: Node| {
            let mut all = start.clone();
            let added = graph.product(matrix, context);
            all[bias] = graph.add(all[bias], added);
            all
        };
        // Detached, lest the zeros be multiplied out before they are adapted.
        let zeros = graph.fill(0.0, (self.context, 1));
        let context = graph.detach(zeros);
        let rate = graph.constant(self.inner_learning_rate);
        let descent =
            descend(graph, &[context], &vec![vec![rate]; self.steps], self.order, |graph, _, context| {
                let parameters = conditioned(graph, context[0]);
                let outputs = learner.suffix(graph, &parameters, task.support, statistics).output;
                learner.loss.of(graph, outputs, task.support_targets, None)
            });
        let mut query_outputs = Vec::with_capacity(self.steps + 1);
        let mut found = Vec::new();
        for context in &descent.values {
            let parameters = conditioned(graph, context[0]);
            let forward = learner.suffix(graph, &parameters, task.query, statistics);
            query_outputs.push(forward.output);
            found = forward.statistics;
        }
        TaskGraph {
            loss: learner.outer_loss.of(graph, query_outputs[self.steps], task.query_targets, None),
            gradients: None,
            query_outputs,
            support_losses: descent.losses,
            statistics: found,
        }
    }
}
