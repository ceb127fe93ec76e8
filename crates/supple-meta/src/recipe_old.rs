//! Recipes: everything that decides a training, in TOML. An unknown key is an error.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::read_bounded;
use crate::trunk::BlockSpec;

/// No recipe has more.
const MOST_BYTES: u64 = 1 << 20;

/// A training, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of all chance: starting weights, tasks, warps.
    #[serde(default = "default::seed")]
    pub seed: u64,
    /// What to learn from.
    #[serde(default)]
    pub data: DataRecipe,
    /// The shared trunk.
    pub trunk: TrunkRecipe,
    /// The head.
    pub head: HeadRecipe,
    /// Meta-training.
    pub training: TrainingRecipe,
}

/// Which data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "source", rename_all = "lowercase")]
pub enum DataRecipe {
    /// Generated on the spot: needs no download.
    Glyphs {
        /// Seed of the generator.
        #[serde(default = "default::seed")]
        generator_seed: u64,
    },
    /// Omniglot, from the path given by `--data`.
    Omniglot,
}

impl Default for DataRecipe {
    fn default() -> Self {
        Self::Glyphs { generator_seed: default::seed() }
    }
}

/// Blocks of the trunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkRecipe {
    /// First to last; what positions the last leaves are averaged.
    pub blocks: Vec<BlockSpec>,
}

/// The head and its inner loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadRecipe {
    /// What the head is for.
    #[serde(default = "default::name")]
    pub name: String,
    /// The largest number of classes a device can enrol.
    #[serde(default = "default::capacity")]
    pub capacity: usize,
    /// The largest number of support samples a device caches.
    #[serde(default = "default::max_support")]
    pub max_support: usize,
    /// Gradient steps of the inner loop.
    #[serde(default = "default::steps")]
    pub steps: usize,
    /// Where the learned rates start.
    #[serde(default = "default::inner_learning_rate")]
    pub inner_learning_rate: f32,
}

/// The outer loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecipe {
    /// The meta-learning algorithm.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Outer iterations.
    pub iterations: u64,
    /// Groups of tasks in a meta-batch. Groups run in parallel; batch normalisation's statistics are a group's own.
    #[serde(default = "default::groups")]
    pub groups: usize,
    /// Tasks in a group.
    #[serde(default = "default::tasks_per_group")]
    pub tasks_per_group: usize,
    /// Classes of a training task.
    #[serde(default = "default::way")]
    pub way: usize,
    /// Support samples a class; each task draws one of these.
    #[serde(default = "default::shots")]
    pub shots: Vec<usize>,
    /// Query samples a class.
    #[serde(default = "default::queries")]
    pub queries: usize,
    /// Adam's rate at the start; it falls to zero along a cosine.
    #[serde(default = "default::learning_rate")]
    pub learning_rate: f32,
    /// Rate for the logarithms of the inner learning rates, as a multiple of `learning_rate`.
    #[serde(default = "default::rate_factor")]
    pub inner_rate_factor: f32,
    /// Share of the outer loss that falls on the steps before the last, evenly. 0 is MAML's loss.
    #[serde(default = "default::early_step_share")]
    pub early_step_share: f32,
    /// After this share of the iterations, batch normalisation uses fixed statistics, as the device will.
    #[serde(default = "default::fixed_statistics_after")]
    pub fixed_statistics_after: f64,
    /// The gradient's norm is clipped here.
    #[serde(default = "default::gradient_clip")]
    pub gradient_clip: f32,
    /// Whether each character mirrored counts as further classes, besides its quarter turns.
    #[serde(default)]
    pub mirrored_classes: bool,
    /// How drawings are varied.
    #[serde(default)]
    pub warp: WarpRecipe,
    /// Iterations between two validations.
    #[serde(default = "default::validation_every")]
    pub validation_every: u64,
    /// Episodes of a validation (5-way 1-shot).
    #[serde(default = "default::validation_episodes")]
    pub validation_episodes: usize,
}

/// Meta-learning algorithms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// The inner loop adapts the head only; the outer gradient goes through its steps.
    #[default]
    Anil,
}

/// How drawings are varied in training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarpRecipe {
    /// How often a drawing is varied at all.
    pub probability: f64,
    /// Largest rotation, degrees.
    pub rotation_degrees: f32,
    /// Largest change of the logarithm of the scale.
    pub log_scale: f32,
    /// Largest shear.
    pub shear: f32,
    /// Largest shift, in pixels of the 28 × 28 input.
    pub shift: f32,
}

impl Default for WarpRecipe {
    fn default() -> Self {
        Self { probability: 0.7, rotation_degrees: 10.0, log_scale: 0.12, shear: 0.15, shift: 1.5 }
    }
}

mod default {
    pub fn seed() -> u64 {
        1
    }
    pub fn name() -> String {
        "characters".to_owned()
    }
    pub fn capacity() -> usize {
        20
    }
    pub fn max_support() -> usize {
        100
    }
    pub fn steps() -> usize {
        5
    }
    pub fn inner_learning_rate() -> f32 {
        0.05
    }
    pub fn groups() -> usize {
        2
    }
    pub fn tasks_per_group() -> usize {
        2
    }
    pub fn way() -> usize {
        20
    }
    pub fn shots() -> Vec<usize> {
        vec![1, 5]
    }
    pub fn queries() -> usize {
        3
    }
    pub fn learning_rate() -> f32 {
        1e-3
    }
    pub fn rate_factor() -> f32 {
        10.0
    }
    pub fn early_step_share() -> f32 {
        0.3
    }
    pub fn fixed_statistics_after() -> f64 {
        0.6
    }
    pub fn gradient_clip() -> f32 {
        10.0
    }
    pub fn validation_every() -> u64 {
        1000
    }
    pub fn validation_episodes() -> usize {
        200
    }
}

/// Why a recipe was refused.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// The file cannot be read.
    #[error("cannot read the recipe {path}: {source}; models/omniglot/recipe.toml is one")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Not the TOML of a recipe: a wrong or unknown key, a wrong type.
    #[error("{path} is not a recipe:\n{message}\nmodels/omniglot/recipe.toml shows every key")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's message, with line and column.
        message: String,
    },
    /// A value that makes no sense.
    #[error("recipe: {key} {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

impl Recipe {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, RecipeError> {
        let text = read_bounded(path, MOST_BYTES)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
            .map_err(|source| RecipeError::Io { path: path.to_owned(), source })?;
        let recipe: Self = toml::from_str(&text)
            .map_err(|e| RecipeError::Syntax { path: path.to_owned(), message: e.to_string() })?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Checks what types do not.
    pub fn check(&self) -> Result<(), RecipeError> {
        let (head, training) = (&self.head, &self.training);
        let largest_support = training.way.saturating_mul(training.shots.iter().copied().max().unwrap_or(0));
        let warp = &training.warp;
        let warp_is_sane =
            [(warp.rotation_degrees, 180.0), (warp.log_scale, 2.0), (warp.shear, 2.0), (warp.shift, 28.0)]
                .iter()
                .all(|(limit, most)| (0.0..=*most).contains(limit));
        let wrong = |key, problem: &str| Err(RecipeError::Value { key, problem: problem.to_owned() });
        let positive = |value: f32| value.is_finite() && value > 0.0;
        let fraction = |value: f64| (0.0..=1.0).contains(&value);
        match () {
            () if head.name.is_empty() || head.name.len() > 32 => {
                wrong("head.name", "must have 1 to 32 bytes")
            }
            () if !(2..=1024).contains(&head.capacity) => wrong("head.capacity", "must be within 2..=1024"),
            () if !(1..=64).contains(&head.steps) => wrong("head.steps", "must be within 1..=64"),
            () if !(1..=65_535).contains(&head.max_support) => {
                wrong("head.max_support", "must be within 1..=65535")
            }
            () if !positive(head.inner_learning_rate) => {
                wrong("head.inner_learning_rate", "must be a positive number")
            }
            () if training.way < 2 || training.way > head.capacity => Err(RecipeError::Value {
                key: "training.way",
                problem: format!("must be within 2 and head.capacity ({})", head.capacity),
            }),
            () if training.shots.is_empty() || training.shots.contains(&0) => {
                wrong("training.shots", "must list at least one number of samples, each at least 1")
            }
            () if largest_support > head.max_support => Err(RecipeError::Value {
                key: "head.max_support",
                problem: format!(
                    "is below the {largest_support} support samples of the largest training task"
                ),
            }),
            () if training.queries == 0 => wrong("training.queries", "must be at least 1"),
            () if training.iterations == 0 => wrong("training.iterations", "must be at least 1"),
            () if !(1..=256).contains(&training.groups) => wrong("training.groups", "must be within 1..=256"),
            () if !(1..=256).contains(&training.tasks_per_group) => {
                wrong("training.tasks_per_group", "must be within 1..=256")
            }
            () if !positive(training.learning_rate) => {
                wrong("training.learning_rate", "must be a positive number")
            }
            () if !(training.inner_rate_factor.is_finite() && training.inner_rate_factor >= 0.0) => {
                wrong("training.inner_rate_factor", "must be zero or a positive number")
            }
            () if !positive(training.gradient_clip) => {
                wrong("training.gradient_clip", "must be a positive number")
            }
            () if !fraction(training.early_step_share.into()) => {
                wrong("training.early_step_share", "must be within 0 and 1")
            }
            () if !fraction(training.fixed_statistics_after) => {
                wrong("training.fixed_statistics_after", "must be within 0 and 1")
            }
            () if !fraction(training.warp.probability) => {
                wrong("training.warp.probability", "must be within 0 and 1")
            }
            () if !warp_is_sane => wrong(
                "training.warp",
                "must be within 0 and 180 (rotation_degrees), 2 (log_scale, shear), 28 (shift)",
            ),
            () if training.validation_every == 0 => wrong("training.validation_every", "must be at least 1"),
            () if training.validation_episodes == 0 => {
                wrong("training.validation_episodes", "must be at least 1")
            }
            () => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: &str = "
        [trunk]
        blocks = [{ channels = 8, kernel = 3, stride = 2, padding = 1, relu = true }]
        [head]
        [training]
        iterations = 10
    ";

    fn read(text: &str) -> Result<Recipe, RecipeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        std::fs::write(&path, text).unwrap();
        Recipe::read(&path)
    }

    #[test]
    fn the_shortest_recipe_has_defaults_for_the_rest() {
        let recipe = read(SHORTEST).unwrap();
        assert_eq!(recipe.data, DataRecipe::Glyphs { generator_seed: 1 });
        assert_eq!((recipe.head.capacity, recipe.head.steps), (20, 5));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let message = read(&SHORTEST.replace("[head]", "[head]\nstep = 3")).unwrap_err().to_string();
        assert!(message.contains("step") && message.contains("line"), "{message}");
        assert!(read(&format!("sead = 1\n{SHORTEST}")).is_err());
    }

    #[test]
    fn values_beyond_sense_are_named() {
        for (from, to, key) in [
            ("[head]", "[head]\ncapacity = 3", "training.way"),
            ("[head]", "[head]\nmax_support = 7", "head.max_support"),
            ("iterations = 10", "iterations = 0", "training.iterations"),
            ("iterations = 10", "iterations = 10\nshots = []", "training.shots"),
            ("iterations = 10", "iterations = 10\nlearning_rate = nan", "training.learning_rate"),
            ("iterations = 10", "iterations = 10\nwarp = { shift = inf }", "training.warp"),
            ("iterations = 10", "iterations = 10\nwarp = { shear = -1.0 }", "training.warp"),
        ] {
            let message = read(&SHORTEST.replace(from, to)).unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
    }
}
