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
    shape: Shape,
    input: Vec<f32>,
    feature: Vec<f32>,
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
        let (input, feature) = (vec![0.0; trunk.input.elements()], vec![0.0; trunk.output.elements()]);
        Ok(Self { model, shape: trunk.input.shape, input, feature })
    }

    /// tract's model run on an input of the right length.
    fn run_model(
        model: &Arc<TypedRunnableModel>,
        shape: &Shape,
        input: &[f32],
        feature: &mut [f32],
    ) -> Result<(), TractError> {
        let input = Tensor::from_shape(&dimensions(shape), input).map_err(failed)?;
        let outputs = model.run(tvec!(input.into())).map_err(failed)?;
        let output = outputs[0].to_plain_array_view::<f32>().map_err(failed)?;
        feature.iter_mut().zip(&output).for_each(|(place, value)| *place = *value);
        Ok(())
    }
}

impl Trunk for TractTrunk {
    type Error = TractError;

    fn input_length(&self) -> usize {
        self.input.len()
    }

    fn feature_length(&self) -> usize {
        self.feature.len()
    }

    fn input_mut(&mut self) -> &mut [f32] {
        &mut self.input
    }

    fn run(&mut self) -> Result<&[f32], TractError> {
        Self::run_model(&self.model, &self.shape, &self.input, &mut self.feature)?;
        Ok(&self.feature)
    }

    fn feature(&self) -> &[f32] {
        &self.feature
    }

    fn feature_mut(&mut self) -> &mut [f32] {
        &mut self.feature
    }

    fn features(&mut self, input: &[f32], feature: &mut [f32]) -> Result<(), TractError> {
        let lengths = (self.input_length(), self.feature_length());
        for (got, expected) in [(input.len(), lengths.0), (feature.len(), lengths.1)] {
            if got != expected {
                return Err(TractError::Length { input: lengths.0, feature: lengths.1, got });
            }
        }
        Self::run_model(&self.model, &self.shape, input, feature)
    }
}

fn failed(error: impl std::fmt::Display) -> TractError {
    TractError::Tract(format!("{error:#}"))
}

/// Batch first, channel last.
fn dimensions(shape: &Shape) -> [usize; 4] {
    [1, shape.height.into(), shape.width.into(), shape.channels.into()]
}
