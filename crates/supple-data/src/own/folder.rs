//! `domain/class/sample` or `class/sample` in a folder; the samples are all `.png`, all `.wav`, all `.csv` or all
//! `.npy`.
//!
//! | ending | a sample |
//! |---|---|
//! | `.png` | grey or RGB, at most 256 × 256, values 0 to 1 |
//! | `.wav` | at 8 or 16 kHz a word, as log-mel features; at any other rate a mono signal, values -1 to 1 |
//! | `.csv` | a row a time step, a column a channel; the first row may be a head |
//! | `.npy` | `[values]`, `[steps][channels]` or `[height][width][channels]` |
//!
//! Hidden files are passed over, and so are files beside the folders (a licence, a read-me). All samples have the size
//! of the first in the order of the names; one of another size counts as broken. Classes are numbered in the order of
//! their names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::decode::{Decoded, Ending, LARGEST_FILE, decode};
use super::{LoadError, MOST_NAMES, MOST_SAMPLES, MOST_VALUES, name};
use crate::broken::{OnBroken, Skipped};
use crate::samples::{Answer, DataSet, DataSetBuilder, SampleShape};

/// The domain of samples that have none.
pub const ONE_DOMAIN: &str = "all";
/// Files that are decoded at a time, so that what is too large is seen before it fills the memory.
const AT_A_TIME: usize = 64;

/// Where a sample belongs.
struct Place {
    domain: String,
    class: String,
}

/// Loads a folder.
pub fn load(root: &Path, on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    let mut found = BTreeMap::new();
    walk(root, &mut Vec::new(), &mut found)?;
    let no_samples = |skipped| LoadError::NoSamples { path: root.to_owned(), skipped };
    let ending = one_ending(&found)?.ok_or_else(|| no_samples(0))?;
    let names = |of: fn(&Place) -> &str| found.values().map(of).collect::<BTreeSet<&str>>();
    let (classes, domains) = (names(|place| &place.class), names(|place| &place.domain));
    if classes.len().max(domains.len()) > MOST_NAMES {
        let what = format!(
            "{} classes and {} domains, at most {MOST_NAMES} of each are read",
            classes.len(),
            domains.len()
        );
        return Err(LoadError::TooLarge { path: root.to_owned(), what });
    }
    let classes: Vec<&str> = classes.into_iter().collect();
    let mut builder = None;
    let mut first: Option<(&Path, SampleShape)> = None;
    let mut skipped = Skipped::default();
    let mut values = 0;
    let files: Vec<(&PathBuf, &Place)> = found.iter().collect();
    for files in files.chunks(AT_A_TIME) {
        let decoded: Vec<Result<Decoded, String>> =
            files.par_iter().map(|(path, _)| read(path).and_then(|bytes| decode(ending, &bytes))).collect();
        for ((path, place), decoded) in files.iter().zip(decoded) {
            let decoded = decoded.and_then(|decoded| match first {
                Some((first, shape)) if shape != decoded.shape => Err(format!(
                    "its size is {} where {} has {}: bring all samples to one size",
                    text(decoded.shape),
                    first.display(),
                    text(shape)
                )),
                _ => Ok(decoded),
            });
            let decoded = match (decoded, on_broken) {
                (Ok(decoded), _) => decoded,
                (Err(reason), OnBroken::Refuse) => {
                    return Err(LoadError::Broken { path: path.to_path_buf(), reason });
                }
                (Err(reason), OnBroken::Skip) => {
                    skipped.files.push((path.to_path_buf(), reason));
                    continue;
                }
            };
            let shape = first.get_or_insert((path.as_path(), decoded.shape)).1;
            values += decoded.values.len();
            if values > MOST_VALUES {
                let what = format!("more than {MOST_VALUES} values");
                return Err(LoadError::TooLarge { path: root.to_owned(), what });
            }
            let builder = builder.get_or_insert_with(|| {
                DataSetBuilder::new(name(root), shape, vec![DataSetBuilder::classes("class", &classes)])
            });
            let answers = [Answer::Class(place.class.clone())];
            builder.push(&path.display().to_string(), &place.domain, &decoded.values, &answers)?;
        }
    }
    let builder: DataSetBuilder = builder.ok_or_else(|| no_samples(skipped.files.len()))?;
    Ok((builder.finish()?, skipped))
}

fn text(shape: SampleShape) -> String {
    format!("{} × {} × {}", shape.height, shape.width, shape.channels)
}

/// Finds the samples below `folder`, whose names from the root on are `above`.
fn walk(
    folder: &Path,
    above: &mut Vec<String>,
    found: &mut BTreeMap<PathBuf, Place>,
) -> Result<(), LoadError> {
    let io_error = |source| LoadError::Io { path: folder.to_owned(), source };
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(io_error)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()
        .map_err(io_error)?;
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "__MACOSX" {
            continue;
        }
        if path.is_dir() {
            if above.len() > 2 {
                let reason = "samples lie in domain/class/ or class/: move them up".to_owned();
                return Err(LoadError::Layout { path, depth: above.len(), reason });
            }
            above.push(name);
            walk(&path, above, found)?;
            above.pop();
            continue;
        }
        let place = match &above[..] {
            [] if ending(&path).is_none() => continue,
            [class] => Place { domain: ONE_DOMAIN.to_owned(), class: class.clone() },
            [domain, class] => Place { domain: domain.clone(), class: class.clone() },
            _ => {
                let reason = "samples lie in domain/class/ or class/: move it there".to_owned();
                return Err(LoadError::Layout { path, depth: above.len(), reason });
            }
        };
        let depth = above.len();
        let first = found.keys().next().map(|first| first.components().count());
        if first.is_some_and(|first| first != path.components().count()) {
            let reason =
                "others lie deeper or less deep: use domain/class/ for all or class/ for all".to_owned();
            return Err(LoadError::Layout { path, depth, reason });
        }
        found.insert(path, place);
        if found.len() > MOST_SAMPLES {
            let what = format!("more than {MOST_SAMPLES} samples");
            return Err(LoadError::TooLarge { path: folder.to_owned(), what });
        }
    }
    Ok(())
}

fn ending(path: &Path) -> Option<Ending> {
    path.extension().and_then(|extension| Ending::of(&extension.to_string_lossy()))
}

/// The ending of all files; the first with a known one says which it is.
fn one_ending(found: &BTreeMap<PathBuf, Place>) -> Result<Option<Ending>, LoadError> {
    let first = found.keys().find_map(|path| ending(path).map(|ending| (path, ending)));
    let Some((first, expected)) = first else { return Ok(None) };
    match found.keys().find(|path| ending(path) != Some(expected)) {
        None => Ok(Some(expected)),
        Some(other) => Err(LoadError::MixedEndings {
            path: other.clone(),
            first: first.clone(),
            expected: expected.text(),
        }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    if !path.is_file() {
        // Opening a pipe would wait for ever.
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() as u64 > LARGEST_FILE {
        true => Err(format!("it is larger than {LARGEST_FILE} bytes: shorten it")),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own::decode::tests::png;
    use crate::own::load;
    use crate::own::npy::tests::floats;
    use crate::samples::Labels;

    fn files(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        root
    }

    fn refused(of: &[(&str, &[u8])], parts: &[&str]) {
        let message = load(files(of).path(), OnBroken::Refuse).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }

    #[test]
    fn domains_and_classes_are_folders() {
        let grey = |level| png(2, 2, png::ColorType::Grayscale, &[level; 4]);
        let root = files(&[
            ("new/b/1.png", &grey(0)),
            ("new/a/1.PNG", &grey(1)),
            ("old/b/1.png", &grey(2)),
            ("LICENSE", b"text"),
            ("new/b/.hidden", b"x"),
        ]);
        let (set, skipped) = load(root.path(), OnBroken::Refuse).unwrap();
        assert_eq!((set.len(), skipped.files.len()), (3, 0));
        assert_eq!(set.shape(), SampleShape { height: 2, width: 2, channels: 1 });
        assert_eq!((set.domains().len(), set.domain_of()), (2, &[0, 0, 1][..]));
        let Labels::Classes { names, of } = &set.tasks()[0].labels else { panic!("classes") };
        assert_eq!((names.join(" ").as_str(), &of[..]), ("a b", &[Some(0), Some(1), Some(1)][..]));
    }

    #[test]
    fn without_domains_there_is_one() {
        let root = files(&[("a/1.csv", b"1,2\n3,4"), ("b/1.csv", b"x,y\n1,2\n3,4")]);
        let (set, _) = load(root.path(), OnBroken::Refuse).unwrap();
        assert_eq!((set.shape(), set.domains()), (SampleShape::signal(2, 2), &[ONE_DOMAIN.to_owned()][..]));
    }

    #[test]
    fn broken_samples_are_refused_or_skipped() {
        let of: [(&str, &[u8]); 4] =
            [("a/1.csv", b"1\n2"), ("a/2.csv", b"1\n2\n3"), ("a/3.csv", b"1\nx"), ("b/1.csv", b"3\n4")];
        refused(&of, &["2.csv", "1 × 3 × 1", "1.csv has 1 × 2 × 1"]);
        let root = files(&of);
        let (set, skipped) = load(root.path(), OnBroken::Skip).unwrap();
        assert_eq!((set.len(), skipped.files.len()), (2, 2));
        assert!(skipped.files[1].0.ends_with("a/3.csv") && skipped.files[1].1.contains("row 2"));
        let root = files(&[("a/1.csv", b"x")]);
        let error = load(root.path(), OnBroken::Skip).unwrap_err();
        assert!(matches!(error, LoadError::NoSamples { skipped: 1, .. }));
    }

    #[test]
    fn sizes_are_told_by_their_sides() {
        let (wide, high) = (floats("(2, 3)", &[1.0; 6]), floats("(3, 2)", &[1.0; 6]));
        refused(&[("a/1.npy", &wide), ("a/2.npy", &high)], &["2.npy", "1 × 3 × 2"]);
    }

    #[test]
    fn layouts_and_endings_must_be_one() {
        refused(&[("a/1.csv", b"1"), ("a/2.npy", b"1")], &["2.npy is no .csv like", "1.csv"]);
        refused(&[("a/1.csv", b"1"), ("a/notes.txt", b"1")], &["notes.txt is no .csv"]);
        refused(&[("a/1.csv", b"1"), ("b/c/1.csv", b"1")], &["1.csv lies 2 folders deep"]);
        refused(&[("1.csv", b"1")], &["lies 0 folders deep"]);
        refused(&[("a/b/c/d/1.csv", b"1")], &["lies 3 folders deep"]);
        refused(&[("a/b/c/1.csv", b"1")], &["lies 3 folders deep"]);
        refused(&[("a/notes.txt", b"1")], &["holds no usable sample"]);
        refused(&[], &["holds no usable sample"]);
        let gone = files(&[]).path().join("gone");
        assert!(matches!(load(&gone, OnBroken::Refuse), Err(LoadError::Missing(_))));
    }
}
