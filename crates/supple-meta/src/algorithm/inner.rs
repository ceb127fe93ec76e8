//! The inner loop: gradient steps on a task's support samples, as a graph.

use super::learner::{Learner, TaskNodes};
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

/// Step sizes: for each step, for each adapted parameter, a number or a matrix of the parameter's shape.
pub type Rates = Vec<Vec<Node>>;

/// Equal, fixed step sizes.
pub fn fixed_rates(graph: &mut Graph, learner: &Learner, steps: usize, rate: f64) -> Rates {
    let rate = graph.constant(rate);
    vec![vec![rate; learner.adapted().len()]; steps]
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

/// Runs `rates.len()` steps from `start` (all parameters, the head's rows chosen already). Query outputs are given for
/// the steps in `judged` only, elsewhere the output before any step stands in.
pub fn unroll(
    graph: &mut Graph,
    learner: &Learner,
    start: &[Node],
    task: &TaskNodes,
    rates: &Rates,
    order: Order,
    statistics: &Statistics,
    judged: impl Fn(usize) -> bool,
) -> Unrolled {
    let mut current = start.to_vec();
    let mut unrolled = Unrolled {
        parameters: vec![current.clone()],
        query_outputs: Vec::new(),
        support_losses: Vec::new(),
        statistics: Vec::new(),
    };
    for step in 0..=rates.len() {
        if judged(step) {
            let forward = learner.suffix(graph, &current, task.query, statistics);
            unrolled.query_outputs.push(forward.output);
            unrolled.statistics = forward.statistics;
        } else {
            unrolled.query_outputs.push(graph.constant(0.0));
        }
        let Some(rates) = rates.get(step) else { break };
        let outputs = learner.suffix(graph, &current, task.support, statistics).output;
        let loss = learner.loss.of(graph, outputs, task.support_targets, None);
        unrolled.support_losses.push(loss);
        let adapted = learner.adapted();
        let gradients = graph.gradients(loss, &current[adapted.clone()]);
        for ((index, gradient), rate) in adapted.zip(gradients).zip(rates) {
            let gradient = if order == Order::First { graph.detach(gradient) } else { gradient };
            let change = graph.multiply(gradient, *rate);
            current[index] = graph.subtract(current[index], change);
        }
        unrolled.parameters.push(current.clone());
    }
    unrolled
}
