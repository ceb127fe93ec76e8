//! The plan's operations, one after another, as tract's.

use supple_pack::op::{Function, Operand, Operation, Walk};
use supple_pack::{Activation, Element, Op, Value};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Gather, MultiBroadcastTo, Slice, TypedConcat};
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::{MaxPool, SumPool};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, Softmax, SoftmaxKind};
use tract_onnx::tract_core::ops::{math, nn};

use super::arena::{Arena, Part};
use super::layers::window_spec;
use super::{TractError, dimensions, failed};
use crate::kernels::walk;

/// A model under construction.
pub(super) struct Builder<'p> {
    model: TypedModel,
    arena: Arena,
    weights: &'p [f32],
    /// The operation at hand.
    index: usize,
    /// Operations still to come of an [`Op::Rows`].
    group: u8,
    /// What the operation before handed on within it. Such values may hold a few rows only, so they are not found
    /// by their places.
    handed: Option<OutletId>,
}

impl<'p> Builder<'p> {
    /// A model with an input and nothing else.
    pub fn new(weights: &'p [f32], input: &Value) -> Result<Self, TractError> {
        let mut model = TypedModel::default();
        let source = model.add_source("input", f32::fact(dimensions(&input.shape))).map_err(failed)?;
        let mut arena = Arena::default();
        arena.write(place(input), source);
        Ok(Self { model, arena, weights, index: 0, group: 0, handed: None })
    }

    /// The model, its output what lies at this place.
    pub fn finish(mut self, output: &Value) -> Result<TypedModel, TractError> {
        let output = self.read(output)?;
        self.model.select_output_outlets(&[output]).map_err(failed)?;
        Ok(self.model)
    }

    /// Adds the next operation.
    pub fn add(&mut self, op: &Op) -> Result<(), TractError> {
        let refused = || TractError::Unsupported { operation: name(op), index: self.index };
        let mut values = op.inputs().into_iter().flatten().chain(op.output());
        if values.any(|value| value.element == Element::I8) {
            return Err(refused());
        }
        match op {
            Op::Rows { ops } => (self.group, self.handed) = (*ops, None),
            Op::Copy { input, output, walk } => self.copy(input, output, walk)?,
            _ => {
                let Some(output) = op.output() else { return Err(refused()) };
                let outlet = self.compute(op, output)?;
                let outlet = self.shaped(outlet, &dimensions(&output.shape))?;
                self.written(output, outlet);
            }
        }
        self.index += 1;
        Ok(())
    }

    fn written(&mut self, output: &Value, outlet: OutletId) {
        if output.is_whole() {
            self.arena.write(place(output), outlet);
        } else {
            self.arena.forget(&place(output));
        }
        self.group = self.group.saturating_sub(1);
        self.handed = (self.group > 0).then_some(outlet);
    }

    fn compute(&mut self, op: &Op, output: &Value) -> Result<OutletId, TractError> {
        match op {
            Op::Convolution { layer, window, groups } => {
                let input = self.read(&layer.input)?;
                self.convolution(op, layer, window, *groups, input)
            }
            Op::Depthwise { layer, window } => {
                let input = self.read(&layer.input)?;
                self.depthwise(op, layer, window, input)
            }
            Op::Dense { layer } => {
                let input = self.read(&layer.input)?;
                self.dense(op, layer, input)
            }
            Op::MaxPool { input, window, .. } => {
                let pool_spec = window_spec(window, &input.shape, &output.shape);
                let outlet = self.read(input)?;
                let outlet = self.wire("pool", MaxPool { pool_spec, with_index_outputs: None }, &[outlet])?;
                self.cut(outlet, output)
            }
            Op::AveragePool { input, window, padding, .. } => {
                let pool_spec = window_spec(window, &input.shape, &output.shape);
                let pool = SumPool { pool_spec, count_include_pad: padding.is_some(), normalize: true };
                let outlet = self.read(input)?;
                let outlet = self.wire("pool", pool, &[outlet])?;
                self.cut(outlet, output)
            }
            Op::GlobalAverage { input, .. } => {
                let outlet = self.read(input)?;
                let sum = Reduce { axes: tvec!(1, 2), reducer: Reducer::Sum };
                let sum = self.wire("sum", sum, &[outlet])?;
                let positions = f32::from(input.shape.height) * f32::from(input.shape.width);
                let weight = self.scalar("weight", 1.0 / positions)?;
                self.wire("mean", math::mul(), &[sum, weight])
            }
            Op::GlobalMaximum { input, .. } => {
                let outlet = self.read(input)?;
                self.wire("largest", Reduce { axes: tvec!(1, 2), reducer: Reducer::Max }, &[outlet])
            }
            Op::Unary { input, function, .. } => {
                let outlet = self.read(input)?;
                self.function(*function, outlet)
            }
            Op::Binary { left, right, operation, activation, .. } => {
                let sides = [self.operand(left)?, self.operand(right)?];
                let outlet = match operation {
                    Operation::Add => self.wire("add", math::add(), &sides),
                    Operation::Subtract => self.wire("subtract", math::sub(), &sides),
                    Operation::Multiply => self.wire("multiply", math::mul(), &sides),
                    Operation::Divide => self.wire("divide", math::div(), &sides),
                    Operation::Maximum => self.wire("maximum", math::max(), &sides),
                    Operation::Minimum => self.wire("minimum", math::min(), &sides),
                }?;
                let outlet = self.activation(*activation, outlet)?;
                // Where both sides are repeated along a dimension.
                let shape: TVec<usize> = dimensions(&output.shape).into_iter().collect();
                if self.elements(outlet)? == output.elements() {
                    return Ok(outlet);
                }
                self.wire("spread", MultiBroadcastTo { shape: shape.into() }, &[outlet])
            }
            Op::Softmax { input, .. } => {
                let outlet = self.read(input)?;
                let softmax = Softmax { axes: tvec!(3), quant_output_dt: None, kind: SoftmaxKind::Softmax };
                self.wire("softmax", softmax, &[outlet])
            }
            Op::Fill { output, bits } => {
                let values = vec![f32::from_bits(*bits); output.elements()];
                self.constant("fill", &dimensions(&output.shape), &values)
            }
            Op::SumInt8 { .. }
            | Op::ProductInt8 { .. }
            | Op::Copy { .. }
            | Op::Quantise { .. }
            | Op::Dequantise { .. }
            | Op::Table { .. }
            | Op::Rows { .. } => Err(TractError::Unsupported { operation: name(op), index: self.index }),
        }
    }

    fn function(&mut self, function: Function, outlet: OutletId) -> Result<OutletId, TractError> {
        match function {
            Function::Activation(activation) => self.activation(activation, outlet),
            Function::LeakyRelu { slope } => self.wire("leaky_relu", nn::leaky_relu(slope), &[outlet]),
            Function::Sigmoid => self.wire("sigmoid", nn::sigmoid(), &[outlet]),
            Function::HardSigmoid { slope, offset } => {
                let (slope, offset) = (self.scalar("slope", slope)?, self.scalar("offset", offset)?);
                let outlet = self.wire("times", math::mul(), &[outlet, slope])?;
                let outlet = self.wire("plus", math::add(), &[outlet, offset])?;
                self.activation(Activation::Clip { low: 0.0, high: 1.0 }, outlet)
            }
            Function::Tanh => self.wire("tanh", math::tanh(), &[outlet]),
            Function::HardSwish => self.wire("hard_swish", nn::hard_swish(), &[outlet]),
            Function::Absolute => self.wire("absolute", math::abs(), &[outlet]),
            Function::Exponential => self.wire("exponential", math::exp(), &[outlet]),
            Function::Logarithm => self.wire("logarithm", math::ln(), &[outlet]),
            Function::SquareRoot => self.wire("square_root", math::sqrt(), &[outlet]),
            Function::Reciprocal => self.wire("reciprocal", math::recip(), &[outlet]),
            Function::ErrorFunction => self.wire("error function", math::erf(), &[outlet]),
        }
    }

    pub(super) fn activation(
        &mut self,
        activation: Activation,
        outlet: OutletId,
    ) -> Result<OutletId, TractError> {
        match activation {
            Activation::None => Ok(outlet),
            Activation::Relu => {
                let zero = self.scalar("zero", 0.0)?;
                self.wire("relu", math::max(), &[outlet, zero])
            }
            Activation::Clip { low, high } => {
                let (low, high) = (self.scalar("low", low)?, self.scalar("high", high)?);
                let outlet = self.wire("not_below", math::max(), &[outlet, low])?;
                self.wire("not_above", math::min(), &[outlet, high])
            }
        }
    }

    /// Elements that move: gathered from the input and, where the walk leaves some as they are, from what lay there.
    fn copy(&mut self, input: &Value, output: &Value, walk: &Walk) -> Result<(), TractError> {
        let lost = TractError::Dangling(self.index);
        let sources: Vec<i64> = (0..input.elements() as i64).collect();
        let mut places = vec![-1; output.elements()];
        walk::copy(&sources, &mut places, walk).ok_or(lost)?;
        let outlet = self.read(input)?;
        let outlet = self.shaped(outlet, &[input.elements()])?;
        // What is written side by side needs nothing of what lay there.
        let first = places.iter().position(|&place| place >= 0).unwrap_or(0);
        let end = places.iter().rposition(|&place| place >= 0).map_or(0, |last| last + 1);
        let start = place(output).start;
        let side_by_side = places.get(first..end).unwrap_or_default();
        if side_by_side.iter().all(|&place| place >= 0) {
            let outlet = self.gather(outlet, side_by_side)?;
            self.arena.write(start + first..start + end, outlet);
            return Ok(());
        }
        let before = self.arena.read(&place(output));
        let before = self.joined(before)?;
        let both = self.wire("both", TypedConcat { axis: 0 }, &[outlet, before])?;
        for (place, old) in places.iter_mut().zip(input.elements() as i64..) {
            if *place < 0 {
                *place = old;
            }
        }
        let outlet = self.gather(both, &places)?;
        self.arena.write(place(output), outlet);
        Ok(())
    }

    fn gather(&mut self, outlet: OutletId, places: &[i64]) -> Result<OutletId, TractError> {
        let places = self.constant("places", &[places.len()], places)?;
        self.wire("gather", Gather::new(0), &[outlet, places])
    }

    fn operand(&mut self, operand: &Operand) -> Result<OutletId, TractError> {
        match operand {
            Operand::Value(value) => self.read(value),
            Operand::Constant { at, shape } => {
                let values = self.part(*at, shape.elements() as usize);
                self.constant("operand", &dimensions(shape), values)
            }
        }
    }

    /// A value of the plan.
    fn read(&mut self, value: &Value) -> Result<OutletId, TractError> {
        let outlet = match self.handed {
            Some(outlet) => outlet,
            None => {
                let parts = self.arena.read(&place(value));
                if parts.iter().any(|part| part.value.is_none()) {
                    return Err(TractError::Dangling(self.index));
                }
                self.joined(parts)?
            }
        };
        self.shaped(outlet, &dimensions(&value.shape))
    }

    /// One value of many parts, flat; zeros where nothing was written.
    fn joined(&mut self, parts: Vec<Part>) -> Result<OutletId, TractError> {
        let mut flat = Vec::new();
        for Part { place, value } in parts {
            let length = place.len();
            flat.push(match value {
                None => self.constant("unwritten", &[length], &vec![0.0_f32; length])?,
                Some((outlet, first)) => {
                    let whole = self.elements(outlet)?;
                    let outlet = self.shaped(outlet, &[whole])?;
                    if length == whole {
                        outlet
                    } else {
                        self.wire("part", Slice::new(0, first, first + length), &[outlet])?
                    }
                }
            });
        }
        match flat[..] {
            [one] => Ok(one),
            _ => self.wire("joined", TypedConcat { axis: 0 }, &flat),
        }
    }

    /// The first rows and columns, as many as the output has.
    pub(super) fn cut(&mut self, mut outlet: OutletId, output: &Value) -> Result<OutletId, TractError> {
        for (axis, wanted) in dimensions(&output.shape).into_iter().enumerate() {
            let fact = self.model.outlet_fact(outlet).map_err(failed)?;
            if fact.shape[axis] != wanted.to_dim() {
                outlet = self.wire("cut", Slice::new(axis, 0, wanted), &[outlet])?;
            }
        }
        Ok(outlet)
    }

    pub(super) fn shaped(&mut self, outlet: OutletId, shape: &[usize]) -> Result<OutletId, TractError> {
        let fact = self.model.outlet_fact(outlet).map_err(failed)?;
        let now = fact.shape.to_tvec();
        let wanted: TVec<TDim> = shape.iter().map(|&length| length.to_dim()).collect();
        if now == wanted {
            Ok(outlet)
        } else {
            self.wire("shape", AxisOp::Reshape(0, now, wanted), &[outlet])
        }
    }

    fn elements(&self, outlet: OutletId) -> Result<usize, TractError> {
        let fact = self.model.outlet_fact(outlet).map_err(failed)?;
        Ok(fact.shape.as_concrete().map_or(0, |shape| shape.iter().product()))
    }

    pub(super) fn wire(
        &mut self,
        part: &str,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[OutletId],
    ) -> Result<OutletId, TractError> {
        let name = self.name(part);
        let outlets = self.model.wire_node(name, op, inputs).map_err(failed)?;
        Ok(outlets[0])
    }

    pub(super) fn constant<T: Datum + Copy>(
        &mut self,
        part: &str,
        shape: &[usize],
        values: &[T],
    ) -> Result<OutletId, TractError> {
        let tensor = Tensor::from_shape(shape, values).map_err(failed)?;
        let name = self.name(part);
        self.model.add_const(name, tensor).map_err(failed)
    }

    fn scalar(&mut self, part: &str, value: f32) -> Result<OutletId, TractError> {
        self.constant(part, &[1, 1, 1, 1], &[value])
    }

    /// No name twice.
    fn name(&self, part: &str) -> String {
        format!("operation{}.{part}.{}", self.index, self.model.nodes().len())
    }

    /// So many weights; a pack that was read has them.
    pub(super) fn part(&self, at: u32, length: usize) -> &'p [f32] {
        self.weights.get(at as usize..).and_then(|rest| rest.get(..length)).unwrap_or_default()
    }
}

/// Elements that a value takes up; all are `f32`.
fn place(value: &Value) -> std::ops::Range<usize> {
    let start = value.offset as usize;
    start..start + value.held() as usize
}

fn name(op: &Op) -> &'static str {
    match op {
        Op::Convolution { .. } => "convolution",
        Op::Depthwise { .. } => "depthwise convolution",
        Op::Dense { .. } => "dense layer",
        Op::MaxPool { .. } => "largest of windows",
        Op::AveragePool { .. } => "mean of windows",
        Op::GlobalAverage { .. } => "mean of an image",
        Op::GlobalMaximum { .. } => "largest of an image",
        Op::Unary { .. } => "function of each element",
        Op::Binary { .. } => "function of two values",
        Op::SumInt8 { .. } => "sum",
        Op::ProductInt8 { .. } => "product",
        Op::Softmax { .. } => "softmax",
        Op::Copy { .. } => "copy",
        Op::Fill { .. } => "fill",
        Op::Quantise { .. } => "f32 to i8",
        Op::Dequantise { .. } => "i8 to f32",
        Op::Table { .. } => "table",
        Op::Rows { .. } => "operations by rows",
    }
}
