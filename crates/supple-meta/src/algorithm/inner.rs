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

/// How steps are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Descending {
    /// Whether inner gradients count as constants.
    pub order: Order,
    /// m of `v ← m v + gradient`, the velocity that a step goes along; 0 for plain gradient steps.
    pub momentum: f64,
}

impl From<Order> for Descending {
    /// Plain gradient steps.
    fn from(order: Order) -> Self {
        Self { order, momentum: 0.0 }
    }
}

impl Descending {
    /// What a step goes along, given the gradient and what the step before went along.
    pub(super) fn along(self, graph: &mut Graph, gradient: Node, before: Option<Node>) -> Node {
        let gradient = if self.order == Order::First { graph.detach(gradient) } else { gradient };
        match before {
            Some(before) if self.momentum > 0.0 => {
                let kept = graph.scale(before, self.momentum);
                graph.add(kept, gradient)
            }
            _ => gradient,
        }
    }
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
    how: impl Into<Descending>,
    mut loss: impl FnMut(&mut Graph, usize, &[Node]) -> Node,
) -> Descent {
    let how = how.into();
    let mut velocities = vec![None; start.len()];
    let mut descent = Descent { values: vec![start.to_vec()], losses: Vec::new() };
    for (step, sizes) in step_sizes.iter().enumerate() {
        let before = &descent.values[step];
        let loss = loss(graph, step, before);
        let gradients = graph.gradients(loss, before);
        let mut after = Vec::with_capacity(before.len());
        let each = before.iter().zip(gradients).zip(sizes).zip(&mut velocities);
        for (((value, gradient), size), velocity) in each {
            let along = how.along(graph, gradient, *velocity);
            *velocity = Some(along);
            let change = graph.multiply(along, *size);
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
    how: Descending,
    statistics: &Statistics,
    judged: impl Fn(usize) -> bool,
) -> Unrolled {
    if linear::suits(graph, learner, task, step_sizes) {
        return linear::unroll(graph, learner, start, task, step_sizes, how, judged);
    }
    let adapted = learner.adapted();
    let whole = |values: &[Node]| {
        let mut all = start.to_vec();
        all[adapted.clone()].copy_from_slice(values);
        all
    };
    let descent = descend(graph, &start[adapted.clone()], step_sizes, how, |graph, step, values| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Program, Workspace};

    #[test]
    fn velocity_is_kept_from_step_to_step() {
        let mut graph = Graph::new();
        let start = graph.input(0, 0, 1, 1);
        let rate = graph.constant(0.25);
        let how = Descending { order: Order::Second, momentum: 0.5 };
        // ½ x² has the gradient x: v = 4, x = 3; v = 2 + 3, x = 1.75; v = 2.5 + 1.75, x = 0.6875.
        let descent = descend(&mut graph, &[start], &vec![vec![rate]; 3], how, |graph, _, x| {
            let square = graph.multiply(x[0], x[0]);
            graph.scale(square, 0.5)
        });
        let outputs: Vec<Node> = descent.values.iter().map(|values| values[0]).collect();
        let slope = graph.gradients(outputs[3], &[start])[0];
        let program = Program::new(&graph, &[outputs[1], outputs[2], outputs[3], slope]);
        let mut workspace = Workspace::<f64>::default();
        let arguments: [&[f64]; 1] = [&[4.0]];
        program.run(&mut workspace, &arguments);
        let found: Vec<f64> = (0..4).map(|index| program.output(&workspace, &arguments, index)[0]).collect();
        // All is linear in the start.
        assert_eq!(found, [3.0, 1.75, 0.6875, 0.6875 / 4.0]);
    }
}
