//! Gradient steps in place, with no gradient buffer.

use core::ops::Range;

use super::LayerMut;
use super::rows::Rows;
#[cfg(supple_fpu)]
use super::sums::Grid;
use super::sums::add_products;
#[cfg(supple_fpu)]
use crate::kernels::arm::head::Steps;

/// Inputs whose gradients are summed side by side.
#[cfg(not(supple_fpu))]
const BLOCK: usize = 8;

/// How a gradient changes what it is the gradient of: `velocity = momentum · velocity + gradient`,
/// `value −= rate · velocity`; without a velocity, `value −= rate · gradient`.
#[derive(Debug)]
pub struct Descent<'a> {
    /// Of the weights, of the biases.
    pub rates: [f32; 2],
    /// Share of the velocity that is kept.
    pub momentum: f32,
    /// Velocities, shaped as the layer.
    pub velocity: Option<LayerMut<'a>>,
}

/// One full-batch step of a layer.
///
/// # Shapes
/// `layer` `[outs][length]`, `inputs` `[samples][length]`, `deltas` `[samples][outs]`: the loss' derivatives by the
/// layer's outputs.
pub fn descend(layer: &mut LayerMut, inputs: &Rows, deltas: &[f32], descent: &mut Descent) {
    let (outs, length) = (layer.bias.len(), inputs.length());
    let mut first = 0;
    while first < outs {
        let past = if first + 4 <= outs { first + 4 } else { first + 1 };
        let done = change_blocks(layer, inputs, deltas, descent, first..past);
        for out in first..past {
            for column in done..length {
                let gradient = gradient(inputs, column, deltas, outs, out);
                change_weight(layer, out * length + column, gradient, descent);
            }
        }
        first = past;
    }
    change_biases(layer, deltas, descent);
}

/// Changes the first weights of four outputs, or of one, as many as blocks of registers cover; how many of each.
#[cfg(supple_fpu)]
fn change_blocks(
    layer: &mut LayerMut,
    inputs: &Rows,
    deltas: &[f32],
    descent: &mut Descent,
    outs: Range<usize>,
) -> usize {
    let at = outs.start * inputs.length();
    let mut steps = Steps {
        weights: layer.weights.get_mut(at..).unwrap_or_default(),
        velocity: descent
            .velocity
            .as_mut()
            .map(|velocity| velocity.weights.get_mut(at..).unwrap_or_default()),
        inputs: *inputs,
        deltas: Grid { values: deltas, stride: layer.bias.len() }.from(outs.start),
        rate: descent.rates[0],
        momentum: descent.momentum,
    };
    steps.change(outs.len())
}

/// Changes the first weights of each output, as many as blocks cover; how many.
#[cfg(not(supple_fpu))]
fn change_blocks(
    layer: &mut LayerMut,
    inputs: &Rows,
    deltas: &[f32],
    descent: &mut Descent,
    outs: Range<usize>,
) -> usize {
    let length = inputs.length();
    let done = length - length % BLOCK;
    for out in outs {
        let at = out * length;
        for column in (0..done).step_by(BLOCK) {
            let gradients = block_gradients(inputs, column, deltas, layer.bias.len(), out);
            for (gradient, at) in gradients.into_iter().zip(at + column..) {
                change_weight(layer, at, gradient, descent);
            }
        }
    }
    done
}

/// The gradients of an output's weights by a block of inputs.
#[cfg(not(supple_fpu))]
fn block_gradients(inputs: &Rows, column: usize, deltas: &[f32], outs: usize, out: usize) -> [f32; BLOCK] {
    let mut gradients = [0.0; BLOCK];
    let deltas = deltas.iter().skip(out).step_by(outs);
    match *inputs {
        Rows::F32 { values, length } => {
            for (delta, row) in deltas.zip(values.chunks_exact(length)) {
                let Some(row) = row.get(column..).and_then(|row| row.first_chunk::<BLOCK>()) else { break };
                gradients.iter_mut().zip(row).for_each(|(gradient, x)| *gradient += delta * x);
            }
        }
        Rows::I8 { values, scales, length } => {
            for ((delta, row), scale) in deltas.zip(values.chunks_exact(length)).zip(scales) {
                let Some(row) = row.get(column..).and_then(|row| row.first_chunk::<BLOCK>()) else { break };
                let row = row.map(|q| scale * f32::from(q));
                gradients.iter_mut().zip(row).for_each(|(gradient, x)| *gradient += delta * x);
            }
        }
    }
    gradients
}

/// The gradient of one weight. The loop has no known length, so the compiler leaves it small.
#[inline(never)]
fn gradient(inputs: &Rows, column: usize, deltas: &[f32], outs: usize, out: usize) -> f32 {
    let (mut sum, mut delta, mut at) = (0.0, out, column);
    match *inputs {
        Rows::F32 { values, length } => {
            while let (Some(d), Some(x)) = (deltas.get(delta), values.get(at)) {
                sum += d * x;
                delta += outs;
                at += length;
            }
        }
        Rows::I8 { values, mut scales, length } => {
            while let (Some(d), Some(&q), Some((scale, rest))) =
                (deltas.get(delta), values.get(at), scales.split_first())
            {
                sum += d * (scale * f32::from(q));
                scales = rest;
                delta += outs;
                at += length;
            }
        }
    }
    sum
}

/// Like [`descend`] for the layer behind a hidden layer with relu; then `hidden` holds the loss' derivatives by the
/// hidden layer's sums: `Σ over outs of weight · delta`, by the weights from before the step, where the unit was above
/// zero, else 0.
///
/// # Shapes
/// `layer` `[outs][units]`, `hidden` `[samples][units]`, `deltas` `[samples][outs]`, `before` `[outs]` (work space: a
/// unit's weights from before the step).
pub fn descend_and_pass(
    layer: &mut LayerMut,
    hidden: &mut [f32],
    units: usize,
    deltas: &[f32],
    before: &mut [f32],
    descent: &mut Descent,
) {
    let outs = layer.bias.len();
    for unit in 0..units {
        let mut first = 0;
        while first < outs {
            let (gradients, width) = if first + 4 <= outs {
                (unit_gradients::<4>(hidden, units, unit, deltas, outs, first), 4)
            } else {
                let [gradient] = unit_gradients::<1>(hidden, units, unit, deltas, outs, first);
                ([gradient; 4], 1)
            };
            for (gradient, out) in gradients.into_iter().zip(first..first + width) {
                let at = out * units + unit;
                if let (Some(before), Some(weight)) = (before.get_mut(out), layer.weights.get(at)) {
                    *before = *weight;
                }
                change_weight(layer, at, gradient, descent);
            }
            first += width;
        }
        let column = hidden.iter_mut().skip(unit).step_by(units);
        for (x, deltas) in column.zip(deltas.chunks_exact(outs.max(1))) {
            *x = if *x > 0.0 { add_products(0.0, before, deltas) } else { 0.0 };
        }
    }
    change_biases(layer, deltas, descent);
}

/// The gradients of a unit's weights to a block of outputs.
#[inline]
fn unit_gradients<const WIDTH: usize>(
    hidden: &[f32],
    units: usize,
    unit: usize,
    deltas: &[f32],
    outs: usize,
    first: usize,
) -> [f32; WIDTH] {
    let mut gradients = [0.0; WIDTH];
    let mut rows = deltas.get(first..).unwrap_or_default();
    let mut column = hidden.get(unit..).unwrap_or_default();
    while let (Some(deltas), Some(x)) = (rows.first_chunk::<WIDTH>(), column.first()) {
        gradients.iter_mut().zip(deltas).for_each(|(gradient, delta)| *gradient += delta * x);
        rows = rows.get(outs..).unwrap_or_default();
        column = column.get(units..).unwrap_or_default();
    }
    gradients
}

fn change_biases(layer: &mut LayerMut, deltas: &[f32], descent: &mut Descent) {
    let outs = layer.bias.len();
    for (out, bias) in layer.bias.iter_mut().enumerate() {
        let (mut gradient, mut at) = (0.0, out);
        while let Some(delta) = deltas.get(at) {
            gradient += delta;
            at += outs;
        }
        let velocity = descent.velocity.as_mut().and_then(|velocity| velocity.bias.get_mut(out));
        change(bias, gradient, descent.rates[1], descent.momentum, velocity);
    }
}

#[inline]
fn change_weight(layer: &mut LayerMut, at: usize, gradient: f32, descent: &mut Descent) {
    let velocity = descent.velocity.as_mut().and_then(|velocity| velocity.weights.get_mut(at));
    if let Some(weight) = layer.weights.get_mut(at) {
        change(weight, gradient, descent.rates[0], descent.momentum, velocity);
    }
}

#[inline]
fn change(value: &mut f32, gradient: f32, rate: f32, momentum: f32, velocity: Option<&mut f32>) {
    let by = match velocity {
        Some(velocity) => {
            *velocity = momentum * *velocity + gradient;
            *velocity
        }
        None => gradient,
    };
    *value -= rate * by;
}
