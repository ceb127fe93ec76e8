//! Post-training quantisation: a draft in `f32` to one in `i8`.
//!
//! | module | what |
//! |---|---|
//! | [`ranges`] | from what values were seen to be to scale and zero |
//! | [`calibrate`](mod@calibrate) | runs the `f32` plan on data and keeps the ranges of its values |
//! | `equalise` | channels brought to like sizes |
//! | `multiplier` | real factors as integers and a shift |
//! | `layer` | a layer's weights in `i8` |
//! | `convert` | the whole draft |
//! | [`error`] | what each layer loses |
//!
//! The arithmetic, to the bit, is in `docs/quantisation.md`.

pub mod calibrate;
mod convert;
mod equalise;
pub mod error;
mod layer;
mod multiplier;
pub mod ranges;

pub use convert::{Quantised, equalised, quantise};

use supple_pack::op::Rescale;
use supple_pack::read::PackError;
use supple_pack::write::WriteError;
use supple_runtime::RunError;

use crate::emit::EmitError;
use crate::lower::draft::Quantum;

/// Why a trunk was not quantised.
#[derive(Debug, thiserror::Error)]
pub enum QuantiseError {
    /// Nothing to calibrate on.
    #[error(
        "there are no inputs to calibrate on: give at least one, best some hundreds like those of the device"
    )]
    NoInputs,
    /// An input that does not fit.
    #[error(
        "calibration input {index} has {found} values or some that are no numbers; the trunk reads {expected}"
    )]
    Input {
        /// Which.
        index: usize,
        /// Elements that the trunk reads.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// A percentile that makes no sense.
    #[error("a percentile of {0} is not within 50 to 100; 99.9 is usual")]
    Percentile(f32),
    /// The float plan overflows.
    #[error(
        "the trunk gives values that are no finite numbers on the calibration inputs; check those and its weights"
    )]
    NotFinite,
    /// Ranges of another trunk.
    #[error("the ranges hold {found} values, but this trunk has {expected}: calibrate this trunk")]
    OtherTrunk {
        /// Values of the trunk.
        expected: usize,
        /// Values of the ranges.
        found: usize,
    },
    /// Ranges that calibration never gives.
    #[error("the ranges hold numbers that calibration never gives: calibrate this trunk again")]
    Numbers,
    /// A layer that `i8` cannot hold.
    #[error("node `{node}` cannot be quantised: it {problem}; keep this trunk in f32")]
    Layer {
        /// The node.
        node: String,
        /// Why.
        problem: String,
    },
    /// The plan is too large for a pack.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The plan makes no pack.
    #[error("the plan does not fit a pack: {0}")]
    Pack(#[from] WriteError),
    /// The pack could not be read back.
    #[error("the pack cannot be read back, which is a fault of the compiler: {0}")]
    Read(#[from] PackError),
    /// The runtime refused the plan.
    #[error("the plan cannot be run, which is a fault of the compiler: {0}")]
    Run(#[from] RunError),
}

/// A layer's weights and the way from its sums to its outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerInt8 {
    /// `[out][row]`, as in `f32`.
    pub weights: Vec<i8>,
    /// One for each output, less what the input's zero adds.
    pub bias: Vec<i32>,
    /// One for each output.
    pub multipliers: Vec<i32>,
    pub shift: u8,
    pub input_zero: i8,
    pub output_zero: i8,
    pub low: i8,
    pub high: i8,
}

/// A rescaled mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescaling {
    pub input_zero: i8,
    pub rescale: Rescale,
}

/// See `Op::SumInt8`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SumInt8 {
    pub zeros: [i8; 2],
    pub multipliers: [i32; 2],
    pub rescale: Rescale,
}

/// See `Op::ProductInt8`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProductInt8 {
    pub zeros: [i8; 2],
    pub rescale: Rescale,
}

impl Quantum {
    /// The `i8` that is nearest to a number, halves rounded up.
    pub fn nearest(&self, x: f32) -> i8 {
        let q = (f64::from(x) / f64::from(self.scale) + 0.5).floor() + f64::from(self.zero);
        q.clamp(-128.0, 127.0) as i8
    }

    /// The number that an `i8` stands for.
    pub fn number(&self, q: i8) -> f32 {
        self.scale * (i16::from(q) - i16::from(self.zero)) as f32
    }
}
