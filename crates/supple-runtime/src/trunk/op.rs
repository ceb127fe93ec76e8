//! Runs one operation, or some rows of it.

use core::cell::Cell;
use core::ops::Range;

use supple_pack::op::{Epilogue, Layer, Operand, Operation, Requantise};
use supple_pack::{Element, Op, Shape, Value};

use super::memory::{both, cells, constants, of_cells, row, write};
use crate::kernels::convolution::convolution_row;
use crate::kernels::dense::dense;
use crate::kernels::depthwise::depthwise_row;
use crate::kernels::element::{activate, apply, combine};
use crate::kernels::image::{Image, ImageMut};
use crate::kernels::int8::{self, Channelwise};
use crate::kernels::pool;
use crate::kernels::softmax::softmax;
use crate::kernels::spread::{Side, spread};
use crate::kernels::walk::copy;

// What this build has kernels for; a plan that needs others was refused before (see `built`).
const FLOAT: bool = cfg!(feature = "float");
const INT8: bool = cfg!(feature = "int8");
const POOL: bool = cfg!(feature = "pool");
const ELEMENT: bool = cfg!(feature = "element");
const MOVEMENT: bool = cfg!(feature = "movement");

fn is_float(value: &Value) -> bool {
    FLOAT && value.element == Element::F32
}

fn is_int8(value: &Value) -> bool {
    INT8 && value.element == Element::I8
}

/// Runs a whole operation; `None` where it does not fit its arena.
#[inline]
pub(super) fn run_op(op: &Op, arena: &mut [f32], weights: &[f32]) -> Option<()> {
    if op.works_by_rows() {
        run_rows(op, 0..op.output()?.shape.height, arena, weights)
    } else {
        run_whole(op, arena, weights)
    }
}

/// Not inlined, so that its stack is not there while rows are made.
#[inline(never)]
fn run_whole(op: &Op, arena: &mut [f32], weights: &[f32]) -> Option<()> {
    match op {
        Op::Dense { layer } if cfg!(feature = "dense") => run_dense(op, layer, arena, weights),
        Op::GlobalAverage { input, output, rescale: None } if POOL && FLOAT => {
            let (from, to) = both::<f32, f32>(arena, input, output)?;
            pool::global_average(from.elements, to);
            Some(())
        }
        Op::GlobalAverage { input, output, rescale: Some((zero, rescale)) } if POOL && INT8 => {
            let (from, to) = both(arena, input, output)?;
            int8::global_average(from.elements, to, *zero, rescale);
            Some(())
        }
        Op::GlobalMaximum { input, output } if POOL && is_float(input) => {
            let (from, to) = both(arena, input, output)?;
            pool::global_maximum(from.elements, to);
            Some(())
        }
        Op::GlobalMaximum { input, output } if POOL && is_int8(input) => {
            let (from, to) = both(arena, input, output)?;
            int8::global_maximum(from.elements, to);
            Some(())
        }
        Op::Binary { left, right, output, operation, activation } if ELEMENT && FLOAT => {
            let sides = Sides { left, right, output };
            let activation = *activation;
            // Residual connections have a loop of their own; the others choose for every element.
            if *operation == Operation::Add {
                return sides.run(op, arena, weights, |left: f32, right| activate(left + right, activation));
            }
            let operation = *operation;
            sides.run(op, arena, weights, |left, right| activate(combine(operation, left, right), activation))
        }
        Op::SumInt8 { left, right, output, zeros, multipliers, rescale } if ELEMENT && INT8 => {
            let sides = Sides { left, right, output };
            sides.run(op, arena, weights, |left, right| int8::sum(left, right, *zeros, *multipliers, rescale))
        }
        Op::ProductInt8 { left, right, output, zeros, rescale } if ELEMENT && INT8 => {
            let sides = Sides { left, right, output };
            sides.run(op, arena, weights, |left, right| int8::product(left, right, *zeros, rescale))
        }
        Op::Softmax { input, output } if ELEMENT && FLOAT => {
            if !input.same_place(output) {
                let (from, to) = both::<f32, f32>(arena, input, output)?;
                to.iter_mut().zip(from.elements).for_each(|(to, from)| *to = *from);
            }
            let values = write(arena, output)?;
            values.chunks_exact_mut(usize::from(output.shape.channels).max(1)).for_each(softmax);
            Some(())
        }
        Op::Copy { input, output, walk } if MOVEMENT && is_float(input) => {
            let (from, to) = both::<f32, f32>(arena, input, output)?;
            copy(from.elements, to, walk)
        }
        Op::Copy { input, output, walk } if MOVEMENT && is_int8(input) => {
            let (from, to) = both::<i8, i8>(arena, input, output)?;
            copy(from.elements, to, walk)
        }
        Op::Fill { output, bits } if MOVEMENT => {
            match output.element {
                Element::F32 => write(arena, output)?.fill(f32::from_bits(*bits)),
                Element::I8 => write(arena, output)?.fill(*bits as i8),
            }
            Some(())
        }
        _ => None,
    }
}

/// Runs some rows of an operation that [works by rows](Op::works_by_rows).
#[inline(never)]
pub(super) fn run_rows(op: &Op, rows: Range<u16>, arena: &mut [f32], weights: &[f32]) -> Option<()> {
    match op {
        Op::Convolution { layer, window, groups } if cfg!(feature = "convolution") => match &layer.epilogue {
            Epilogue::Float(activation) if FLOAT => {
                let (weights, bias) = float_constants(op, weights)?;
                each_row(arena, &layer.input, &layer.output, rows, |from: &Image<f32>, y, to| {
                    let shape = &layer.output.shape;
                    convolution_row(from, y, to, shape, window, *groups, weights, bias, *activation);
                })
            }
            Epilogue::Int8(requantise) if INT8 => {
                let (weights, finish) = int8_constants(op, requantise, weights)?;
                let (from, to) = both(arena, &layer.input, &layer.output)?;
                let mut to = ImageMut { elements: to, shape: layer.output.shape, rows: layer.output.rows };
                int8::convolution_rows(&from, rows, &mut to, window, *groups, weights, &finish)
            }
            _ => None,
        },
        Op::Depthwise { layer, window } if cfg!(feature = "depthwise") => match &layer.epilogue {
            Epilogue::Float(activation) if FLOAT => {
                let (weights, bias) = float_constants(op, weights)?;
                each_row(arena, &layer.input, &layer.output, rows, |from: &Image<f32>, y, to| {
                    depthwise_row(from, y, to, &layer.output.shape, window, weights, bias, *activation);
                })
            }
            Epilogue::Int8(requantise) if INT8 => {
                let (weights, finish) = int8_constants(op, requantise, weights)?;
                each_row(arena, &layer.input, &layer.output, rows, |from, y, to| {
                    int8::depthwise_row(from, y, to, &layer.output.shape, window, weights, &finish);
                })
            }
            _ => None,
        },
        Op::MaxPool { input, output, window } if POOL && is_float(input) => {
            each_row(arena, input, output, rows, |from, y, to| {
                pool::max_pool_row(from, y, to, &output.shape, window);
            })
        }
        Op::MaxPool { input, output, window } if POOL && is_int8(input) => {
            each_row(arena, input, output, rows, |from, y, to| {
                int8::max_pool_row(from, y, to, &output.shape, window);
            })
        }
        Op::AveragePool { input, output, window, padding } if POOL && is_float(input) => {
            each_row(arena, input, output, rows, |from, y, to| {
                pool::average_pool_row(from, y, to, &output.shape, window, padding.is_some());
            })
        }
        Op::AveragePool { input, output, window, padding } if POOL && is_int8(input) => {
            each_row(arena, input, output, rows, |from, y, to| {
                int8::average_pool_row(from, y, to, &output.shape, window, *padding);
            })
        }
        Op::Unary { input, output, function } if ELEMENT && FLOAT => {
            each_element(arena, input, output, rows, |x| apply(function, x))
        }
        Op::Table { input, output, .. } if ELEMENT && INT8 => {
            let [table, ..] = op.constants();
            let table = constants::<i8>(weights, table)?;
            each_element(arena, input, output, rows, |q: i8| {
                table.get(usize::from((q as u8) ^ 0x80)).copied().unwrap_or_default()
            })
        }
        Op::Quantise { input, output, inverse_scale, zero } if INT8 => {
            each_row(arena, input, output, rows, |from, y, to| {
                let from = from.elements.get(from.row(y)).unwrap_or_default();
                int8::quantise_each(from, to, *inverse_scale, *zero);
            })
        }
        Op::Dequantise { input, output, scale, zero } if INT8 => {
            each_row(arena, input, output, rows, |from, y, to| {
                let from = from.elements.get(from.row(y)).unwrap_or_default();
                for (to, from) in to.iter_mut().zip(from) {
                    *to = int8::dequantise(*from, *scale, *zero);
                }
            })
        }
        _ => None,
    }
}

fn run_dense(op: &Op, layer: &Layer, arena: &mut [f32], weights: &[f32]) -> Option<()> {
    match &layer.epilogue {
        Epilogue::Float(activation) if FLOAT => {
            let (weights, bias) = float_constants(op, weights)?;
            let (from, to) = both::<f32, f32>(arena, &layer.input, &layer.output)?;
            dense(from.elements, to, weights, bias, *activation);
        }
        Epilogue::Int8(requantise) if INT8 => {
            let (weights, finish) = int8_constants(op, requantise, weights)?;
            let (from, to) = both(arena, &layer.input, &layer.output)?;
            int8::dense(from.elements, to, weights, &finish);
        }
        _ => return None,
    }
    Some(())
}

/// Weights and biases.
fn float_constants<'w>(op: &Op, weights: &'w [f32]) -> Option<(&'w [f32], &'w [f32])> {
    let [kernel, bias, _] = op.constants();
    Some((constants(weights, kernel)?, constants(weights, bias)?))
}

/// Weights, and what becomes of the sums.
fn int8_constants<'w>(
    op: &Op,
    requantise: &Requantise,
    weights: &'w [f32],
) -> Option<(&'w [i8], Channelwise<'w>)> {
    let [kernel, bias, multipliers] = op.constants();
    let (bias, multipliers) = (constants(weights, bias)?, constants(weights, multipliers)?);
    Some((constants(weights, kernel)?, Channelwise { bias, multipliers, requantise: *requantise }))
}

/// Calls with the input and each row of the output, where the two lie apart.
#[inline]
fn each_row<T: bytemuck::Pod, U: bytemuck::Pod>(
    arena: &mut [f32],
    input: &Value,
    output: &Value,
    rows: Range<u16>,
    mut make: impl FnMut(&Image<T>, usize, &mut [U]),
) -> Option<()> {
    let (from, to) = both(arena, input, output)?;
    for y in rows.map(usize::from) {
        make(&from, y, to.get_mut(row(output, y))?);
    }
    Some(())
}

/// A function of each element of some rows; the two values may be one.
#[inline]
fn each_element<T: bytemuck::Pod>(
    arena: &mut [f32],
    input: &Value,
    output: &Value,
    rows: Range<u16>,
    function: impl Fn(T) -> T,
) -> Option<()> {
    let cells = cells::<T>(arena)?;
    let (from, to) = (of_cells(cells, input)?, of_cells(cells, output)?);
    for y in rows.map(usize::from) {
        for (to, from) in to.get(row(output, y))?.iter().zip(from.get(row(input, y))?) {
            to.set(function(from.get()));
        }
    }
    Some(())
}

/// Operands and output of an operation on two values.
struct Sides<'o> {
    left: &'o Operand,
    right: &'o Operand,
    output: &'o Value,
}

impl Sides<'_> {
    #[inline]
    fn run<T: bytemuck::Pod>(
        &self,
        op: &Op,
        arena: &mut [f32],
        weights: &[f32],
        function: impl Fn(T, T) -> T,
    ) -> Option<()> {
        let cells = cells::<T>(arena)?;
        let [left, right, _] = op.constants();
        let side = |operand: &Operand, range| -> Option<Side<T>> {
            Some(match operand {
                Operand::Value(value) => Side::Value(of_cells(cells, value)?),
                Operand::Constant { .. } => Side::Constant(constants(weights, range)?),
            })
        };
        let (left, right) = (side(self.left, left)?, side(self.right, right)?);
        let (left, right): ((_, &Shape), (_, &Shape)) =
            ((&left, self.left.shape()), (&right, self.right.shape()));
        let output: &[Cell<T>] = of_cells(cells, self.output)?;
        spread(left, right, output, &self.output.shape, function);
        Some(())
    }
}

#[cfg(test)]
#[path = "op_tests.rs"]
mod tests;
