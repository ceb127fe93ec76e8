//! tract as the front end: the checked model as a typed graph, and the graph run as it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use crate::check::{self, CheckError, MOST_VALUE};
use crate::measure::{measure, parts};
use crate::refusal::printable;

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
    #[error("tract broke down when it was to {doing} this model: {why}; does it load in onnxruntime?")]
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
    /// tract accepts it, but it means nothing.
    #[error("node `{node}` {problem}")]
    Meaningless {
        /// The node.
        node: String,
        /// What is wrong with it.
        problem: String,
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
        Ok(Err(error)) => Err(FrontError::Tract { doing, why: printable(&format!("{error:#}")) }),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(FrontError::Panic { doing, why: printable(text.unwrap_or("no message")) })
        }
    }
}

/// The typed graph of a model cut at `output`, neither simplified nor optimised, every shape known and within
/// limits.
pub fn load(onnx: &[u8], output: Option<&str>) -> Result<TypedModel, FrontError> {
    let typed = typed(&check::check(onnx, output)?)?;
    guarded("measure", || Ok(measure(&typed)))??;
    Ok(typed)
}

/// The typed graph of a checked model.
pub fn typed(proto: &ModelProto) -> Result<TypedModel, FrontError> {
    guarded("read", || {
        let mut model = onnx().with_ignore_value_info(true).model_for_proto_model(proto)?;
        model.analyse(false)?;
        match parts(&model) {
            Ok(()) => model.into_typed().map(Ok),
            Err(meaningless) => Ok(Err(meaningless)),
        }
    })?
}

/// A model run by tract as the exporter wrote it: what a plan is held against.
///
/// # Shapes
/// Reads one input in the order of the ONNX input and gives the features in the order of the ONNX output;
/// [`Report`](crate::Report) holds how a plan's own lie in them.
#[derive(Debug, Clone)]
pub struct Oracle {
    runnable: Arc<TypedRunnableModel>,
    /// The shape of tract's input, batch first where it has one.
    input: Vec<usize>,
}

impl Oracle {
    /// Reads a model.
    pub fn new(onnx: &[u8]) -> Result<Self, FrontError> {
        Self::of(&load(onnx, None)?)
    }

    /// Reads a model up to a tensor.
    pub fn cut(onnx: &[u8], output: &str) -> Result<Self, FrontError> {
        Self::of(&load(onnx, Some(output))?)
    }

    /// Reads a model and lets tract make it as fast as it can: to measure against, not to check with.
    pub fn optimised(onnx: &[u8]) -> Result<Self, FrontError> {
        let typed = load(onnx, None)?;
        Self::prepared(&typed, || typed.clone().into_optimized()?.into_runnable())
    }

    pub(crate) fn of(typed: &TypedModel) -> Result<Self, FrontError> {
        // Not decluttered: tract's simplifications are part of what is checked.
        Self::prepared(typed, || typed.clone().into_runnable())
    }

    fn prepared(
        typed: &TypedModel,
        prepare: impl FnOnce() -> TractResult<Arc<TypedRunnableModel>>,
    ) -> Result<Self, FrontError> {
        let (runnable, input) = guarded("prepare", || {
            let input = typed.input_fact(0)?.shape.as_concrete().unwrap_or_default().to_vec();
            Ok((prepare()?, input))
        })?;
        Ok(Self { runnable, input })
    }

    /// The shape of the model's input, its batch of 1 included.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
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
