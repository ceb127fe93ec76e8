//! Recipes: everything that decides a training, in TOML. An unknown key is an error.
//!
//! | module | what |
//! |---|---|
//! | [`data`] | which data set, what of it is held back |
//! | [`training`] | the outer loop, and how samples are varied |
//! | [`quantisation`] | how a trunk becomes one of `i8` |
//! | [`check`](self) | what types do not say |

mod check;
pub mod data;
pub mod quantisation;
pub mod training;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::data::{DataRecipe, HoldBackRecipe, OnBrokenRecipe, Source};
pub use self::quantisation::{Precision, QuantisationRecipe, RangeRecipe};
pub use self::training::{TrainingRecipe, VariationRecipe, WarpRecipe};
use crate::algorithm::{Adapts, AlgorithmRecipe};
use crate::checkpoint::read_bounded;
use crate::model::Block;

/// No recipe has more.
const MOST_BYTES: u64 = 1 << 20;

/// A training, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of all chance: starting weights, tasks, variations.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// What to learn from.
    #[serde(default)]
    pub data: DataRecipe,
    /// What a task is.
    #[serde(default)]
    pub task: TaskRecipe,
    /// The shared trunk.
    pub trunk: TrunkRecipe,
    /// The head.
    #[serde(default)]
    pub head: HeadRecipe,
    /// The meta-learning algorithm.
    #[serde(default)]
    pub algorithm: AlgorithmRecipe,
    /// The outer loop.
    pub training: TrainingRecipe,
    /// How the trunk becomes one of `i8`, where its precision is `int8`.
    #[serde(default)]
    pub quantisation: QuantisationRecipe,
}

fn first_seed() -> u64 {
    1
}

/// What is new to the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Classes never seen; labels carry no meaning from episode to episode.
    #[default]
    NewClasses,
    /// A person, patient or machine never seen; labels keep their meaning.
    NewDomain,
}

/// What a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRecipe {
    /// What is new in it.
    #[serde(default)]
    pub kind: Kind,
    /// What is adapted; a device adapts heads.
    #[serde(default)]
    pub adapts: Adapts,
}

/// The trunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkRecipe {
    /// First to last; what pixels the last leaves are averaged. With `start`, left out.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// An ONNX file: its trunk is where training starts, with batch normalisation folded into its weights.
    #[serde(default)]
    pub start: Option<PathBuf>,
    /// Whether the trunk stays as it starts, and the head alone is trained.
    #[serde(default)]
    pub frozen: bool,
    /// Whether inputs are brought to mean 0 and deviation 1 by the training part's figures, channel by channel. Those
    /// become part of the first block, which must be dense.
    #[serde(default)]
    pub standardise: bool,
    /// The arithmetic that a device runs it in. With `int8`, it is trained in `f32`, then quantised as `[quantisation]`
    /// says, and the head is trained on the features that come out; one that is `frozen` is quantised as it is.
    #[serde(default)]
    pub precision: Precision,
}

impl TrunkRecipe {
    /// Whether the first block is a dense one.
    pub fn begins_dense(&self) -> bool {
        matches!(self.blocks.first(), Some(Block::Dense { .. }))
    }
}

/// The head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeadRecipe {
    /// What the head is for.
    pub name: String,
    /// The largest number of classes a device can enrol; with labels that keep their meaning, all classes.
    pub capacity: usize,
    /// The largest number of support samples a device caches.
    pub max_support: usize,
    /// Units of a hidden layer with relu; 0 for a linear head.
    pub hidden: usize,
    /// How a device keeps the features of support samples. Training sees them as they are.
    pub cache: CacheRecipe,
    /// Whether a device is to run it. If not, the training may do what a device cannot: adapt the trunk, or adapt the
    /// head by anything but gradient steps; the start is then written for hosts.
    pub on_device: bool,
}

/// How support features are kept on a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheRecipe {
    /// As they are.
    #[default]
    F32,
    /// Rounded to 8 bits with a scale a sample: a quarter of the memory.
    I8,
}

impl Default for HeadRecipe {
    fn default() -> Self {
        Self {
            name: "head".to_owned(),
            capacity: 20,
            max_support: 100,
            hidden: 0,
            cache: CacheRecipe::F32,
            on_device: true,
        }
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
    #[error("{path} is not a recipe:\n{message}\n`supple train --print-recipe` shows every key")]
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
        Self::parse(path, &Self::text(path)?)
    }

    /// The text of a recipe's file, of whatever kind it is.
    pub fn text(path: &Path) -> Result<String, RecipeError> {
        read_bounded(path, MOST_BYTES)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
            .map_err(|source| RecipeError::Io { path: path.to_owned(), source })
    }

    /// Checks a text; `path` names it in errors.
    pub fn parse(path: &Path, text: &str) -> Result<Self, RecipeError> {
        let mut recipe: Self = toml::from_str(text)
            .map_err(|e| RecipeError::Syntax { path: path.to_owned(), message: e.to_string() })?;
        recipe.check()?;
        if recipe.trunk.precision == Precision::Int8 {
            // So that whoever prints or keeps the recipe sees what it came to.
            recipe.quantisation.head_iterations = Some(recipe.head_iterations());
        }
        Ok(recipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: &str = "
        [trunk]
        blocks = [{ channels = 8, kernel = 3, stride = 2, padding = 1 }]
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
        assert_eq!(recipe.data.source, Source::Glyphs);
        assert_eq!((recipe.head.capacity, recipe.task.adapts), (20, Adapts::Head));
        // What is printed with all defaults is the same recipe.
        assert_eq!(read(&toml::to_string(&recipe).unwrap()).unwrap(), recipe);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let message = read(&SHORTEST.replace("[head]", "[head]\nstep = 3")).unwrap_err().to_string();
        assert!(message.contains("step") && message.contains("line"), "{message}");
        assert!(read(&format!("sead = 1\n{SHORTEST}")).is_err());
    }

    #[test]
    fn an_int8_recipe_tells_how_long_its_head_is_trained() {
        let int8 = SHORTEST.replace("[head]", "precision = \"int8\"\n[head]").replace("= 10", "= 1000");
        assert_eq!(read(SHORTEST).unwrap().quantisation, QuantisationRecipe::default());
        let recipe = read(&int8).unwrap();
        assert_eq!(recipe.quantisation.head_iterations, Some(100), "a tenth");
        assert_eq!(read(&toml::to_string(&recipe).unwrap()).unwrap(), recipe);
        let frozen = "[trunk]\nstart = \"trunk.onnx\"\nfrozen = true\nprecision = \"int8\"\n[training]\niterations = 1000";
        assert_eq!(read(frozen).unwrap().quantisation.head_iterations, Some(1000), "nothing else is trained");
        let own = format!("{int8}[quantisation]\nrange = \"percentile\"\nhead_iterations = 7");
        let recipe = read(&own).unwrap();
        assert_eq!((recipe.head_iterations(), recipe.quantisation.range), (7, RangeRecipe::Percentile));
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
            ("iterations = 10", "iterations = 10\nvariation = { noise = -1.0 }", "training.variation"),
            ("[head]", "[quantisation]\npercentile = 20.0\n[head]", "quantisation.percentile"),
            ("[head]", "[quantisation]\npercentile = nan\n[head]", "quantisation.percentile"),
            ("[head]", "[quantisation]\ninputs = 0\n[head]", "quantisation.inputs"),
            ("[head]", "[quantisation]\nhead_iterations = 0\n[head]", "quantisation.head_iterations"),
            ("[head]", "precision = \"int8\"\n[head]\non_device = false", "trunk.precision"),
            ("[head]", "precision = \"int4\"\n[head]", "int4"),
        ] {
            let message = read(&SHORTEST.replace(from, to)).unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
    }
}
