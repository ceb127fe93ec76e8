//! How much each task's loss counts, one way a file.
//!
//! | module | way |
//! |---|---|
//! | [`fixed`] | by fixed weights; by default all alike |
//! | [`uncertainty`] | by what each task leaves unexplained (Kendall et al. 2018) |
//! | [`grad_norm`] | so that tasks learn at like speed (Chen et al. 2018) |
//! | [`dwa`] | by how fast each loss falls (Liu et al. 2019) |
//! | [`pc_grad`] | alike, conflicting parts of gradients taken out (Yu et al. 2020) |
//!
//! Losses of different weightings cannot be compared with each other, and that of [`uncertainty`] may be negative by
//! design: rank trainings by their tasks' metrics.

pub mod dwa;
pub mod fixed;
pub mod grad_norm;
pub mod pc_grad;
pub mod uncertainty;

use serde::{Deserialize, Serialize};

pub use self::dwa::DynamicAverage;
pub use self::fixed::Fixed;
pub use self::grad_norm::GradNorm;
pub use self::uncertainty::Uncertainty;

/// A weighting as a recipe names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "name")]
pub enum WeightsRecipe {
    /// All tasks alike.
    #[default]
    Equal,
    /// By the heads' own `weight`.
    Fixed,
    /// Learned log-variances ([`uncertainty`]).
    Uncertainty {
        /// Their learning rate, as a multiple of the training's.
        #[serde(default = "one")]
        rate_factor: f32,
    },
    /// Gradient norms brought to like size ([`grad_norm`]).
    GradNorm {
        /// How strongly tasks that lag behind are favoured; 0 makes all norms equal.
        #[serde(default = "default_alpha")]
        alpha: f64,
        /// Step size of the weights.
        #[serde(default = "default_rate")]
        rate: f64,
    },
    /// Weights by the losses' rates of descent ([`dwa`]).
    DynamicAverage {
        /// Above it differences of weights shrink.
        #[serde(default = "default_temperature")]
        temperature: f64,
    },
    /// Gradient surgery ([`pc_grad`]).
    PcGrad,
}

fn one() -> f32 {
    1.0
}
fn default_alpha() -> f64 {
    1.5
}
fn default_rate() -> f64 {
    0.025
}
fn default_temperature() -> f64 {
    2.0
}

impl WeightsRecipe {
    /// Whether it compares gradients of layers that all tasks share.
    pub fn needs_shared_layer(&self) -> bool {
        matches!(self, Self::GradNorm { .. } | Self::PcGrad)
    }

    /// As recipes name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Fixed => "fixed",
            Self::Uncertainty { .. } => "uncertainty",
            Self::GradNorm { .. } => "grad-norm",
            Self::DynamicAverage { .. } => "dynamic-average",
            Self::PcGrad => "pc-grad",
        }
    }
}

/// What a weighting is told of a step.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// Of each task, the mean loss over the batch's known labels.
    pub losses: &'a [f64],
    /// Of each task, whether the batch had a known label. A task without one is left as it was.
    pub known: &'a [bool],
    /// Of each task, the norm of its unweighted loss's gradient at the last shared layer; empty unless
    /// [`Weighting::wants_norms`].
    pub norms: &'a [f64],
    /// The pass over the data that the batch belongs to, from 0.
    pub epoch: u64,
    /// The training's present learning rate.
    pub learning_rate: f32,
}

/// A weighting and its state, which goes into checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Weighting {
    /// [`fixed`], and [`pc_grad`], whose weights are all 1.
    Fixed(Fixed),
    /// [`uncertainty`].
    Uncertainty(Uncertainty),
    /// [`grad_norm`].
    GradNorm(GradNorm),
    /// [`dwa`].
    DynamicAverage(DynamicAverage),
}

impl Weighting {
    /// At its start. `classifies` says of each task whether it is of classes, `fixed` its weight where the recipe gives
    /// weights.
    pub fn new(recipe: &WeightsRecipe, classifies: &[bool], fixed: &[f64]) -> Self {
        let tasks = classifies.len();
        match *recipe {
            WeightsRecipe::Equal | WeightsRecipe::PcGrad => Self::Fixed(Fixed::equal(tasks)),
            WeightsRecipe::Fixed => Self::Fixed(Fixed { weights: fixed.to_vec() }),
            WeightsRecipe::Uncertainty { rate_factor } => {
                Self::Uncertainty(Uncertainty::new(classifies, rate_factor))
            }
            WeightsRecipe::GradNorm { alpha, rate } => Self::GradNorm(GradNorm::new(tasks, alpha, rate)),
            WeightsRecipe::DynamicAverage { temperature } => {
                Self::DynamicAverage(DynamicAverage::new(tasks, temperature))
            }
        }
    }

    /// What each task's loss is multiplied by in the next step, for a batch of this epoch.
    pub fn weights(&mut self, epoch: u64) -> Vec<f64> {
        match self {
            Self::Fixed(own) => own.weights.clone(),
            Self::Uncertainty(own) => own.weights(),
            Self::GradNorm(own) => own.weights().to_vec(),
            Self::DynamicAverage(own) => own.weights(epoch),
        }
    }

    /// Whether it asks for the norms of gradients.
    pub fn wants_norms(&self) -> bool {
        matches!(self, Self::GradNorm(_))
    }

    /// Learns from a step.
    pub fn observe(&mut self, observed: &Observed) {
        match self {
            Self::Fixed(_) => {}
            Self::Uncertainty(own) => own.observe(observed),
            Self::GradNorm(own) => own.observe(observed),
            Self::DynamicAverage(own) => own.observe(observed),
        }
    }
}
