//! tract as the front end: the checked model as a typed graph, and the graph run as it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;

use crate::check::{self, CheckError, MOST_ELEMENTS, MOST_VALUE};
use crate::refusal::shown;

/// Most multiply-accumulates of one run: compiling must end in seconds, and a small board runs far fewer.
pub const MOST_WORK: u64 = 1 << 30;

/// Why a model could not be read or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontError {
    /// Refused before tract saw it.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// tract gave an error.
    #[error("tract cannot {doing} this model: {why}; does it load in onnxruntime?")]
    Tract {
        /// What was being done.
        doing: &'static str,
        /// tract's own words.
        why: String,
    },
    /// tract panicked.
    #[error("tract panicked when it was to {doing} this model: {why}; does it load in onnxruntime?")]
    Panic {
        /// What was being done.
        doing: &'static str,
        /// The panic's message.
        why: String,
    },
    /// A value whose shape depends on something not known, or too large.
    #[error(
        "node `{node}` gives a value of the shape {shape}; it must be fixed and hold at most {MOST_VALUE} elements"
    )]
    Shape {
        /// The node.
        node: String,
        /// Its shape in tract's notation.
        shape: String,
    },
    /// Far too slow for any device.
    #[error("the model takes {0} multiply-accumulates for one input; at most {MOST_WORK} are compiled")]
    TooSlow(u64),
    /// An input that does not fit the model.
    #[error("the model reads {expected} values, but was given {found}")]
    InputLength {
        /// By the model.
        expected: usize,
        /// As given.
        found: usize,
    },
}

/// Runs tract so that a panic in it is an error.
pub fn guarded<T>(doing: &'static str, work: impl FnOnce() -> TractResult<T>) -> Result<T, FrontError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(FrontError::Tract { doing, why: format!("{error:#}") }),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(FrontError::Panic { doing, why: text.unwrap_or("no message").to_owned() })
        }
    }
}

/// The typed graph of a model, neither simplified nor optimised, every shape known and within limits.
pub fn load(onnx: &[u8]) -> Result<TypedModel, FrontError> {
    let proto = check::check(onnx)?;
    let typed = guarded("read", || {
        tract_onnx::onnx().with_ignore_value_info(true).model_for_proto_model(&proto)?.into_typed()
    })?;
    guarded("measure", || Ok(measure(&typed)))??;
    Ok(typed)
}

fn measure(model: &TypedModel) -> Result<(), FrontError> {
    let mut total = 0u64;
    for node in model.nodes() {
        let mut elements = 0;
        for output in &node.outputs {
            let most = if output.fact.konst.is_some() { MOST_ELEMENTS } else { MOST_VALUE };
            let known = output
                .fact
                .shape
                .as_concrete()
                .map(|dims| dims.iter().fold(1usize, |product, dim| product.saturating_mul(*dim)))
                .filter(|elements| (1..=most).contains(elements));
            elements = known.ok_or_else(|| FrontError::Shape {
                node: shown(&node.name),
                shape: format!("{:?}", output.fact.shape),
            })?;
        }
        total = total.saturating_add((elements as u64).saturating_mul(products(model, node)));
    }
    if total > MOST_WORK { Err(FrontError::TooSlow(total)) } else { Ok(()) }
}

/// Products summed for one element of a node's output.
fn products(model: &TypedModel, node: &TypedNode) -> u64 {
    let taps = |spec: &tract_onnx::tract_core::ops::cnn::PoolSpec| {
        spec.kernel_shape.iter().fold(1u64, |product, size| product.saturating_mul(*size as u64))
    };
    if let Some(conv) = node.op_as::<Conv>() {
        taps(&conv.pool_spec).saturating_mul(conv.pool_spec.input_channels as u64)
    } else if let Some(pool) = node.op_as::<MaxPool>() {
        taps(&pool.pool_spec)
    } else if let Some(pool) = node.op_as::<SumPool>() {
        taps(&pool.pool_spec)
    } else if node.op_is::<EinSum>() {
        // No more than the elements of the smaller operand.
        let sizes = node.inputs.iter().filter_map(|input| model.outlet_fact(*input).ok()).map(elements);
        sizes.min().unwrap_or(1)
    } else {
        1
    }
}

fn elements(fact: &TypedFact) -> u64 {
    fact.shape.as_concrete().map_or(1, |dims| dims.iter().fold(1, |p, d| p.saturating_mul(*d as u64)))
}

/// A model run by tract as the exporter wrote it: what a plan is held against.
///
/// # Shapes
/// Reads one input in the order of the ONNX input and gives the features in the order of the ONNX output;
/// [`Report`](crate::Report) holds how a plan's own lie in them.
#[derive(Debug, Clone)]
pub struct Oracle {
    runnable: Arc<TypedRunnableModel>,
    /// The shape of tract's input, batch first.
    input: Vec<usize>,
}

impl Oracle {
    /// Reads a model.
    pub fn new(onnx: &[u8]) -> Result<Self, FrontError> {
        Self::of(&load(onnx)?)
    }

    pub(crate) fn of(typed: &TypedModel) -> Result<Self, FrontError> {
        let (runnable, input) = guarded("prepare", || {
            let input = typed.input_fact(0)?.shape.as_concrete().unwrap_or_default().to_vec();
            // Not decluttered: tract's simplifications are part of what is checked.
            Ok((typed.clone().into_runnable()?, input))
        })?;
        Ok(Self { runnable, input })
    }

    /// Length of an input.
    pub fn input_length(&self) -> usize {
        self.input.iter().product()
    }

    /// The features of one input.
    pub fn features(&self, input: &[f32]) -> Result<Vec<f32>, FrontError> {
        if input.len() != self.input_length() {
            return Err(FrontError::InputLength { expected: self.input_length(), found: input.len() });
        }
        guarded("run", || {
            let tensor = Tensor::from_shape(&self.input, input)?;
            let outputs = self.runnable.run(tvec!(tensor.into()))?;
            let features = outputs[0].cast_to::<f32>()?;
            Ok(features.to_plain_array_view::<f32>()?.iter().copied().collect())
        })
    }
}
