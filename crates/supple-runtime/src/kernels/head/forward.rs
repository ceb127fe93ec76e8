//! A layer's outputs for many samples.

use super::rows::Rows;
use super::sums::{Grid, add_products, four_by_four, four_by_one};

/// Numbers of four samples that are made from `i8` at a time.
const TILE: usize = 16;

/// `outputs[n] = bias + weights · inputs[n]`, and `if x > 0 { x } else { 0 }` of it where `relu`.
///
/// # Shapes
/// `weights` `[outs][length]`, `bias` `[outs]`, `inputs` `[samples][length]`, `outputs` `[samples][outs]`.
pub fn forward(weights: &[f32], bias: &[f32], inputs: &Rows, outputs: &mut [f32], relu: bool) {
    let (outs, length) = (bias.len().max(1), inputs.length().max(1));
    let weights = Grid { values: weights, stride: length };
    for (group, outputs) in outputs.chunks_mut(4 * outs).enumerate() {
        for outputs in outputs.chunks_exact_mut(outs) {
            outputs.iter_mut().zip(bias).for_each(|(output, &bias)| *output = bias);
        }
        match *inputs {
            Rows::F32 { values, .. } => {
                let inputs = Grid { values, stride: length }.below(4 * group);
                add_columns(weights, inputs, length, outputs, outs);
            }
            Rows::I8 { values, scales, .. } => {
                let values = values.get(4 * group * length..).unwrap_or_default();
                let scales = scales.get(4 * group..).unwrap_or_default();
                add_scaled(weights, values, scales, length, outputs, outs);
            }
        }
        if relu {
            outputs.iter_mut().for_each(|output| *output = if *output > 0.0 { *output } else { 0.0 });
        }
    }
}

/// Adds the products of up to four samples of `i8`, made `f32` a tile at a time.
///
/// Not inlined: a step on `f32` shall not have the tile on its stack.
#[inline(never)]
fn add_scaled(weights: Grid, values: &[i8], scales: &[f32], length: usize, outputs: &mut [f32], outs: usize) {
    let mut tile = [0.0; 4 * TILE];
    for column in (0..length).step_by(TILE) {
        for ((made, row), scale) in tile.chunks_exact_mut(TILE).zip(values.chunks(length)).zip(scales) {
            let row = row.get(column..).unwrap_or_default();
            made.iter_mut().zip(row).for_each(|(made, &q)| *made = scale * f32::from(q));
        }
        let inputs = Grid { values: &tile, stride: TILE };
        add_columns(weights.from(column), inputs, TILE.min(length - column), outputs, outs);
    }
}

/// Adds the products of so many columns to each output of up to four samples.
#[inline(never)]
fn add_columns(weights: Grid, inputs: Grid, columns: usize, outputs: &mut [f32], outs: usize) {
    let four_samples = outputs.len() == 4 * outs;
    let mut out = 0;
    while out < outs {
        let weights = weights.below(out);
        let four_outs = out + 4 <= outs;
        let outputs = outputs.get_mut(out..).unwrap_or_default();
        if four_samples && four_outs {
            four_by_four(weights, inputs, columns, outputs, outs);
        } else if four_samples {
            four_by_one(inputs, weights.row(columns), columns, outputs, outs);
        } else {
            for (sample, outputs) in outputs.chunks_mut(outs).enumerate() {
                let row = inputs.below(sample).row(columns);
                if four_outs {
                    four_by_one(weights, row, columns, outputs, 1);
                } else if let Some(output) = outputs.first_mut() {
                    *output = add_products(*output, weights.row(columns), row);
                }
            }
        }
        out += if four_outs { 4 } else { 1 };
    }
}
