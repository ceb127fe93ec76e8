//! What each operation reads, writes and costs.

use crate::built::{CONVOLUTION, DENSE, DEPTHWISE, ELEMENT, INT8, MOVEMENT, POOL};
use crate::check::PlanError;
use crate::op::{
    Activation, Element, Epilogue, INT8_GROUP, INT8_OUTPUT_BLOCK, Layer, OUTPUT_BLOCK, Op, Operand, Value,
    Window,
};

/// A range of constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constants {
    /// The first word.
    pub at: u32,
    /// The number of elements.
    pub count: u64,
    /// Of four bytes or of one.
    pub element: Element,
    /// Whether words are `f32`; else `i32`.
    pub is_float: bool,
}

impl Constants {
    fn floats(at: u32, count: u64) -> Self {
        Self { at, count, element: Element::F32, is_float: true }
    }

    fn words(at: u32, count: u64) -> Self {
        Self { at, count, element: Element::F32, is_float: false }
    }

    fn bytes(at: u32, count: u64) -> Self {
        Self { at, count, element: Element::I8, is_float: false }
    }
}

/// Length of a run of `i8` weights and the number of runs in a kernel row; see [`Layer`].
pub fn int8_runs(window: &Window, groups: u16, channels: u64) -> (u64, u64) {
    let columns = u64::from(window.kernel[1]);
    if groups == 1 && window.dilation[1] == 1 { (1, columns * channels) } else { (columns, channels) }
}

/// `[outputs][inputs]` weights of one group as they are stored for `f32`.
fn float_weights(outputs: u64, inputs: u64) -> u64 {
    outputs.next_multiple_of(OUTPUT_BLOCK as u64) * inputs
}

fn int8_weights(outputs: u64, runs: u64, run: u64) -> u64 {
    outputs.next_multiple_of(INT8_OUTPUT_BLOCK as u64) * runs * run.next_multiple_of(INT8_GROUP as u64)
}

impl Op {
    /// The values it reads.
    pub fn inputs(&self) -> [Option<&Value>; 2] {
        match self {
            Self::Convolution { layer, .. } | Self::Depthwise { layer, .. } | Self::Dense { layer } => {
                [Some(&layer.input), None]
            }
            Self::MaxPool { input, .. }
            | Self::AveragePool { input, .. }
            | Self::GlobalAverage { input, .. }
            | Self::GlobalMaximum { input, .. }
            | Self::Unary { input, .. }
            | Self::Softmax { input, .. }
            | Self::Copy { input, .. }
            | Self::Quantise { input, .. }
            | Self::Dequantise { input, .. }
            | Self::Table { input, .. } => [Some(input), None],
            Self::Binary { left, right, .. }
            | Self::SumInt8 { left, right, .. }
            | Self::ProductInt8 { left, right, .. }
                if ELEMENT.built =>
            {
                [left, right].map(|side| match side {
                    Operand::Value(value) => Some(value),
                    Operand::Constant { .. } => None,
                })
            }
            _ => [None, None],
        }
    }

    /// The value it writes; [`Op::Rows`] writes none itself.
    pub fn output(&self) -> Option<&Value> {
        match self {
            Self::Convolution { layer, .. } | Self::Depthwise { layer, .. } | Self::Dense { layer } => {
                Some(&layer.output)
            }
            Self::MaxPool { output, .. }
            | Self::AveragePool { output, .. }
            | Self::GlobalAverage { output, .. }
            | Self::GlobalMaximum { output, .. }
            | Self::Unary { output, .. }
            | Self::Softmax { output, .. }
            | Self::Copy { output, .. }
            | Self::Quantise { output, .. }
            | Self::Dequantise { output, .. }
            | Self::Table { output, .. }
            | Self::Binary { output, .. }
            | Self::SumInt8 { output, .. }
            | Self::ProductInt8 { output, .. }
            | Self::Fill { output, .. } => Some(output),
            Self::Rows { .. } => None,
        }
    }

    /// The same values, to be placed elsewhere.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let mut found: [Option<&mut Value>; 3] = [None, None, None];
        match self {
            Self::Convolution { layer, .. } | Self::Depthwise { layer, .. } | Self::Dense { layer } => {
                found = [Some(&mut layer.input), Some(&mut layer.output), None];
            }
            Self::MaxPool { input, output, .. }
            | Self::AveragePool { input, output, .. }
            | Self::GlobalAverage { input, output, .. }
            | Self::GlobalMaximum { input, output }
            | Self::Unary { input, output, .. }
            | Self::Softmax { input, output }
            | Self::Copy { input, output, .. }
            | Self::Quantise { input, output, .. }
            | Self::Dequantise { input, output, .. }
            | Self::Table { input, output, .. } => found = [Some(input), Some(output), None],
            Self::Binary { left, right, output, .. }
            | Self::SumInt8 { left, right, output, .. }
            | Self::ProductInt8 { left, right, output, .. } => {
                found = [left.value_mut(), right.value_mut(), Some(output)];
            }
            Self::Fill { output, .. } => found[0] = Some(output),
            Self::Rows { .. } => {}
        }
        found.into_iter().flatten()
    }

    fn layer(&self) -> Option<&Layer> {
        match self {
            Self::Convolution { layer, .. } | Self::Depthwise { layer, .. } | Self::Dense { layer } => {
                Some(layer)
            }
            _ => None,
        }
    }

    /// The window, where it has one.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Convolution { window, .. }
            | Self::Depthwise { window, .. }
            | Self::MaxPool { window, .. }
            | Self::AveragePool { window, .. } => Some(window),
            _ => None,
        }
    }

    /// Whether it may write over a value that it reads.
    pub fn works_in_place(&self) -> bool {
        matches!(
            self,
            Self::Unary { .. }
                | Self::Binary { .. }
                | Self::SumInt8 { .. }
                | Self::ProductInt8 { .. }
                | Self::Softmax { .. }
                | Self::Table { .. }
        )
    }

    /// Whether it can write one row of its output from some rows of its input.
    pub fn works_by_rows(&self) -> bool {
        matches!(
            self,
            Self::Convolution { .. }
                | Self::Depthwise { .. }
                | Self::MaxPool { .. }
                | Self::AveragePool { .. }
                | Self::Unary { .. }
                | Self::Quantise { .. }
                | Self::Dequantise { .. }
                | Self::Table { .. }
        )
    }

    /// How many rows of its input one row of its output may read.
    pub fn rows_read(&self) -> u32 {
        self.window().map_or(1, Window::span)
    }

    /// Multiply-accumulates, padding counted; zero for what has no weights.
    pub fn macs(&self) -> u64 {
        match self {
            Self::Convolution { layer, window, groups } if CONVOLUTION.built => {
                let channels = u64::from(layer.input.shape.channels) / u64::from(*groups).max(1);
                layer.output.shape.elements() * window.taps() * channels
            }
            Self::Depthwise { layer, window } if DEPTHWISE.built => {
                layer.output.shape.elements() * window.taps()
            }
            Self::Dense { layer } if DENSE.built => {
                layer.input.shape.elements() * layer.output.shape.elements()
            }
            _ => 0,
        }
    }

    /// Elements visited, at least 1: a bound on the time.
    #[inline(never)]
    pub(crate) fn work(&self) -> u64 {
        let taps = match self {
            Self::MaxPool { window, .. } | Self::AveragePool { window, .. } if POOL.built => window.taps(),
            _ => 1,
        };
        let inputs = self.inputs().into_iter().flatten().map(|value| value.shape.elements()).max();
        let outputs = self.output().map_or(1, |value| value.shape.elements()) * taps;
        let moved = match self {
            Self::Copy { walk, .. } if MOVEMENT.built => walk.elements(),
            _ => 0,
        };
        self.macs().max(inputs.unwrap_or(1)).max(outputs).max(moved)
    }

    /// The constants it reads, as the kernels read them: weights, biases, multipliers; or its operands or table.
    pub fn constants(&self) -> [Option<Constants>; 3] {
        if let Some(layer) = self.layer() {
            let (from, to) = (&layer.input.shape, &layer.output.shape);
            let outputs = u64::from(to.channels);
            let float = matches!(layer.epilogue, Epilogue::Float(_));
            let count = match self {
                Self::Convolution { window, groups, .. } if CONVOLUTION.built => {
                    let count = u64::from((*groups).max(1));
                    let (inputs, outputs) = (u64::from(from.channels) / count, outputs / count);
                    let rows = u64::from(window.kernel[0]);
                    count
                        * if float {
                            float_weights(outputs, window.taps() * inputs)
                        } else {
                            let (runs, run) = int8_runs(window, *groups, inputs);
                            int8_weights(outputs, rows * runs, run)
                        }
                }
                Self::Depthwise { window, .. } if DEPTHWISE.built => window.taps() * outputs,
                _ if !DENSE.built => 0,
                _ if float => float_weights(outputs, from.elements()),
                _ => int8_weights(outputs, 1, from.elements()),
            };
            return match layer.epilogue {
                Epilogue::Float(_) => [
                    Some(Constants::floats(layer.weights, count)),
                    Some(Constants::floats(layer.bias, outputs)),
                    None,
                ],
                Epilogue::Int8(requantise) => [
                    Some(Constants::bytes(layer.weights, count)),
                    Some(Constants::words(layer.bias, outputs)),
                    Some(Constants::words(requantise.multipliers, outputs)),
                ],
            };
        }
        let operand = |side: &Operand, float: bool| match side {
            Operand::Constant { at, shape } if float => Some(Constants::floats(*at, shape.elements())),
            Operand::Constant { at, shape } => Some(Constants::bytes(*at, shape.elements())),
            Operand::Value(_) => None,
        };
        match self {
            Self::Binary { left, right, .. } if ELEMENT.built => {
                [operand(left, true), operand(right, true), None]
            }
            Self::SumInt8 { left, right, .. } | Self::ProductInt8 { left, right, .. } if ELEMENT.built => {
                [operand(left, false), operand(right, false), None]
            }
            Self::Table { table, .. } if ELEMENT.built => [Some(Constants::bytes(*table, 256)), None, None],
            _ => [None; 3],
        }
    }

    /// Whether each value is of the element that the operation computes with.
    #[inline(never)]
    pub(crate) fn check_elements(&self) -> Result<(), PlanError> {
        use Element::{F32, I8};
        let all = |element: Element| {
            let mut values = self.inputs().into_iter().flatten().chain(self.output());
            values.all(|value| value.element == element)
        };
        let same = |input: &Value, output: &Value| input.element == output.element;
        let right = match self {
            Self::Convolution { layer, .. } | Self::Depthwise { layer, .. } | Self::Dense { layer } => {
                all(if matches!(layer.epilogue, Epilogue::Float(_)) { F32 } else { I8 })
            }
            Self::MaxPool { input, output, .. }
            | Self::GlobalMaximum { input, output }
            | Self::Copy { input, output, .. }
                if POOL.built || MOVEMENT.built =>
            {
                same(input, output)
            }
            Self::AveragePool { input, output, padding, .. } if POOL.built => {
                same(input, output) && (input.element == I8 || matches!(padding, None | Some(0)))
            }
            Self::GlobalAverage { rescale, .. } if POOL.built => {
                all(if rescale.is_some() { I8 } else { F32 })
            }
            Self::Unary { .. } | Self::Binary { .. } | Self::Softmax { .. } if ELEMENT.built => all(F32),
            Self::SumInt8 { .. } | Self::ProductInt8 { .. } | Self::Table { .. } if ELEMENT.built => all(I8),
            Self::Quantise { input, output, .. } if INT8.built => {
                input.element == F32 && output.element == I8
            }
            Self::Dequantise { input, output, .. } if INT8.built => {
                input.element == I8 && output.element == F32
            }
            Self::Fill { .. } | Self::Rows { .. } => true,
            // No part of this build.
            _ => false,
        };
        if right { Ok(()) } else { Err(PlanError::Element) }
    }

    /// Whether shapes and windows fit together.
    #[inline(never)]
    pub(crate) fn shapes_fit(&self) -> bool {
        match self {
            Self::Convolution { layer, window, groups } if CONVOLUTION.built => {
                let (from, to) = (layer.input.shape.channels, layer.output.shape.channels);
                window.is_sound() && *groups > 0 && from.is_multiple_of(*groups) && to.is_multiple_of(*groups)
            }
            Self::Depthwise { layer, window } if DEPTHWISE.built => {
                window.is_sound() && layer.output.shape.channels.is_multiple_of(layer.input.shape.channels)
            }
            Self::Dense { layer } if DENSE.built => layer.output.shape.is_vector(),
            Self::MaxPool { input, output, window } | Self::AveragePool { input, output, window, .. }
                if POOL.built =>
            {
                window.is_sound()
                    && input.shape.channels == output.shape.channels
                    && window.always_inside(&input.shape, &output.shape)
            }
            Self::GlobalAverage { input, output, .. } | Self::GlobalMaximum { input, output }
                if POOL.built =>
            {
                output.shape.is_vector() && input.shape.channels == output.shape.channels
            }
            Self::Unary { input, output, .. }
            | Self::Softmax { input, output }
            | Self::Quantise { input, output, .. }
            | Self::Dequantise { input, output, .. }
            | Self::Table { input, output, .. }
                if ELEMENT.built || INT8.built =>
            {
                input.shape == output.shape
            }
            Self::Binary { left, right, output, .. }
            | Self::SumInt8 { left, right, output, .. }
            | Self::ProductInt8 { left, right, output, .. }
                if ELEMENT.built =>
            {
                left.spreads_to(&output.shape) && right.spreads_to(&output.shape)
            }
            Self::Copy { input, output, walk } if MOVEMENT.built => {
                walk.stays_within(input.shape.elements(), output.shape.elements())
            }
            Self::Fill { .. } | Self::Rows { .. } => true,
            // No part of this build.
            _ => false,
        }
    }
}

impl Window {
    /// Of an operation that has none: row by row, element by element.
    pub const ONE: Self = Self { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };

    /// The rows of an input of `height` that row `row` of the output reads; empty where all lie outside.
    pub fn rows_for(&self, row: u16, height: u16) -> core::ops::Range<u16> {
        let start = u32::from(row) * u32::from(self.stride[0]);
        let end = (start + self.span()).saturating_sub(self.pad[0].into()).min(height.into());
        let start = start.saturating_sub(self.pad[0].into()).min(end);
        start as u16..end as u16
    }
}

impl Epilogue {
    /// The activation of an `f32` layer.
    pub fn activation(&self) -> Option<Activation> {
        match self {
            Self::Float(activation) => Some(*activation),
            Self::Int8(_) => None,
        }
    }
}
