//! Why a device did not do what it was asked.

use std::path::PathBuf;

use supple_data::own;
use supple_data::part::PartError;
use supple_data::tasks::TaskError;
use supple_link::host::{LinkError, TransportError};

use crate::data::DataError;
use crate::eval::FeaturesError;
use crate::files::FileError;
use crate::flash::StateError;

/// Why a device did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceCommandError {
    /// The line cannot be opened, or broke.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The device does not answer, or refuses.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Not a line.
    #[error("`{0}` is no line: write tcp:HOST:PORT, qemu:BOARD or the path of a serial port")]
    Port(String),
    /// Nobody's packs are taken.
    #[error("the board knows no key, so that it takes no pack over the line: flash it with --keys")]
    NoKeys,
    /// No emulated board runs.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A sample's file cannot be used.
    #[error(transparent)]
    Sample(#[from] own::LoadError),
    /// No data.
    #[error("no data to draw samples from: name some with --data")]
    NoData,
    /// The data cannot be split so.
    #[error("{0}; choose with --hold-back, or take everything with --split all")]
    Part(#[from] PartError),
    /// The data does not give such samples.
    #[error("{0} (--way, --shot, --judges, --queries; --split)")]
    Task(#[from] TaskError),
    /// The twin did not run.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// Not a head of the pack.
    #[error("the board has no head `{name}`: its heads are {known}")]
    NoHead {
        /// As asked.
        name: String,
        /// Those it has.
        known: String,
    },
    /// Classes where the head has numbers, or the other way round.
    #[error(
        "the head `{head}` predicts {predicts}, the labels of {set} are {has}: give data of its kind, or name another \
         head with --head"
    )]
    OtherAnswers {
        /// The head.
        head: String,
        /// `classes` or `numbers`.
        predicts: &'static str,
        /// The data set.
        set: String,
        /// Likewise.
        has: &'static str,
    },
    /// Inputs of another size.
    #[error(
        "{what} has {given} values, the board's trunk takes {takes}: give data of the kind that its pack was trained on{}",
        if *.heads_only { ", or, since it seems to hold heads alone, add --pack and --stream-features" } else { "" }
    )]
    Input {
        /// The sample or the data set.
        what: String,
        /// Its values.
        given: usize,
        /// As the board takes.
        takes: u32,
        /// Whether the pack takes features.
        heads_only: bool,
    },
    /// Features of another size.
    #[error(
        "the trunk of {pack} gives {given} features, the board's heads take {takes}: name the pack that it runs"
    )]
    OtherFeatures {
        /// The pack.
        pack: PathBuf,
        /// As it gives.
        given: usize,
        /// As the board takes.
        takes: u32,
    },
    /// The pack holds no such head.
    #[error("{pack} holds no head `{name}` as the board does: name the pack that it runs")]
    OtherPack {
        /// The pack.
        pack: PathBuf,
        /// The head.
        name: String,
    },
    /// Classes without a row.
    #[error(
        "{set} has {classes} classes, the head has room for {capacity}: adapt it to new classes (--kind new-classes)"
    )]
    MoreClasses {
        /// The data set.
        set: String,
        /// Its classes.
        classes: usize,
        /// As the head has.
        capacity: u16,
    },
    /// More classes than the head holds.
    #[error(
        "--way {way} is above the {capacity} classes that the head has room for: lower it, or pack a larger head"
    )]
    Way {
        /// As asked.
        way: usize,
        /// As the head has.
        capacity: u16,
    },
    /// Classes that were not learned.
    #[error(
        "samples of {way} classes are asked for, the head has learned {learned}: give --way {learned}, or adapt it to them"
    )]
    NotLearned {
        /// As asked.
        way: usize,
        /// As the head has.
        learned: u16,
    },
    /// More samples than the cache holds.
    #[error(
        "{samples} samples (--way times --shot and --judges) are above the {most} that the board keeps: lower --shot, or \
         pack with a larger `max_support`"
    )]
    Samples {
        /// As asked.
        samples: usize,
        /// As the board keeps.
        most: u16,
    },
    /// The pack is not signed.
    #[error("{0} is not signed, so no board takes it over the line: sign it with `supple key sign`")]
    Unsigned(PathBuf),
    /// The pack's signature block is broken.
    #[error("{0}: its signature block is malformed: sign it again with `supple key sign`")]
    Malformed(PathBuf),
    /// The pack is for another board.
    #[error(
        "{pack} is signed for the board `{wanted}`, this is `{board}`: sign it for this one (--for-board)"
    )]
    OtherBoard {
        /// The pack.
        pack: PathBuf,
        /// As signed.
        wanted: String,
        /// As it is.
        board: String,
    },
    /// A transfer broke off.
    #[error("{0}; what was sent is kept: the same command goes on there")]
    BrokenOff(LinkError),
    /// After the restart, another pack runs.
    #[error(
        "the board started anew but runs {runs}, not the pack that was sent: it could not run it and went back; see \
         `supple inspect --board` whether the pack fits it"
    )]
    WentBack {
        /// What runs.
        runs: String,
    },
    /// Not an interval.
    #[error("--interval must be within 0.05..=3600 seconds, not {0}")]
    Interval(f64),
    /// Ctrl-C cannot be caught.
    #[error("cannot watch for Ctrl-C: {0}; start the program from a shell")]
    Signal(#[from] ctrlc::Error),
}
