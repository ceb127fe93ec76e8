//! Where the taps of a window lie.

use core::ops::Range;

use supple_pack::Window;

use crate::kernels::image::Image;

/// One axis of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    kernel: usize,
    stride: usize,
    pad: usize,
    dilation: usize,
}

impl Axis {
    /// A window over the one place that there is.
    #[cfg(any(test, supple_dsp))]
    pub(super) const SINGLE: Self = Self { kernel: 1, stride: 1, pad: 0, dilation: 1 };

    pub(super) fn vertical(window: &Window) -> Self {
        Self::of(window, |[vertical, _]| vertical)
    }

    pub(super) fn horizontal(window: &Window) -> Self {
        Self::of(window, |[_, horizontal]| horizontal)
    }

    fn of(window: &Window, axis: impl Fn([u8; 2]) -> u8) -> Self {
        let [kernel, stride, pad, dilation] =
            [window.kernel, window.stride, window.pad, window.dilation].map(|pair| usize::from(axis(pair)));
        Self { kernel, stride, pad, dilation }
    }

    /// Inputs from one output to the next.
    #[cfg(any(test, supple_dsp))]
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// The place that a tap of output `at` reads. Places before the first wrap around, so that they are beyond the
    /// end of any input as well.
    #[inline]
    pub(super) fn place(&self, at: usize, tap: usize) -> usize {
        (at * self.stride + tap * self.dilation).wrapping_sub(self.pad)
    }

    /// The outputs, of so many, all of whose taps lie inside an input of this length.
    #[cfg(not(supple_dsp))]
    #[inline]
    pub(super) fn inside(&self, input: usize, outputs: usize) -> Range<usize> {
        let stride = self.stride.max(1);
        let first = self.pad.div_ceil(stride).min(outputs);
        let reach = self.kernel.saturating_sub(1) * self.dilation;
        let end = (input + self.pad).checked_sub(reach + 1).map_or(0, |last| last / stride + 1);
        first..end.min(outputs).max(first)
    }

    /// The taps of output `at` that lie inside an input of this length.
    #[inline]
    pub(super) fn taps(&self, at: usize, input: usize) -> Range<usize> {
        let start = at * self.stride;
        let dilation = self.dilation.max(1);
        let first = self.pad.saturating_sub(start).div_ceil(dilation).min(self.kernel);
        let end = (input + self.pad).saturating_sub(start).div_ceil(dilation);
        first..end.min(self.kernel).max(first)
    }
}

/// The row of the input that a kernel row of output row `y` reads; empty where it lies outside.
#[inline]
pub(super) fn row<'a>(input: &Image<'a, i8>, axis: &Axis, y: usize, tap: usize) -> &'a [i8] {
    let place = axis.place(y, tap);
    if place >= usize::from(input.shape.height) {
        return &[];
    }
    input.elements.get(input.row(place)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_of_a_dilated_window() {
        let axis = Axis { kernel: 3, stride: 2, pad: 3, dilation: 2 };
        // Output 0 reads −3, −1, 1; output 1 −1, 1, 3; output 2 1, 3, 5; output 3 3, 5, 7; output 4 5, 7, 9.
        assert_eq!(axis.place(2, 1), 3);
        assert_eq!(axis.place(0, 1), usize::MAX);
        assert_eq!(axis.inside(6, 5), 2..3);
        assert_eq!(axis.inside(9, 5), 2..4);
        assert_eq!(axis.inside(4, 5), 2..2);
        let taps: Vec<_> = (0..6).map(|at| axis.taps(at, 6)).collect();
        assert_eq!(taps, [2..3, 1..3, 0..3, 0..2, 0..1, 0..0]);
    }
}
