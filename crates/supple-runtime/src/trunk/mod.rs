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
pub trait Trunk {
    /// Why it could not run.
    type Error;

    /// Elements of an input.
    fn input_length(&self) -> usize;

    /// Elements of a feature vector.
    fn feature_length(&self) -> usize;

    /// Runs the trunk.
    ///
    /// # Shapes
    /// `input` `[height][width][channels]`, flattened; `feature` `[feature_length]`.
    fn features(&mut self, input: &[f32], feature: &mut [f32]) -> Result<(), Self::Error>;
}
