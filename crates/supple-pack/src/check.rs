//! What makes a plan safe to run: checked once, on load.
//!
//! The sizes and places of operations are in `geometry`.

use crate::built::{ELEMENT, INT8, POOL};
use crate::head_check::are_finite;
use crate::op::{
    Activation, Element, Epilogue, Function, Layer, MOST_ROWS_OPS, Op, Operand, Rescale, Shape, Value, Walk,
    Window,
};

/// The most words of one value, and of an arena: 64 MB.
pub(crate) const MOST_ELEMENTS: u32 = 1 << 24;
/// The most multiply-accumulates (or comparisons) of one plan.
const MOST_WORK: u64 = 1 << 36;
/// The largest multiplier of a sum of two `i8` values: 255 times it, twice, fits an `i32`.
const MOST_SUM_MULTIPLIER: u32 = 1 << 21;

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
    /// A weight that is no finite number.
    #[error("a weight at {offset} or after is not a finite number")]
    NotFinite {
        /// Where the range begins.
        offset: u32,
    },
    /// Reads and writes the same memory.
    #[error("input and output overlap")]
    Overlap,
    /// Input, output and window do not fit together.
    #[error("input, output and window do not fit together")]
    Geometry,
    /// Elements of another kind than the operation computes with.
    #[error("an operation reads or writes elements of the wrong kind")]
    Element,
    /// A value held in part where it must be whole, or too few rows of it.
    #[error("a value holds fewer rows than are read at once")]
    Rows,
    /// A number that an operation cannot use.
    #[error("a scale, shift or limit is out of range")]
    Parameter,
    /// More work than any device could do.
    #[error("the plan would not end in any useful time")]
    Endless,
}

impl Shape {
    /// The number of elements, at most 2^48.
    pub fn elements(&self) -> u64 {
        u64::from(self.height) * u64::from(self.width) * u64::from(self.channels)
    }

    /// The dimensions.
    pub fn dimensions(&self) -> [u16; 3] {
        [self.height, self.width, self.channels]
    }

    /// Whether it is 1 × 1.
    pub fn is_vector(&self) -> bool {
        self.height == 1 && self.width == 1
    }
}

impl Value {
    /// A value that is held whole.
    pub fn whole(offset: u32, shape: Shape, element: Element) -> Self {
        Self { offset, shape, element, rows: shape.height }
    }

    /// The number of elements; what has passed the check fits.
    pub fn elements(&self) -> usize {
        self.shape.elements() as usize
    }

    /// Whether all of its rows are held.
    pub fn is_whole(&self) -> bool {
        self.rows == self.shape.height
    }

    /// Elements held at once.
    pub fn held(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.shape.width) * u64::from(self.shape.channels)
    }

    /// Words that it takes in the arena.
    pub fn words(&self) -> u64 {
        self.element.words(self.held())
    }

    /// One past the last word.
    fn end(&self) -> u64 {
        u64::from(self.offset) + self.words()
    }

    /// Whether the two share memory.
    pub fn overlaps(&self, other: &Self) -> bool {
        u64::from(self.offset) < other.end() && u64::from(other.offset) < self.end()
    }

    /// Whether the other lies in the very same place, element by element.
    pub fn same_place(&self, other: &Self) -> bool {
        self.offset == other.offset
            && self.element == other.element
            && self.shape == other.shape
            && self.rows == other.rows
    }

    pub(crate) fn check(&self, arena: u32) -> Result<(), PlanError> {
        let Shape { height, width, channels } = self.shape;
        if !(1..=u64::from(MOST_ELEMENTS)).contains(&self.shape.elements()) {
            return Err(PlanError::Shape { height, width, channels });
        }
        if !(1..=height).contains(&self.rows) {
            return Err(PlanError::Rows);
        }
        if self.end() > u64::from(arena) {
            return Err(PlanError::OutsideArena { offset: self.offset });
        }
        Ok(())
    }
}

impl Element {
    /// Words that so many elements take.
    pub fn words(self, elements: u64) -> u64 {
        match self {
            Self::F32 => elements,
            Self::I8 => elements.div_ceil(4),
        }
    }
}

impl Walk {
    /// Whether every element read and written lies within so many.
    #[inline(never)]
    pub(crate) fn stays_within(&self, read: u64, written: u64) -> bool {
        let reach = |start: u32, steps: &[i32; 5]| {
            let (mut low, mut high) = (i64::from(start), i64::from(start));
            for (&length, &step) in self.lengths.iter().zip(steps) {
                let most = i64::from(step) * (i64::from(length) - 1);
                low += most.min(0);
                high += most.max(0);
            }
            (low, high)
        };
        let inside = |(low, high): (i64, i64), elements: u64| low >= 0 && high < elements as i64;
        self.lengths.iter().all(|&length| length > 0)
            && inside(reach(self.from, &self.from_steps), read)
            && inside(reach(self.to, &self.to_steps), written)
    }

    /// The number of elements moved.
    pub fn elements(&self) -> u64 {
        self.lengths.iter().fold(1, |product: u64, &length| product.saturating_mul(length.into()))
    }
}

impl Operand {
    /// Its shape.
    pub fn shape(&self) -> &Shape {
        match self {
            Self::Value(value) => &value.shape,
            Self::Constant { shape, .. } => shape,
        }
    }

    /// The value, if it is one.
    pub fn value_mut(&mut self) -> Option<&mut Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Constant { .. } => None,
        }
    }

    /// Whether it can be repeated to this shape.
    pub(crate) fn spreads_to(&self, to: &Shape) -> bool {
        let pairs = self.shape().dimensions().into_iter().zip(to.dimensions());
        pairs.into_iter().all(|(from, to)| from == to || from == 1)
    }
}

/// What one operation is checked against.
pub(crate) struct Limits<'w> {
    /// Words of the arena.
    pub arena: u32,
    /// The trunk's weights.
    pub weights: &'w [f32],
}

impl Op {
    /// Checks everything that the kernels rely on; returns the work. `within_rows` says that the operation is one
    /// of an [`Op::Rows`].
    #[inline(never)]
    pub(crate) fn check(&self, limits: &Limits, within_rows: bool) -> Result<u64, PlanError> {
        if let Self::Rows { ops } = self {
            let sensible = (2..=MOST_ROWS_OPS).contains(&usize::from(*ops)) && !within_rows;
            return if sensible { Ok(1) } else { Err(PlanError::Rows) };
        }
        let output = self.output().ok_or(PlanError::Geometry)?;
        output.check(limits.arena)?;
        let in_place_allowed = self.works_in_place() && !within_rows;
        for input in self.inputs().into_iter().flatten() {
            input.check(limits.arena)?;
            let in_place = in_place_allowed && input.same_place(output);
            if input.overlaps(output) && !in_place {
                return Err(PlanError::Overlap);
            }
            if !within_rows && !input.is_whole() {
                return Err(PlanError::Rows);
            }
        }
        if !within_rows && !output.is_whole() {
            return Err(PlanError::Rows);
        }
        if within_rows && !self.works_by_rows() {
            return Err(PlanError::Rows);
        }
        self.check_elements()?;
        if !self.shapes_fit() {
            return Err(PlanError::Geometry);
        }
        self.check_parameters()?;
        let mut work = self.work();
        for part in self.constants().into_iter().flatten() {
            let words = part.element.words(part.count);
            let outside = PlanError::OutsideWeights { offset: part.at };
            let end = u64::from(part.at) + words;
            let range = usize::try_from(end).map_err(|_| outside)?;
            let held = limits.weights.get(part.at as usize..range).ok_or(outside)?;
            if part.element == Element::F32 && part.is_float && !are_finite(held) {
                return Err(PlanError::NotFinite { offset: part.at });
            }
            work = work.max(words);
        }
        if work > MOST_WORK { Err(PlanError::Endless) } else { Ok(work) }
    }

    #[inline(never)]
    fn check_parameters(&self) -> Result<(), PlanError> {
        let shift = |shift: u8| (1..=62).contains(&shift);
        let rescale = |r: &Rescale| shift(r.shift) && r.low <= r.high;
        let activation = |a: &Activation| match a {
            Activation::Clip { low, high } => low <= high,
            _ => true,
        };
        let epilogue = |layer: &Layer| match &layer.epilogue {
            Epilogue::Float(a) => activation(a),
            Epilogue::Int8(r) => INT8.built && shift(r.shift) && r.low <= r.high,
        };
        let sound = match self {
            Self::Convolution { layer, .. } | Self::Depthwise { layer, .. } | Self::Dense { layer } => {
                epilogue(layer)
            }
            Self::GlobalAverage { rescale: Some((_, to)), .. } if POOL.built => rescale(to),
            Self::Unary { function: Function::Activation(a), .. } if ELEMENT.built => activation(a),
            Self::Binary { activation: a, .. } if ELEMENT.built => activation(a),
            Self::SumInt8 { multipliers, rescale: to, .. } if ELEMENT.built => {
                let small = multipliers.iter().all(|m| m.unsigned_abs() <= MOST_SUM_MULTIPLIER);
                small && to.multiplier == 1 && rescale(to)
            }
            Self::ProductInt8 { rescale: to, .. } if ELEMENT.built => rescale(to),
            Self::Quantise { inverse_scale, .. } if INT8.built => inverse_scale.is_finite(),
            Self::Dequantise { scale, .. } if INT8.built => scale.is_finite(),
            _ => true,
        };
        if sound { Ok(()) } else { Err(PlanError::Parameter) }
    }
}

impl Window {
    /// Rows of the input that one row of the output may read.
    pub fn span(&self) -> u32 {
        (u32::from(self.kernel[0]) - u32::from(self.kernel[0] > 0)) * u32::from(self.dilation[0]) + 1
    }

    /// Whether it slides at all.
    pub(crate) fn is_sound(&self) -> bool {
        [self.kernel, self.stride, self.dilation].iter().flatten().all(|&number| number > 0)
    }

    /// Whether every window has a tap inside the input, along both axes.
    #[inline(never)]
    pub(crate) fn always_inside(&self, input: &Shape, output: &Shape) -> bool {
        let axes = [(input.height, output.height), (input.width, output.width)];
        axes.into_iter().enumerate().all(|(axis, (input, output))| {
            let of = |pair: [u8; 2]| u32::from(if axis == 0 { pair[0] } else { pair[1] });
            let (kernel, stride, pad, dilation) =
                (of(self.kernel), of(self.stride), of(self.pad), of(self.dilation));
            (0..u32::from(output)).all(|at| {
                let start = at * stride;
                // The first tap at or after the input's first element.
                let tap = pad.saturating_sub(start).div_ceil(dilation.max(1));
                tap < kernel && start + tap * dilation < u32::from(input) + pad
            })
        })
    }

    /// Taps of the window.
    pub fn taps(&self) -> u64 {
        u64::from(self.kernel[0]) * u64::from(self.kernel[1])
    }
}

/// Adds up the work of a plan's operations.
pub(crate) fn add_work(sum: u64, work: u64) -> Result<u64, PlanError> {
    sum.checked_add(work).filter(|&sum| sum <= MOST_WORK).ok_or(PlanError::Endless)
}

/// The operations of one [`Op::Rows`]: those still to come, and the values that are held until the last is done.
#[derive(Debug, Default)]
pub(crate) struct Group {
    left: u8,
    values: [Option<Value>; MOST_ROWS_OPS + 1],
}

impl Group {
    /// Of so many operations.
    pub(crate) fn of(ops: u8) -> Self {
        Self { left: ops, values: Default::default() }
    }

    /// Whether more are to come.
    pub(crate) fn is_open(&self) -> bool {
        self.left > 0
    }

    fn keep(&mut self, value: &Value) {
        if let Some(place) = self.values.iter_mut().find(|place| place.is_none()) {
            *place = Some(*value);
        }
    }

    /// Checks that the next operation takes what the one before it hands on, and disturbs no other value: all of them
    /// are in use at once. The first reads a whole value, the last writes one.
    #[inline(never)]
    pub(crate) fn take(&mut self, op: &Op) -> Result<(), PlanError> {
        let ([Some(input), None], Some(output)) = (op.inputs(), op.output()) else {
            return Err(PlanError::Rows);
        };
        let handed = self.values.iter().flatten().last();
        let needed = op.rows_read().min(input.shape.height.into());
        let taken = match handed {
            None => input.is_whole(),
            Some(handed) => handed.same_place(input) && u32::from(handed.rows) >= needed,
        };
        self.left = self.left.saturating_sub(1);
        if !taken || (self.left == 0 && !output.is_whole()) {
            return Err(PlanError::Rows);
        }
        if self.values.iter().flatten().any(|value| value.overlaps(output)) {
            return Err(PlanError::Overlap);
        }
        if handed.is_none() {
            self.keep(input);
        }
        self.keep(output);
        Ok(())
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
