//! Omniglot's layout: `alphabet/character/*.png` under any root, in a zip or a folder.
//!
//! Lake, Salakhutdinov, Tenenbaum: Human-level concept learning through probabilistic program induction. Science
//! 350 (2015). Drawings are 105 × 105, ink black on white; sets already shrunk to 28 × 28 load too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::drawings::Drawings;

/// Side lengths a drawing may have.
pub const SIDES: [usize; 2] = [105, 28];
/// No PNG of a drawing is larger; what claims to be is not read into memory.
const LARGEST_FILE: u64 = 1 << 20;
/// Twice of what any Omniglot part holds.
const MOST_FILES: usize = 100_000;

/// Why a data set was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing is there.
    #[error(
        "{0} does not exist: give --data an Omniglot zip or folder, or `--data glyphs` for generated drawings"
    )]
    Missing(PathBuf),
    /// Reading failed.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What was being read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file that is not a zip.
    #[error("{path} is neither a folder nor a zip ({source}): give --data an Omniglot zip or folder")]
    NotAZip {
        /// The file.
        path: PathBuf,
        /// What the zip reader found.
        source: zip::result::ZipError,
    },
    /// Two files of one name.
    #[error(
        "{0} stands there twice, under two folders with the same alphabet, character and file name: give one of them"
    )]
    Twice(PathBuf),
    /// No drawings in it.
    #[error("{0} holds no drawing: expected files alphabet/character/*.png")]
    NoDrawings(PathBuf),
    /// A file too large to be a drawing, or too many files.
    #[error("{path} is too large: {what}")]
    TooLarge {
        /// The file or zip.
        path: PathBuf,
        /// What is too large.
        what: String,
    },
    /// A PNG that does not decode.
    #[error("{path} is not a readable PNG ({reason}): repair or remove it")]
    BrokenImage {
        /// The file.
        path: PathBuf,
        /// What the decoder found.
        reason: String,
    },
    /// A drawing of the wrong size.
    #[error(
        "{path} is {width} × {height} pixels; drawings must be {expected} pixels, all of one size: resize or remove it"
    )]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
        /// What was expected.
        expected: String,
    },
}

/// Files of one data set: alphabet, character and file name, to the PNG's bytes.
type Files = BTreeMap<(String, String, String), Vec<u8>>;

/// Loads a zip or a folder.
pub fn load(path: &Path) -> Result<Drawings, LoadError> {
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LoadError::Missing(path.to_owned()),
        _ => LoadError::Io { path: path.to_owned(), source },
    })?;
    let files = if metadata.is_dir() { read_folder(path)? } else { read_zip(path)? };
    if files.is_empty() {
        return Err(LoadError::NoDrawings(path.to_owned()));
    }
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    decode(path, &name, &files)
}

fn decode(root: &Path, name: &str, files: &Files) -> Result<Drawings, LoadError> {
    let images: Vec<(usize, Vec<u8>)> = files
        .par_iter()
        .map(|((alphabet, character, file), bytes)| {
            decode_drawing(&root.join(alphabet).join(character).join(file), bytes)
        })
        .collect::<Result<_, _>>()?;
    let side = images[0].0;
    let mut set = Drawings::new(name, side);
    let mut character_drawings = Vec::new();
    let mut keys = files.keys().peekable();
    for (found, ink) in images {
        let Some((alphabet, character, file)) = keys.next() else {
            break;
        };
        if found != side {
            let path = root.join(alphabet).join(character).join(file);
            let expected = format!("{side} × {side} like the first");
            return Err(LoadError::WrongSize { path, width: found, height: found, expected });
        }
        character_drawings.push(ink);
        if keys.peek().is_none_or(|(a, c, _)| (a, c) != (alphabet, character)) {
            set.push(alphabet, character, &character_drawings);
            character_drawings.clear();
        }
    }
    Ok(set)
}

/// One drawing from a PNG as a trunk is shown it: its ink (1 = black) at 28 × 28, row by row.
///
/// # Errors
/// [`LoadError`] if the file cannot be read, is no PNG, or has another size than drawings have.
pub fn drawing(path: &Path) -> Result<Vec<f32>, LoadError> {
    let file = File::open(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
    let (side, ink) = decode_drawing(path, &read_bounded(file, path)?)?;
    let mut drawings = Drawings::new("", side);
    drawings.push("", "", &[ink]);
    Ok(drawings.shrunk().iter().map(|&level| f32::from(level) / 255.0).collect())
}

/// The last three parts of a path, if it is a PNG in a character in an alphabet; hidden files and the resource
/// forks some zip programs add are passed over.
fn key(path: &Path) -> Option<(String, String, String)> {
    let parts: Vec<&str> = path.iter().map(|p| p.to_str()).collect::<Option<_>>()?;
    if parts.iter().any(|p| p.starts_with('.') || *p == "__MACOSX") {
        return None;
    }
    let [.., alphabet, character, file] = parts[..] else {
        return None;
    };
    file.to_ascii_lowercase()
        .ends_with(".png")
        .then(|| (alphabet.to_owned(), character.to_owned(), file.to_owned()))
}

/// Which of two drawings counts must not depend on the order that a file system lists them in.
fn insert(
    files: &mut Files,
    key: (String, String, String),
    bytes: Vec<u8>,
    path: &Path,
) -> Result<(), LoadError> {
    match files.insert(key, bytes) {
        None => Ok(()),
        Some(_) => Err(LoadError::Twice(path.to_owned())),
    }
}

fn read_zip(path: &Path) -> Result<Files, LoadError> {
    let io_error = |source| LoadError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io_error)?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file))
        .map_err(|source| LoadError::NotAZip { path: path.to_owned(), source })?;
    if archive.len() > MOST_FILES {
        let what = format!("{} files, at most {MOST_FILES} are read", archive.len());
        return Err(LoadError::TooLarge { path: path.to_owned(), what });
    }
    let mut files = Files::new();
    for index in 0..archive.len() {
        let entry =
            archive.by_index(index).map_err(|source| LoadError::NotAZip { path: path.to_owned(), source })?;
        let Some(name) = entry.enclosed_name() else {
            continue;
        };
        let Some(key) = key(&name) else { continue };
        let inside = path.join(name);
        insert(&mut files, key, read_bounded(entry, &inside)?, &inside)?;
    }
    Ok(files)
}

fn read_folder(root: &Path) -> Result<Files, LoadError> {
    let mut files = Files::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let io_error = |source| LoadError::Io { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(io_error)? {
            let path = entry.map_err(io_error)?.path();
            if path.is_dir() {
                // A root, perhaps one more (as unpacked zips have), alphabet, character.
                if depth < 4 {
                    folders.push((path, depth + 1));
                }
                continue;
            }
            let relative = path.strip_prefix(root).unwrap_or(&path);
            // Anchored at the root's own name, a folder that is itself an alphabet is no data set.
            let Some(key) = key(relative) else { continue };
            let file = File::open(&path).map_err(|source| LoadError::Io { path: path.clone(), source })?;
            insert(&mut files, key, read_bounded(file, &path)?, &path)?;
            if files.len() > MOST_FILES {
                let what = format!("more than {MOST_FILES} drawings");
                return Err(LoadError::TooLarge { path: root.to_owned(), what });
            }
        }
    }
    Ok(files)
}

fn read_bounded(reader: impl Read, path: &Path) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    reader
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
    if bytes.len() as u64 > LARGEST_FILE {
        let what = format!("a drawing is at most {LARGEST_FILE} bytes");
        return Err(LoadError::TooLarge { path: path.to_owned(), what });
    }
    Ok(bytes)
}

/// Side and ink of a PNG that has a drawing's size.
fn decode_drawing(path: &Path, bytes: &[u8]) -> Result<(usize, Vec<u8>), LoadError> {
    let (width, height, ink) =
        decode_png(bytes).map_err(|reason| LoadError::BrokenImage { path: path.to_owned(), reason })?;
    if width != height || !SIDES.contains(&width) {
        let (path, expected) = (path.to_owned(), "105 × 105 (or 28 × 28)".to_owned());
        return Err(LoadError::WrongSize { path, width, height, expected });
    }
    Ok((width, ink))
}

/// Width, height and ink (255 = black) of a PNG of any colour type; transparency counts as paper.
fn decode_png(bytes: &[u8]) -> Result<(usize, usize, Vec<u8>), String> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: 1 << 22 });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let size = reader.output_buffer_size().ok_or("its size overflows")?;
    if size > 1 << 22 {
        return Err("its size is beyond any drawing's".to_owned());
    }
    let mut buffer = vec![0; size];
    let info = reader.next_frame(&mut buffer).map_err(|e| e.to_string())?;
    let ink_of = |levels: &[u8], opacity: u8| {
        let mean = levels.iter().map(|&l| u32::from(l)).sum::<u32>() / levels.len() as u32;
        ((255 - mean) * u32::from(opacity) / 255) as u8
    };
    let ink = buffer[..info.buffer_size()]
        .chunks_exact(info.color_type.samples())
        .map(|pixel| match (info.color_type, pixel) {
            (png::ColorType::GrayscaleAlpha | png::ColorType::Rgba, [levels @ .., opacity]) => {
                ink_of(levels, *opacity)
            }
            (_, levels) => ink_of(levels, 255),
        })
        .collect();
    Ok((info.width as usize, info.height as usize, ink))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn png(side: u32, black: bool) -> Vec<u8> {
        png_of(side, |_| if black { 0 } else { 255 })
    }

    fn png_of(side: u32, level: impl Fn(u32) -> u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&(0..side * side).map(level).collect::<Vec<_>>()).unwrap();
        drop(writer);
        bytes
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        root
    }

    fn zipped(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let mut writer = zip::ZipWriter::new(File::create(root.path().join("any name.zip")).unwrap());
        for (name, bytes) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
        root
    }

    #[test]
    fn zip_and_folder_of_the_same_drawings_are_the_same_data() {
        let files = |root: &str| {
            ["Greek/c1/1.png", "Greek/c1/2.png", "Greek/c2/1.png", "Arcadian/c1/1.png"]
                .map(|name| (format!("{root}{name}"), png(28, name.ends_with("1.png"))))
        };
        let of = |root| {
            let files = files(root);
            let list: Vec<(&str, Vec<u8>)> = files.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
            (folder(&list), zipped(&list))
        };
        let (plain_folder, plain_zip) = of("");
        let (deep_folder, deep_zip) = of("some/root/");
        let sets: Vec<Drawings> = [
            plain_folder.path().to_owned(),
            plain_zip.path().join("any name.zip"),
            deep_folder.path().to_owned(),
            deep_zip.path().join("any name.zip"),
        ]
        .iter()
        .map(|path| load(path).unwrap())
        .collect();
        assert!(sets.iter().all(|set| set.fingerprint() == sets[0].fingerprint()));
        assert_eq!(sets[0].alphabets(), ["Arcadian", "Greek"]);
        assert_eq!(sets[0].characters().len(), 3);
        assert_eq!(sets[0].characters()[1].drawings, 1..3);
        // Black is ink.
        assert_eq!(sets[0].pixels(0)[0], 255);
        assert_eq!(sets[0].pixels(2)[0], 0);
    }

    #[test]
    fn one_drawing_is_what_the_set_shows() {
        for side in [28, 105] {
            let root = folder(&[("Greek/c1/1.png", png_of(side, |at| (at % 251) as u8))]);
            let alone = drawing(&root.path().join("Greek/c1/1.png")).unwrap();
            let set = load(root.path()).unwrap();
            assert_eq!(alone, set.shrunk().iter().map(|&ink| f32::from(ink) / 255.0).collect::<Vec<_>>());
            assert_eq!(alone.len(), 784);
            // Darker at the start of a row of levels than towards its end.
            assert!(alone[0] > alone[8 * 28 + 20], "{} {}", alone[0], alone[8 * 28 + 20]);
        }
        let root = folder(&[("odd.png", png(30, true))]);
        assert!(drawing(&root.path().join("odd.png")).unwrap_err().to_string().contains("30 × 30"));
    }

    #[test]
    fn wrong_sizes_name_the_file() {
        let root = folder(&[("a/c/1.png", png(28, true)), ("a/c/2.png", png(30, true))]);
        let message = load(root.path()).unwrap_err().to_string();
        assert!(message.contains("2.png is 30 × 30"), "{message}");
        let root = folder(&[("a/c/1.png", png(28, true)), ("a/c/2.png", png(105, true))]);
        let message = load(root.path()).unwrap_err().to_string();
        assert!(
            message.contains("2.png is 105 × 105") && message.contains("28 × 28 like the first"),
            "{message}"
        );
    }

    #[test]
    fn broken_images_missing_paths_and_other_files_are_named() {
        let root = folder(&[("a/c/1.png", b"not a png".to_vec())]);
        assert!(matches!(load(root.path()), Err(LoadError::BrokenImage { .. })));
        let mut cut = png(28, true);
        cut.truncate(cut.len() / 2);
        let root = folder(&[("a/c/1.png", cut)]);
        assert!(matches!(load(root.path()), Err(LoadError::BrokenImage { .. })));
        assert!(matches!(load(&root.path().join("gone")), Err(LoadError::Missing(_))));
        let root = folder(&[("readme.txt", b"hello".to_vec())]);
        assert!(matches!(load(root.path()), Err(LoadError::NoDrawings(_))));
        assert!(matches!(load(&root.path().join("readme.txt")), Err(LoadError::NotAZip { .. })));
    }
}
