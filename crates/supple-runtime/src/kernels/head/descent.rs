//! Gradient steps in place, with no gradient buffer.

use core::array;
use core::ops::Range;

use super::LayerMut;
use super::rows::Rows;
#[cfg(supple_fpu)]
use super::sums::Grid;
use super::sums::add_products;
#[cfg(supple_fpu)]
use crate::kernels::arm::head::Steps;

/// Inputs whose gradients are summed side by side.
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
    let outs = layer.bias.len();
    let mut first = 0;
    while first < outs {
        let past = if first + 4 <= outs { first + 4 } else { first + 1 };
        let done = change_blocks(layer, inputs, deltas, descent, first..past);
        for out in first..past {
            change_row(layer, inputs, deltas, descent, out, done);
        }
        first = past;
    }
    change_biases(layer, deltas, descent);
}

/// Changes the weights of four outputs, or of one, by as many of the inputs as blocks of registers cover; how many.
#[cfg(supple_fpu)]
fn change_blocks(
    layer: &mut LayerMut,
    inputs: &Rows,
    deltas: &[f32],
    descent: &mut Descent,
    outs: Range<usize>,
) -> usize {
    let Rows::F32 { values, length } = *inputs else { return 0 };
    let at = outs.start * length;
    let mut steps = Steps {
        weights: layer.weights.get_mut(at..).unwrap_or_default(),
        velocity: descent
            .velocity
            .as_mut()
            .map(|velocity| velocity.weights.get_mut(at..).unwrap_or_default()),
        inputs: Grid { values, stride: length },
        deltas: Grid { values: deltas, stride: layer.bias.len() }.from(outs.start),
        samples: inputs.samples(),
        rate: descent.rates[0],
        momentum: descent.momentum,
    };
    if outs.len() == 4 { steps.four_rows(length) } else { steps.one_row(length) }
}

/// Without such registers there are no blocks.
#[cfg(not(supple_fpu))]
fn change_blocks(_: &mut LayerMut, _: &Rows, _: &[f32], _: &mut Descent, _: Range<usize>) -> usize {
    0
}

/// Changes an output's weights from the input `done` on.
#[inline(never)]
fn change_row(
    layer: &mut LayerMut,
    inputs: &Rows,
    deltas: &[f32],
    descent: &mut Descent,
    out: usize,
    done: usize,
) {
    let (outs, length) = (layer.bias.len(), inputs.length());
    let mut column = done;
    while column < length {
        let mut gradients = [0.0; BLOCK];
        let width = if column + BLOCK <= length {
            add_gradients(&mut gradients, inputs, column, deltas, outs, out);
            BLOCK
        } else {
            let [first, ..] = &mut gradients;
            add_gradients(array::from_mut(first), inputs, column, deltas, outs, out);
            1
        };
        for (gradient, column) in gradients.into_iter().zip(column..column + width) {
            change_weight(layer, out * length + column, gradient, descent);
        }
        column += width;
    }
}

/// Adds `delta · input` of every sample, for a block of inputs.
#[inline]
fn add_gradients<const WIDTH: usize>(
    gradients: &mut [f32; WIDTH],
    inputs: &Rows,
    column: usize,
    deltas: &[f32],
    outs: usize,
    out: usize,
) {
    let deltas = deltas.iter().skip(out).step_by(outs);
    match *inputs {
        Rows::F32 { values, length } => {
            for (delta, row) in deltas.zip(values.chunks_exact(length.max(1))) {
                let Some(row) = row.get(column..).and_then(|row| row.first_chunk::<WIDTH>()) else { return };
                gradients.iter_mut().zip(row).for_each(|(gradient, x)| *gradient += delta * x);
            }
        }
        Rows::I8 { values, scales, length } => {
            for ((delta, row), scale) in deltas.zip(values.chunks_exact(length.max(1))).zip(scales) {
                let Some(row) = row.get(column..).and_then(|row| row.first_chunk::<WIDTH>()) else { return };
                let row = row.map(|q| scale * f32::from(q));
                gradients.iter_mut().zip(row).for_each(|(gradient, x)| *gradient += delta * x);
            }
        }
    }
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
            let mut gradients = [0.0; 4];
            let width = if first + 4 <= outs {
                add_unit_gradients(&mut gradients, hidden, units, unit, deltas, outs, first);
                4
            } else {
                let [gradient, ..] = &mut gradients;
                add_unit_gradients(array::from_mut(gradient), hidden, units, unit, deltas, outs, first);
                1
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

/// Adds `delta · unit` of every sample, for a block of outputs.
#[inline]
fn add_unit_gradients<const WIDTH: usize>(
    gradients: &mut [f32; WIDTH],
    hidden: &[f32],
    units: usize,
    unit: usize,
    deltas: &[f32],
    outs: usize,
    first: usize,
) {
    let column = hidden.iter().skip(unit).step_by(units);
    for (deltas, x) in deltas.chunks_exact(outs).zip(column) {
        let Some(deltas) = deltas.get(first..).and_then(|deltas| deltas.first_chunk::<WIDTH>()) else {
            return;
        };
        gradients.iter_mut().zip(deltas).for_each(|(gradient, delta)| *gradient += delta * x);
    }
}

fn change_biases(layer: &mut LayerMut, deltas: &[f32], descent: &mut Descent) {
    let outs = layer.bias.len();
    for (out, bias) in layer.bias.iter_mut().enumerate() {
        let deltas = deltas.iter().skip(out).step_by(outs);
        let gradient = deltas.fold(0.0, |sum, delta| sum + delta);
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
