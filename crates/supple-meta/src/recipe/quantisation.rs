//! How a trunk becomes one of `i8`, and how long its head is trained on the features that come out.

use serde::{Deserialize, Serialize};

use super::Recipe;

/// The most inputs that ranges are measured on.
pub(super) const MOST_INPUTS: usize = 65_536;
/// Of the outer iterations, the share that the head is trained on a quantised trunk after the trunk was trained in
/// `f32`: the head goes on from where it was, and little is left to learn.
const HEAD_SHARE: u64 = 10;

/// The arithmetic of a trunk on a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Integers of 8 bits; features come out in single precision.
    Int8,
}

/// From what values are seen to be to the range that their `i8` cover.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeRecipe {
    /// From the smallest to the largest.
    #[default]
    MinMax,
    /// `percentile` of all elements; the rest is clipped, half at each end.
    Percentile,
    /// The one with the smallest mean squared error.
    MeanSquaredError,
}

/// How a trunk is quantised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuantisationRecipe {
    /// How ranges are chosen.
    pub range: RangeRecipe,
    /// With `range = "percentile"`: the part of all elements that lies within the range, in percent.
    pub percentile: f32,
    /// On how many samples ranges are measured, drawn from those that are trained on; all, if there are fewer.
    pub inputs: usize,
    /// Outer iterations of the head on features in `i8`. By default a tenth of `iterations` of `[training]`; with a
    /// frozen trunk all of them.
    pub head_iterations: Option<u64>,
}

impl Default for QuantisationRecipe {
    fn default() -> Self {
        Self { range: RangeRecipe::default(), percentile: 99.9, inputs: 256, head_iterations: None }
    }
}

impl Recipe {
    /// Whether a trunk that was trained elsewhere is quantised as it is, so that only the head is trained.
    pub fn quantises_only(&self) -> bool {
        self.trunk.precision == Precision::Int8 && self.trunk.frozen
    }

    /// Outer iterations of the head on features in `i8`.
    pub fn head_iterations(&self) -> u64 {
        let iterations = self.training.iterations;
        let usual = if self.trunk.frozen { iterations } else { iterations / HEAD_SHARE };
        self.quantisation.head_iterations.unwrap_or(usual.max(1))
    }
}
