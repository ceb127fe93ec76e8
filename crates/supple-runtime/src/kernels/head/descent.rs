//! Gradient steps in place, with no gradient buffer.

use core::array;
use core::ops::Range;

use super::LayerMut;
use super::rows::Rows;
use super::sums::{Grid, add_products, four_by_four, four_by_one};
#[cfg(supple_fpu)]
use crate::kernels::arm::head::Steps;

/// Inputs whose gradients are summed side by side, where blocks of registers do not cover them.
const BLOCK: usize = if cfg!(supple_fpu) { 4 } else { 8 };

/// Outputs of a layer behind a hidden layer that need no more work space than the stack has.
const FEW_OUTPUTS: usize = 8;

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

/// The velocities, in a build that has momentum.
fn built<'v, 'a>(velocity: &'v mut Option<LayerMut<'a>>) -> Option<&'v mut LayerMut<'a>> {
    if cfg!(feature = "momentum") { velocity.as_mut() } else { None }
}

/// One full-batch step of a layer.
///
/// # Shapes
/// `layer` `[outs][length]`, `inputs` `[samples][length]`, `deltas` `[samples][outs]`: the loss' derivatives by the
/// layer's outputs.
pub fn descend(layer: &mut LayerMut, inputs: &Rows, deltas: &[f32], descent: &mut Descent) {
    change_weights(layer, inputs, 0..inputs.length(), deltas, descent);
    change_biases(layer, deltas, descent);
}

/// Like [`descend`] for the layer behind a hidden layer with relu; then `hidden` holds the loss' derivatives by the
/// hidden layer's sums: `Σ over outs of weight · delta`, by the weights from before the step, where the unit was above
/// zero, else 0.
///
/// # Shapes
/// `layer` `[outs][units]`, `hidden` `[samples][units]`, `deltas` `[samples][outs]`, `before` `[outs]`: work space for a
/// unit's weights from before the step. Up to eight outputs are fast; more are with work space for four units.
pub fn descend_and_pass(
    layer: &mut LayerMut,
    hidden: &mut [f32],
    units: usize,
    deltas: &[f32],
    before: &mut [f32],
    descent: &mut Descent,
) {
    let outs = layer.bias.len();
    let mut few = [0.0; 4 * FEW_OUTPUTS];
    let before = if outs <= FEW_OUTPUTS { &mut few } else { before };
    let mut unit = 0;
    while unit < units {
        let width = if unit + 4 <= units && before.len() >= 4 * outs { 4 } else { 1 };
        let mut place = 0;
        for unit in unit..unit + width {
            let mut at = unit;
            while let (Some(before), Some(weight)) = (before.get_mut(place), layer.weights.get(at)) {
                *before = *weight;
                place += 1;
                at += units;
            }
        }
        let inputs = Rows::F32 { values: hidden, length: units };
        change_weights(layer, &inputs, unit..unit + width, deltas, descent);
        let column = hidden.get_mut(unit..).unwrap_or_default();
        pass(
            Grid { values: before, stride: outs },
            width,
            Grid { values: deltas, stride: outs },
            column,
            units,
        );
        unit += width;
    }
    change_biases(layer, deltas, descent);
}

/// Replaces one unit, or four, of each sample by what passes back to it.
///
/// # Shapes
/// `weights` `[width][outs]`, `deltas` `[samples][outs]`, `hidden` `[samples][units]` from the unit on.
#[inline(never)]
fn pass(weights: Grid, width: usize, mut deltas: Grid, mut hidden: &mut [f32], units: usize) {
    let outs = deltas.stride;
    let mut sums = [0.0; 16];
    while !hidden.is_empty() {
        let samples = if width == 4 && hidden.len() > 3 * units {
            four_by_four(weights, deltas, outs, Some(&[0.0; 4]), &mut sums, 4);
            4
        } else {
            let row = deltas.row(outs);
            if width == 4 {
                let start = Grid { values: &[0.0], stride: 0 };
                four_by_one(weights, row, outs, Some(start), &mut sums, 1);
            } else if let Some(sum) = sums.first_mut() {
                *sum = add_products(0.0, weights.row(outs), row);
            }
            1
        };
        for sums in sums.chunks_exact(4).take(samples) {
            put(hidden, sums.get(..width).unwrap_or_default());
            hidden = hidden.get_mut(units..).unwrap_or_default();
        }
        deltas = deltas.below(samples);
    }
}

/// The derivatives by a sample's units, of those that were on.
#[inline(never)]
fn put(hidden: &mut [f32], sums: &[f32]) {
    for (x, sum) in hidden.iter_mut().zip(sums) {
        *x = if *x > 0.0 { *sum } else { 0.0 };
    }
}

/// Changes the weights of all outputs by some of the inputs.
#[inline(never)]
fn change_weights(
    layer: &mut LayerMut,
    inputs: &Rows,
    columns: Range<usize>,
    deltas: &[f32],
    descent: &mut Descent,
) {
    let outs = layer.bias.len();
    let mut out = 0;
    while out < outs {
        let past = if out + 4 <= outs { out + 4 } else { out + 1 };
        let done = columns.start + change_blocks(layer, inputs, &columns, deltas, descent, out..past);
        while out < past {
            change_row(layer, inputs, done..columns.end, deltas, descent, out);
            out += 1;
        }
    }
}

/// Changes some weights of one output.
fn change_row(
    layer: &mut LayerMut,
    inputs: &Rows,
    mut columns: Range<usize>,
    deltas: &[f32],
    descent: &mut Descent,
    out: usize,
) {
    while !columns.is_empty() {
        let mut sums = [0.0; BLOCK];
        let width = if columns.len() >= BLOCK {
            add_gradients(&mut sums, inputs, columns.start, deltas, layer.bias.len(), out);
            BLOCK
        } else {
            let [sum, ..] = &mut sums;
            add_gradients(array::from_mut(sum), inputs, columns.start, deltas, layer.bias.len(), out);
            1
        };
        let at = out * inputs.length() + columns.start;
        for (gradient, at) in sums.into_iter().zip(at..at + width) {
            change_weight(layer, at, gradient, descent);
        }
        columns.start += width;
    }
}

/// Adds the gradients of neighbouring weights of one output. The loops have no known length, so the compiler leaves them
/// small.
#[inline(never)]
fn add_gradients<const WIDTH: usize>(
    sums: &mut [f32; WIDTH],
    inputs: &Rows,
    column: usize,
    deltas: &[f32],
    outs: usize,
    out: usize,
) {
    let (mut gradients, mut delta, mut at) = (*sums, out, column);
    match *inputs {
        Rows::F32 { values, length } => {
            while let (Some(d), Some(row)) = (deltas.get(delta), chunk::<_, WIDTH>(values, at)) {
                gradients.iter_mut().zip(row).for_each(|(gradient, x)| *gradient += d * x);
                delta += outs;
                at += length;
            }
        }
        Rows::I8 { values, mut scales, length, .. } => {
            while let (Some(d), Some(row), Some((scale, rest))) =
                (deltas.get(delta), chunk::<_, WIDTH>(values, at), scales.split_first())
            {
                let row = row.map(|q| scale * f32::from(q));
                gradients.iter_mut().zip(row).for_each(|(gradient, x)| *gradient += d * x);
                scales = rest;
                delta += outs;
                at += length;
            }
        }
    }
    *sums = gradients;
}

#[inline]
fn chunk<T, const WIDTH: usize>(values: &[T], at: usize) -> Option<&[T; WIDTH]> {
    values.get(at..).and_then(<[T]>::first_chunk)
}

/// Changes the weights of four outputs, or of one, by the first of `columns`, as many as blocks of registers cover; how
/// many.
#[cfg(supple_fpu)]
fn change_blocks(
    layer: &mut LayerMut,
    inputs: &Rows,
    columns: &Range<usize>,
    deltas: &[f32],
    descent: &mut Descent,
    outs: Range<usize>,
) -> usize {
    let at = outs.start * inputs.length() + columns.start;
    let mut steps = Steps {
        weights: layer.weights.get_mut(at..).unwrap_or_default(),
        velocity: built(&mut descent.velocity)
            .map(|velocity| velocity.weights.get_mut(at..).unwrap_or_default()),
        inputs,
        columns,
        deltas: Grid { values: deltas, stride: layer.bias.len() }.from(outs.start),
        rate: descent.rates[0],
        momentum: descent.momentum,
    };
    steps.change(outs.len())
}

/// There are no such registers.
#[cfg(not(supple_fpu))]
fn change_blocks(
    _: &mut LayerMut,
    _: &Rows,
    _: &Range<usize>,
    _: &[f32],
    _: &mut Descent,
    _: Range<usize>,
) -> usize {
    0
}

#[inline(never)]
fn change_biases(layer: &mut LayerMut, deltas: &[f32], descent: &mut Descent) {
    let outs = layer.bias.len();
    for (out, bias) in layer.bias.iter_mut().enumerate() {
        let gradient = column_sum(deltas, outs, out);
        let velocity = built(&mut descent.velocity).and_then(|velocity| velocity.bias.get_mut(out));
        change(bias, gradient, descent.rates[1], descent.momentum, velocity);
    }
}

/// Not inlined, that the compiler leaves it small.
#[inline(never)]
fn column_sum(deltas: &[f32], outs: usize, out: usize) -> f32 {
    let (mut sum, mut at) = (0.0, out);
    while let Some(delta) = deltas.get(at) {
        sum += delta;
        at += outs;
    }
    sum
}

/// Not inlined, that the compiler does not make it once for each weight of a block.
#[inline(never)]
fn change_weight(layer: &mut LayerMut, at: usize, gradient: f32, descent: &mut Descent) {
    let velocity = built(&mut descent.velocity).and_then(|velocity| velocity.weights.get_mut(at));
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
