//! From the bytes of an ONNX file to a checked plan.

use serde::{Deserialize, Serialize};
use supple_pack::op::Shape;
use supple_pack::write::TrunkParts;
use tract_onnx::prelude::TypedModel;

use crate::emit::{EmitError, Emitted, emit};
use crate::front::{FrontError, Oracle, guarded, load};
use crate::lower::{LowerError, Lowered, lower};
use crate::quantise::calibrate::Ranges;
use crate::quantise::error::QuantisationReport;
use crate::quantise::ranges::RangeChoice;
use crate::quantise::{self, QuantiseError, equalised, quantise};
use crate::refusal::Refusals;
use crate::report::{Agreement, Report};
use crate::schedule::{Schedule, schedule};
use crate::verify::{Orders, VerifyError, verify, verify_memory};

/// How to compile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompileOptions {
    /// The trunk's name in the pack, at most 32 bytes.
    pub name: String,
    /// The tensor to end at; the model's one output if none is named. What lies behind it does not matter.
    pub output: Option<String>,
    /// On how many random inputs the plan is held against tract, at least 1.
    pub inputs: usize,
    /// Where those inputs are drawn from.
    pub seed: u64,
    /// The ranges to quantise with, of [`calibrate`]; `f32` if there are none.
    pub int8: Option<Ranges>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self { name: String::from("trunk"), output: None, inputs: 16, seed: 0, int8: None }
    }
}

/// A trunk that was seen to do what its model does.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// Ready for `supple_pack::write::pack`.
    pub parts: TrunkParts,
    /// What it costs and how closely it follows the model.
    pub report: Report,
}

/// Why a model was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It could not be read.
    #[error(transparent)]
    Front(#[from] FrontError),
    /// tract's graph holds what a plan cannot express.
    #[error("the model has nodes that cannot be lowered:\n{0}")]
    Unsupported(Refusals),
    /// No one node is to blame.
    #[error("the model's graph {0}")]
    Graph(String),
    /// The plan is too large for a pack.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The plan does not do what the model does.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The plan was not quantised.
    #[error(transparent)]
    Quantise(#[from] QuantiseError),
}

/// What calibration found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// For [`CompileOptions::int8`].
    pub ranges: Ranges,
    /// What each layer loses on the inputs that were given.
    pub report: QuantisationReport,
    /// What the plan reads, row-major, channels last. Inputs of another shape and as many elements were taken as they are.
    pub input: Shape,
}

/// A plan in `f32` that was held against tract.
struct Checked {
    lowered: Lowered,
    schedule: Schedule,
    emitted: Emitted,
    agreement: Agreement,
}

/// Lowers a model and holds the plan against what tract gives for the untouched model.
///
/// tract's simplifications have faults. Where a plan from the simplified graph gives something else, or there is none, one
/// is made from the graph as it was.
fn checked(onnx: &[u8], options: &CompileOptions) -> Result<Checked, CompileError> {
    let typed = load(onnx, options.output.as_deref())?;
    let oracle = Oracle::of(&typed)?;
    match check(lowered(&typed)?, &oracle, options) {
        Err(CompileError::Verify(VerifyError::Disagreement { .. })) => {
            check(lowered_as_it_is(&typed)?, &oracle, options)
        }
        other => other,
    }
}

/// The draft of the simplified graph; of the graph as it was, where tract joined nodes to what no plan has. Their parts
/// are often supported, and if not, they are what the model's owner knows by name.
pub(crate) fn lowered(typed: &TypedModel) -> Result<Lowered, CompileError> {
    let simplified = guarded("simplify", || typed.clone().into_decluttered())?;
    match lowered_as_it_is(&simplified) {
        Err(CompileError::Unsupported(_)) => lowered_as_it_is(typed),
        other => other,
    }
}

fn lowered_as_it_is(model: &TypedModel) -> Result<Lowered, CompileError> {
    guarded("lower", || Ok(lower(model)))?.map_err(|error| match error {
        LowerError::Nodes(refusals) => CompileError::Unsupported(refusals),
        LowerError::Graph(problem) => CompileError::Graph(problem),
    })
}

fn check(lowered: Lowered, oracle: &Oracle, options: &CompileOptions) -> Result<Checked, CompileError> {
    let schedule = schedule(&lowered);
    let emitted = emit(&lowered, &schedule, &options.name)?;
    let orders = Orders { input: &lowered.input_order, features: &lowered.feature_order };
    let agreement = verify(&emitted.parts, oracle, orders, options.inputs.max(1), options.seed)?;
    Ok(Checked { lowered, schedule, emitted, agreement })
}

/// Compiles a model. The same bytes and options always give the same parts.
///
/// A quantised plan comes from an `f32` plan that was held against tract; and it must give, bit for bit, what the
/// same operations give when each has memory of its own.
pub fn compile(onnx: &[u8], options: &CompileOptions) -> Result<Compiled, CompileError> {
    let mut checked = checked(onnx, options)?;
    if let Some(ranges) = &options.int8 {
        let lowered = quantise(&checked.lowered, ranges)?.lowered;
        let schedule = schedule(&lowered);
        let emitted = emit(&lowered, &schedule, &options.name)?;
        verify_memory(&lowered, &emitted.parts, options.inputs.max(1), options.seed)?;
        checked = Checked { lowered, schedule, emitted, ..checked };
    }
    let Checked { lowered, schedule, emitted, agreement } = checked;
    let report = Report {
        int8: options.int8.is_some(),
        macs: emitted.operations.iter().map(|operation| operation.macs).sum(),
        weight_bytes: 4 * emitted.parts.weights.len(),
        arena_bytes: 4 * schedule.arena,
        arena_lower_bound_bytes: 4 * schedule.lower_bound,
        arena_lower_bound_whole_bytes: 4 * schedule.lower_bound_whole,
        input_bytes: 4 * lowered.input_order.len(),
        feature_bytes: 4 * lowered.feature_order.len(),
        input_order: lowered.input_order,
        operations: emitted.operations,
        feature_order: lowered.feature_order,
        agreement,
    };
    Ok(Compiled { parts: emitted.parts, report })
}

/// Runs the `f32` plan on inputs in the plan's order (row-major, channels last) and chooses the ranges of its values.
/// The same model, inputs and choice always give the same ranges.
pub fn calibrate(
    onnx: &[u8],
    output: Option<&str>,
    inputs: &[Vec<f32>],
    choice: RangeChoice,
) -> Result<Calibrated, CompileError> {
    let options = CompileOptions { output: output.map(str::to_owned), ..CompileOptions::default() };
    let float = checked(onnx, &options)?.lowered;
    let ranges = quantise::calibrate::calibrate(&float, inputs, choice)?;
    let report = quantise::error::error(&equalised(&float, &ranges), &quantise(&float, &ranges)?, inputs)?;
    Ok(Calibrated { ranges, report, input: float.input.1 })
}
