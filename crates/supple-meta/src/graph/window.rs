//! The geometry of a sliding window over images.
//!
//! An image batch is a matrix with one row a channel and one column a pixel; pixels go image by image, row by row.
//! So every pixel's channels lie side by side in memory (NHWC). Signals are images of height 1.

/// A sliding window over images of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Height and width of an input image.
    pub input: [usize; 2],
    /// Channels of the input.
    pub channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub stride: [usize; 2],
    /// Padding above and below, left and right.
    pub padding: [usize; 2],
}

impl Window {
    /// Height and width of an output image.
    pub fn output(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            (self.input[axis] + 2 * self.padding[axis] - self.kernel[axis]) / self.stride[axis] + 1
        })
    }

    /// Pixels of an input image.
    pub fn input_positions(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Pixels of an output image.
    pub fn positions(&self) -> usize {
        let [height, width] = self.output();
        height * width
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Length of a patch: the taps of all channels, tap by tap.
    pub fn patch(&self) -> usize {
        self.taps() * self.channels
    }

    /// Input pixels under an output pixel: calls `visit` with the tap, the input pixel and the number of taps in a
    /// row whose pixels follow each other. Taps outside the image are left out.
    #[inline(always)]
    pub fn runs(&self, position: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let width = self.output()[1];
        let corner =
            |index: usize, axis: usize| (index * self.stride[axis]) as isize - self.padding[axis] as isize;
        let (top, left) = (corner(position / width, 0), corner(position % width, 1));
        let first = (-left).max(0) as usize;
        let last = (self.input[1] as isize - left).clamp(0, self.kernel[1] as isize) as usize;
        if first >= last {
            return;
        }
        for row in 0..self.kernel[0] {
            let y = top + row as isize;
            if y < 0 || y >= self.input[0] as isize {
                continue;
            }
            let pixel = y as usize * self.input[1] + (left + first as isize) as usize;
            visit(row * self.kernel[1] + first, pixel, last - first);
        }
    }
}
