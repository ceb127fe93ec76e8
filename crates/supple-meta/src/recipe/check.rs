//! What types do not say of a recipe.

use super::quantisation::MOST_INPUTS;
use super::{Precision, Recipe, RecipeError};

impl Recipe {
    /// Checks values and how they go together.
    pub fn check(&self) -> Result<(), RecipeError> {
        let (head, training, quantisation) = (&self.head, &self.training, &self.quantisation);
        let largest_support = training.way.saturating_mul(training.shots.iter().copied().max().unwrap_or(0));
        let (warp, variation) = (&training.warp, &training.variation);
        let within = |pairs: &[(f32, f32)]| pairs.iter().all(|(value, most)| (0.0..=*most).contains(value));
        let warp_is_sane = within(&[
            (warp.rotation_degrees, 180.0),
            (warp.log_scale, 2.0),
            (warp.shear, 2.0),
            (warp.shift, 28.0),
        ]);
        let variation_is_sane = within(&[
            (variation.shift, 1.0),
            (variation.log_gain, 5.0),
            (variation.noise, 1e6),
            (variation.offset, 1e6),
            (variation.log_stretch, 2.0),
            (variation.time_mask, 1.0),
            (variation.turn_degrees, 180.0),
            (variation.task_log_gain, 5.0),
            (variation.task_offset, 1e6),
        ]);
        let wrong = |key, problem: &str| Err(RecipeError::Value { key, problem: problem.to_owned() });
        let positive = |value: f32| value.is_finite() && value > 0.0;
        let fraction = |value: f64| (0.0..=1.0).contains(&value);
        match () {
            () if self.trunk.start.is_some() != self.trunk.blocks.is_empty() => {
                wrong("trunk", "needs either blocks or start, an ONNX file, which brings its own blocks")
            }
            () if self.trunk.frozen && self.trunk.start.is_none() => {
                wrong("trunk.frozen", "needs start, the ONNX file of a trained trunk")
            }
            () if self.trunk.start.is_some() && self.trunk.standardise => {
                wrong("trunk.standardise", "goes with blocks, not with a trunk that has its own scale")
            }
            () if self.trunk.precision == Precision::Int8 && !head.on_device => wrong(
                "trunk.precision",
                "is for devices: set on_device = true in [head], or precision = \"f32\" for a start for hosts",
            ),
            () if !(50.0..=100.0).contains(&quantisation.percentile) => {
                wrong("quantisation.percentile", "must be within 50 and 100; 99.9 is usual")
            }
            () if !(1..=MOST_INPUTS).contains(&quantisation.inputs) => Err(RecipeError::Value {
                key: "quantisation.inputs",
                problem: format!("must be within 1 and {MOST_INPUTS}; some hundreds are usual"),
            }),
            () if quantisation.head_iterations == Some(0) => {
                wrong("quantisation.head_iterations", "must be at least 1")
            }
            () if head.name.is_empty() || head.name.len() > 32 => {
                wrong("head.name", "must have 1 to 32 bytes")
            }
            () if !(1..=1024).contains(&head.capacity) => wrong("head.capacity", "must be within 1..=1024"),
            () if !(1..=65_535).contains(&head.max_support) => {
                wrong("head.max_support", "must be within 1..=65535")
            }
            () if head.hidden > 1024 => wrong("head.hidden", "must be within 0..=1024"),
            () if training.way == 0 || training.way > head.capacity => Err(RecipeError::Value {
                key: "training.way",
                problem: format!("must be within 1 and head.capacity ({})", head.capacity),
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
            () if !fraction(training.fixed_statistics_after) => {
                wrong("training.fixed_statistics_after", "must be within 0 and 1")
            }
            () if !fraction(training.shuffled_share) => {
                wrong("training.shuffled_share", "must be within 0 and 1")
            }
            () if !fraction(warp.probability) => wrong("training.warp.probability", "must be within 0 and 1"),
            () if !warp_is_sane => wrong(
                "training.warp",
                "must be within 0 and 180 (rotation_degrees), 2 (log_scale, shear), 28 (shift)",
            ),
            () if !fraction(variation.probability) => {
                wrong("training.variation.probability", "must be within 0 and 1")
            }
            () if !variation_is_sane => wrong(
                "training.variation",
                "must be positive or zero, within 1 (shift, time_mask), 2 (log_stretch), 5 (log_gain, \
                 task_log_gain), 180 (turn_degrees)",
            ),
            () if training.validation_every == 0 => wrong("training.validation_every", "must be at least 1"),
            () if training.validation_episodes == 0 => {
                wrong("training.validation_episodes", "must be at least 1")
            }
            () if training.validation_way == 0 => wrong("training.validation_way", "must be at least 1"),
            () if training.validation_shot == 0 => wrong("training.validation_shot", "must be at least 1"),
            () if training.meta_step.is_some_and(|step| !positive(step) || step > 1.0) => {
                wrong("training.meta_step", "must be above 0 and at most 1")
            }
            () => Ok(()),
        }
    }
}
