//! Serves a pack's trunk through tract, for boards that have `std`.
//!
//! The model is built from the pack itself, so nothing but the pack is needed. tract orders its sums as it likes:
//! features agree with [`PlanTrunk`](super::PlanTrunk)'s closely, not bit for bit.
//!
//! | module | holds |
//! |---|---|
//! | `builder` | the plan's operations, one after another, as tract's |
//! | `layers` | convolutions and dense layers, windows |
//! | `arena` | which of tract's values lies where in the arena |
//!
//! Not supported: operations over `i8`. tract has other roundings; these trunks are run by their plans.

mod arena;
mod builder;
mod layers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use supple_pack::{Pack, Shape};
use tract_onnx::prelude::*;

use super::Trunk;
use builder::Builder;

/// A trunk that tract runs.
#[derive(Debug, Clone)]
pub struct TractTrunk {
    model: Arc<TypedRunnableModel>,
    input: Shape,
    feature_length: usize,
}

/// Why tract does not run a trunk.
#[derive(Debug, thiserror::Error)]
pub enum TractError {
    /// tract says why.
    #[error("tract does not run this trunk: {0}; run it by its plan instead")]
    Tract(String),
    /// An operation that tract does not have.
    #[error(
        "tract does not run this trunk: operation {index} ({operation}) computes with i8; run it by its plan"
    )]
    Unsupported {
        /// What it is.
        operation: &'static str,
        /// Counted from 0.
        index: usize,
    },
    /// A plan that reads what nothing wrote.
    #[error("operation {0} of the plan reads what no other wrote: compile the trunk again")]
    Dangling(usize),
    /// An input or a feature vector of another length.
    #[error("the trunk takes {input} values and gives {feature}, but got {got}")]
    Length {
        /// Elements of an input.
        input: usize,
        /// Elements of a feature vector.
        feature: usize,
        /// As given.
        got: usize,
    },
}

impl TractTrunk {
    /// Builds tract's model from the plan in a pack.
    pub fn new(pack: &Pack) -> Result<Self, TractError> {
        let trunk = pack.trunk();
        let mut builder = Builder::new(pack.weights(), &trunk.input)?;
        for op in pack.ops() {
            builder.add(&op)?;
        }
        let model = builder.finish(&trunk.output)?;
        let model = model.into_optimized().and_then(|model| model.into_runnable()).map_err(failed)?;
        Ok(Self { model, input: trunk.input.shape, feature_length: trunk.output.elements() })
    }
}

impl Trunk for TractTrunk {
    type Error = TractError;

    fn input_length(&self) -> usize {
        self.input.elements() as usize
    }

    fn feature_length(&self) -> usize {
        self.feature_length
    }

    fn features(&mut self, input: &[f32], feature: &mut [f32]) -> Result<(), TractError> {
        let lengths = (self.input_length(), self.feature_length);
        for (got, expected) in [(input.len(), lengths.0), (feature.len(), lengths.1)] {
            if got != expected {
                return Err(TractError::Length { input: lengths.0, feature: lengths.1, got });
            }
        }
        let input = Tensor::from_shape(&dimensions(&self.input), input).map_err(failed)?;
        let outputs = self.model.run(tvec!(input.into())).map_err(failed)?;
        let output = outputs[0].to_plain_array_view::<f32>().map_err(failed)?;
        feature.iter_mut().zip(&output).for_each(|(place, value)| *place = *value);
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> TractError {
    TractError::Tract(format!("{error:#}"))
}

/// Batch first, channel last.
fn dimensions(shape: &Shape) -> [usize; 4] {
    [1, shape.height.into(), shape.width.into(), shape.channels.into()]
}
