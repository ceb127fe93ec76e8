//! What makes a plan safe to run: checked once, on load.

use crate::op::{OUTPUT_BLOCK, Op, Shape, Value, Window};

/// The most elements of one value, and of an arena: 64 MB.
pub(crate) const MOST_ELEMENTS: u32 = 1 << 24;
/// The most multiply-accumulates (or comparisons) of one plan.
const MOST_WORK: u64 = 1 << 36;

/// Why an operation cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A dimension of zero, or a value beyond any device.
    #[error("a shape of {height} × {width} × {channels} is empty or too large")]
    Shape {
        /// As given.
        height: u16,
        /// As given.
        width: u16,
        /// As given.
        channels: u16,
    },
    /// A value that reaches beyond the arena.
    #[error("a value at {offset} reaches beyond the arena")]
    OutsideArena {
        /// As given.
        offset: u32,
    },
    /// Weights that reach beyond the blob.
    #[error("weights at {offset} reach beyond the pack")]
    OutsideWeights {
        /// As given.
        offset: u32,
    },
    /// Reads and writes the same memory.
    #[error("input and output overlap")]
    Overlap,
    /// Input, output and window do not fit together.
    #[error("input, output and window do not fit together")]
    Geometry,
    /// More work than any device could do.
    #[error("the plan would not end in any useful time")]
    Endless,
}

impl Shape {
    /// The number of elements, at most 2^48.
    pub fn elements(&self) -> u64 {
        u64::from(self.height) * u64::from(self.width) * u64::from(self.channels)
    }
}

impl Value {
    /// The number of elements; what has passed the check fits.
    pub fn elements(&self) -> usize {
        self.shape.elements() as usize
    }

    /// One past the last element.
    fn end(&self) -> u64 {
        u64::from(self.offset) + self.shape.elements()
    }

    fn overlaps(&self, other: &Self) -> bool {
        u64::from(self.offset) < other.end() && u64::from(other.offset) < self.end()
    }

    pub(crate) fn check(&self, arena: u32) -> Result<(), PlanError> {
        let Shape { height, width, channels } = self.shape;
        if !(1..=u64::from(MOST_ELEMENTS)).contains(&self.shape.elements()) {
            return Err(PlanError::Shape { height, width, channels });
        }
        if self.end() > u64::from(arena) {
            return Err(PlanError::OutsideArena { offset: self.offset });
        }
        Ok(())
    }
}

impl Window {
    /// Whether every window has a tap inside the input, along both axes.
    fn fits(&self, input: &Shape, output: &Shape) -> bool {
        let axes = [(input.height, output.height), (input.width, output.width)];
        axes.into_iter().enumerate().all(|(axis, (input, output))| {
            let of = |pair: [u8; 2]| u32::from(if axis == 0 { pair[0] } else { pair[1] });
            let (kernel, stride, pad) = (of(self.kernel), of(self.stride), of(self.pad));
            let last_start = (u32::from(output) - 1) * stride;
            stride > 0 && kernel > 0 && pad < kernel && last_start < u32::from(input) + pad
        })
    }

    /// Taps of the window.
    pub fn taps(&self) -> u64 {
        u64::from(self.kernel[0]) * u64::from(self.kernel[1])
    }
}

impl Op {
    /// What it reads and writes.
    pub fn values(&self) -> (&Value, &Value) {
        match self {
            Self::Conv2d { input, output, .. }
            | Self::Dense { input, output, .. }
            | Self::MaxPool { input, output, .. }
            | Self::GlobalAveragePool { input, output }
            | Self::Relu { input, output } => (input, output),
        }
    }

    /// Multiply-accumulates, padding counted; zero for what has no weights.
    pub fn macs(&self) -> u64 {
        match self {
            Self::Conv2d { input, output, window, .. } => {
                output.shape.elements() * window.taps() * u64::from(input.shape.channels)
            }
            Self::Dense { input, output, .. } => input.shape.elements() * output.shape.elements(),
            _ => 0,
        }
    }

    /// Elements visited, at least 1: a bound on the time.
    fn work(&self) -> u64 {
        let (input, output) = self.values();
        let pooled = if let Self::MaxPool { window, .. } = self { window.taps() } else { 1 };
        self.macs().max(input.shape.elements()).max(output.shape.elements() * pooled)
    }

    /// Where its weights and biases lie, and how many there are of each: as the kernels read them.
    pub fn weights(&self) -> Option<[(u32, u64); 2]> {
        let padded = |channels: u16| u64::from(channels).next_multiple_of(OUTPUT_BLOCK as u64);
        match self {
            Self::Conv2d { input, output, window, weights, bias, .. } => {
                let out = output.shape.channels;
                let count = padded(out) * window.taps() * u64::from(input.shape.channels);
                Some([(*weights, count), (*bias, out.into())])
            }
            Self::Dense { input, output, weights, bias, .. } => {
                let out = output.shape.channels;
                Some([(*weights, padded(out) * input.shape.elements()), (*bias, out.into())])
            }
            _ => None,
        }
    }

    /// Checks everything that the kernels rely on; returns the work.
    pub(crate) fn check(&self, arena: u32, weights: u32) -> Result<u64, PlanError> {
        let (input, output) = self.values();
        input.check(arena)?;
        output.check(arena)?;
        let in_place = matches!(self, Self::Relu { .. }) && input.offset == output.offset;
        if input.overlaps(output) && !in_place {
            return Err(PlanError::Overlap);
        }
        let (from, to) = (&input.shape, &output.shape);
        let vector = to.height == 1 && to.width == 1;
        let fits = match self {
            Self::Conv2d { window, .. } => window.fits(from, to),
            Self::Dense { .. } => vector,
            Self::MaxPool { window, .. } => window.fits(from, to) && from.channels == to.channels,
            Self::GlobalAveragePool { .. } => vector && from.channels == to.channels,
            Self::Relu { .. } => from == to,
        };
        if !fits {
            return Err(PlanError::Geometry);
        }
        for (offset, count) in self.weights().into_iter().flatten() {
            if u64::from(offset) + count > u64::from(weights) {
                return Err(PlanError::OutsideWeights { offset });
            }
        }
        let work = self.work();
        if work > MOST_WORK { Err(PlanError::Endless) } else { Ok(work) }
    }
}

/// Adds up the work of a plan's operations.
pub(crate) fn add_work(sum: u64, work: u64) -> Result<u64, PlanError> {
    sum.checked_add(work).filter(|&sum| sum <= MOST_WORK).ok_or(PlanError::Endless)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Activation;

    fn value(offset: u32, height: u16, width: u16, channels: u16) -> Value {
        Value { offset, shape: Shape { height, width, channels } }
    }

    fn convolution(input: Value, output: Value, pad: u8) -> Op {
        let window = Window { kernel: [3, 3], stride: [2, 2], pad: [pad, pad] };
        Op::Conv2d { input, output, window, weights: 0, bias: 144, activation: Activation::Relu }
    }

    #[test]
    fn a_sound_convolution_passes_and_its_work_is_counted() {
        let op = convolution(value(0, 8, 8, 2), value(128, 4, 4, 3), 1);
        assert_eq!(op.check(176, 147), Ok(4 * 4 * 3 * 9 * 2));
        assert_eq!(op.weights(), Some([(0, 8 * 9 * 2), (144, 3)]));
    }

    #[test]
    fn each_fault_is_found() {
        let (input, output) = (value(0, 8, 8, 2), value(128, 4, 4, 3));
        let good = convolution(input, output, 1);
        assert_eq!(good.check(175, 147), Err(PlanError::OutsideArena { offset: 128 }));
        assert_eq!(good.check(176, 146), Err(PlanError::OutsideWeights { offset: 144 }));
        assert_eq!(convolution(input, value(127, 4, 4, 3), 1).check(176, 147), Err(PlanError::Overlap));
        assert_eq!(convolution(input, value(128, 6, 4, 2), 1).check(176, 147), Err(PlanError::Geometry));
        assert_eq!(convolution(input, output, 3).check(176, 147), Err(PlanError::Geometry));
        let empty = value(0, 0, 8, 2);
        assert!(matches!(convolution(empty, output, 1).check(176, 147), Err(PlanError::Shape { .. })));
        let far = value(u32::MAX, 8, 8, 2);
        let error = convolution(far, output, 1).check(176, 147);
        assert_eq!(error, Err(PlanError::OutsideArena { offset: u32::MAX }));
    }

    #[test]
    fn only_relu_may_work_in_place() {
        let at = value(0, 2, 2, 2);
        assert!(Op::Relu { input: at, output: at }.check(8, 0).is_ok());
        assert_eq!(Op::Relu { input: at, output: value(1, 2, 2, 2) }.check(9, 0), Err(PlanError::Overlap));
        let window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0] };
        assert_eq!(Op::MaxPool { input: at, output: at, window }.check(8, 0), Err(PlanError::Overlap));
    }
}
