//! What is known of emulated boards that run in the background, from one command to the next.
//!
//! A folder of the user's own holds, for each board, `BOARD.json` while it runs (where its line is), its socket of
//! control, its flash and what the emulator complains of.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use supple_link::host::{EmulatedBoard, UnknownBoard};
use supple_meta::checkpoint::write_whole;

use super::control;

/// Why what is known cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No such board.
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    /// There is no folder for it.
    #[error("there is no home folder to keep emulated boards in: name a folder in SUPPLE_STATE")]
    NoFolder,
    /// The folder or a file in it cannot be used.
    #[error("cannot use {path}: {source}; check its rights, or name another folder in SUPPLE_STATE")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another command is at it.
    #[error("another `supple flash` is busy with {board}: wait for it to end")]
    Busy {
        /// The board.
        board: String,
    },
    /// Nothing runs.
    #[error("no emulated {board} runs: start it with `supple flash --board {board} PACK`")]
    NotRunning {
        /// The board.
        board: String,
    },
    /// It does not end.
    #[error("the emulated {board} does not end when asked: {reason}; end its process by hand")]
    DoesNotEnd {
        /// The board.
        board: String,
        /// Why.
        reason: String,
    },
}

/// An emulated board that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The emulator's process.
    pub pid: u32,
    /// Where its line is, on this machine.
    pub port: u16,
    /// The pack that it was started with.
    pub pack: PathBuf,
    /// The firmware.
    pub firmware: PathBuf,
    /// The keys, where it was given some.
    pub keys: Option<PathBuf>,
}

/// One board's files.
#[derive(Debug)]
pub struct Place {
    board: &'static str,
    folder: PathBuf,
    /// Held while this is: only one command at a time starts or stops a board.
    _lock: Option<File>,
}

impl Place {
    /// For looking only.
    pub fn of(board: &str) -> Result<Self, StateError> {
        let board = EmulatedBoard::named(board)?.name;
        Ok(Self { board, folder: folder()?, _lock: None })
    }

    /// For starting and stopping; makes the folder.
    pub fn locked(board: &str) -> Result<Self, StateError> {
        let place = Self::of(board)?;
        make(&place.folder).map_err(|source| StateError::Io { path: place.folder.clone(), source })?;
        let path = place.file("lock");
        let failed = |source| StateError::Io { path: path.clone(), source };
        let lock = File::create(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: Some(lock), ..place }),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy { board: board.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.board))
    }

    /// The board's flash.
    pub fn flash(&self) -> PathBuf {
        self.file("flash")
    }

    /// The socket that ends the emulator.
    pub fn control(&self) -> PathBuf {
        self.file("control")
    }

    /// What the emulator complains of.
    pub fn complaints(&self) -> PathBuf {
        self.file("log")
    }

    /// The board that runs; what is left of one that does not is none.
    pub fn running(&self) -> Result<Option<Instance>, StateError> {
        let path = self.file("json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::Io { path, source }),
        };
        let instance: Option<Instance> = serde_json::from_slice(&bytes).ok();
        Ok(instance.filter(|_| control::answers(&self.control())))
    }

    /// Notes that the board runs.
    pub fn note(&self, instance: &Instance) -> Result<(), StateError> {
        let path = self.file("json");
        let text = serde_json::to_vec_pretty(instance).map_err(io::Error::other);
        let written = text.and_then(|text| write_whole(&path, &text));
        written.map_err(|source| StateError::Io { path, source })
    }

    /// Ends the board, if it runs; whether it did.
    pub fn stop(&self) -> Result<Option<Instance>, StateError> {
        let running = self.running()?;
        // Even if nothing is noted: two emulators must not write to one flash.
        if control::answers(&self.control()) {
            control::quit(&self.control()).map_err(|error| StateError::DoesNotEnd {
                board: self.board.to_owned(),
                reason: error.to_string(),
            })?;
        }
        for ending in ["json", "control"] {
            self.remove(&self.file(ending))?;
        }
        Ok(running)
    }

    /// Removes the board's flash.
    pub fn erase(&self) -> Result<(), StateError> {
        self.remove(&self.flash())
    }

    fn remove(&self, path: &Path) -> Result<(), StateError> {
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(StateError::Io { path: path.to_owned(), source })
            }
            _ => Ok(()),
        }
    }
}

/// Where a running emulated board's line is, as `HOST:PORT`.
pub fn address(board: &str) -> Result<String, StateError> {
    match Place::of(board)?.running()? {
        Some(instance) => Ok(format!("127.0.0.1:{}", instance.port)),
        None => Err(StateError::NotRunning { board: board.to_owned() }),
    }
}

/// A folder of the user's own that stays.
fn folder() -> Result<PathBuf, StateError> {
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    path("SUPPLE_STATE")
        .or_else(|| path("XDG_STATE_HOME").map(|state| state.join("supple")))
        .or_else(|| path("LOCALAPPDATA").map(|state| state.join("supple")))
        .or_else(|| path("HOME").map(|home| home.join(".local/state/supple")))
        .ok_or(StateError::NoFolder)
}

/// What boards learn of their user is nobody else's.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}
