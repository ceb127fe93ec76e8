//! The first look at a model: before tract sees it, everything in the protobuf is held against limits.
//!
//! tract trusts its input: crafted models make it panic, run for minutes or fold huge constants. So what passes
//! here is copied, field by field, into a new [`ModelProto`] which holds nothing that was not looked at, and
//! only that copy goes on.

mod constant;
mod cut;
mod graph;
mod input;
mod meaning;
mod node;
mod operators;
mod rule;
mod survey;
mod tensor;

pub use self::graph::CheckError;
pub use self::survey::{Survey, survey};

use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, OperatorSetIdProto};

/// Largest file read.
pub const MOST_BYTES: usize = 128 << 20;
/// Most nodes of a graph.
pub const MOST_NODES: usize = 1024;
/// Most axes of a value: exporters split two axes of an image to move pixels to channels.
pub const MOST_AXES: usize = 6;
/// Most elements of all constants together.
pub const MOST_ELEMENTS: usize = 1 << 24;
/// Most elements of any value that is computed: more RAM than any board has.
pub const MOST_VALUE: usize = 1 << 22;
/// Largest padding on a side.
pub const MOST_PADDING: i64 = 64;
/// Largest kernel or stride: a plan keeps them in a byte.
pub const MOST_WINDOW: i64 = 255;
/// Operator sets whose operators mean what this crate takes them to mean.
pub const OPERATOR_SETS: std::ops::RangeInclusive<i64> = 6..=25;
/// The set that older models are rewritten to: `Upsample` becomes `Resize`, `Slice` reads its bounds as inputs.
const OLDEST_REBUILT: i64 = 10;
/// How names begin that the check itself gives; a model's own must not.
const OWN_NAMES: &str = "supple:";

/// The model rebuilt from what was checked, cut to what `output` needs, or to its one output.
pub fn check(onnx: &[u8], output: Option<&str>) -> Result<ModelProto, CheckError> {
    let (graph, set) = decode(onnx)?;
    Ok(rebuilt(graph::check(cut::cut(graph, output)?, set)?, set))
}

/// The graph and its operator set.
fn decode(onnx: &[u8]) -> Result<(GraphProto, i64), CheckError> {
    if onnx.len() > MOST_BYTES {
        return Err(CheckError::TooLarge {
            what: "file",
            found: onnx.len(),
            most: MOST_BYTES,
            unit: "bytes",
        });
    }
    let model = ModelProto::decode(onnx).map_err(|error| CheckError::NotOnnx(error.to_string()))?;
    let graph = model.graph.ok_or(CheckError::NoGraph)?;
    if !model.functions.is_empty() {
        return Err(CheckError::LocalFunctions(model.functions.len()));
    }
    let set = model
        .opset_import
        .iter()
        .find(|set| node::is_onnx_domain(&set.domain))
        .map(|set| set.version)
        .ok_or(CheckError::NoOperatorSet)?;
    if !OPERATOR_SETS.contains(&set) {
        return Err(CheckError::OperatorSet(set));
    }
    Ok((graph, set))
}

fn rebuilt(graph: GraphProto, set: i64) -> ModelProto {
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: set.max(OLDEST_REBUILT) }],
        graph: Some(graph),
        ..ModelProto::default()
    }
}
