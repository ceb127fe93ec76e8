//! The WAV files in a folder, in the zips in a folder, or in a zip, read, decoded and turned into features.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{LoadError, features, wav};
use crate::broken::{OnBroken, Skipped};

/// A minute at 16 kHz in 32 bits; what is larger is not read into memory.
const LARGEST_FILE: u64 = 4 << 20;
/// Many times of what any of these data sets holds.
const MOST_FILES: usize = 100_000;
/// All files of one data set together.
const LARGEST_SET: u64 = 1 << 30;
/// Folders in folders.
const DEEPEST: usize = 4;

/// One recording.
pub struct Clip {
    /// Where it came from.
    pub path: PathBuf,
    /// Of the shape of all words.
    pub features: Vec<f32>,
}

/// What was found: bytes, or why there are none. Ordered, so that the same files give the same data set.
type Files = BTreeMap<PathBuf, Result<Vec<u8>, String>>;

/// Reads all recordings below `root`, in the order of their paths. `wanted` looks at a path and says what is wrong with
/// it, before anything is decoded; `expected` says in errors what the data set looks like.
pub fn load(
    root: &Path,
    on_broken: OnBroken,
    expected: &'static str,
    wanted: impl Fn(&Path) -> Result<(), String> + Sync,
) -> Result<(Vec<Clip>, Skipped), LoadError> {
    let metadata = fs::metadata(root).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LoadError::Missing { path: root.to_owned(), expected },
        _ => LoadError::Io { path: root.to_owned(), source },
    })?;
    let mut reading = Reading { root, files: Files::new(), bytes: 0 };
    if metadata.is_dir() {
        reading.folder(root, 0)?
    } else {
        reading.zip(root)?
    }
    let decoded: Vec<(PathBuf, Result<Vec<f32>, String>)> = reading
        .files
        .into_par_iter()
        .map(|(path, bytes)| {
            let features = bytes.and_then(|bytes| {
                wanted(&path)?;
                Ok(features(&wav::decode(&bytes)?))
            });
            (path, features)
        })
        .collect();
    let mut clips = Vec::new();
    let mut skipped = Skipped::default();
    for (path, features) in decoded {
        match (features, on_broken) {
            (Ok(features), _) => clips.push(Clip { path, features }),
            (Err(reason), OnBroken::Refuse) => return Err(LoadError::Broken { path, reason }),
            (Err(reason), OnBroken::Skip) => skipped.files.push((path, reason)),
        }
    }
    if clips.is_empty() {
        return Err(LoadError::NoRecordings {
            path: root.to_owned(),
            skipped: skipped.files.len(),
            expected,
        });
    }
    Ok((clips, skipped))
}

/// Whether a file has this ending, in letters of any size.
fn ends_in(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// Hidden files and the resource forks some zip programs add are passed over.
fn hidden(relative: &Path) -> bool {
    relative.iter().any(|part| part.to_string_lossy().starts_with('.') || part == "__MACOSX")
}

struct Reading<'a> {
    root: &'a Path,
    files: Files,
    bytes: u64,
}

impl Reading<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), LoadError> {
        let io_error = |source| LoadError::Io { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(io_error)? {
            let path = entry.map_err(io_error)?.path();
            if hidden(path.strip_prefix(self.root).unwrap_or(&path)) {
                continue;
            }
            if path.is_dir() {
                if depth < DEEPEST {
                    self.folder(&path, depth + 1)?;
                }
            } else if !path.is_file() && (ends_in(&path, "zip") || ends_in(&path, "wav")) {
                // Opening a pipe would wait for ever.
                self.add(path, Err("it is no file".to_owned()))?;
            } else if ends_in(&path, "zip") {
                self.zip(&path)?;
            } else if ends_in(&path, "wav") {
                let bytes = File::open(&path).map_err(|error| error.to_string()).and_then(bounded);
                self.add(path, bytes)?;
            }
        }
        Ok(())
    }

    /// A zip that is broken counts as one broken file.
    fn zip(&mut self, path: &Path) -> Result<(), LoadError> {
        let file = File::open(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
        let mut archive = match zip::ZipArchive::new(BufReader::new(file)) {
            Ok(archive) => archive,
            Err(error) => return self.add(path.to_owned(), Err(format!("not a readable zip ({error})"))),
        };
        if archive.len() > MOST_FILES {
            let what = format!("{} files, at most {MOST_FILES} are read", archive.len());
            return Err(LoadError::TooLarge { path: path.to_owned(), what });
        }
        for index in 0..archive.len() {
            let entry = match archive.by_index(index) {
                Ok(entry) => entry,
                Err(error) => {
                    self.add(path.join(format!("entry {index}")), Err(format!("not readable ({error})")))?;
                    continue;
                }
            };
            let Some(name) = entry.enclosed_name() else { continue };
            if entry.is_dir() || hidden(&name) || !ends_in(&name, "wav") {
                continue;
            }
            self.add(path.join(name), bounded(entry))?;
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf, bytes: Result<Vec<u8>, String>) -> Result<(), LoadError> {
        self.bytes += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let too_large = |what| Err(LoadError::TooLarge { path: self.root.to_owned(), what });
        if self.bytes > LARGEST_SET {
            return too_large(format!("recordings are at most {LARGEST_SET} bytes together"));
        }
        if self.files.len() >= MOST_FILES {
            return too_large(format!("more than {MOST_FILES} recordings"));
        }
        match self.files.get_mut(&path) {
            None => _ = self.files.insert(path, bytes),
            Some(there) => *there = Err("it is in the zip twice".to_owned()),
        }
        Ok(())
    }
}

fn bounded(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("not readable ({error})"))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("it is larger than {LARGEST_FILE} bytes, so it is no recording of a word"));
    }
    Ok(bytes)
}
