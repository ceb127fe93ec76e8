//! What decides a joint training, in TOML. An unknown key is an error.

use serde::{Deserialize, Serialize};

use super::weights::WeightsRecipe;
use crate::recipe::{CacheRecipe, DataRecipe, TrunkRecipe};

/// A joint training, whole.
///
/// ```
/// use supple_meta::multitask::MultiTaskRecipe;
/// let recipe: MultiTaskRecipe = toml::from_str(
///     "trunk.blocks = [{ dense = 128 }]
///      heads = [{ task = 'gas' }, { task = 'concentration', hidden = 16 }]
///      weights = { name = 'uncertainty' }
///      sharing = { kind = 'soft', strength = 0.01 }
///      training.epochs = 30",
/// )
/// .unwrap();
/// assert_eq!(recipe.training.batch, 64);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiTaskRecipe {
    /// Seed of all chance: starting weights, order of samples, order of gradients.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// What to learn from.
    #[serde(default)]
    pub data: DataRecipe,
    /// The trunk. Without blocks, inputs are features already. Where `start` names a file, whoever reads it puts its
    /// blocks here.
    pub trunk: TrunkRecipe,
    /// What tasks share.
    #[serde(default)]
    pub sharing: SharingRecipe,
    /// How much each task's loss counts.
    #[serde(default)]
    pub weights: WeightsRecipe,
    /// How long, and in which steps.
    #[serde(default)]
    pub training: JointTrainingRecipe,
    /// What a device makes of the heads.
    #[serde(default)]
    pub device: JointDeviceRecipe,
    /// The tasks.
    pub heads: Vec<TaskHeadRecipe>,
}

/// What all heads have in common on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JointDeviceRecipe {
    /// The largest number of support samples that are cached.
    pub max_support: u16,
    /// How their features are kept.
    pub cache: CacheRecipe,
}

impl Default for JointDeviceRecipe {
    fn default() -> Self {
        Self { max_support: 100, cache: CacheRecipe::F32 }
    }
}

fn first_seed() -> u64 {
    1
}

/// What tasks share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum SharingRecipe {
    /// The trunk.
    #[default]
    Hard,
    /// Nothing, but trunks are held close to each other.
    Soft {
        /// λ of the penalty: one for all layers, or one for each block that has parameters.
        #[serde(default)]
        strength: Strength,
    },
}

/// λ of soft sharing, 0 or above.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Strength {
    /// For all layers.
    Same(f64),
    /// For each block that has parameters.
    Each(Vec<f64>),
}

impl Default for Strength {
    fn default() -> Self {
        Self::Same(1e-3)
    }
}

/// Kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// Classes.
    Classification,
    /// Numbers.
    Regression,
}

impl std::fmt::Display for AnswerKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Classification => "classes",
            Self::Regression => "numbers",
        })
    }
}

/// A task and its head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskHeadRecipe {
    /// The task, as the data set names it.
    pub task: String,
    /// The kind of its answers; by default what the data has. Where given, the data must be of it.
    #[serde(default)]
    pub kind: Option<AnswerKind>,
    /// Outputs; by default as many as the data has classes or numbers. For classes it may be more.
    #[serde(default)]
    pub outputs: Option<usize>,
    /// Units of a hidden layer; 0 for a linear head.
    #[serde(default)]
    pub hidden: usize,
    /// Of numbers: where the loss turns from square to straight (Huber 1964), in deviations when `scale_targets`.
    #[serde(default)]
    pub huber: Option<f64>,
    /// Of numbers: whether training sees them at mean 0 and deviation 1.
    #[serde(default = "yes")]
    pub scale_targets: bool,
    /// For the weights `fixed`: what the task's loss is multiplied by; by default 1.
    #[serde(default)]
    pub weight: Option<f64>,
    /// Gradient steps that a device takes from the trained head; joint training learns no step sizes.
    #[serde(default = "steps")]
    pub steps: u16,
    /// Their size.
    #[serde(default = "inner_learning_rate")]
    pub inner_learning_rate: f64,
}

fn steps() -> u16 {
    5
}

fn inner_learning_rate() -> f64 {
    0.01
}

fn yes() -> bool {
    true
}

impl TaskHeadRecipe {
    /// A linear head with what the data says of it.
    pub fn of(task: &str) -> Self {
        Self {
            task: task.to_owned(),
            kind: None,
            outputs: None,
            hidden: 0,
            huber: None,
            scale_targets: true,
            weight: None,
            steps: steps(),
            inner_learning_rate: inner_learning_rate(),
        }
    }
}

/// How long, and in which steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JointTrainingRecipe {
    /// Steps. Either these or epochs.
    pub iterations: Option<u64>,
    /// Passes over the training part; by default 20.
    pub epochs: Option<u64>,
    /// Samples of a step; never more than there are.
    pub batch: usize,
    /// Equal parts that a batch is computed in, in parallel. Batch normalisation's statistics are a part's own.
    pub groups: usize,
    /// Adam's rate at the start; it falls to zero along a cosine.
    pub learning_rate: f32,
    /// The gradient's norm is clipped here.
    pub gradient_clip: f32,
    /// After this share of the steps, batch normalisation uses fixed statistics, as a device will.
    pub fixed_statistics_after: f64,
}

impl Default for JointTrainingRecipe {
    fn default() -> Self {
        Self {
            iterations: None,
            epochs: None,
            batch: 64,
            groups: 1,
            learning_rate: 1e-3,
            gradient_clip: 10.0,
            fixed_statistics_after: 0.6,
        }
    }
}

impl JointTrainingRecipe {
    const EPOCHS: u64 = 20;

    /// Samples of a step, of so many there are: a multiple of `groups`.
    pub fn batch_of(&self, samples: usize) -> usize {
        (self.batch.min(samples) / self.groups).max(1) * self.groups
    }

    /// Steps, for so many samples.
    pub fn steps(&self, samples: usize) -> u64 {
        let epochs = self.epochs.unwrap_or(Self::EPOCHS);
        let whole = epochs.saturating_mul(samples as u64).div_ceil(self.batch_of(samples) as u64);
        self.iterations.unwrap_or(whole)
    }
}
