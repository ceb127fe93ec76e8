//! The user's own data: a folder of files, or one `.npz`.
//!
//! | module | what |
//! |---|---|
//! | [`folder`] | `domain/class/sample.png` (or `.wav`, `.csv`, `.npy`), or without the domain |
//! | [`table`] | an `.npz` with the arrays `x`, `y` and perhaps `domain` |
//! | `npy` | NumPy's arrays |
//! | `decode` | a file as a sample |
//!
//! Everything is taken for hostile. What cannot be used is named, with the row where there is one, and what to do; a
//! broken file is refused or skipped, as chosen.
//!
//! Not supported: samples of different sizes, transparency, elements of 16-bit floats, Python objects in arrays.

mod decode;
pub mod folder;
pub(crate) mod npy;
pub mod table;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::broken::{OnBroken, Skipped};
use crate::samples::{DataSet, DataSetError};

/// Samples of a data set.
pub const MOST_SAMPLES: usize = 100_000;
/// Values of a data set; 1 GiB.
pub const MOST_VALUES: usize = 1 << 28;
/// Classes, and domains, of a data set.
pub const MOST_NAMES: usize = 10_000;

/// Why the user's data was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing is there.
    #[error("{0} does not exist: give a folder of domain/class/sample or class/sample, or an .npz")]
    Missing(PathBuf),
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
    /// A file that lies where no sample can.
    #[error("{path} lies {depth} folders deep: {reason}")]
    Layout {
        /// The file.
        path: PathBuf,
        /// Folders above it.
        depth: usize,
        /// What was expected.
        reason: String,
    },
    /// Samples of several kinds.
    #[error("{path} is no .{expected} like {first}: give samples of one kind (.png, .wav, .csv or .npy)")]
    MixedEndings {
        /// The file.
        path: PathBuf,
        /// The first sample.
        first: PathBuf,
        /// The first sample's ending.
        expected: &'static str,
    },
    /// More than is read.
    #[error("{path} is too large: {what}: give a smaller part of it")]
    TooLarge {
        /// The folder or file.
        path: PathBuf,
        /// What is too large.
        what: String,
    },
    /// Nothing of use in it.
    #[error(
        "{path} holds no usable sample ({skipped} skipped): expected is domain/class/sample or class/sample, as .png, .wav, .csv or .npy"
    )]
    NoSamples {
        /// What was given.
        path: PathBuf,
        /// Broken files.
        skipped: usize,
    },
    /// Samples that make no data set.
    #[error(transparent)]
    DataSet(#[from] DataSetError),
}

/// Loads a folder or an `.npz`.
pub fn load(path: &Path, on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LoadError::Missing(path.to_owned()),
        _ => LoadError::Io { path: path.to_owned(), source },
    })?;
    match (metadata.is_dir(), metadata.is_file()) {
        (true, _) => folder::load(path, on_broken),
        (_, true) => table::load(path, on_broken),
        _ => Err(LoadError::Broken { path: path.to_owned(), reason: "it is neither file nor folder".into() }),
    }
}

/// The values of one sample in a file of its own: a picture, a recording, a table or an array.
pub fn sample(path: &Path) -> Result<Vec<f32>, LoadError> {
    let broken = |reason| LoadError::Broken { path: path.to_owned(), reason };
    let unreadable = |source| LoadError::Io { path: path.to_owned(), source };
    let ending = path.extension().and_then(|extension| decode::Ending::of(&extension.to_string_lossy()));
    let ending =
        ending.ok_or_else(|| broken("its name does not end in .png, .wav, .csv or .npy".to_owned()))?;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    let length = file.take(decode::LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if length as u64 > decode::LARGEST_FILE {
        return Err(broken(format!("it has more than {} bytes", decode::LARGEST_FILE)));
    }
    Ok(decode::decode(ending, &bytes).map_err(broken)?.values)
}

/// What the data set is called in reports.
fn name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
