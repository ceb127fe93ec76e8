//! Sensors' recordings as data sets.
//!
//! | module | samples | classes or values | domains |
//! |---|---|---|---|
//! | [`har`] | windows of a phone's or a watch's motion | five activities | a person and a device |
//! | [`ecg`] | heart beats | normal or premature | patients |
//! | [`gas`] | readings of 16 gas sensors | six gases; how much of it | batches, months apart |
//!
//! What a device must compute as well is computed by the crate `supple-signal`.

pub mod ecg;
pub mod gas;
pub mod har;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::broken::{OnBroken, Skipped};
use crate::samples::DataSetError;

/// No file of these data sets is larger; what claims to be is not read into memory.
const LARGEST_FILE: u64 = 64 << 20;

/// Why recordings were not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing is there.
    #[error("{path} does not exist: give {expected}")]
    Missing {
        /// What was asked for.
        path: PathBuf,
        /// What this data set looks like.
        expected: &'static str,
    },
    /// Reading failed.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What was being read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file that cannot be used.
    #[error("{path}: {reason}: repair or remove it, or choose to skip broken files")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and in which row.
        reason: String,
    },
    /// Nothing of use in it.
    #[error("{path} holds no usable recording ({skipped} files skipped): give {expected}")]
    NoRecordings {
        /// What was given.
        path: PathBuf,
        /// Broken files.
        skipped: usize,
        /// What this data set looks like.
        expected: &'static str,
    },
    /// Recordings that make no data set.
    #[error(transparent)]
    DataSet(#[from] DataSetError),
}

/// The files of a folder that `wanted` names, in the order of their names.
fn files(
    root: &Path,
    expected: &'static str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<PathBuf>, LoadError> {
    let io_error = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => LoadError::Missing { path: root.to_owned(), expected },
        _ => LoadError::Io { path: root.to_owned(), source },
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(io_error)? {
        let path = entry.map_err(io_error)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| !name.starts_with('.') && wanted(name)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A file's bytes; the error says what is wrong with it.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        // Opening a pipe would wait for ever.
        return Err("it is no file".to_owned());
    }
    if metadata.len() > LARGEST_FILE {
        return Err(format!("it is larger than {LARGEST_FILE} bytes"));
    }
    fs::read(path).map_err(|error| error.to_string())
}

/// A file's text.
fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read(path)?).map_err(|_| "it is no text".to_owned())
}

/// A number in a row counted from 1; the error names both.
fn number(row: usize, name: &str, text: Option<&str>) -> Result<f32, String> {
    let text = text.ok_or_else(|| format!("row {row} has no {name}"))?.trim();
    let value: f32 =
        text.parse().map_err(|_| format!("row {row}: {name} is `{text}`, which is no number"))?;
    if value.is_finite() { Ok(value) } else { Err(format!("row {row}: {name} is {text}, no finite number")) }
}

/// Takes a file's content, or does with its fault as chosen.
fn sound<T>(
    path: &Path,
    content: Result<T, String>,
    on_broken: OnBroken,
    skipped: &mut Skipped,
) -> Result<Option<T>, LoadError> {
    match (content, on_broken) {
        (Ok(content), _) => Ok(Some(content)),
        (Err(reason), OnBroken::Refuse) => Err(LoadError::Broken { path: path.to_owned(), reason }),
        (Err(reason), OnBroken::Skip) => {
            skipped.files.push((path.to_owned(), reason));
            Ok(None)
        }
    }
}
