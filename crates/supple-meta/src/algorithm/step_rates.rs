//! A learned step size for each parameter at each step (LSLR of MAML++).
//!
//! Antoniou, Edwards, Storkey: How to train your MAML (2019). Early steps may then be long and late ones careful, and
//! layers that should keep still can. They are learned as logarithms, so they stay positive. Weights and biases of a
//! layer have step sizes of their own, as on a device.
//!
//! Cost: that of [`maml`](super::maml); steps × adapted parameters more numbers to learn.

use super::learner::Learner;
use super::maml::Maml;
use super::rates::Rates;
use crate::graph::{Graph, Node};
use crate::model::Initial;

/// MAML with a learned step size for each parameter at each step, starting at `inner_learning_rate`.
///
/// ```
/// use supple_meta::algorithm::{Algorithm, step_rates};
/// assert_eq!(step_rates::per_step_rates(5, 0.1).name(), "per-step-rates");
/// ```
pub fn per_step_rates(steps: usize, inner_learning_rate: f64) -> Maml {
    Maml::new("per-step-rates", steps, inner_learning_rate).with_rates(Rates::PerStep)
}

/// Adds logarithms of step sizes, `[adapted parameters, steps]`.
pub(super) fn add(learner: &mut Learner, steps: usize, initial: f64) {
    let start = Initial::Constant(initial.ln() as f32);
    learner.parameters.push("rates.logarithms", learner.adapted().len(), steps, start);
}

/// For each step, for each adapted parameter, a number.
pub(super) fn nodes(graph: &mut Graph, logarithms: Node) -> Vec<Vec<Node>> {
    let (count, steps) = graph.shape(logarithms);
    let rates = graph.exponential(logarithms);
    let mut all = Vec::with_capacity(steps);
    for step in 0..steps {
        let column = graph.columns(rates, step, 1);
        all.push((0..count).map(|row| graph.rows(column, row, 1)).collect());
    }
    all
}
