//! The outer loop, and how samples are varied.

use serde::{Deserialize, Serialize};
use supple_data::render::WarpLimits;
use supple_data::variation::Variation;

/// The outer loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecipe {
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
    /// Support samples a class; each group draws one of these.
    #[serde(default = "default::shots")]
    pub shots: Vec<usize>,
    /// Query samples a class.
    #[serde(default = "default::queries")]
    pub queries: usize,
    /// Where labels keep their meaning: the share of the tasks in which they are shuffled all the same. The start cannot be
    /// right in those, so steps that turn a wrong start round are learned as well; a right start gives small gradients.
    #[serde(default)]
    pub shuffled_share: f64,
    /// Adam's rate at the start; it falls to zero along a cosine.
    #[serde(default = "default::learning_rate")]
    pub learning_rate: f32,
    /// For algorithms that give a way instead of a gradient (Reptile): the share of it that is gone at the start, falling
    /// to zero evenly.
    #[serde(default)]
    pub meta_step: Option<f32>,
    /// Rate for what the algorithm learns besides trunk and head (step sizes), as a multiple of `learning_rate`.
    #[serde(default = "default::rate_factor")]
    pub inner_rate_factor: f32,
    /// After this share of the iterations, batch normalisation uses fixed statistics, as the device will.
    #[serde(default = "default::fixed_statistics_after")]
    pub fixed_statistics_after: f64,
    /// The gradient's norm is clipped here.
    #[serde(default = "default::gradient_clip")]
    pub gradient_clip: f32,
    /// Whether each drawing's class mirrored counts as further classes, besides its quarter turns.
    #[serde(default)]
    pub mirrored_classes: bool,
    /// How drawings are varied.
    #[serde(default)]
    pub warp: WarpRecipe,
    /// How signals and vectors are varied.
    #[serde(default)]
    pub variation: VariationRecipe,
    /// Iterations between two validations.
    #[serde(default = "default::validation_every")]
    pub validation_every: u64,
    /// Episodes of a validation.
    #[serde(default = "default::validation_episodes")]
    pub validation_episodes: usize,
    /// Classes of a validation episode, where the head holds as many.
    #[serde(default = "default::validation_way")]
    pub validation_way: usize,
    /// Support samples a class of a validation episode.
    #[serde(default = "default::validation_shot")]
    pub validation_shot: usize,
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

/// How signals and vectors are varied in training; all off by default. See [`Variation`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VariationRecipe {
    /// How often a sample is varied at all.
    pub probability: f64,
    /// Largest shift along a signal, as a fraction of its length.
    pub shift: f32,
    /// Largest change of the logarithm of the scale of all values.
    pub log_gain: f32,
    /// Standard deviation of noise on each value.
    pub noise: f32,
    /// Largest offset of all values.
    pub offset: f32,
    /// Largest change of the logarithm of the time axis.
    pub log_stretch: f32,
    /// Longest stretch that is blanked, as a fraction of the length.
    pub time_mask: f32,
    /// Most neighbouring channels that are blanked.
    pub channel_mask: usize,
    /// Largest shift across channels.
    pub channel_shift: usize,
    /// Largest turn of a motion sensor's axes, degrees; one for all samples of a task.
    pub turn_degrees: f32,
    /// Standard deviation of the logarithm of each channel's gain; one for all samples of a task.
    pub task_log_gain: f32,
    /// Standard deviation of each channel's offset; one for all samples of a task.
    pub task_offset: f32,
}

impl TrainingRecipe {
    /// As the data crate wants it. Drawings are warped, everything else is varied.
    pub fn variation(&self) -> Variation {
        let (warp, v) = (&self.warp, &self.variation);
        Variation {
            // One of the two is used, by what the data is.
            probability: if *v == VariationRecipe::default() { warp.probability } else { v.probability },
            warp: WarpLimits {
                rotation: warp.rotation_degrees.to_radians(),
                log_scale: warp.log_scale,
                shear: warp.shear,
                shift: warp.shift,
            },
            shift: v.shift,
            log_gain: v.log_gain,
            noise: v.noise,
            offset: v.offset,
            log_stretch: v.log_stretch,
            time_mask: v.time_mask,
            channel_mask: v.channel_mask,
            channel_shift: v.channel_shift,
            turn: v.turn_degrees.to_radians(),
            task_log_gain: v.task_log_gain,
            task_offset: v.task_offset,
        }
    }
}

mod default {
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
    pub fn validation_way() -> usize {
        5
    }
    pub fn validation_shot() -> usize {
        1
    }
}
