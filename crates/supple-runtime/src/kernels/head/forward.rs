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
        for column in (0..length).step_by(TILE) {
            for ((made, row), scale) in tile.chunks_exact_mut(TILE).zip(values.chunks(length)).zip(scales) {
                let row = row.get(column..).unwrap_or_default();
                made.iter_mut().zip(row).for_each(|(made, &q)| *made = scale * f32::from(q));
            }
            let inputs = Grid { values: &tile, stride: TILE };
            self.add_columns(inputs, column, TILE.min(length - column), outputs);
        }
    }

    /// Adds the products of so many columns from `column` on to each output of up to four samples. Their sums start from
    /// the biases at the first column.
    #[inline(never)]
    fn add_columns(&self, inputs: Grid, column: usize, columns: usize, outputs: &mut [f32]) {
        let outs = self.outs;
        let four_samples = outputs.len() == 4 * outs;
        let mut out = 0;
        while out < outs {
            let weights = self.weights.from(out * self.weights.stride + column);
            let bias = if column == 0 { self.bias.get(out..) } else { None };
            let outputs = outputs.get_mut(out..).unwrap_or_default();
            if four_samples && out + 4 <= outs {
                four_by_four(weights, inputs, columns, bias, outputs, outs);
                out += 4;
            } else if four_samples {
                let start = bias.map(|values| Grid { values, stride: 0 });
                four_by_one(inputs, weights.row(columns), columns, start, outputs, outs);
                out += 1;
            } else if out + 4 <= outs {
                let start = bias.map(|values| Grid { values, stride: 1 });
                for (sample, outputs) in outputs.chunks_mut(outs).enumerate() {
                    four_by_one(weights, inputs.below(sample).row(columns), columns, start, outputs, 1);
                }
                out += 4;
            } else {
                for (sample, output) in outputs.iter_mut().step_by(outs).enumerate() {
                    let start = bias.and_then(|bias| bias.first()).unwrap_or(output);
                    *output = add_products(*start, weights.row(columns), inputs.below(sample).row(columns));
                }
                out += 1;
            }
        }
    }
}
