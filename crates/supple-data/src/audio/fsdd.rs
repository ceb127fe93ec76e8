//! The Free Spoken Digit Dataset's layout: `digit_speaker_index.wav`, in a folder or in zips (one a speaker, say).
//!
//! Jackson and others: Free Spoken Digit Dataset, 2016–2020, CC BY-SA 4.0. Ten digits, 50 recordings of each by every
//! speaker, 8 kHz, cut at the word's ends.

use std::path::Path;

use super::{LoadError, SHAPE, clips};
use crate::broken::{OnBroken, Skipped};
use crate::samples::{Answer, DataSet, DataSetBuilder};

/// The classes of the task `digit`.
pub const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const EXPECTED: &str =
    "a folder or zip of spoken digits, files digit_speaker_index.wav such as 7_jackson_32.wav";

/// Loads spoken digits: task `digit`, domains are the speakers.
pub fn load(path: &Path, on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    let named = |path: &Path| match parts(path) {
        Some(_) => Ok(()),
        None => Err("its name is not digit_speaker_index.wav".to_owned()),
    };
    let (mut clips, skipped) = clips::load(path, on_broken, EXPECTED, named)?;
    // A folder of all and a zip for each speaker are the same data.
    clips.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
    let mut set = DataSetBuilder::new("fsdd", SHAPE, vec![DataSetBuilder::classes("digit", &DIGITS)]);
    for clip in clips {
        // All names have been looked at.
        let Some((digit, speaker)) = parts(&clip.path) else { continue };
        let origin = clip.path.to_string_lossy();
        set.push(&origin, &speaker, &clip.features, &[Answer::Class(digit)])?;
    }
    Ok((set.finish()?, skipped))
}

/// Digit and speaker; a speaker's name may hold underscores.
fn parts(path: &Path) -> Option<(String, String)> {
    let (digit, rest) = path.file_stem()?.to_str()?.split_once('_')?;
    let (speaker, index) = rest.rsplit_once('_')?;
    let numbered = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    (DIGITS.contains(&digit) && !speaker.is_empty() && numbered)
        .then(|| (digit.to_owned(), speaker.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;

    use super::super::wav::tests::wav;
    use super::*;
    use crate::samples::Labels;

    fn recordings() -> Vec<(&'static str, Vec<u8>)> {
        let tone =
            |every: usize| -> Vec<i16> { (0..3000).map(|n| if n % every == 0 { 9000 } else { 0 }).collect() };
        vec![
            ("0_ann_0.wav", wav(8000, &tone(20))),
            ("7_ann_0.wav", wav(8000, &tone(9))),
            ("7_bo_peep_11.wav", wav(16_000, &tone(30))),
        ]
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(root.path().join(name), bytes).unwrap());
        root
    }

    fn zipped(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (file, (name, bytes)) in files.iter().enumerate() {
            let path = root.path().join(format!("{file}.zip"));
            let mut writer = zip::ZipWriter::new(File::create(path).unwrap());
            for name in [format!("recordings/{name}"), format!("__MACOSX/._{name}"), "read.me".to_owned()] {
                writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
                writer.write_all(bytes).unwrap();
            }
            writer.finish().unwrap();
        }
        root
    }

    #[test]
    fn folder_and_zips_of_the_same_recordings_are_the_same_data() {
        let (plain, zips) = (folder(&recordings()), zipped(&recordings()));
        let load = |path: &Path| load(path, OnBroken::Refuse).unwrap();
        let ((set, skipped), (same, _)) = (load(plain.path()), load(zips.path()));
        assert_eq!(set.fingerprint(), same.fingerprint());
        assert_eq!(skipped, Skipped::default());
        assert_eq!(set.domains(), ["ann", "bo_peep"]);
        assert_eq!(set.domain_of(), [0, 0, 1]);
        let Labels::Classes { names, of } = &set.tasks()[0].labels else { panic!("digits are classes") };
        assert_eq!(names.len(), 10);
        assert_eq!(of, &[Some(0), Some(7), Some(7)]);
        let (one, _) = load(&zips.path().join("1.zip"));
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn broken_files_are_named_and_refused_or_skipped() {
        let mut files = recordings();
        files.push(("3_ann_1.wav", b"RIFF, not".to_vec()));
        files.push(("10_ann_1.wav", wav(8000, &[1; 90])));
        files.push(("broken.zip", b"PK".to_vec()));
        files.push(("notes.txt", Vec::new()));
        let root = folder(&files);
        let message = load(root.path(), OnBroken::Refuse).unwrap_err().to_string();
        assert!(message.contains("10_ann_1.wav: its name is not"), "{message}");
        let (set, skipped) = load(root.path(), OnBroken::Skip).unwrap();
        assert_eq!(set.len(), 3);
        let names: Vec<_> = skipped.files.iter().map(|(path, _)| path.file_name().unwrap()).collect();
        assert_eq!(names, ["10_ann_1.wav", "3_ann_1.wav", "broken.zip"]);
    }

    #[test]
    fn what_holds_nothing_says_what_is_expected() {
        let root = folder(&[("a.txt", Vec::new())]);
        let message = load(root.path(), OnBroken::Skip).unwrap_err().to_string();
        assert!(message.contains("digit_speaker_index.wav"), "{message}");
        assert!(matches!(load(&root.path().join("gone"), OnBroken::Skip), Err(LoadError::Missing { .. })));
        let error = load(&root.path().join("a.txt"), OnBroken::Refuse).unwrap_err();
        assert!(matches!(error, LoadError::Broken { .. }), "{error}");
    }

    #[test]
    fn names_have_three_parts() {
        let of = |name: &str| parts(Path::new(name));
        assert_eq!(of("recordings/7_jackson_32.wav"), Some(("7".to_owned(), "jackson".to_owned())));
        assert_eq!(of("3_a_b_0.wav"), Some(("3".to_owned(), "a_b".to_owned())));
        for name in ["7_jackson.wav", "77_jackson_1.wav", "7__1.wav", "7_a_x.wav", "7_a_.wav", "x_a_1.wav"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
