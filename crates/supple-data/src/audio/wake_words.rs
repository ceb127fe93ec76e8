//! Wake words: `word/*.wav`, in folders or in zips (one a word, say).
//!
//! Such as the recordings of Picovoice's wake word benchmark (Apache-2.0): clips of a few seconds at 16 kHz, by many
//! speakers who are not named.

use std::path::Path;

use super::{LoadError, SHAPE, clips};
use crate::broken::{OnBroken, Skipped};
use crate::samples::{Answer, DataSet, DataSetBuilder};

const EXPECTED: &str = "a folder or zip of spoken words, files word/any name.wav";

/// Loads wake words: task `word`, named by the folder or zip that a recording lies in. Speakers are not known, so
/// all are of the one domain `domain`, e.g. `picovoice`.
pub fn load(path: &Path, domain: &str, on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    let named = |path: &Path| match word(path) {
        Some(_) => Ok(()),
        None => Err("it lies in no folder or zip that names its word".to_owned()),
    };
    let (clips, skipped) = clips::load(path, on_broken, EXPECTED, named)?;
    let mut set = DataSetBuilder::new("wake words", SHAPE, vec![DataSetBuilder::classes("word", &[])]);
    for clip in clips {
        // All paths have been looked at.
        let Some(word) = word(&clip.path) else { continue };
        set.push(&clip.path.to_string_lossy(), domain, &clip.features, &[Answer::Class(word)])?;
    }
    Ok((set.finish()?, skipped))
}

/// The folder that holds the recording; of one at a zip's top, the zip.
fn word(path: &Path) -> Option<String> {
    let holder = Path::new(path.parent()?.file_name()?);
    let zip = holder.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    let name = if zip { holder.file_stem()? } else { holder.as_os_str() };
    name.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;

    use super::super::wav::tests::wav;
    use super::*;
    use crate::samples::Labels;

    #[test]
    fn words_are_named_by_what_holds_them() {
        let root = tempfile::tempdir().unwrap();
        let recording = wav(16_000, &[100, -100, 500, 900, 100, -5].repeat(8000));
        let mut writer = zip::ZipWriter::new(File::create(root.path().join("some.zip")).unwrap());
        writer.start_file("audio/alexa/1.wav", zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&recording).unwrap();
        writer.start_file("jarvis/1.wav", zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&recording).unwrap();
        writer.start_file("1.wav", zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&recording).unwrap();
        writer.finish().unwrap();
        fs::create_dir(root.path().join("computer")).unwrap();
        fs::write(root.path().join("computer/a.WAV"), &recording).unwrap();
        let (set, _) = load(root.path(), "picovoice", OnBroken::Refuse).unwrap();
        let Labels::Classes { names, .. } = &set.tasks()[0].labels else { panic!("words are classes") };
        assert_eq!(names, &["computer", "some", "alexa", "jarvis"]);
        assert_eq!(set.domains(), ["picovoice"]);
        assert_eq!(set.shape(), SHAPE);
    }
}
