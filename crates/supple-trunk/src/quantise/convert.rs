//! The whole draft in `i8`.
//!
//! What has no `i8` arithmetic (softmax, divisions, maxima of two values) stays in `f32`, between a step that goes
//! back and one that goes on. Inputs and features are `f32` always.

use supple_pack::op::{Activation, Element, Function, Operation, Rescale};
use supple_runtime::kernels::element::apply;

use super::calibrate::Ranges;
use super::equalise::{self, Reads};
use super::layer::{layer, limits};
use super::multiplier::{fixed, fixed_one};
use super::ranges::Range;
use super::{ProductInt8, QuantiseError, Rescaling, SumInt8};
use crate::lower::Lowered;
use crate::lower::draft::{Constant, Draft, Kind, Quantum, Source, Step, ValueId, ValueInfo, Weights};

/// A quantised draft.
#[derive(Debug, Clone)]
pub struct Quantised {
    pub lowered: Lowered,
    /// By value of the `f32` draft, the value that stands for it.
    pub stands_for: Vec<Option<ValueId>>,
}

/// Quantises a draft with the ranges of its values. The same draft and ranges always give the same result.
pub fn quantise(lowered: &Lowered, ranges: &Ranges) -> Result<Quantised, QuantiseError> {
    let (expected, found) = (lowered.draft.values.len(), ranges.values.len());
    if expected != found {
        return Err(QuantiseError::OtherTrunk { expected, found });
    }
    let finite = ranges.values.iter().all(|range| range.low.is_finite() && range.high.is_finite())
        && ranges.means.iter().flatten().all(|mean| mean.is_finite());
    if !finite || !equalise::allowed(lowered, &ranges.factors) {
        return Err(QuantiseError::Numbers);
    }
    let lowered = &equalised(lowered, ranges);
    let quanta = quanta(&lowered.draft, &ranges.values);
    let mut converter = Converter {
        from: &lowered.draft,
        means: &ranges.means,
        to: Draft::default(),
        floats: vec![None; expected],
        int8s: vec![None; expected],
        quanta,
    };
    let input = converter.float_value(lowered.input.0);
    for step in &lowered.draft.steps {
        converter.step(step).map_err(|problem| QuantiseError::Layer { node: step.node.clone(), problem })?;
    }
    let output = converter.float(lowered.output.0, "features");
    let stands_for =
        converter.int8s.iter().zip(&converter.floats).map(|(int8, float)| int8.or(*float)).collect();
    let lowered = Lowered {
        draft: converter.to,
        input: (input, lowered.input.1),
        output: (output, lowered.output.1),
        input_order: lowered.input_order.clone(),
        feature_order: lowered.feature_order.clone(),
    };
    Ok(Quantised { lowered, stands_for })
}

/// The draft in `f32` that a quantised one stands for: the same features, channels within it scaled.
pub fn equalised(lowered: &Lowered, ranges: &Ranges) -> Lowered {
    equalise::apply(lowered, &ranges.factors)
}

/// Scale and zero of each value. Values between which elements only move, or of which the largest or the mean is
/// taken, share one.
fn quanta(draft: &Draft, ranges: &[Range]) -> Vec<Quantum> {
    let mut leader: Vec<ValueId> = (0..ranges.len()).collect();
    fn find(leader: &[ValueId], mut value: ValueId) -> ValueId {
        while leader[value] != value {
            value = leader[value];
        }
        value
    }
    let mut joined = ranges.to_vec();
    for step in &draft.steps {
        let output = step.output.0;
        match &step.kind {
            Kind::MaxPool { .. } | Kind::AveragePool { .. } | Kind::GlobalMaximum | Kind::Copy(_) => {
                for value in step.inputs.iter().filter_map(Source::value) {
                    let (a, b) = (find(&leader, value), find(&leader, output));
                    joined[a] = joined[a].joined(joined[b]);
                    leader[b] = a;
                }
            }
            Kind::Fill(value) => {
                let own = find(&leader, output);
                joined[own] = joined[own].joined(Range { low: *value, high: *value });
            }
            _ => {}
        }
    }
    (0..ranges.len()).map(|value| joined[find(&leader, value)].quantum()).collect()
}

struct Converter<'l> {
    from: &'l Draft,
    /// By value and channel.
    means: &'l [Vec<f32>],
    to: Draft,
    /// By old value, the new one that holds it in `f32`.
    floats: Vec<Option<ValueId>>,
    /// The same in `i8`.
    int8s: Vec<Option<ValueId>>,
    quanta: Vec<Quantum>,
}

impl Converter<'_> {
    fn new_value(&mut self, old: ValueId, element: Element) -> ValueId {
        let quantum = (element == Element::I8).then_some(self.quanta[old]);
        self.to.values.push(ValueInfo { shape: self.from.values[old].shape, element, quantum });
        self.to.values.len() - 1
    }

    fn float_value(&mut self, old: ValueId) -> ValueId {
        if let Some(value) = self.floats[old] {
            return value;
        }
        let value = self.new_value(old, Element::F32);
        self.floats[old] = Some(value);
        value
    }

    fn int8_value(&mut self, old: ValueId) -> ValueId {
        if let Some(value) = self.int8s[old] {
            return value;
        }
        let value = self.new_value(old, Element::I8);
        self.int8s[old] = Some(value);
        value
    }

    fn push(
        &mut self,
        node: &str,
        kind: Kind,
        inputs: Vec<Source>,
        old: ValueId,
        output: ValueId,
        step: Option<&Step>,
    ) {
        let shape = step.map_or(self.from.values[old].shape, |step| step.output.1);
        self.to.steps.push(Step { node: node.to_owned(), kind, inputs, output: (output, shape) });
    }

    /// The value in `f32`.
    fn float(&mut self, old: ValueId, node: &str) -> ValueId {
        if let Some(value) = self.floats[old] {
            return value;
        }
        let from = self.int8_value(old);
        let value = self.float_value(old);
        let shape = self.from.values[old].shape;
        self.push(node, Kind::Dequantise, vec![Source::Value(from, shape)], old, value, None);
        value
    }

    /// The value in `i8`.
    fn int8(&mut self, old: ValueId, node: &str) -> ValueId {
        if let Some(value) = self.int8s[old] {
            return value;
        }
        let from = self.float_value(old);
        let value = self.int8_value(old);
        let shape = self.from.values[old].shape;
        self.push(node, Kind::Quantise, vec![Source::Value(from, shape)], old, value, None);
        value
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let output = self.quanta[step.output.0];
        let input = step.inputs.iter().find_map(Source::value).map(|value| self.quanta[value]);
        let reads = Reads::of(step, self.from);
        let mean = |output: usize, tap: usize| {
            let mean = reads.and_then(|reads| self.means.get(reads.value)?.get(reads.channel(output, tap)));
            mean.map_or(0.0, |mean| f64::from(*mean))
        };
        let kind = match &step.kind {
            Kind::Convolution { window, groups, weights } => Kind::Convolution {
                window: *window,
                groups: *groups,
                weights: layer_weights(weights, input, output, mean)?,
            },
            Kind::Depthwise { window, weights } => {
                Kind::Depthwise { window: *window, weights: layer_weights(weights, input, output, mean)? }
            }
            Kind::Dense { weights } => Kind::Dense { weights: layer_weights(weights, input, output, mean)? },
            Kind::GlobalAverage { .. } => {
                let input = input.ok_or("reads nothing")?;
                let shape = step.inputs.iter().find_map(|source| match source {
                    Source::Value(_, shape) => Some(*shape),
                    Source::Constant(_) => None,
                });
                let positions = shape.map_or(1.0, |shape| f64::from(shape.height) * f64::from(shape.width));
                let factor = f64::from(input.scale) / (f64::from(output.scale) * positions);
                let rescale = rescale(factor, Activation::None, output)?;
                Kind::GlobalAverage { rescale: Some(Rescaling { input_zero: input.zero, rescale }) }
            }
            Kind::Unary(function) => {
                Kind::Table(Box::new(table(*function, input.ok_or("reads nothing")?, output)))
            }
            Kind::Binary(operation, activation) => {
                let sources = step.inputs.iter().map(|source| match source {
                    Source::Value(value, _) => self.quanta[*value],
                    Source::Constant(constant) => constant_quantum(constant),
                });
                let [left, right] = sources.collect::<Vec<_>>()[..] else {
                    return Err("does not join two values".into());
                };
                match operation {
                    Operation::Add => sum(left, right, 1.0, *activation, output)?,
                    Operation::Subtract => sum(left, right, -1.0, *activation, output)?,
                    Operation::Multiply => {
                        let factor = f64::from(left.scale) * f64::from(right.scale) / f64::from(output.scale);
                        let rescale = rescale(factor, *activation, output)?;
                        Kind::ProductInt8(ProductInt8 { zeros: [left.zero, right.zero], rescale })
                    }
                    Operation::Divide | Operation::Maximum | Operation::Minimum => {
                        self.in_float(step);
                        return Ok(());
                    }
                }
            }
            kind @ (Kind::MaxPool { .. }
            | Kind::AveragePool { .. }
            | Kind::GlobalMaximum
            | Kind::Copy(_)
            | Kind::Fill(_)) => kind.clone(),
            _ => {
                self.in_float(step);
                return Ok(());
            }
        };
        let inputs = step
            .inputs
            .iter()
            .map(|source| match source {
                Source::Value(value, shape) => Source::Value(self.int8(*value, &step.node), *shape),
                Source::Constant(constant) => {
                    let quantum = constant_quantum(constant);
                    let values = constant.values.iter().map(|value| quantum.nearest(*value)).collect();
                    Source::Constant(Constant { quantised: Some((values, quantum)), ..constant.clone() })
                }
            })
            .collect();
        let value = self.int8_value(step.output.0);
        self.push(&step.node, kind, inputs, step.output.0, value, Some(step));
        Ok(())
    }

    fn in_float(&mut self, step: &Step) {
        let inputs = step
            .inputs
            .iter()
            .map(|source| match source {
                Source::Value(value, shape) => Source::Value(self.float(*value, &step.node), *shape),
                Source::Constant(constant) => Source::Constant(constant.clone()),
            })
            .collect();
        let value = self.float_value(step.output.0);
        self.push(&step.node, step.kind.clone(), inputs, step.output.0, value, Some(step));
    }
}

fn layer_weights(
    weights: &Weights,
    input: Option<Quantum>,
    output: Quantum,
    mean: impl Fn(usize, usize) -> f64,
) -> Result<Weights, String> {
    let Weights::Float(linear) = weights else { return Err("is quantised already".into()) };
    Ok(Weights::Int8(layer(linear, input.ok_or("reads nothing")?, output, mean)?))
}

fn constant_quantum(constant: &Constant) -> Quantum {
    let one = |range: Range, value: &f32| range.joined(Range { low: *value, high: *value });
    constant.values.iter().fold(Range::EMPTY, one).quantum()
}

fn rescale(factor: f64, activation: Activation, output: Quantum) -> Result<Rescale, String> {
    let fixed = fixed_one(factor).ok_or("has a scale that no shift fits")?;
    let (low, high) = limits(activation, output);
    Ok(Rescale { multiplier: fixed.multiplier, shift: fixed.shift, output_zero: output.zero, low, high })
}

/// Both operands are brought to the output's scale by factors of 21 bits, so that the sum fits an `i32`.
fn sum(
    left: Quantum,
    right: Quantum,
    sign: f64,
    activation: Activation,
    output: Quantum,
) -> Result<Kind, String> {
    let factor = |quantum: Quantum| f64::from(quantum.scale) / f64::from(output.scale);
    let (multipliers, shift) =
        fixed(&[factor(left), sign * factor(right)], 21).ok_or("has a scale that no shift fits")?;
    let (low, high) = limits(activation, output);
    let rescale = Rescale { multiplier: 1, shift, output_zero: output.zero, low, high };
    let multipliers = [multipliers[0], multipliers[1]];
    Ok(Kind::SumInt8(SumInt8 { zeros: [left.zero, right.zero], multipliers, rescale }))
}

/// What the runtime's own function gives for each `i8`, as an `i8`.
fn table(function: Function, input: Quantum, output: Quantum) -> [i8; 256] {
    std::array::from_fn(|index| {
        let q = i8::try_from(index as i16 - 128).unwrap_or_default();
        let value = apply(&function, input.number(q));
        // The logarithm of a negative number is none; it cannot have been seen.
        if value.is_nan() { output.zero } else { output.nearest(value) }
    })
}
