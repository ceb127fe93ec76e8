//! The trunk compiler: ONNX to a plan, on the host.
//!
//! [`compile()`] reads a model with tract, lowers it to the flat list of operations in `supple_pack::op`, places
//! its values in an arena, and refuses to hand it out before the packed plan, run by the device's runtime, gave
//! what tract gives for the untouched model. [`export`] writes trunks as ONNX.
//!
//! | module | what |
//! |---|---|
//! | [`export`] | a trunk as ONNX |
//! | [`compile`](mod@compile) | the way from ONNX to a checked plan |
//! | `check` | limits on the protobuf, before tract sees it; cutting a model at a tensor |
//! | [`isolated`] | all of this in a process of its own, with limits on memory and time |
//! | [`candidates`](mod@candidates) | where a model could be cut |
//! | `front` | tract: the typed graph, and [`Oracle`], the model run as it is |
//! | `measure` | limits on the typed graph |
//! | `lower` | tract's graph to a draft of the plan, scales and shifts folded in `f64` |
//! | [`planner`] | where each value lies in the arena |
//! | `weights` | weights in the order of the kernels |
//! | `schedule` | which operations run row by row, which in place |
//! | [`QuantisationReport`], [`Ranges`], [`calibrate()`] | `i8`: ranges from data, what each layer loses |
//! | `emit` | the draft as operations and a weight blob |
//! | `verify` | the plan against tract on random inputs |
//! | [`report`] | what the plan costs |
//! | [`refusal`] | nodes that cannot be compiled, all named at once |
//!
//! # Not supported
//! - more than one input or sample; more than one output, unless one is chosen
//! - 3-d convolutions, transposed convolutions, recurrent layers, products of two computed matrices
//! - control flow, loops, shapes that depend on data, selections (Elu, Selu, PRelu)
//! - interpolation other than by the nearest, padding by reflection along two axes at once
//! - kernels, strides and dilations beyond 255, padding beyond 64, axes beyond 65,535, batches
//! - models that were quantised elsewhere, other types than `f32`, weights in a second file
//!
//! [`compile()`] reads a model in this process. Limits on sizes and a guard around tract turn hostile models into
//! errors, but a fault in tract's unsafe code is not contained, and a panic inside tract still prints its message on
//! standard error: models that you do not trust are for [`isolated::compile_isolated`].
#![deny(unsafe_code, missing_docs)]

pub mod candidates;
pub mod compile;
pub mod export;
pub mod isolated;
pub mod planner;
pub mod refusal;
pub mod report;

mod check;
mod emit;
mod front;
mod lower;
mod measure;
mod quantise;
mod schedule;
mod verify;
mod weights;

pub use candidates::{Candidate, candidates};
pub use check::CheckError;
pub use compile::{Calibrated, CompileError, CompileOptions, Compiled, calibrate, compile};
pub use emit::EmitError;
pub use export::{ExportError, Layer, Model, to_onnx};
pub use front::{FrontError, Oracle};
pub use quantise::QuantiseError;
pub use quantise::calibrate::Ranges;
pub use quantise::error::{LayerError, QuantisationReport};
pub use quantise::ranges::{Range, RangeChoice};
pub use refusal::{Refusal, Refusals, SUPPORTED_OPERATORS};
pub use report::{Agreement, OperationReport, Report};
pub use verify::VerifyError;
