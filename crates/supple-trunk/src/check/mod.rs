//! The first look at a model: before tract sees it, everything in the protobuf is held against limits.
//!
//! tract trusts its input: crafted models make it panic, run for minutes or fold huge constants. So what passes
//! here is copied, field by field, into a new [`ModelProto`] which holds nothing that was not looked at, and
//! only that copy goes on.

mod graph;
mod node;
mod tensor;

pub use self::graph::CheckError;

use prost::Message;
use tract_onnx::pb::{ModelProto, OperatorSetIdProto};

/// Largest file read.
pub const MOST_BYTES: usize = 128 << 20;
/// Most nodes of a graph.
pub const MOST_NODES: usize = 512;
/// Most elements of all constants together.
pub const MOST_ELEMENTS: usize = 1 << 24;
/// Most elements of any value that is computed: more RAM than any board has.
pub const MOST_VALUE: usize = 1 << 22;
/// Largest padding on a side.
pub const MOST_PADDING: i64 = 64;
/// Largest kernel or stride: a plan keeps them in a byte.
pub const MOST_WINDOW: i64 = 255;
/// Operator sets whose operators mean what this crate takes them to mean.
pub const OPERATOR_SETS: std::ops::RangeInclusive<i64> = 9..=22;

/// The model rebuilt from what was checked.
pub fn check(onnx: &[u8]) -> Result<ModelProto, CheckError> {
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
    let version = model
        .opset_import
        .iter()
        .find(|set| node::is_onnx_domain(&set.domain))
        .map(|set| set.version)
        .ok_or(CheckError::NoOperatorSet)?;
    if !OPERATOR_SETS.contains(&version) {
        return Err(CheckError::OperatorSet(version));
    }
    let graph = graph::check(graph)?;
    Ok(ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version }],
        graph: Some(graph),
        ..ModelProto::default()
    })
}
