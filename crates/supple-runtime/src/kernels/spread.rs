//! Two values, element by element; where a dimension of one is 1, it is repeated along the output's.

use core::cell::Cell;

use supple_pack::Shape;

/// One side: elements of the arena, where what is written may lie as well, or constants.
#[derive(Debug, Clone, Copy)]
pub enum Side<'a, T: Copy> {
    /// `[height][width][channels]` in the arena.
    Value(&'a [Cell<T>]),
    /// `[height][width][channels]` among the weights.
    Constant(&'a [T]),
}

impl<'a, T: Copy> Side<'a, T> {
    #[inline]
    fn get(&self, at: usize) -> Option<T> {
        match self {
            Self::Value(cells) => cells.get(at).map(Cell::get),
            Self::Constant(constants) => constants.get(at).copied(),
        }
    }

    /// So many elements from `at` on, if they lie in the arena.
    #[inline]
    fn cells(&self, at: usize, count: usize) -> Option<&'a [Cell<T>]> {
        match self {
            Self::Value(cells) => cells.get(at..)?.get(..count),
            Self::Constant(_) => None,
        }
    }
}

/// Distances between neighbours along height and width; 0 along what is repeated.
fn steps(shape: &Shape) -> [usize; 2] {
    let [height, width, channels] = shape.dimensions().map(usize::from);
    let step = |length: usize, step: usize| if length == 1 { 0 } else { step };
    [step(height, width * channels), step(width, channels)]
}

/// `output = function(left, right)` for each element.
///
/// The output may be the very cells of a side that has its shape: an element is read before it is written.
///
/// # Shapes
/// `output` `[height][width][channels]` of shape `to`; each side likewise of its own shape, of which every dimension
/// is the output's or 1.
#[inline]
pub fn spread<T: Copy>(
    left: (&Side<T>, &Shape),
    right: (&Side<T>, &Shape),
    output: &[Cell<T>],
    to: &Shape,
    function: impl Fn(T, T) -> T,
) {
    let (left_steps, right_steps) = (steps(left.1), steps(right.1));
    let width = usize::from(to.width).max(1);
    // Two whole values are one run, whatever their shape; else a pixel is.
    let whole = left.1 == to && right.1 == to;
    let run = if whole { output.len() } else { usize::from(to.channels) };
    let step = |shape: &Shape| usize::from(whole || shape.channels == to.channels);
    let (left_step, right_step) = (step(left.1), step(right.1));
    let at =
        |steps: [usize; 2], position: usize| (position / width) * steps[0] + (position % width) * steps[1];
    for (position, output) in output.chunks_exact(run.max(1)).enumerate() {
        let (left_at, right_at) = (at(left_steps, position), at(right_steps, position));
        if left_step == 1 && right_step == 1 {
            let sides = (left.0.cells(left_at, run), right.0.cells(right_at, run));
            if let (Some(left), Some(right)) = sides {
                for ((output, left), right) in output.iter().zip(left).zip(right) {
                    output.set(function(left.get(), right.get()));
                }
                continue;
            }
        }
        for (index, output) in output.iter().enumerate() {
            let left = left.0.get(left_at + index * left_step);
            let right = right.0.get(right_at + index * right_step);
            if let (Some(left), Some(right)) = (left, right) {
                output.set(function(left, right));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::definition::{assert_same, numbers, shape};

    proptest! {
        #[test]
        fn agrees_with_the_definition(sizes in [1u16..5, 1..5, 1..9], ones in [[any::<bool>(); 3]; 2], seed: u32,
            constant: bool, in_place: bool) {
            let to = shape(sizes[0], sizes[1], sizes[2]);
            let of = |ones: [bool; 3]| {
                let length = |axis: usize| if ones[axis] { 1 } else { sizes[axis] };
                shape(length(0), length(1), length(2))
            };
            let (left_shape, right_shape) = (of(ones[0]), of(ones[1]));
            let count = |shape: &Shape| shape.elements() as usize;
            let left = numbers(seed, count(&left_shape));
            let right = numbers(seed ^ 1, count(&right_shape));
            let at = |shape: &Shape, y: usize, x: usize, c: usize| {
                let [height, width, channels] = shape.dimensions().map(usize::from);
                ((y % height) * width + x % width) * channels + c % channels
            };
            let [height, width, channels] = sizes.map(usize::from);
            let mut expected = Vec::new();
            for place in 0..height * width * channels {
                let (y, x, c) = (place / channels / width, place / channels % width, place % channels);
                expected.push(left[at(&left_shape, y, x, c)] / right[at(&right_shape, y, x, c)]);
            }
            let mut left_cells = left.clone();
            let left_cells = Cell::from_mut(&mut left_cells[..]).as_slice_of_cells();
            let mut right_cells = right.clone();
            let right_cells = Cell::from_mut(&mut right_cells[..]).as_slice_of_cells();
            let mut output = vec![f32::NAN; expected.len()];
            let output = Cell::from_mut(&mut output[..]).as_slice_of_cells();
            let output = if in_place && left_shape == to { left_cells } else { output };
            let right_side = if constant { Side::Constant(&right) } else { Side::Value(right_cells) };
            let left_side = Side::Value(left_cells);
            spread((&left_side, &left_shape), (&right_side, &right_shape), output, &to, |l, r| l / r);
            let found: Vec<f32> = output.iter().map(Cell::get).collect();
            assert_same(&found, &expected);
        }
    }
}
