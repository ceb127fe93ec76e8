//! Why an evaluation has no result.

use std::path::PathBuf;

use supple_data::tasks::TaskError;
use supple_link::host::UnknownBoard;
use supple_pack::write::WriteError;

use super::chosen::SplitError;
use super::features::FeaturesError;
use super::qemu::QemuEvalError;
use super::trace::TraceError;
use super::{MOST_EPISODES, MOST_STEPS};
use crate::data::DataError;
use crate::files::FileError;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The pack cannot be used, or the page not written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The pack has no head.
    #[error("{0} holds no head: pack a training's output (`supple pack`), not a trunk alone")]
    NoHead(PathBuf),
    /// The pack has other heads.
    #[error("{pack} holds no head `{name}`: its heads are {known}")]
    UnknownHead {
        /// The pack.
        pack: PathBuf,
        /// As asked.
        name: String,
        /// Those it has.
        known: String,
    },
    /// Classes where the head has numbers, or the other way round.
    #[error(
        "the head of {pack} predicts {predicts}, the labels of {set} are {has}: evaluate it on data of its kind"
    )]
    OtherAnswers {
        /// The pack.
        pack: PathBuf,
        /// `classes` or `numbers`.
        predicts: &'static str,
        /// The data set.
        set: String,
        /// Likewise.
        has: &'static str,
    },
    /// Numbers have no classes.
    #[error("the head of {0} predicts numbers, so an episode is of a new domain: leave --kind out")]
    NumbersOfNewClasses(PathBuf),
    /// The page shows classes.
    #[error(
        "the head of {0} predicts numbers, which the page of --report cannot show yet: take --json instead"
    )]
    ReportOfNumbers(PathBuf),
    /// Another number of numbers.
    #[error(
        "the head of {pack} predicts {capacity} numbers, the labels of {set} are {outputs}: evaluate it on the data set \
         that it was trained on"
    )]
    Outputs {
        /// The pack.
        pack: PathBuf,
        /// Of its head.
        capacity: usize,
        /// The data set.
        set: String,
        /// Of its labels.
        outputs: usize,
    },
    /// Features are sent to boards alone.
    #[error("--stream-features sends features to a board: add --on qemu, or leave it out")]
    StreamWithoutBoard,
    /// The heads-only pack could not be made.
    #[error(transparent)]
    HeadsOnly(#[from] WriteError),
    /// The heads-only pack could not be kept for the board.
    #[error("cannot keep a pack for the emulated board: {0}; check the system's folder for temporary files")]
    Temporary(std::io::Error),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The split is not one, or does not fit the data.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The data does not give such episodes.
    #[error("{0} (--way, --shot, --shots, --queries; --split)")]
    Task(#[from] TaskError),
    /// No episode, or more than memory holds.
    #[error("--episodes must be within 1..={MOST_EPISODES}, not {0}")]
    Episodes(usize),
    /// More steps than any adaptation takes.
    #[error("--steps must be at most {MOST_STEPS}, not {0}")]
    Steps(usize),
    /// The page has no folder.
    #[error("the folder of {0} does not exist: make it, or give --report another path")]
    NoReportFolder(PathBuf),
    /// More classes than the head holds.
    #[error(
        "--way {way} is above the capacity of {capacity} classes of {pack}: lower it, or train a head of larger capacity"
    )]
    WayAboveCapacity {
        /// The pack.
        pack: PathBuf,
        /// As asked.
        way: usize,
        /// As the pack says.
        capacity: usize,
    },
    /// More support samples than the head caches.
    #[error(
        "{support} support samples (--way times --shot or the most of --shots) are above the {max_support} of {pack}: \
         lower --shot, or train a head with a larger `max_support`"
    )]
    SupportAboveMost {
        /// The pack.
        pack: PathBuf,
        /// As asked.
        support: usize,
        /// As the pack says.
        max_support: usize,
    },
    /// Inputs of another shape.
    #[error(
        "the trunk of {pack} takes {takes}, the samples of {set} are {given} (height × width × channels): evaluate it \
         on data of the kind that it was trained on"
    )]
    Input {
        /// The pack.
        pack: PathBuf,
        /// Of the trunk's input.
        takes: String,
        /// The data set.
        set: String,
        /// Of its samples.
        given: String,
    },
    /// Samples, where the pack takes features.
    #[error(
        "{pack} holds heads without their trunk and takes {takes} features, the samples of {set} are {given} (height × \
         width × channels): evaluate the pack with the trunk; with --stream-features a board is given its heads alone"
    )]
    NoTrunk {
        /// The pack.
        pack: PathBuf,
        /// Of its heads.
        takes: usize,
        /// The data set.
        set: String,
        /// Of its samples.
        given: String,
    },
    /// Classes without a row.
    #[error(
        "the labels of {pack} keep their meaning and its head has {capacity} classes, but {set} has {classes}: evaluate \
         it on the data set that it was trained on, or as if classes were new, with --kind new-classes"
    )]
    MoreClasses {
        /// The pack.
        pack: PathBuf,
        /// Of its head.
        capacity: usize,
        /// The data set.
        set: String,
        /// Of the data set.
        classes: usize,
    },
    /// A trunk did not run.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// A head did not adapt.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// No such board.
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    /// The emulated board failed.
    #[error(transparent)]
    Qemu(#[from] QemuEvalError),
}

impl EvalError {
    /// Whether Ctrl-C ended it.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Qemu(QemuEvalError::Interrupted))
    }
}
