//! Serves a pack's trunk through tract, for boards that have `std`.
//!
//! The model is built from the pack itself, so nothing but the pack is needed. tract orders its sums as it likes:
//! features agree with [`PlanTrunk`](super::PlanTrunk)'s closely, not bit for bit.

use std::sync::Arc;

use supple_pack::{Activation, Op, Pack, Shape, Value, Window};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_core::ops::nn::{DataFormat, Reduce, Reducer};

use super::Trunk;

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
        let mut builder =
            Builder { model: TypedModel::default(), written: Vec::new(), weights: pack.weights() };
        let input = pack.trunk().input;
        let source = builder.model.add_source("input", f32::fact(dimensions(&input.shape)));
        builder.written.push((input, source.map_err(failed)?));
        for (index, op) in pack.ops().enumerate() {
            builder.add(index, &op)?;
        }
        let output = builder.find(&pack.trunk().output, usize::from(pack.trunk().ops))?;
        let Builder { mut model, .. } = builder;
        model.select_output_outlets(&[output]).map_err(failed)?;
        let model = model.into_optimized().and_then(|model| model.into_runnable()).map_err(failed)?;
        Ok(Self { model, input: input.shape, feature_length: pack.trunk().output.elements() })
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

struct Builder<'p> {
    model: TypedModel,
    /// Values by the order in which they were written.
    written: Vec<(Value, OutletId)>,
    weights: &'p [f32],
}

impl Builder<'_> {
    /// The last value written at this place.
    fn find(&self, value: &Value, reader: usize) -> Result<OutletId, TractError> {
        let last =
            self.written.iter().rev().find(|(written, _)| {
                written.offset == value.offset && written.elements() == value.elements()
            });
        last.map(|(_, outlet)| *outlet).ok_or(TractError::Dangling(reader))
    }

    fn wire(
        &mut self,
        name: &str,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[OutletId],
    ) -> Result<OutletId, TractError> {
        let outlets = self.model.wire_node(name, op, inputs).map_err(failed)?;
        Ok(outlets[0])
    }

    fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Result<OutletId, TractError> {
        let tensor = Tensor::from_shape(shape, values).map_err(failed)?;
        self.model.add_const(name, tensor).map_err(failed)
    }

    fn add(&mut self, _index: usize, _op: &Op) -> Result<(), TractError> {
        Err(TractError::Tract("not yet".to_owned()))
    }
}
