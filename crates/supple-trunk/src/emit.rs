//! A draft to the plan: values placed, weights rounded and packed, each operation described.

use supple_pack::op::{Epilogue, Layer, Op, Operand, Requantise, Shape, Value};
use supple_pack::write::TrunkParts;

use crate::lower::Lowered;
use crate::lower::draft::{Constant, Draft, Kind, Source, Step, ValueId, Weights};
use crate::report::{OperationReport, kind};
use crate::schedule::Schedule;
use crate::weights::{Blob, int8_blocks, layer_blocks, taps_first};

/// Why a draft became no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// A number the format cannot hold.
    #[error("the plan's {what} is {value}, which a pack cannot hold: use fewer or smaller layers")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large.
        value: usize,
    },
}

/// A plan and what it costs.
pub struct Emitted {
    pub parts: TrunkParts,
    pub operations: Vec<OperationReport>,
}

fn fit<T: TryFrom<usize>>(what: &'static str, value: usize) -> Result<T, EmitError> {
    T::try_from(value).map_err(|_| EmitError::TooLarge { what, value })
}

/// Makes the plan. The same draft and schedule always give the same plan.
pub fn emit(lowered: &Lowered, schedule: &Schedule, name: &str) -> Result<Emitted, EmitError> {
    let mut emitter = Emitter { draft: &lowered.draft, schedule, blob: Blob::default() };
    let mut ops = Vec::with_capacity(lowered.draft.steps.len());
    let mut operations = Vec::with_capacity(lowered.draft.steps.len());
    for (index, step) in lowered.draft.steps.iter().enumerate() {
        let group = schedule.groups.iter().find(|range| range.contains(&index));
        if let Some(range) = group.filter(|range| range.start == index) {
            ops.push(Op::Rows { ops: fit("number of operations by rows", range.len())? });
        }
        let op = emitter.op(step)?;
        operations.push(report(&op, step, group.is_some()));
        ops.push(op);
    }
    let parts = TrunkParts {
        name: name.to_owned(),
        input: emitter.value(lowered.input.0, lowered.input.1)?,
        output: emitter.value(lowered.output.0, lowered.output.1)?,
        arena: fit("arena", schedule.arena)?,
        ops,
        weights: emitter.blob.elements,
    };
    Ok(Emitted { parts, operations })
}

fn report(op: &Op, step: &Step, by_rows: bool) -> OperationReport {
    let shape = |value: Option<&Value>| value.map(|value| value.shape);
    let [first, second] = op.inputs();
    let output = step.output.1;
    let constants = op.constants().into_iter().flatten();
    OperationReport {
        kind: kind(op).to_owned(),
        node: step.node.clone(),
        input: shape(first.or(second)).unwrap_or(output),
        output,
        by_rows,
        macs: op.macs(),
        weight_bytes: constants.map(|part| 4 * part.element.words(part.count) as usize).sum(),
    }
}

struct Emitter<'l> {
    draft: &'l Draft,
    schedule: &'l Schedule,
    blob: Blob,
}

impl Emitter<'_> {
    fn value(&self, value: ValueId, shape: Shape) -> Result<Value, EmitError> {
        let info = &self.draft.values[value];
        let rows = self.schedule.rows[value];
        Ok(Value {
            offset: fit("arena", self.schedule.offsets[value])?,
            shape,
            element: info.element,
            rows: if info.shape == shape { rows } else { shape.height },
        })
    }

    fn input(&self, step: &Step) -> Result<Value, EmitError> {
        match step.inputs.first() {
            Some(Source::Value(value, shape)) => self.value(*value, *shape),
            // A fill reads nothing.
            _ => self.value(step.output.0, step.output.1),
        }
    }

    fn operand(&mut self, source: &Source) -> Result<Operand, EmitError> {
        match source {
            Source::Value(value, shape) => Ok(Operand::Value(self.value(*value, *shape)?)),
            Source::Constant(Constant { shape, values, quantised }) => {
                let at = match quantised {
                    Some((values, _)) => self.blob.append_bytes(values),
                    None => self.blob.append(values.iter().copied()),
                };
                Ok(Operand::Constant { at: fit("weights", at)?, shape: *shape })
            }
        }
    }

    /// `pack_*` put the row-major weights in the order of the kernels.
    fn layer(
        &mut self,
        step: &Step,
        weights: &Weights,
        pack_float: impl Fn(&[f64]) -> Vec<f32>,
        pack_int8: impl Fn(&[i8]) -> Vec<i8>,
    ) -> Result<Layer, EmitError> {
        let blob = &mut self.blob;
        let (at, bias, epilogue) = match weights {
            Weights::Float(linear) => {
                let at = blob.append(pack_float(&linear.weights));
                let bias = blob.append(linear.bias.iter().map(|bias| *bias as f32));
                (at, bias, Epilogue::Float(linear.activation))
            }
            Weights::Int8(layer) => {
                let at = blob.append_bytes(&pack_int8(&layer.weights));
                let bias = blob.append_integers(&layer.bias);
                let multipliers = fit("weights", blob.append_integers(&layer.multipliers))?;
                let requantise = Requantise {
                    multipliers,
                    shift: layer.shift,
                    input_zero: layer.input_zero,
                    output_zero: layer.output_zero,
                    low: layer.low,
                    high: layer.high,
                };
                (at, bias, Epilogue::Int8(requantise))
            }
        };
        Ok(Layer {
            input: self.input(step)?,
            output: self.value(step.output.0, step.output.1)?,
            weights: fit("weights", at)?,
            bias: fit("weights", bias)?,
            epilogue,
        })
    }

    fn op(&mut self, step: &Step) -> Result<Op, EmitError> {
        let (input, output) = (self.input(step)?, self.value(step.output.0, step.output.1)?);
        Ok(match &step.kind {
            Kind::Convolution { window, groups, weights } => {
                let outputs = weights.outputs();
                let channels = usize::from(input.shape.channels);
                let layer = self.layer(
                    step,
                    weights,
                    |rows| layer_blocks(rows, outputs, *groups),
                    |rows| int8_blocks(rows, outputs, *groups, window, channels),
                )?;
                Op::Convolution { layer, window: *window, groups: fit("number of groups", *groups)? }
            }
            Kind::Depthwise { window, weights } => {
                let outputs = weights.outputs();
                let layer = self.layer(
                    step,
                    weights,
                    |rows| taps_first(rows, outputs).into_iter().map(|weight| weight as f32).collect(),
                    |rows| taps_first(rows, outputs),
                )?;
                Op::Depthwise { layer, window: *window }
            }
            Kind::Dense { weights } => {
                let outputs = weights.outputs();
                let inputs = input.elements();
                let point = crate::lower::POINT;
                let layer = self.layer(
                    step,
                    weights,
                    |rows| layer_blocks(rows, outputs, 1),
                    |rows| int8_blocks(rows, outputs, 1, &point, inputs),
                )?;
                Op::Dense { layer }
            }
            Kind::MaxPool { window } => Op::MaxPool { input, output, window: *window },
            Kind::AveragePool { window, count_padding } => {
                let zero = self.draft.values[step.output.0].quantum.map_or(0, |quantum| quantum.zero);
                Op::AveragePool { input, output, window: *window, padding: count_padding.then_some(zero) }
            }
            Kind::GlobalAverage { rescale } => {
                let rescale = rescale.map(|rescaling| (rescaling.input_zero, rescaling.rescale));
                Op::GlobalAverage { input, output, rescale }
            }
            Kind::GlobalMaximum => Op::GlobalMaximum { input, output },
            Kind::Unary(function) => Op::Unary { input, output, function: *function },
            Kind::Binary(operation, activation) => {
                let (left, right) = self.operands(step)?;
                Op::Binary { left, right, output, operation: *operation, activation: *activation }
            }
            Kind::SumInt8(sum) => {
                let (left, right) = self.operands(step)?;
                let (zeros, multipliers, rescale) = (sum.zeros, sum.multipliers, sum.rescale);
                Op::SumInt8 { left, right, output, zeros, multipliers, rescale }
            }
            Kind::ProductInt8(product) => {
                let (left, right) = self.operands(step)?;
                Op::ProductInt8 { left, right, output, zeros: product.zeros, rescale: product.rescale }
            }
            Kind::Softmax => Op::Softmax { input, output },
            Kind::Copy(walk) => Op::Copy { input, output, walk: *walk },
            Kind::Fill(value) => {
                let bits = match self.draft.values[step.output.0].quantum {
                    Some(quantum) => u32::from(quantum.nearest(*value).cast_unsigned()),
                    None => value.to_bits(),
                };
                Op::Fill { output, bits }
            }
            Kind::Quantise => {
                let quantum = self.quantum(step.output.0);
                Op::Quantise { input, output, inverse_scale: 1.0 / quantum.scale, zero: quantum.zero }
            }
            Kind::Dequantise => {
                let quantum = step.inputs.first().and_then(Source::value).map(|value| self.quantum(value));
                let quantum = quantum.unwrap_or(crate::lower::draft::Quantum { scale: 1.0, zero: 0 });
                Op::Dequantise { input, output, scale: quantum.scale, zero: quantum.zero }
            }
            Kind::Table(table) => {
                Op::Table { input, output, table: fit("weights", self.blob.append_bytes(&table[..]))? }
            }
        })
    }

    fn operands(&mut self, step: &Step) -> Result<(Operand, Operand), EmitError> {
        let [left, right] = &step.inputs[..] else {
            return Err(EmitError::TooLarge { what: "number of operands", value: step.inputs.len() });
        };
        Ok((self.operand(left)?, self.operand(right)?))
    }

    fn quantum(&self, value: ValueId) -> crate::lower::draft::Quantum {
        self.draft.values[value].quantum.unwrap_or(crate::lower::draft::Quantum { scale: 1.0, zero: 0 })
    }
}
