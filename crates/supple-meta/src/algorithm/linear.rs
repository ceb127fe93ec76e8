//! The inner loop of a linear head on features that do not change, by inner products of the samples.
//!
//! The gradient of W by n samples X is D Xᵀ, D being the gradient of the outputs: after t steps W is W₀ − A Xᵀ, where
//! A, `[outputs, n]`, is the sum of the D times their step sizes. So outputs on the support are W₀ X − A (Xᵀ X), and a
//! step costs n² instead of n times the features twice. The steps are the same, and so are all gradients through them;
//! with fewer samples than features it is the shorter way. With momentum the velocity of W is V Xᵀ, V being that of the
//! outputs, so A is the sum of the V times their step sizes.

use super::inner::{Descending, Order, StepSizes, Unrolled};
use super::learner::{Learner, TaskNodes};
use crate::graph::{Graph, Node};

/// Whether a task can go this way, and gains by it.
pub(super) fn suits(graph: &Graph, learner: &Learner, task: &TaskNodes, step_sizes: &StepSizes) -> bool {
    let (features, samples) = graph.shape(task.support);
    let mut sizes = step_sizes.iter().flatten();
    learner.adapts_head_only()
        && learner.head.hidden == 0
        && samples < features
        && sizes.all(|size| graph.shape(*size) == (1, 1))
}

/// As [`super::inner::unroll`].
pub(super) fn unroll(
    graph: &mut Graph,
    learner: &Learner,
    start: &[Node],
    task: &TaskNodes,
    step_sizes: &StepSizes,
    how: Descending,
    judged: impl Fn(usize) -> bool,
) -> Unrolled {
    let head = learner.head_range().start;
    let (weights, mut bias) = (start[head], start[head + 1]);
    let inner_products = graph.product_of(task.support, true, task.support, false);
    let first = graph.product(weights, task.support);
    // At first order the whole gradient D Xᵀ is a constant, not D alone.
    let stepped = if how.order == Order::First { graph.detach(task.support) } else { task.support };
    let mut sum: Option<Node> = None;
    let mut velocity = None;
    let mut unrolled = Unrolled {
        parameters: Vec::new(),
        query_outputs: Vec::new(),
        support_losses: Vec::new(),
        statistics: Vec::new(),
    };
    for step in 0..=step_sizes.len() {
        let now = match sum {
            None => weights,
            Some(sum) => {
                let change = graph.product_of(sum, false, stepped, true);
                graph.subtract(weights, change)
            }
        };
        let mut parameters = start.to_vec();
        (parameters[head], parameters[head + 1]) = (now, bias);
        unrolled.parameters.push(parameters);
        unrolled.query_outputs.push(if judged(step) {
            let product = graph.product(now, task.query);
            graph.add(product, bias)
        } else {
            graph.constant(0.0)
        });
        let Some(sizes) = step_sizes.get(step) else { break };
        let product = match sum {
            None => first,
            Some(sum) => {
                let change = graph.product(sum, inner_products);
                graph.subtract(first, change)
            }
        };
        let outputs = graph.add(product, bias);
        let loss = learner.loss.of(graph, outputs, task.support_targets, None);
        unrolled.support_losses.push(loss);
        let gradient = graph.gradients(loss, &[outputs])[0];
        let along = how.along(graph, gradient, velocity);
        velocity = Some(along);
        let part = graph.multiply(along, sizes[0]);
        sum = Some(match sum {
            None => part,
            Some(sum) => graph.add(sum, part),
        });
        let of_bias = graph.sum_columns(along);
        let change = graph.multiply(of_bias, sizes[1]);
        bias = graph.subtract(bias, change);
    }
    unrolled
}

#[cfg(test)]
mod tests {
    use supple_data::SampleShape;

    use super::*;
    use crate::algorithm::inner::{descend, fixed_rates};
    use crate::algorithm::{Adapts, Learner};
    use crate::graph::{Program, Workspace};
    use crate::model::{Block, Loss};

    /// Outputs after each step and their outer gradients, both ways.
    #[test]
    fn both_ways_lead_to_the_same_place() {
        for (loss, order, momentum) in [
            (Loss::SummedCrossEntropy, Order::Second, 0.0),
            (Loss::SummedCrossEntropy, Order::First, 0.0),
            (Loss::SquaredError, Order::Second, 0.0),
            (Loss::SummedCrossEntropy, Order::Second, 0.7),
            (Loss::SquaredError, Order::First, 0.7),
        ] {
            let how = Descending { order, momentum };
            let (shape, blocks) = (SampleShape::vector(7), [Block::Mean { mean: true }]);
            let learner = Learner::new(shape, &blocks, (0, 3), loss, Adapts::Head).unwrap();
            let mut graph = Graph::new();
            let theta = learner.parameters.nodes(&mut graph, 0);
            let task = TaskNodes {
                support: graph.input(1, 0, 7, 5),
                support_targets: graph.input(2, 0, 3, 5),
                query: graph.input(1, 35, 7, 4),
                query_targets: graph.input(2, 15, 3, 4),
                way: 3,
                classes: None,
            };
            let sizes = fixed_rates(&mut graph, &learner, 3, 0.2);
            assert!(suits(&graph, &learner, &task, &sizes));
            let short = unroll(&mut graph, &learner, &theta, &task, &sizes, how, |_| true);
            let long = descend(&mut graph, &theta, &sizes, how, |graph, _, values| {
                let outputs = learner.head.forward(graph, values, task.support);
                loss.of(graph, outputs, task.support_targets, None)
            });
            let long_outputs = learner.head.forward(&mut graph, &long.values[3], task.query);
            let mut wanted = Vec::new();
            for outputs in [short.query_outputs[3], long_outputs] {
                let outer = loss.of(&mut graph, outputs, task.query_targets, None);
                wanted.push(outer);
                let gradients = graph.gradients(outer, &[theta[0], theta[1], task.support]);
                wanted.extend(gradients);
            }
            let program = Program::new(&graph, &wanted);
            let wave = |count: usize, seed: f64| -> Vec<f64> {
                (0..count).map(|i| (i as f64 * 1.3 + seed).sin()).collect()
            };
            let (theta, inputs) = (wave(24, 0.2), wave(63, 0.7));
            let targets: Vec<f64> = (0..27).map(|i| f64::from(i % 3 == i / 3 % 3)).collect();
            let arguments = [&theta[..], &inputs[..], &targets[..]];
            let mut workspace = Workspace::default();
            program.run(&mut workspace, &arguments);
            for index in 0..4 {
                let a = program.output(&workspace, &arguments, index);
                let b = program.output(&workspace, &arguments, index + 4);
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{loss:?} {order:?} {index}");
                // The steps being constants at first order, nothing comes of the support.
                let constant = order == Order::First && index == 3;
                assert_eq!(a.iter().any(|a| a.abs() > 1e-6), !constant);
            }
        }
    }
}
