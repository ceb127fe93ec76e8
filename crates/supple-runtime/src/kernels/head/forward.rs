//! A layer's outputs for many samples.

use super::rows::Rows;
use super::sums::{Grid, add_products, four_by_four, four_by_one};

/// Numbers of four samples that are made from `i8` at a time.
const TILE: usize = 8;

/// `outputs[n] = bias + weights · inputs[n]`, and `if x > 0 { x } else { 0 }` of it where `relu`.
///
/// # Shapes
/// `weights` `[outs][length]`, `bias` `[outs]`, `inputs` `[samples][length]`, `outputs` `[samples][outs]`.
pub fn forward(weights: &[f32], bias: &[f32], inputs: &Rows, outputs: &mut [f32], relu: bool) {
    let length = inputs.length().max(1);
    let layer = Layer { weights: Grid { values: weights, stride: length }, bias, outs: bias.len().max(1) };
    for (group, outputs) in outputs.chunks_mut(4 * layer.outs).enumerate() {
        match *inputs {
            Rows::F32 { values, .. } => {
                let inputs = Grid { values, stride: length }.below(4 * group);
                layer.add_columns(inputs, 0, length, outputs);
            }
            Rows::I8 { values, scales, .. } => {
                let values = values.get(4 * group * length..).unwrap_or_default();
                layer.add_scaled(values, scales.get(4 * group..).unwrap_or_default(), length, outputs);
            }
        }
    }
    if relu {
        cut(outputs);
    }
}

/// Not inlined: the compiler would make the rest of [`forward`] twice.
#[inline(never)]
fn cut(outputs: &mut [f32]) {
    outputs.iter_mut().for_each(|output| *output = if *output > 0.0 { *output } else { 0.0 });
}

struct Layer<'a> {
    weights: Grid<'a>,
    bias: &'a [f32],
    outs: usize,
}

impl Layer<'_> {
    /// Adds the products of up to four samples of `i8`, made `f32` a tile at a time.
    ///
    /// Not inlined: a step on `f32` shall not have the tile on its stack.
    #[inline(never)]
    fn add_scaled(&self, values: &[i8], scales: &[f32], length: usize, outputs: &mut [f32]) {
        let mut tile = [0.0; 4 * TILE];
        let mut column = 0;
        while column < length {
            let columns = TILE.min(length - column);
            let mut at = column;
            for (made, scale) in tile.chunks_exact_mut(TILE).zip(scales) {
                scale_row(made, values.get(at..at + columns).unwrap_or_default(), *scale);
                at += length;
            }
            self.add_columns(Grid { values: &tile, stride: TILE }, column, columns, outputs);
            column += TILE;
        }
    }

    /// Adds the products of so many columns from `column` on to each output of up to four samples. Their sums start from
    /// the biases at the first column.
    #[inline(never)]
    fn add_columns(&self, inputs: Grid, column: usize, columns: usize, outputs: &mut [f32]) {
        let outs = self.outs;
        let four_samples = outputs.len() == 4 * outs;
        let mut weights = self.weights.from(column);
        let mut bias = if column == 0 { Some(self.bias) } else { None };
        let mut out = 0;
        while out < outs {
            let four_outs = out + 4 <= outs;
            if four_samples && four_outs {
                four_by_four(
                    weights,
                    inputs,
                    columns,
                    bias,
                    outputs.get_mut(out..).unwrap_or_default(),
                    outs,
                );
            } else if four_samples {
                let start = bias.map(|values| Grid { values, stride: 0 });
                let outputs = outputs.get_mut(out..).unwrap_or_default();
                four_by_one(inputs, weights.row(columns), columns, start, outputs, outs);
            } else {
                let (mut at, mut inputs) = (out, inputs);
                while let Some(outputs) = outputs.get_mut(at..).filter(|rest| !rest.is_empty()) {
                    let row = inputs.row(columns);
                    if four_outs {
                        let start = bias.map(|values| Grid { values, stride: 1 });
                        four_by_one(weights, row, columns, start, outputs, 1);
                    } else if let Some(output) = outputs.first_mut() {
                        let start = bias.and_then(|bias| bias.first()).unwrap_or(output);
                        *output = add_products(*start, weights.row(columns), row);
                    }
                    at += outs;
                    inputs = inputs.below(1);
                }
            }
            let width = if four_outs { 4 } else { 1 };
            weights = weights.below(width);
            bias = bias.and_then(|bias| bias.get(width..));
            out += width;
        }
    }
}

#[inline(never)]
fn scale_row(made: &mut [f32], row: &[i8], scale: f32) {
    made.iter_mut().zip(row).for_each(|(made, &q)| *made = scale * f32::from(q));
}
