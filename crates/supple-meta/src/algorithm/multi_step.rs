//! A loss after every step (MSL of MAML++).
//!
//! Antoniou, Edwards, Storkey: How to train your MAML (2019). With all weight on the last step, MAML learns a start that
//! is good after exactly so many steps; weight on earlier ones makes training steadier and each step useful. The paper
//! lets the earlier weights fade.
//!
//! A graph is fixed once built, so weights fade in [`PHASES`] phases: the outer loop tells the algorithm how far it is
//! ([`Algorithm::advance`](super::Algorithm::advance)) and builds the graph anew when a phase ends.
//!
//! Cost: a pass of the query, forward and backward, for each step.

use super::AlgorithmError;
use crate::graph::{Graph, Node};

/// Phases in which earlier weights fade.
pub const PHASES: f64 = 10.0;

/// Weights of the query's loss after each step. They sum to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepWeights {
    /// What falls on the steps before the last, evenly. 0 is MAML's loss.
    pub early_share: f64,
    /// The share of the outer loop in which `early_share` fades to zero; none where it stays.
    pub fades_until: Option<f64>,
    /// What falls on the start itself, before any step: for tasks whose labels keep their meaning, where a device has to
    /// be of use before it has learned anything. The rest is shared as above.
    pub before_share: f64,
}

impl StepWeights {
    /// All on the last step.
    pub const LAST: Self = Self { early_share: 0.0, fades_until: None, before_share: 0.0 };

    /// A share on the steps before the last that stays.
    pub fn early(share: f64) -> Self {
        Self { early_share: share, ..Self::LAST }
    }

    /// Whether the numbers make sense.
    pub fn check(&self, algorithm: &'static str) -> Result<(), AlgorithmError> {
        super::in_range(algorithm, "early_step_share", self.early_share, (0.0, 1.0))?;
        super::in_range(algorithm, "before_share", self.before_share, (0.0, 0.9))?;
        super::in_range(algorithm, "early_steps_fade_until", self.fades_until.unwrap_or(1.0), (1e-3, 1.0))
    }

    /// The phase when a share `done` of the outer loop is done, 0 to [`PHASES`].
    pub fn phase(&self, done: f64) -> u32 {
        match self.fades_until {
            Some(end) => (done / end * PHASES).floor().clamp(0.0, PHASES) as u32,
            None => 0,
        }
    }

    /// After each of so many steps, in a phase.
    ///
    /// ```
    /// use supple_meta::algorithm::multi_step::StepWeights;
    /// assert_eq!(StepWeights::LAST.weights(3, 0), [0.0, 0.0, 1.0]);
    /// assert_eq!(StepWeights::early(0.5).weights(3, 0), [0.25, 0.25, 0.5]);
    /// let fading = StepWeights { early_share: 0.5, fades_until: Some(0.2), before_share: 0.0 };
    /// assert_eq!(fading.weights(3, fading.phase(0.1)), [0.125, 0.125, 0.75]);
    /// assert_eq!(fading.weights(3, fading.phase(0.2)), [0.0, 0.0, 1.0]);
    /// ```
    pub fn weights(&self, steps: usize, phase: u32) -> Vec<f64> {
        if steps < 2 {
            return vec![1.0; steps];
        }
        let share = self.early_share * (1.0 - f64::from(phase) / PHASES);
        let mut weights = vec![share / (steps - 1) as f64; steps];
        weights[steps - 1] = 1.0 - share;
        weights
    }
}

/// Σ weight · loss, losses without weight left out.
pub fn weighted(graph: &mut Graph, losses: &[Node], weights: &[f64]) -> Node {
    let mut parts = Vec::with_capacity(losses.len());
    for (loss, weight) in losses.iter().zip(weights) {
        if *weight != 0.0 {
            parts.push(graph.scale(*loss, *weight));
        }
    }
    graph.total(&parts)
}
