//! Products with a constant matrix: dense layers, and the 1 x 1 convolutions that tract turns into products.
//!
//! tract's `EinSum` names each axis by where it appears. An axis of the input and the weights is summed over;
//! one of the input and the output counts the rows to which the same weights apply; one of the weights and the
//! output counts outputs. With one row the product is a dense layer. With several it is a 1 x 1 convolution, if
//! the summed elements of each row are the channels of one pixel; pixels left out give its stride.

use supple_pack::op::Window;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::einsum::EinSum;

use super::draft::{Kind, Linear, Source, Weights, elements, shape};
use super::tensor::{Tensor, strides};
use super::{Attempt, Lowering, finite, window};
use crate::check::MOST_ELEMENTS;

/// Offsets of one step along some axes: in the input, in the weights, in the output.
type Offsets = [usize; 3];

/// A product with its axes sorted by role.
struct Roles {
    summed: Vec<Offsets>,
    rows: Vec<Offsets>,
    outputs: Vec<Offsets>,
}

const INPUT: usize = 0;
const WEIGHTS: usize = 1;
const OUTPUT: usize = 2;

fn roles(product: &EinSum, slot: usize, dims: [&[usize]; 3]) -> Result<Roles, String> {
    let steps = dims.map(strides);
    let mut roles = Roles { summed: vec![[0; 3]], rows: vec![[0; 3]], outputs: vec![[0; 3]] };
    for axis in product.axes.iter_all_axes() {
        let positions = [&axis.inputs[slot], &axis.inputs[1 - slot], &axis.outputs[0]];
        let mut own_steps = [0; 3];
        let mut here = [false; 3];
        let mut length = 1;
        for operand in [INPUT, WEIGHTS, OUTPUT] {
            let position = match positions[operand][..] {
                [] => continue,
                [position] => position,
                _ => return Err("takes a diagonal, which is not supported".into()),
            };
            let dim = dims[operand][position];
            if dim == 1 {
                continue;
            }
            if length != 1 && length != dim {
                return Err("has operands whose lengths differ".into());
            }
            length = dim;
            here[operand] = true;
            own_steps[operand] = steps[operand][position];
        }
        let role = match here {
            [false, false, false] => continue,
            [true, _, false] => &mut roles.summed,
            [true, false, true] => &mut roles.rows,
            [false, true, true] => &mut roles.outputs,
            _ => return Err("is no product of each row with the same matrix".into()),
        };
        *role = role
            .iter()
            .flat_map(|base| {
                (0..length)
                    .map(move |index| [0, 1, 2].map(|operand| base[operand] + index * own_steps[operand]))
            })
            .collect();
    }
    Ok(roles)
}

impl Lowering<'_> {
    pub(super) fn matrix(&mut self, node: &TypedNode, product: &EinSum, dims: Vec<usize>) -> Attempt {
        if product.q_params.is_some() {
            return Err("is quantised: export the model before quantisation".into());
        }
        if node.inputs.len() != 2 {
            return Err("is a product of other than two operands".into());
        }
        let constant_slot = (0..2).find(|slot| self.constant(node, *slot).is_some());
        let Some((slot, (weight_dims, values))) =
            constant_slot.and_then(|s| Some((s, self.constant(node, s)?)))
        else {
            return Err("multiplies two computed values; one of the two must be a constant".into());
        };
        let Some(tensor) = self.input(node, 1 - slot) else { return Ok(None) };
        let roles = roles(product, 1 - slot, [&tensor.dims, &weight_dims, &dims])?;
        let weights = |output: &Offsets, tap: &Offsets| f64::from(values[output[WEIGHTS] + tap[WEIGHTS]]);
        // A single pixel of a larger image is a row too, but no dense layer.
        if roles.rows.len() == 1 && roles.summed.len() == elements(tensor.shape) {
            self.dense(node, tensor, &roles, weights, dims)
        } else {
            self.point(node, tensor, &roles, weights, dims)
        }
    }

    fn dense(
        &mut self,
        node: &TypedNode,
        mut tensor: Tensor,
        roles: &Roles,
        weight: impl Fn(&Offsets, &Offsets) -> f64,
        dims: Vec<usize>,
    ) -> Attempt {
        let (inputs, outputs) = (elements(tensor.shape), roles.outputs.len());
        small_enough(inputs, outputs)?;
        // The weights' order is that of the plan's value; elements the product does not read weigh nothing.
        let mut rows = vec![0.0; outputs * inputs];
        for (row, output) in rows.chunks_exact_mut(inputs).zip(&roles.outputs) {
            for tap in &roles.summed {
                row[tensor.order[tap[INPUT]] as usize] += weight(output, tap);
            }
        }
        let mut linear = Linear::new(rows, vec![0.0; outputs]);
        if let Some(affine) = tensor.affine.take() {
            let channels = tensor.channels();
            linear.fold_input(&affine, |_, tap| tap % channels);
        }
        let kind = Kind::Dense { weights: Weights::Float(finite(linear)?) };
        let view = shape(1, 1, outputs)?;
        let value = self.push(node, kind, vec![Source::Value(tensor.value, tensor.shape)], view);
        let mut order = vec![0; outputs];
        for (index, output) in roles.outputs.iter().enumerate() {
            order[output[OUTPUT]] = index as u32;
        }
        Ok(Some(self.written(node, value, view, dims, order)))
    }

    fn point(
        &mut self,
        node: &TypedNode,
        mut tensor: Tensor,
        roles: &Roles,
        weight: impl Fn(&Offsets, &Offsets) -> f64,
        dims: Vec<usize>,
    ) -> Attempt {
        let pixels = match pixels(&tensor, roles) {
            Some(pixels) => pixels,
            None => {
                tensor = self.rows_of_summed(node, tensor, roles)?;
                pixels(&tensor, roles).ok_or("sums over axes that a plan cannot bring side by side")?
            }
        };
        let (channels, outputs) = (tensor.channels(), roles.outputs.len());
        small_enough(channels, outputs)?;
        let Pixels { taps, grid } = pixels;
        let mut rows = vec![0.0; outputs * channels];
        for (row, output) in rows.chunks_exact_mut(channels).zip(&roles.outputs) {
            for (tap, channel) in roles.summed.iter().zip(&taps) {
                row[*channel] += weight(output, tap);
            }
        }
        let mut linear = Linear::new(rows, vec![0.0; outputs]);
        if let Some(affine) = tensor.affine.take() {
            linear.fold_input(&affine, |_, tap| tap);
        }
        let stride =
            |value: usize| u8::try_from(value).map_err(|_| format!("a stride of {value} is too large"));
        let kind = Kind::Convolution {
            window: Window { stride: [stride(grid.stride[0])?, stride(grid.stride[1])?], ..window::POINT },
            groups: 1,
            weights: Weights::Float(finite(linear)?),
        };
        let view = shape(grid.size[0], grid.size[1], outputs)?;
        let value = self.push(node, kind, vec![Source::Value(tensor.value, tensor.shape)], view);
        let mut order = vec![0; dims.iter().product()];
        for (row, position) in roles.rows.iter().zip(&grid.positions) {
            for (index, output) in roles.outputs.iter().enumerate() {
                order[row[OUTPUT] + output[OUTPUT]] = (position * outputs + index) as u32;
            }
        }
        Ok(Some(self.written(node, value, view, dims, order)))
    }

    /// The tensor copied so that what is summed lies side by side, row after row.
    fn rows_of_summed(&mut self, node: &TypedNode, tensor: Tensor, roles: &Roles) -> Result<Tensor, String> {
        let (rows, taps) = (roles.rows.len(), roles.summed.len());
        let mut order = vec![0; tensor.order.len()];
        if rows * taps != order.len() {
            return Err("does not read every element of its input".into());
        }
        for (index, row) in roles.rows.iter().enumerate() {
            for (tap_index, tap) in roles.summed.iter().enumerate() {
                order[row[INPUT] + tap[INPUT]] = (index * taps + tap_index) as u32;
            }
        }
        self.arranged(node, tensor, shape(1, rows, taps)?, order)
    }
}

/// What a product reads, seen as pixels of an image.
struct Pixels {
    /// The channel of each summed element.
    taps: Vec<usize>,
    grid: Grid,
}

/// Finds the pixel of each row, if the summed elements of each are the channels of one.
fn pixels(tensor: &Tensor, roles: &Roles) -> Option<Pixels> {
    let channels = tensor.channels();
    let place = |tap: &Offsets, row: &Offsets| tensor.order[tap[INPUT] + row[INPUT]] as usize;
    let pixels: Vec<usize> = roles.rows.iter().map(|row| place(&roles.summed[0], row) / channels).collect();
    let taps: Vec<usize> = roles.summed.iter().map(|tap| place(tap, &roles.rows[0]) % channels).collect();
    let regular = roles.rows.iter().zip(&pixels).all(|(row, pixel)| {
        roles.summed.iter().zip(&taps).all(|(tap, channel)| place(tap, row) == pixel * channels + channel)
    });
    let grid = regular
        .then(|| grid(&pixels, usize::from(tensor.shape.height), usize::from(tensor.shape.width)))
        .flatten()?;
    Some(Pixels { taps, grid })
}

/// The plan's matrix may be larger than the model's where the product does not read every element.
fn small_enough(inputs: usize, outputs: usize) -> Result<(), String> {
    if inputs.saturating_mul(outputs) > MOST_ELEMENTS {
        return Err(format!(
            "needs a matrix of {outputs} x {inputs}; at most {MOST_ELEMENTS} weights are held"
        ));
    }
    Ok(())
}

/// Pixels at every `stride`-th row and column from the first.
struct Grid {
    stride: [usize; 2],
    size: [usize; 2],
    /// Place of each pixel on the grid, in the order given.
    positions: Vec<usize>,
}

fn grid(pixels: &[usize], height: usize, width: usize) -> Option<Grid> {
    let axis = |coordinates: Vec<usize>, length: usize| {
        let mut distinct = coordinates;
        distinct.sort_unstable();
        distinct.dedup();
        // A single line: a stride as long as the axis leaves just that one.
        let stride = distinct.get(1).map_or(length, |second| second - distinct[0]);
        let regular = distinct.iter().enumerate().all(|(index, at)| *at == index * stride);
        (regular && distinct.len() == length.div_ceil(stride)).then_some((stride, distinct.len()))
    };
    let (vertical, rows) = axis(pixels.iter().map(|pixel| pixel / width).collect(), height)?;
    let (horizontal, columns) = axis(pixels.iter().map(|pixel| pixel % width).collect(), width)?;
    let positions: Vec<usize> =
        pixels.iter().map(|pixel| pixel / width / vertical * columns + pixel % width / horizontal).collect();
    let mut seen = positions.clone();
    seen.sort_unstable();
    (seen == (0..rows * columns).collect::<Vec<_>>()).then_some(Grid {
        stride: [vertical, horizontal],
        size: [rows, columns],
        positions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_and_what_is_none() {
        let whole = grid(&[0, 1, 2, 3, 4, 5], 2, 3).unwrap();
        assert_eq!((whole.stride, whole.size), ([1, 1], [2, 3]));
        // Every second of 3 x 3, columns first.
        let half = grid(&[0, 6, 2, 8], 3, 3).unwrap();
        assert_eq!((half.stride, half.size, half.positions), ([2, 2], [2, 2], vec![0, 2, 1, 3]));
        assert!(grid(&[1, 2], 1, 3).is_none());
        assert!(grid(&[0, 4], 2, 3).is_none());
        assert!(grid(&[0, 0, 1, 2, 3, 4], 2, 3).is_none());
        assert!(grid(&[0, 1, 2], 2, 3).is_none_or(|g| g.stride == [2, 1]));
    }
}
