//! Compiling in a process of its own: a model is parsed, compiled and checked in a child with limits on memory
//! and time, so that no model, however broken, harms or delays the one who asks.
//!
//! The child is any program that calls [`work`] on its standard input and output before it starts a thread; the
//! command `supple` is one under a verb of its own. Parent and child send each other frames, a length and
//! `postcard` bytes. What comes back is not trusted either: the plan arrives as the bytes of a pack, which are
//! parsed as any pack is.

mod session;
mod wire;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use self::session::Session;
pub use self::worker::work;

use self::wire::{Outcome, Task};
use crate::candidates::Candidate;
use crate::compile::{Calibrated, CompileOptions, Compiled};
use crate::quantise::ranges::RangeChoice;
use crate::refusal::Refusals;

/// How to start a worker, and how much it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What a model may take.
    pub limits: Limits,
}

/// What one model may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of address space.
    pub memory: u64,
    /// Seconds of processor time; the time on the clock may be twice as long.
    pub seconds: u64,
}

impl Default for Limits {
    /// Enough for the largest model that is read.
    fn default() -> Self {
        Self { memory: 1 << 30, seconds: 60 }
    }
}

impl Limits {
    /// Other programs may use the processor too, so a worker that is slow is given more time than it may compute.
    fn wall(&self) -> Duration {
        Duration::from_secs(self.seconds.saturating_mul(2).saturating_add(1))
    }
}

/// What a worker took, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// The most memory it ever held, in bytes; 0 where the system does not tell.
    pub peak_bytes: u64,
    /// Processor time of the last model, in microseconds; 0 where the system does not tell.
    pub microseconds: u64,
}

/// A model that was refused, as the worker told it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refused {
    /// Why, with what to do about it.
    pub message: String,
    /// The nodes that are in the way, if it is nodes.
    pub refusals: Option<Refusals>,
    /// Whether it was a fault of tract's that was caught.
    pub fault: bool,
}

/// Why a worker gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum IsolatedError {
    /// The model is at fault, or cannot be expressed.
    #[error("{}", .0.message)]
    Refused(Refused),
    /// The program could not be started.
    #[error("cannot start {program} to read the model: {source}; was it moved while it ran?")]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It took too long.
    #[error(
        "reading the model took more than {0} s, so it was stopped: give more with --time-limit, or cut the model with --output"
    )]
    TimeOut(u64),
    /// It wanted too much memory.
    #[error("reading the model takes more than {} MB of memory, so it was stopped: cut it with --output or give a smaller one", .0 / 1_000_000)]
    Memory(u64),
    /// It died in another way.
    #[error(
        "reading the model ended with {how}{said}; it may be damaged or hostile: does it load in onnxruntime?"
    )]
    Died {
        /// How.
        how: String,
        /// The end of what it said, in brackets, if anything.
        said: String,
    },
    /// It answered what nobody asked.
    #[error(
        "the process that reads the model answered wrongly ({0}): do program and worker differ in version?"
    )]
    Answer(String),
}

impl IsolatedError {
    /// Whether the model is to blame and the worker is well.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// [`compile`](crate::compile()) in a process of its own.
pub fn compile_isolated(
    worker: &Worker,
    onnx: &[u8],
    options: &CompileOptions,
) -> Result<Compiled, IsolatedError> {
    Session::new(worker.clone()).compile(onnx, options)
}

/// [`candidates`](crate::candidates()) in a process of its own.
pub fn candidates_isolated(worker: &Worker, onnx: &[u8]) -> Result<Vec<Candidate>, IsolatedError> {
    Session::new(worker.clone()).candidates(onnx)
}

/// [`calibrate`](crate::calibrate()) in a process of its own.
pub fn calibrate_isolated(
    worker: &Worker,
    onnx: &[u8],
    output: Option<&str>,
    inputs: &[Vec<f32>],
    choice: RangeChoice,
) -> Result<Calibrated, IsolatedError> {
    Session::new(worker.clone()).calibrate(onnx, output, inputs, choice)
}

impl Session {
    /// Compiles a model.
    pub fn compile(&mut self, onnx: &[u8], options: &CompileOptions) -> Result<Compiled, IsolatedError> {
        match self.ask(&Task::Compile { onnx: wire::Bytes(onnx.to_vec()), options: options.clone() })? {
            Outcome::Compiled(compiled) => compiled.unpacked().map_err(IsolatedError::Answer),
            other => Err(unasked(other)),
        }
    }

    /// Finds where a model could be cut.
    pub fn candidates(&mut self, onnx: &[u8]) -> Result<Vec<Candidate>, IsolatedError> {
        match self.ask(&Task::Candidates { onnx: wire::Bytes(onnx.to_vec()) })? {
            Outcome::Candidates(candidates) => Ok(candidates),
            other => Err(unasked(other)),
        }
    }

    /// Chooses the ranges of a trunk's values.
    pub fn calibrate(
        &mut self,
        onnx: &[u8],
        output: Option<&str>,
        inputs: &[Vec<f32>],
        choice: RangeChoice,
    ) -> Result<Calibrated, IsolatedError> {
        let task = Task::Calibrate {
            onnx: wire::Bytes(onnx.to_vec()),
            output: output.map(str::to_owned),
            inputs: inputs.to_vec(),
            choice,
        };
        match self.ask(&task)? {
            Outcome::Calibrated(calibrated) => Ok(calibrated),
            other => Err(unasked(other)),
        }
    }
}

/// A refusal, or an answer to another question.
fn unasked(outcome: Outcome) -> IsolatedError {
    IsolatedError::Answer(
        match outcome {
            Outcome::Refused(refused) => return IsolatedError::Refused(refused),
            Outcome::Compiled(_) => "with a plan",
            Outcome::Candidates(_) => "with candidates",
            Outcome::Calibrated(_) => "with ranges",
        }
        .into(),
    )
}
