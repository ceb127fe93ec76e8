//! From the bytes of an ONNX file to a checked plan.

use supple_pack::write::TrunkParts;

use crate::emit::{EmitError, emit};
use crate::front::{FrontError, Oracle, guarded, load};
use crate::lower::{LowerError, lower};
use crate::refusal::Refusals;
use crate::report::Report;
use crate::schedule::schedule;
use crate::verify::{Orders, VerifyError, verify};

/// How to compile.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CompileOptions {
    /// The trunk's name in the pack, at most 32 bytes.
    pub name: String,
    /// The tensor to end at; the model's one output if none is named. What lies behind it does not matter.
    pub output: Option<String>,
    /// On how many random inputs the plan is held against tract, at least 1.
    pub inputs: usize,
    /// Where those inputs are drawn from.
    pub seed: u64,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self { name: String::from("trunk"), output: None, inputs: 16, seed: 0 }
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
}

/// Compiles a model. The same bytes and options always give the same parts.
pub fn compile(onnx: &[u8], options: &CompileOptions) -> Result<Compiled, CompileError> {
    let typed = load(onnx, options.output.as_deref())?;
    let oracle = Oracle::of(&typed)?;
    let simplified = guarded("simplify", || typed.into_decluttered())?;
    let lowered = guarded("lower", || Ok(lower(&simplified)))?.map_err(|error| match error {
        LowerError::Nodes(refusals) => CompileError::Unsupported(refusals),
        LowerError::Graph(problem) => CompileError::Graph(problem),
    })?;
    let schedule = schedule(&lowered);
    let emitted = emit(&lowered, &schedule, &options.name)?;
    let orders = Orders { input: &lowered.input_order, features: &lowered.feature_order };
    let agreement = verify(&emitted.parts, &oracle, orders, options.inputs.max(1), options.seed)?;
    let report = Report {
        macs: emitted.operations.iter().map(|operation| operation.macs).sum(),
        weight_bytes: 4 * emitted.parts.weights.len(),
        arena_bytes: 4 * schedule.arena,
        arena_lower_bound_bytes: 4 * schedule.lower_bound,
        arena_lower_bound_whole_bytes: 4 * schedule.lower_bound_whole,
        input_bytes: 4 * lowered.input_order.len(),
        input_order: lowered.input_order,
        operations: emitted.operations,
        feature_order: lowered.feature_order,
        agreement,
    };
    Ok(Compiled { parts: emitted.parts, report })
}
