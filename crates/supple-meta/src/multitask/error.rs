//! Why a joint training cannot start, or went wrong.

use super::recipe::AnswerKind;
use crate::model::BlockError;

/// Why a joint training cannot start.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum MultiTaskError {
    /// A value that makes no sense.
    #[error("recipe: {key} {problem}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The trunk's blocks do not fit together.
    #[error(transparent)]
    Trunk(#[from] BlockError),
    /// A head for a task that the data has not.
    #[error("{set} has no task `{task}`, of which [[heads]] wants a head; it has {known}")]
    UnknownTask {
        /// The data set.
        set: String,
        /// As the recipe names it.
        task: String,
        /// Tasks there are.
        known: String,
    },
    /// Two heads for one task.
    #[error("[[heads]] has two heads for the task `{0}`: remove one")]
    Twice(String),
    /// Classes for numbers, or the other way round.
    #[error(
        "the head of `{task}` is for {wanted}, but the labels of {set} are {found}: correct kind of [[heads]]"
    )]
    Kind {
        /// The data set.
        set: String,
        /// The task.
        task: String,
        /// As the recipe says.
        wanted: AnswerKind,
        /// As the data is.
        found: AnswerKind,
    },
    /// A label beyond the head's outputs.
    #[error(
        "sample {sample} of {set} has class {label} of `{task}`, but its head has only {outputs} outputs: set outputs of [[heads]] to at least {}", label + 1
    )]
    LabelOutOfRange {
        /// The data set.
        set: String,
        /// The task.
        task: String,
        /// Counted from 0.
        sample: usize,
        /// Counted from 0.
        label: u32,
        /// Of the head.
        outputs: usize,
    },
    /// Not as many outputs as numbers.
    #[error(
        "the head of `{task}` has {outputs} outputs, but {set} has {found} numbers: leave outputs of [[heads]] out"
    )]
    Outputs {
        /// The data set.
        set: String,
        /// The task.
        task: String,
        /// As the recipe says.
        outputs: usize,
        /// Numbers there are.
        found: usize,
    },
    /// Nothing to learn a task from.
    #[error(
        "no sample of {set} that is trained on has a label of `{task}`: remove its head, or change hold_back of [data]"
    )]
    AllMissing {
        /// The data set.
        set: String,
        /// The task.
        task: String,
    },
    /// Gradients by shared layers, of which there are none that learn.
    #[error(
        "weights `{0}` compare gradients of the shared trunk, but none is trained here: take hard sharing with a trunk that is not frozen, or other weights"
    )]
    NothingShared(&'static str),
    /// A frozen trunk that nobody has trained.
    #[error("trunk.frozen needs a trained trunk to start from: give one, or train the trunk too")]
    FrozenWithoutStart,
    /// A trunk that the recipe names, but that nobody has read.
    #[error("trunk.start names a trunk to start from, but none was given: read it first, or leave it out")]
    StartNotGiven,
    /// Trunks of another shape.
    #[error("the trunk to start from does not fit the recipe's: {0}; take the blocks it was trained with")]
    Start(String),
    /// The checkpoint belongs to something else.
    #[error(
        "the checkpoint was made with another recipe or other data: train into an empty folder, or leave --resume out"
    )]
    OtherCheckpoint,
}

/// A joint training went wrong.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
#[error(
    "training diverged at iteration {iteration}: the {what} of task `{task}` is {value}; the last checkpoint, if there was one, is kept (lower training.learning_rate, or that task's weight)"
)]
pub struct TaskDiverged {
    /// Counted from 0.
    pub iteration: u64,
    /// By name.
    pub task: String,
    /// `loss` or `gradient's norm`.
    pub what: &'static str,
    /// Not a finite number, or very large.
    pub value: f32,
}
