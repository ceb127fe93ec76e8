//! What turns an input into a feature vector.

mod memory;
mod op;
mod plan;
#[cfg(test)]
mod random;
mod rows;
#[cfg(feature = "tract")]
pub mod tract;

pub use plan::{PlanTrunk, RunError};

/// A trunk: shared by all heads, never trained on a device.
///
/// It is run in place: write an input, [`run`](Self::run), read the feature vector. Input and feature vector may share
/// their memory, so writing one ends the other.
pub trait Trunk {
    /// Why it could not run.
    type Error;

    /// Elements of an input.
    fn input_length(&self) -> usize;

    /// Elements of a feature vector.
    fn feature_length(&self) -> usize;

    /// Where to write an input before [`run`](Self::run); what it held is gone after a run.
    ///
    /// # Shapes
    /// `[height][width][channels]`, flattened.
    fn input_mut(&mut self) -> &mut [f32];

    /// Runs on the input written before; the feature vector `[feature_length]`.
    fn run(&mut self) -> Result<&[f32], Self::Error>;

    /// The feature vector of the last run; gone once the next input is being written.
    fn feature(&self) -> &[f32];

    /// The same, to be replaced by one that something else computed.
    fn feature_mut(&mut self) -> &mut [f32];

    /// Runs on an input.
    ///
    /// # Shapes
    /// `input` `[height][width][channels]`, flattened; `feature` `[feature_length]`.
    fn features(&mut self, input: &[f32], feature: &mut [f32]) -> Result<(), Self::Error>;
}
