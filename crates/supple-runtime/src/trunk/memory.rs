//! Values in the arena and constants among the weights, as the elements that they are.

use bytemuck::{AnyBitPattern, Pod};
use core::cell::Cell;
use core::ops::Range;

use supple_pack::{Constants, Value};

use crate::kernels::image::Image;

/// The words of a value.
fn words(value: &Value) -> Range<usize> {
    let start = value.offset as usize;
    start..start.saturating_add(value.words() as usize)
}

/// The elements held of row `y`.
pub(super) fn row(value: &Value, y: usize) -> Range<usize> {
    let (rows, length) = (usize::from(value.rows).max(1), row_length(value));
    let place = if y < rows { y } else { y % rows };
    place * length..(place + 1) * length
}

fn row_length(value: &Value) -> usize {
    usize::from(value.shape.width) * usize::from(value.shape.channels)
}

fn held(value: &Value) -> usize {
    usize::from(value.rows) * row_length(value)
}

/// The held elements of a value.
pub(super) fn read<'a, T: AnyBitPattern>(arena: &'a [f32], value: &Value) -> Option<&'a [T]> {
    elements(arena.get(words(value))?, value)
}

/// The held elements of a value, to be written.
pub(super) fn write<'a, T: Pod>(arena: &'a mut [f32], value: &Value) -> Option<&'a mut [T]> {
    elements_mut(arena.get_mut(words(value))?, value)
}

/// One value to read, another to write; `None` where they overlap.
#[inline]
pub(super) fn both<'a, T: Pod, U: Pod>(
    arena: &'a mut [f32],
    input: &Value,
    output: &Value,
) -> Option<(Image<'a, T>, &'a mut [U])> {
    let (read, written) = split(arena, words(input), words(output))?;
    let read = Image { elements: elements(read, input)?, shape: input.shape, rows: input.rows };
    Some((read, elements_mut(written, output)?))
}

/// Two ranges that do not overlap. Kept apart from its callers, of which there are many, to save code.
#[inline(never)]
fn split(arena: &mut [f32], from: Range<usize>, to: Range<usize>) -> Option<(&[f32], &mut [f32])> {
    if from.start < to.start {
        let (low, high) = arena.split_at_mut_checked(to.start)?;
        Some((low.get(from)?, high.get_mut(..to.end - to.start)?))
    } else {
        let (low, high) = arena.split_at_mut_checked(from.start)?;
        Some((high.get(..from.end - from.start)?, low.get_mut(to)?))
    }
}

/// All words of the arena as elements that may be read and written through any of several slices.
pub(super) fn cells<T: Pod>(arena: &mut [f32]) -> Option<&[Cell<T>]> {
    Some(Cell::from_mut(bytemuck::try_cast_slice_mut(arena).ok()?).as_slice_of_cells())
}

/// The held elements of a value among [`cells`].
pub(super) fn of_cells<'a, T>(cells: &'a [Cell<T>], value: &Value) -> Option<&'a [Cell<T>]> {
    let start = (value.offset as usize).checked_mul(size_of::<f32>() / size_of::<T>().max(1))?;
    cells.get(start..)?.get(..held(value))
}

/// A range of constants.
pub(super) fn constants<T: AnyBitPattern>(weights: &[f32], range: Option<Constants>) -> Option<&[T]> {
    let Constants { at, count, element, .. } = range?;
    let words = weights.get(at as usize..)?.get(..element.words(count) as usize)?;
    bytemuck::try_cast_slice(words).ok()?.get(..count as usize)
}

fn elements<'a, T: AnyBitPattern>(words: &'a [f32], value: &Value) -> Option<&'a [T]> {
    bytemuck::try_cast_slice(words).ok()?.get(..held(value))
}

fn elements_mut<'a, T: Pod>(words: &'a mut [f32], value: &Value) -> Option<&'a mut [T]> {
    bytemuck::try_cast_slice_mut(words).ok()?.get_mut(..held(value))
}
