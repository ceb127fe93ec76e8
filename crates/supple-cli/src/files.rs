//! Files read within bounds and written whole.

use std::io;
use std::path::{Path, PathBuf};

use supple_meta::checkpoint::write_whole;
use supple_pack::{AlignedBytes, Pack, PackError};

/// No pack and no small trunk has more.
const MOST_BYTES: u64 = 256 << 20;

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be read.
    #[error("cannot read {path}: {source}; check the path and its rights")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is longer than anything sensible.
    #[error("{path} has {length} bytes, at most {MOST_BYTES} are read: give a pack or a small ONNX trunk")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        length: u64,
    },
    /// It could not be written.
    #[error("cannot write {path}: {source}; check that the folder exists, its rights and the disk's room")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is no sound pack.
    #[error("{path}: {source}")]
    Pack {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PackError,
    },
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(FileError::TooLong { path: path.to_owned(), length });
    }
    std::fs::read(path).map_err(failed)
}

/// Writes a file so that it is whole or not there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_whole(path, bytes).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

/// Reads a pack's bytes to an aligned place.
pub fn read_pack(path: &Path) -> Result<AlignedBytes, FileError> {
    Ok(AlignedBytes::copy_of(&read(path)?))
}

/// Checks a pack's bytes; `path` is for the message.
pub fn parse_pack<'b>(path: &Path, bytes: &'b AlignedBytes) -> Result<Pack<'b>, FileError> {
    Pack::parse(bytes).map_err(|source| FileError::Pack { path: path.to_owned(), source })
}
