//! Serves a pack's trunk through tract, for boards that have `std`.
//!
//! The model is built from the pack itself, so nothing but the pack is needed. tract orders its sums as it likes:
//! features agree with [`PlanTrunk`](super::PlanTrunk)'s closely, not bit for bit.

use std::sync::Arc;

use supple_pack::op::OUTPUT_BLOCK;
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

    fn add(&mut self, index: usize, op: &Op) -> Result<(), TractError> {
        let (input, output) = op.values();
        let mut outlet = self.find(input, index)?;
        let name = |part: &str| format!("operation{index}.{part}");
        let fact = self.model.outlet_fact(outlet).map_err(failed)?;
        let (now, wanted) = (fact.shape.to_tvec(), dimensions(&input.shape).map(TDim::from));
        if now[..] != wanted {
            outlet =
                self.wire(&name("shape"), AxisOp::Reshape(0, now, wanted.into_iter().collect()), &[outlet])?;
        }
        let outlet = match op {
            Op::Conv2d { window, activation, .. } => {
                let outlet = self.convolution(&name("conv"), op, window, outlet)?;
                self.activation(&name("relu"), *activation, outlet)?
            }
            // Over an image laid flat: a convolution whose kernel is the image.
            Op::Dense { activation, .. } => {
                let whole = [input.shape.height, input.shape.width].map(usize::from);
                let pool = pool_spec(whole, [1, 1], PaddingSpec::Valid, input, output);
                let outlet = self.weighted(&name("dense"), op, pool, outlet)?;
                self.activation(&name("relu"), *activation, outlet)?
            }
            Op::MaxPool { window, .. } => {
                let pool_spec = window_spec(window, input, output);
                self.wire(&name("pool"), MaxPool { pool_spec, with_index_outputs: None }, &[outlet])?
            }
            Op::GlobalAveragePool { .. } => {
                let sum = Reduce { axes: tvec!(1, 2), reducer: Reducer::Sum };
                let sum = self.wire(&name("sum"), sum, &[outlet])?;
                let positions = f32::from(input.shape.height) * f32::from(input.shape.width);
                let weight = self.constant(&name("weight"), &[1, 1, 1, 1], &[1.0 / positions])?;
                self.wire(&name("mean"), math::mul(), &[sum, weight])?
            }
            Op::Relu { .. } => self.activation(&name("relu"), Activation::Relu, outlet)?,
        };
        self.written.push((*output, outlet));
        Ok(())
    }

    fn activation(
        &mut self,
        name: &str,
        activation: Activation,
        outlet: OutletId,
    ) -> Result<OutletId, TractError> {
        match activation {
            Activation::None => Ok(outlet),
            Activation::Relu => {
                let zero = self.constant(&format!("{name}.zero"), &[1, 1, 1, 1], &[0.0])?;
                self.wire(name, math::max(), &[outlet, zero])
            }
        }
    }

    fn convolution(
        &mut self,
        name: &str,
        op: &Op,
        window: &Window,
        outlet: OutletId,
    ) -> Result<OutletId, TractError> {
        let (input, output) = op.values();
        self.weighted(name, op, window_spec(window, input, output), outlet)
    }

    /// A convolution with the weights and biases of an operation.
    fn weighted(
        &mut self,
        name: &str,
        op: &Op,
        pool_spec: PoolSpec,
        outlet: OutletId,
    ) -> Result<OutletId, TractError> {
        let [(weights, count), (bias, outputs)] = op.weights().unwrap_or_default();
        let part = |at: u32, length: u64| &self.weights[at as usize..][..length as usize];
        let (outputs, taps) = (outputs as usize, pool_spec.kernel_shape.iter().product::<usize>());
        let bias = part(bias, outputs as u64).to_vec();
        let kernel = unblocked(part(weights, count), outputs, taps * pool_spec.input_channels);
        let [rows, columns] = [pool_spec.kernel_shape[0], pool_spec.kernel_shape[1]];
        let shape = [outputs, rows, columns, pool_spec.input_channels];
        let kernel = self.constant(&format!("{name}.kernel"), &shape, &kernel)?;
        let bias = self.constant(&format!("{name}.bias"), &[outputs], &bias)?;
        let conv = Conv { pool_spec, kernel_fmt: KernelFormat::OHWI, group: 1, q_params: None };
        self.wire(name, conv, &[outlet, kernel, bias])
    }
}

fn window_spec(window: &Window, input: &Value, output: &Value) -> PoolSpec {
    let sides = |shape: &Shape| [shape.height, shape.width].map(usize::from);
    let (from, to) = (sides(&input.shape), sides(&output.shape));
    let of = |pair: [u8; 2], axis: usize| usize::from(pair[axis]);
    let after = |axis: usize| {
        let reach = (to[axis] - 1) * of(window.stride, axis) + of(window.kernel, axis);
        reach.saturating_sub(from[axis] + of(window.pad, axis))
    };
    let before: TVec<usize> = window.pad.into_iter().map(usize::from).collect();
    let padding = PaddingSpec::Explicit(before, (0..2).map(after).collect());
    pool_spec(window.kernel.map(usize::from), window.stride.map(usize::from), padding, input, output)
}

fn pool_spec(
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: PaddingSpec,
    input: &Value,
    output: &Value,
) -> PoolSpec {
    PoolSpec {
        data_format: DataFormat::NHWC,
        kernel_shape: kernel.into_iter().collect(),
        padding,
        dilations: None,
        strides: Some(stride.into_iter().collect()),
        input_channels: input.shape.channels.into(),
        output_channels: output.shape.channels.into(),
    }
}

/// `[ceil(out / 8)][inputs][8]` to `[out][inputs]`.
fn unblocked(weights: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
    let at = |output: usize, input: usize| {
        (output / OUTPUT_BLOCK * inputs + input) * OUTPUT_BLOCK + output % OUTPUT_BLOCK
    };
    (0..outputs * inputs).map(|i| weights[at(i / inputs, i % inputs)]).collect()
}

#[cfg(test)]
mod tests {
    use supple_pack::write::AlignedBytes;

    use super::*;
    use crate::trunk::PlanTrunk;
    use crate::trunk::plan::tests::parts;

    #[test]
    fn gives_the_features_of_the_plan() {
        let bytes = AlignedBytes::copy_of(&supple_pack::write::pack(&parts(), &[]).unwrap());
        let pack = Pack::parse(&bytes).unwrap();
        let mut arena = [0.0; 18];
        let mut plan = PlanTrunk::new(&pack, &mut arena).unwrap();
        let mut tract = TractTrunk::new(&pack).unwrap();
        for input in [[1.0, 2.0, 3.0, 4.0], [0.0, -1.0, 0.5, 0.25]] {
            let (mut expected, mut found) = ([0.0; 2], [9.0; 2]);
            plan.features(&input, &mut expected).unwrap();
            tract.features(&input, &mut found).unwrap();
            assert_eq!(found, expected);
        }
        assert!(matches!(tract.features(&[0.0; 3], &mut [0.0; 2]), Err(TractError::Length { got: 3, .. })));
    }
}
