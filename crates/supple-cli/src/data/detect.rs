//! What kind of data lies at a path.

use std::fs::File;
use std::path::{Path, PathBuf};

use supple_meta::recipe::Source;

/// Folders below the given one that are looked into.
const DEPTH: usize = 3;
/// Files that are looked at: the first of a data set say what it is.
const MOST_FILES: usize = 2000;
/// Names in a zip that are looked at.
const MOST_ENTRIES: usize = 4000;

/// The kind of data. What is none is left to the loader of drawings, which says what is wrong with it.
pub fn source(path: &Path) -> Source {
    if path.is_file() {
        return match ending(path).as_str() {
            "npz" | "npy" | "csv" => Source::Own,
            "zip" => of_zip(path),
            "dat" => Source::Gas,
            _ => Source::Omniglot,
        };
    }
    let mut files = Vec::new();
    walk(path, DEPTH, &mut files);
    let named = |matches: fn(&str) -> bool| files.iter().find(|file| matches(&stem(file)));
    let numbered = |text: &str, prefix: &str| {
        text.strip_prefix(prefix).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    if files.iter().any(|file| ending(file) == "dat" && numbered(&stem(file), "batch")) {
        return Source::Gas;
    }
    if named(|stem| stem.ends_with("_all")).is_some() && files.iter().any(|file| ending(file) == "npz") {
        return Source::Ecg;
    }
    let zips: Vec<&PathBuf> = files.iter().filter(|file| ending(file) == "zip").collect();
    if zips.iter().any(|zip| numbered(&stem(zip), "s")) {
        return Source::Har;
    }
    match zips.first() {
        Some(zip) => of_zip(zip),
        None => {
            let names: Vec<String> = files.iter().map(|file| relative(path, file)).collect();
            of_names(&names)
        }
    }
}

/// By what a zip holds. The user's own data lies in no zip.
fn of_zip(path: &Path) -> Source {
    match of_names(&entries(path)) {
        Source::Own if entries(path).iter().any(|name| ending(Path::new(name)) == "wav") => Source::WakeWords,
        Source::Own => Source::Omniglot,
        source => source,
    }
}

/// By the names of files, `/` between folders.
fn of_names(names: &[String]) -> Source {
    let with = |wanted: &str| names.iter().find(|name| ending(Path::new(name)) == wanted);
    if let Some(wav) = with("wav") {
        return match (is_digit(wav), wav.matches('/').count()) {
            (true, _) => Source::Fsdd,
            // Folders of folders: a domain's classes.
            (false, 2..) => Source::Own,
            (false, _) => Source::WakeWords,
        };
    }
    if with("png").is_some() {
        return Source::Omniglot;
    }
    let own = ["npz", "npy", "csv"].iter().any(|wanted| with(wanted).is_some());
    if own { Source::Own } else { Source::Omniglot }
}

/// Whether a name is `digit_speaker_index.wav`.
fn is_digit(name: &str) -> bool {
    let stem = stem(Path::new(name));
    let parts: Vec<&str> = stem.split('_').collect();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() >= 3 && parts[0].len() == 1 && number(parts[0]) && number(parts[parts.len() - 1])
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn relative(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

/// Files below a folder, in order of name; what cannot be read is left to the loader to say.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(found) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = found.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if files.len() >= MOST_FILES {
            return;
        }
        if !path.is_dir() {
            files.push(path);
        } else if depth > 0 {
            walk(&path, depth - 1, files);
        }
    }
}

/// Names in a zip; none where it is no zip.
fn entries(path: &Path) -> Vec<String> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let Ok(archive) = zip::ZipArchive::new(file) else { return Vec::new() };
    archive.file_names().take(MOST_ENTRIES).filter_map(|name| Some(name.ok()?.into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_kind() {
        let of = |names: &[&str]| of_names(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["0_theo_12.wav"]), Source::Fsdd);
        assert_eq!(of(&["alexa/1.wav"]), Source::WakeWords);
        assert_eq!(of(&["kitchen/on/1.wav", "kitchen/off/1.wav"]), Source::Own);
        assert_eq!(of(&["Greek/alpha/1.png"]), Source::Omniglot);
        assert_eq!(of(&["site/good/1.csv"]), Source::Own);
        assert_eq!(of(&["readme.txt"]), Source::Omniglot);
    }

    #[test]
    fn folders_tell_the_kind() {
        let cases: [(&[&str], Source); 5] = [
            (&["batch1.dat", "LICENSE"], Source::Gas),
            (&["100.npz", "100_all.csv"], Source::Ecg),
            (&["s01.zip", "subjects_info.csv"], Source::Har),
            (&["a/b/1.npy"], Source::Own),
            (&["a/b/1.png"], Source::Omniglot),
        ];
        for (files, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            for file in files {
                let path = folder.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            assert_eq!(source(folder.path()), expected, "{files:?}");
        }
    }
}
