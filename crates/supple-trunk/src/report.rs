//! What a compiled trunk costs, and how closely it follows the model.

use std::fmt;

use serde::{Deserialize, Serialize};
use supple_pack::op::{Epilogue, Layer, Op, Shape};

/// What a compiled trunk costs, and how closely it follows the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether the plan computes in `i8`.
    pub int8: bool,
    /// In the order they run.
    pub operations: Vec<OperationReport>,
    /// Multiply-accumulates for one input, padding counted.
    pub macs: u64,
    /// Bytes of all weights and biases, with what is added to align them.
    pub weight_bytes: usize,
    /// Bytes of RAM for values.
    pub arena_bytes: usize,
    /// The least that any placement of the values could take, run as they are run.
    pub arena_lower_bound_bytes: usize,
    /// The least that any placement could take if every operation wrote its whole output before the next one began.
    pub arena_lower_bound_whole_bytes: usize,
    /// Bytes of the arena that hold the input, as long as it is needed.
    pub input_bytes: usize,
    /// Bytes of the arena that hold the features.
    pub feature_bytes: usize,
    /// The place in the model's input of each element of the plan's, which is row-major, channels last.
    pub input_order: Vec<u32>,
    /// The place in the model's output of each of the plan's features. Ascending, unless the model ends by
    /// flattening an image: a plan keeps that image's channels together.
    pub feature_order: Vec<u32>,
    /// How the plan compares with tract.
    pub agreement: Agreement,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Its kind, as in `supple_pack::op`.
    pub kind: String,
    /// The model's node it comes from.
    pub node: String,
    /// What it reads.
    pub input: Shape,
    /// What it writes.
    pub output: Shape,
    /// Whether it runs row by row together with its neighbours.
    pub by_rows: bool,
    /// Multiply-accumulates, padding counted.
    pub macs: u64,
    /// Bytes of its weights and biases.
    pub weight_bytes: usize,
}

/// The plan against tract, on random inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Number of inputs.
    pub inputs: usize,
    /// The largest difference of a feature.
    pub largest_difference: f32,
    /// The largest feature tract gave.
    pub largest_feature: f32,
}

impl Agreement {
    /// The largest difference as a part of the largest feature.
    pub fn relative_difference(&self) -> f32 {
        if self.largest_feature > 0.0 { self.largest_difference / self.largest_feature } else { 0.0 }
    }
}

/// The name of an operation's kind.
pub fn kind(op: &Op) -> &'static str {
    let int8 = |layer: &Layer| matches!(layer.epilogue, Epilogue::Int8(_));
    match op {
        Op::Convolution { layer, .. } if int8(layer) => "ConvolutionInt8",
        Op::Convolution { .. } => "Convolution",
        Op::Depthwise { layer, .. } if int8(layer) => "DepthwiseInt8",
        Op::Depthwise { .. } => "Depthwise",
        Op::Dense { layer } if int8(layer) => "DenseInt8",
        Op::Dense { .. } => "Dense",
        Op::MaxPool { .. } => "MaxPool",
        Op::AveragePool { .. } => "AveragePool",
        Op::GlobalAverage { .. } => "GlobalAverage",
        Op::GlobalMaximum { .. } => "GlobalMaximum",
        Op::Unary { .. } => "Unary",
        Op::Binary { .. } => "Binary",
        Op::SumInt8 { .. } => "SumInt8",
        Op::ProductInt8 { .. } => "ProductInt8",
        Op::Softmax { .. } => "Softmax",
        Op::Copy { .. } => "Copy",
        Op::Fill { .. } => "Fill",
        Op::Quantise { .. } => "Quantise",
        Op::Dequantise { .. } => "Dequantise",
        Op::Table { .. } => "Table",
        Op::Rows { .. } => "Rows",
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |shape: Shape| format!("{}x{}x{}", shape.height, shape.width, shape.channels);
        writeln!(
            f,
            "{:<18} {:>12} {:>12} {:>12} {:>12}",
            "operation", "input", "output", "MAC", "weight bytes"
        )?;
        for op in &self.operations {
            let (input, output) = (size(op.input), size(op.output));
            writeln!(f, "{:<18} {input:>12} {output:>12} {:>12} {:>12}", op.kind, op.macs, op.weight_bytes)?;
        }
        writeln!(f, "total {} MAC, {} bytes of weights", self.macs, self.weight_bytes)?;
        writeln!(
            f,
            "arena {} bytes, lower bound {} ({} if no operations ran row by row together)",
            self.arena_bytes, self.arena_lower_bound_bytes, self.arena_lower_bound_whole_bytes
        )?;
        write!(
            f,
            "largest difference from tract {:.1e} ({:.1e} of the largest feature) on {} random inputs",
            self.agreement.largest_difference,
            self.agreement.relative_difference(),
            self.agreement.inputs
        )
    }
}
