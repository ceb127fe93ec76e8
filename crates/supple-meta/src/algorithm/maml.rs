//! MAML: a start from which a few gradient steps lead far.
//!
//! Finn, Abbeel, Levine: Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks (2017). The inner loop takes
//! gradient steps on the support from the learned start; the outer gradient is that of the query's loss behind them,
//! through the steps' own gradients (second order).
//!
//! Cost: for each step a pass forward and backward of the support and, for the outer gradient, the derivative of both:
//! about four times a step of plain training. Memory grows with the steps.

use super::inner::{Descending, Order, unroll};
use super::learner::{Learner, TaskNodes};
use super::multi_step::{StepWeights, weighted};
use super::rates::{InnerRates, Rates};
use super::{Algorithm, AlgorithmError, MOST_STEPS, RATES, TaskGraph, check_momentum, in_range};
use crate::graph::{Graph, Node};
use crate::model::Statistics;

/// MAML and those that vary one thing of it: which part is adapted, the order, the step sizes, the loss.
#[derive(Debug, Clone)]
pub struct Maml {
    name: &'static str,
    how: Descending,
    rates: InnerRates,
    step_weights: StepWeights,
    phase: u32,
    head_only: bool,
    batch_norm_per_step: bool,
}

/// MAML with so many steps of a fixed size.
///
/// The outer gradient of a number that a step of 0.25 on (θ − 1)² leads to θ + ½ (1 − θ), judged by (θ' − 3)²:
///
/// ```
/// use supple_data::SampleShape;
/// use supple_meta::algorithm::{Adapts, Algorithm, Learner, TaskNodes, maml};
/// use supple_meta::graph::{Graph, Program, Workspace};
/// use supple_meta::model::{Block, Loss, Statistics};
/// // A head without features to speak of: its bias is the number.
/// let blocks = [Block::Mean { mean: true }];
/// let mut learner =
///     Learner::new(SampleShape::vector(1), &blocks, (0, 1), Loss::SquaredError, Adapts::Head).unwrap();
/// let mut algorithm = maml::maml(1, 0.25);
/// algorithm.check(&learner).unwrap();
/// algorithm.prepare(&mut learner);
/// let mut graph = Graph::new();
/// let parameters = learner.parameters.nodes(&mut graph, 0);
/// let feature = graph.fill(0.0, (1, 1));
/// let (one, three) = (graph.constant(1.0), graph.constant(3.0));
/// let task = TaskNodes {
///     support: feature,
///     support_targets: one,
///     query: feature,
///     query_targets: three,
///     way: 1,
///     classes: None,
/// };
/// let task = algorithm.task(&mut graph, &learner, &parameters, &task, &Statistics::Batch);
/// let gradients = task.outer_gradients(&mut graph, &parameters);
/// let program = Program::new(&graph, &[gradients[1], task.query_outputs[1]]);
/// let mut workspace = Workspace::<f64>::default();
/// let arguments: [&[f64]; 1] = [&[0.0, 0.0]];
/// program.run(&mut workspace, &arguments);
/// assert_eq!(program.output(&workspace, &arguments, 1), [0.5]);
/// assert_eq!(program.output(&workspace, &arguments, 0), [-2.5]); // 2 (0.5 − 3) · ½
/// ```
pub fn maml(steps: usize, inner_learning_rate: f64) -> Maml {
    Maml::new("maml", steps, inner_learning_rate)
}

impl Maml {
    pub(super) fn new(name: &'static str, steps: usize, inner_learning_rate: f64) -> Self {
        Self {
            name,
            how: Order::Second.into(),
            rates: InnerRates::new(Rates::Fixed, inner_learning_rate, steps),
            step_weights: StepWeights::LAST,
            phase: 0,
            head_only: false,
            batch_norm_per_step: false,
        }
    }

    /// With other step sizes, starting at the same number.
    pub fn with_rates(mut self, kind: Rates) -> Self {
        self.rates.kind = kind;
        self
    }

    /// With inner gradients differentiated or taken as constants.
    pub fn with_order(mut self, order: Order) -> Self {
        self.how.order = order;
        self
    }

    /// With steps along a velocity, `v ← m v + gradient`, which begins at zero.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.how.momentum = momentum;
        self
    }

    /// With a loss after every step.
    pub fn with_step_weights(mut self, step_weights: StepWeights) -> Self {
        self.step_weights = step_weights;
        self
    }

    /// With a scale and a shift of batch normalisation for each step, learned but not adapted (BNWB of MAML++, Antoniou
    /// et al. 2019): activations differ from step to step, and so may what normalises them.
    pub fn with_batch_norm_per_step(mut self, per_step: bool) -> Self {
        self.batch_norm_per_step = per_step;
        self
    }

    /// For a head alone.
    pub(super) fn of_head_only(mut self) -> Self {
        self.head_only = true;
        self
    }

    /// The steps from another start than the learned one: all parameters, of the head the task's rows.
    pub(super) fn task_from(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        parameters: &[Node],
        start: &[Node],
        task: &TaskNodes,
        statistics: &Statistics,
    ) -> TaskGraph {
        let step_sizes = self.rates.nodes(graph, learner, parameters, task);
        let unrolled = unroll(graph, learner, start, task, &step_sizes, self.how, statistics, |_| true);
        let mut losses = Vec::with_capacity(step_sizes.len());
        for outputs in &unrolled.query_outputs[1..] {
            losses.push(learner.outer_loss.of(graph, *outputs, task.query_targets, None));
        }
        let weights = self.step_weights.weights(losses.len(), self.phase);
        let mut loss = weighted(graph, &losses, &weights);
        let before_share = self.step_weights.before_share;
        if before_share > 0.0 {
            let before = learner.outer_loss.of(graph, unrolled.query_outputs[0], task.query_targets, None);
            loss = weighted(graph, &[before, loss], &[before_share, 1.0 - before_share]);
        }
        TaskGraph {
            loss,
            gradients: None,
            query_outputs: unrolled.query_outputs,
            support_losses: unrolled.support_losses,
            statistics: unrolled.statistics,
        }
    }
}

impl Algorithm for Maml {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self, learner: &Learner) -> Result<(), AlgorithmError> {
        in_range(self.name, "steps", self.rates.steps as f64, (1.0, MOST_STEPS))?;
        in_range(self.name, "inner_learning_rate", self.rates.initial, RATES)?;
        check_momentum(self.name, self.how.momentum)?;
        self.step_weights.check(self.name)?;
        if self.head_only && !learner.adapts_head_only() {
            return Err(AlgorithmError::HeadOnly(self.name));
        }
        if self.batch_norm_per_step && !learner.adapts_batch_norm() {
            return Err(AlgorithmError::NoBatchNorm(self.name));
        }
        Ok(())
    }

    fn prepare(&mut self, learner: &mut Learner) {
        if self.batch_norm_per_step {
            learner.widen_batch_norm(self.rates.steps);
        }
        self.rates.prepare(learner);
    }

    fn task(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        parameters: &[Node],
        task: &TaskNodes,
        statistics: &Statistics,
    ) -> TaskGraph {
        let start = learner.for_task(graph, parameters, task);
        self.task_from(graph, learner, parameters, &start, task, statistics)
    }

    fn advance(&mut self, done: f64) -> bool {
        let phase = self.step_weights.phase(done);
        std::mem::replace(&mut self.phase, phase) != phase
    }

    fn rate_parameters(&self) -> std::ops::Range<usize> {
        self.rates.parameters.clone()
    }

    fn step_sizes(&self, learner: &Learner, values: &[f32]) -> Option<Vec<Vec<f32>>> {
        self.rates.numbers(learner, values)
    }

    fn momentum(&self) -> f64 {
        self.how.momentum
    }
}
