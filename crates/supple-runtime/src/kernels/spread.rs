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

/// Distances between neighbours along height, width and channels; 0 along what is repeated.
fn steps(shape: &Shape) -> [usize; 3] {
    let [height, width, channels] = shape.dimensions().map(usize::from);
    let step = |length: usize, step: usize| if length == 1 { 0 } else { step };
    [step(height, width * channels), step(width, channels), step(channels, 1)]
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
    let (channels, width) = (usize::from(to.channels).max(1), usize::from(to.width).max(1));
    let at =
        |steps: [usize; 3], position: usize| (position / width) * steps[0] + (position % width) * steps[1];
    for (position, pixel) in output.chunks_exact(channels).enumerate() {
        let (left_at, right_at) = (at(left_steps, position), at(right_steps, position));
        if left_steps[2] == right_steps[2] {
            let sides = (left.0.cells(left_at, channels), right.0.cells(right_at, channels));
            if let (Some(left), Some(right)) = sides {
                for ((output, left), right) in pixel.iter().zip(left).zip(right) {
                    output.set(function(left.get(), right.get()));
                }
                continue;
            }
        }
        for (channel, output) in pixel.iter().enumerate() {
            let left = left.0.get(left_at + channel * left_steps[2]);
            let right = right.0.get(right_at + channel * right_steps[2]);
            if let (Some(left), Some(right)) = (left, right) {
                output.set(function(left, right));
            }
        }
    }
}
