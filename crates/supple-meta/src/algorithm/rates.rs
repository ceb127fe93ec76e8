//! Step sizes of the inner loop.

use serde::{Deserialize, Serialize};

use super::inner::{StepSizes, fixed_rates};
use super::learner::{Learner, TaskNodes};
use super::{meta_sgd, step_rates};
use crate::graph::{Graph, Node};

/// Where step sizes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rates {
    /// One number for all.
    #[default]
    Fixed,
    /// Learned, for each adapted parameter (weights or a bias) and each step ([`step_rates`]).
    PerStep,
    /// Learned, for each adapted value ([`meta_sgd`]).
    PerParameter,
}

/// Step sizes, and which parameters hold them.
#[derive(Debug, Clone)]
pub struct InnerRates {
    /// Where they come from.
    pub kind: Rates,
    /// The number that is fixed, or where learned ones start.
    pub initial: f64,
    /// The steps they are for.
    pub steps: usize,
    pub(super) parameters: std::ops::Range<usize>,
}

impl InnerRates {
    /// Of a kind, for so many steps.
    pub fn new(kind: Rates, initial: f64, steps: usize) -> Self {
        Self { kind, initial, steps, parameters: 0..0 }
    }

    /// Adds what is learned to the learner's parameters.
    pub fn prepare(&mut self, learner: &mut Learner) {
        let first = learner.parameters.list().len();
        match self.kind {
            Rates::Fixed => (),
            Rates::PerStep => step_rates::add(learner, self.steps, self.initial),
            Rates::PerParameter => meta_sgd::add(learner, self.initial),
        }
        self.parameters = first..learner.parameters.list().len();
    }

    /// For each step, for each adapted parameter. What has one column a step is not adapted: its step size is zero.
    pub fn nodes(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        parameters: &[Node],
        task: &TaskNodes,
    ) -> StepSizes {
        let mut sizes = match self.kind {
            Rates::Fixed => fixed_rates(graph, learner, self.steps, self.initial),
            Rates::PerStep => step_rates::nodes(graph, parameters[self.parameters.start]),
            Rates::PerParameter => {
                let own = meta_sgd::nodes(graph, learner, parameters, &self.parameters, task);
                vec![own; self.steps]
            }
        };
        let zero = graph.constant(0.0);
        let adapted = learner.adapted();
        for index in &learner.per_step {
            sizes.iter_mut().for_each(|sizes| sizes[index - adapted.start] = zero);
        }
        sizes
    }

    /// The same as numbers, from the vector of all learned values, where they are numbers.
    pub fn numbers(&self, learner: &Learner, values: &[f32]) -> Option<Vec<Vec<f32>>> {
        let count = learner.adapted().len();
        match self.kind {
            Rates::Fixed => Some(vec![vec![self.initial as f32; count]; self.steps]),
            Rates::PerStep => {
                let logarithms = &values[learner.parameters.get(self.parameters.start).range()];
                Some(
                    logarithms
                        .chunks_exact(count)
                        .map(|step| step.iter().map(|x| x.exp()).collect())
                        .collect(),
                )
            }
            Rates::PerParameter => None,
        }
    }
}
