//! Why a board was not flashed.

use std::io;
use std::path::PathBuf;

use supple_link::host::{ImageError, LinkError, QemuError, TransportError, UnknownBoard};

use super::state::StateError;
use crate::files::FileError;

/// Why a board was not flashed.
#[derive(Debug, thiserror::Error)]
pub enum FlashError {
    /// No such board.
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    /// The pack or the keys cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no keys block.
    #[error("{path} holds no keys ({reason}): make it with `supple key ring`")]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The pack is larger than the board's room for it.
    #[error(
        "{pack} has {bytes} bytes, {board} has room for {room}: train a smaller trunk, or leave it \
         out (`supple pack --heads-only`)"
    )]
    TooLarge {
        /// The pack.
        pack: PathBuf,
        /// Its bytes.
        bytes: usize,
        /// The board.
        board: String,
        /// Its room.
        room: u32,
    },
    /// The pack needs more memory than the board has.
    #[error("{pack} does not fit {board}'s memory: `supple inspect --board {board}` says by how much")]
    TooMuchMemory {
        /// The pack.
        pack: PathBuf,
        /// The board.
        board: String,
    },
    /// The record of what runs cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The firmware is no image of a program.
    #[error("{source}; for this board: `cargo xtask firmware --board {board}`")]
    Image {
        /// The board.
        board: String,
        /// What is wrong with it.
        source: ImageError,
    },
    /// The emulator does not start.
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// The emulator ended at once.
    #[error(
        "the emulated {board} has ended ({status}){said}; check the firmware image, or build it again: `cargo xtask firmware --board {board}`"
    )]
    Ended {
        /// The board.
        board: String,
        /// The emulator's status.
        status: String,
        /// What it said.
        said: String,
    },
    /// It did not answer.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Its line cannot be opened.
    #[error(transparent)]
    Line(#[from] TransportError),
    /// The firmware is another board's.
    #[error(
        "the firmware is that of the board `{found}`, not of `{board}`: give that board's image with --firmware"
    )]
    OtherFirmware {
        /// As told.
        found: String,
        /// As asked for.
        board: String,
    },
    /// The board cannot run the pack.
    #[error("the board runs, but not the pack: {0}")]
    PackDoesNotRun(supple_link::DeviceError),
    /// The board runs a pack that was sent to it.
    #[error(
        "the board goes on with a pack that was sent to it over the line, which its flash keeps: send this one too \
         (`supple device --port qemu:{board} push`), or begin anew with --erase"
    )]
    OtherPackRuns {
        /// The board.
        board: String,
    },
    /// Only emulated boards run in the background.
    #[error("{board} is no emulated board: there is nothing to stop")]
    NothingToStop {
        /// The board.
        board: String,
    },
    /// There is no checkout.
    #[error(
        "no checkout of Supple (a folder firmware/boards) around {}: name one with --source, or give an image with \
         --firmware",
        path.display()
    )]
    NoSource {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The compiler's target is missing.
    #[error("the compiler has no libraries for {target}: run `rustup target add {target}`")]
    NoTarget {
        /// The target.
        target: &'static str,
    },
    /// The firmware did not build.
    #[error("the firmware of {board} did not build; cargo's messages above say why")]
    DoesNotBuild {
        /// The board.
        board: String,
    },
    /// A program is missing.
    #[error("{program} is not installed: run `{install}`")]
    NoProgram {
        /// The program.
        program: String,
        /// What installs it.
        install: String,
    },
    /// A program cannot be run.
    #[error("cannot run {program}: {source}; check that it is a program and may be run")]
    Program {
        /// The program.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program failed.
    #[error(
        "`{command}` failed ({status}); its messages above say why: check the cable, the probe and the board's power"
    )]
    Failed {
        /// The command.
        command: String,
        /// Its status.
        status: String,
    },
}
