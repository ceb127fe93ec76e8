//! Files read within bounds and written whole.

use std::fs::File;
use std::io::{self, Read};
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
    #[error("{0} has more than {MOST_BYTES} bytes: give a pack or a small ONNX trunk")]
    TooLong(PathBuf),
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
    let mut bytes = Vec::new();
    // Not by the length that the system tells: for a device it is 0.
    let length = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    if length.map_err(failed)? as u64 > MOST_BYTES {
        return Err(FileError::TooLong(path.to_owned()));
    }
    Ok(bytes)
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
