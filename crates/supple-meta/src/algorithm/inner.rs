//! The inner loop: gradient steps on a task's support samples, as a graph.

use super::learner::{Learner, TaskNodes};
use super::linear;
use crate::graph::{Graph, Node};
use crate::model::Statistics;

/// Whether the outer gradient goes through the inner gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Inner gradients count as constants.
    First,
    /// Exactly.
    Second,
}

/// For each step, for each value that is adapted, a number or a matrix of the value's shape.
pub type StepSizes = Vec<Vec<Node>>;

/// Equal, fixed step sizes.
pub fn fixed_rates(graph: &mut Graph, learner: &Learner, steps: usize, rate: f64) -> StepSizes {
    let rate = graph.constant(rate);
    vec![vec![rate; learner.adapted().len()]; steps]
}

/// A way downhill.
#[derive(Debug, Clone)]
pub struct Descent {
    /// The adapted values before the first step and after each.
    pub values: Vec<Vec<Node>>,
    /// The loss before each step.
    pub losses: Vec<Node>,
}

/// Takes `step_sizes.len()` steps from `start` against the gradients of `loss`, which may be another at each step.
pub fn descend(
    graph: &mut Graph,
    start: &[Node],
    step_sizes: &StepSizes,
    order: Order,
    mut loss: impl FnMut(&mut Graph, usize, &[Node]) -> Node,
) -> Descent {
    let mut descent = Descent { values: vec![start.to_vec()], losses: Vec::new() };
    for (step, sizes) in step_sizes.iter().enumerate() {
        let before = &descent.values[step];
        let loss = loss(graph, step, before);
        let gradients = graph.gradients(loss, before);
        let mut after = Vec::with_capacity(before.len());
        for ((value, gradient), size) in before.iter().zip(gradients).zip(sizes) {
            let gradient = if order == Order::First { graph.detach(gradient) } else { gradient };
            let change = graph.multiply(gradient, *size);
            after.push(graph.subtract(*value, change));
        }
        descent.losses.push(loss);
        descent.values.push(after);
    }
    descent
}

/// What the inner loop gives.
#[derive(Debug, Clone)]
pub struct Unrolled {
    /// All parameters before the first step and after each step.
    pub parameters: Vec<Vec<Node>>,
    /// Outputs on the query after as many steps, `[outputs, samples]`.
    pub query_outputs: Vec<Node>,
    /// Support loss before each step.
    pub support_losses: Vec<Node>,
    /// Mean and variance of the query, of each adapted layer that has batch normalisation, at the last judged step.
    pub statistics: Vec<(Node, Node)>,
}

/// Runs `step_sizes.len()` steps from `start` (all parameters, the head's rows chosen already). Query outputs are given
/// for the steps in `judged` only, elsewhere a zero stands in.
///
/// Of parameters with one column a step, step t reads the support by column t, and the query is read by the column of
/// the step before it, as in MAML++.
pub fn unroll(
    graph: &mut Graph,
    learner: &Learner,
    start: &[Node],
    task: &TaskNodes,
    step_sizes: &StepSizes,
    order: Order,
    statistics: &Statistics,
    judged: impl Fn(usize) -> bool,
) -> Unrolled {
    if linear::suits(graph, learner, task, step_sizes) {
        return linear::unroll(graph, learner, start, task, step_sizes, order, judged);
    }
    let adapted = learner.adapted();
    let whole = |values: &[Node]| {
        let mut all = start.to_vec();
        all[adapted.clone()].copy_from_slice(values);
        all
    };
    let descent = descend(graph, &start[adapted.clone()], step_sizes, order, |graph, step, values| {
        let parameters = learner.at_step(graph, &whole(values), step);
        let outputs = learner.suffix(graph, &parameters, task.support, statistics).output;
        learner.loss.of(graph, outputs, task.support_targets, None)
    });
    let mut unrolled = Unrolled {
        parameters: descent.values.iter().map(|values| whole(values)).collect(),
        query_outputs: Vec::new(),
        support_losses: descent.losses,
        statistics: Vec::new(),
    };
    for step in 0..=step_sizes.len() {
        if judged(step) {
            let parameters = learner.at_step(graph, &unrolled.parameters[step], step.saturating_sub(1));
            let forward = learner.suffix(graph, &parameters, task.query, statistics);
            unrolled.query_outputs.push(forward.output);
            unrolled.statistics = forward.statistics;
        } else {
            unrolled.query_outputs.push(graph.constant(0.0));
        }
    }
    unrolled
}
