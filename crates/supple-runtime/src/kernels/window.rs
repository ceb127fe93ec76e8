//! Where a window lies.

#[cfg(supple_fpu)]
use core::mem::offset_of;

use supple_pack::Window;

use super::image::Image;

/// The taps of a window that lie inside the input, along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taps {
    /// The first tap inside.
    pub first_tap: usize,
    /// The row or column that it reads.
    pub first_input: usize,
    /// How many lie inside.
    pub count: usize,
}

/// Along `axis` (0 down, 1 across), for output `at` of an input of `length`.
#[inline]
pub(super) fn taps(window: &Window, axis: Axis, at: usize, length: u16) -> Taps {
    let of = |pair: [u8; 2]| usize::from(if axis == Axis::Down { pair[0] } else { pair[1] });
    let (kernel, pad, dilation) = (of(window.kernel), of(window.pad), of(window.dilation).max(1));
    let start = at * of(window.stride);
    // Most windows are not dilated: spare them the divisions.
    let steps = |distance: usize| if dilation == 1 { distance } else { distance.div_ceil(dilation) };
    let first_tap = steps(pad.saturating_sub(start));
    let first_input = (start + first_tap * dilation).saturating_sub(pad);
    let left = steps(usize::from(length).saturating_sub(first_input));
    Taps { first_tap, first_input, count: kernel.saturating_sub(first_tap).min(left) }
}

/// How many pixels from `x` on have all their columns inside, where the one at `x` has.
#[inline]
pub(super) fn inside(window: &Window, x: usize, width: usize, input: u16) -> usize {
    let span = usize::from(window.kernel[1].saturating_sub(1)) * usize::from(window.dilation[1]);
    let room = (usize::from(input) + usize::from(window.pad[1])).saturating_sub(span);
    // Those that start before `room`.
    room.div_ceil(usize::from(window.stride[1]).max(1)).min(width).saturating_sub(x)
}

/// Down the rows or across the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// Rows.
    Down,
    /// Columns.
    Across,
}

/// Where the rows under a window begin among the elements of an image that may be held in part.
///
/// `first`, `step` and `end` are whole rows: whether that many elements are there is for [`Lines::within`] to say.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Lines {
    /// The first row.
    pub first: usize,
    step: usize,
    end: usize,
    length: usize,
}

impl Lines {
    #[inline]
    pub fn of<T>(input: &Image<T>, rows: &Taps, row_step: usize) -> Self {
        let length = input.row_length();
        let first = input.row(rows.first_input).start;
        Self {
            first,
            step: row_step.saturating_mul(length),
            end: usize::from(input.rows).saturating_mul(length),
            length,
        }
    }

    /// The only row there is.
    #[inline]
    pub fn one(length: usize) -> Self {
        Self { first: 0, step: 0, end: length, length }
    }

    /// Whether the first `extent` elements of so many rows, at least one, lie among `count` elements.
    #[inline]
    pub fn within(&self, count: usize, rows: usize, extent: usize) -> bool {
        // A step of no more than `end` leaves a line before `end`; being whole rows, it is at least a row before it.
        let steps = rows == 1 || self.step <= self.end;
        steps && self.first < self.end && self.end <= count && extent <= self.length
    }

    /// Where `step` and `end` lie, for assembly.
    #[cfg(supple_fpu)]
    pub const STEP_AND_END: (usize, usize) = (offset_of!(Self, step), offset_of!(Self, end));

    /// Past the last row held.
    #[cfg(supple_fpu)]
    pub fn end(&self) -> usize {
        self.end
    }

    /// Where the row of the next tap begins. A window spans no more rows than are held, so it is once round at most.
    #[inline]
    pub fn after(&self, line: usize) -> usize {
        let next = line + self.step;
        if next >= self.end { next.saturating_sub(self.end) } else { next }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn taps_are_those_inside(
            kernel in 1u8..6, stride in 1u8..4, pad in 0u8..6, dilation in 1u8..4, at in 0usize..9, length in 1u16..9
        ) {
            let window = Window { kernel: [kernel, 1], stride: [stride, 1], pad: [pad, 0], dilation: [dilation, 1] };
            let reads = |tap: u8| at as i32 * i32::from(stride) - i32::from(pad) + i32::from(tap * dilation);
            let inside: Vec<u8> = (0..kernel).filter(|&tap| (0..length.into()).contains(&reads(tap))).collect();
            let found = taps(&window, Axis::Down, at, length);
            prop_assert_eq!(found.count, inside.len());
            if let Some(&first) = inside.first() {
                prop_assert_eq!(found.first_tap, usize::from(first));
                prop_assert_eq!(found.first_input as i32, reads(first));
            }
        }
    }
}
