//! Meta-SGD: a learned step size for each adapted value.
//!
//! Li, Zhou, Chen, Li: Meta-SGD: Learning to Learn Quickly for Few-Shot Learning (2017). The start, and for each value
//! how far and in which direction it goes along its gradient; a step size may become negative. It is the same at every
//! step.
//!
//! Cost: that of [`maml`](super::maml) and twice the numbers to learn. A device has no room for such step sizes.

use std::ops::Range;

use super::learner::{Learner, TaskNodes};
use super::maml::Maml;
use super::rates::Rates;
use crate::graph::{Graph, Node};
use crate::model::Initial;

/// MAML with a learned step size for each adapted value, starting at `inner_learning_rate`.
///
/// ```
/// use supple_meta::algorithm::{Algorithm, meta_sgd};
/// assert_eq!(meta_sgd::meta_sgd(1, 0.01).name(), "meta-sgd");
/// ```
pub fn meta_sgd(steps: usize, inner_learning_rate: f64) -> Maml {
    Maml::new("meta-sgd", steps, inner_learning_rate).with_rates(Rates::PerParameter)
}

/// Adds step sizes in the shape of each adapted parameter.
pub(super) fn add(learner: &mut Learner, initial: f64) {
    for index in learner.adapted() {
        let parameter = learner.parameters.get(index);
        let (name, rows, columns) = (format!("rates.{}", parameter.name), parameter.rows, parameter.columns);
        learner.parameters.push(name, rows, columns, Initial::Constant(initial as f32));
    }
}

/// For each adapted parameter, of the head those of the task's classes.
pub(super) fn nodes(
    graph: &mut Graph,
    learner: &Learner,
    parameters: &[Node],
    rates: &Range<usize>,
    task: &TaskNodes,
) -> Vec<Node> {
    let adapted = learner.adapted();
    // Step sizes take the places of the parameters, so that the head's rows are chosen alike.
    let mut in_place = parameters.to_vec();
    in_place[adapted.clone()].copy_from_slice(&parameters[rates.clone()]);
    learner.for_task(graph, &in_place, task)[adapted].to_vec()
}
