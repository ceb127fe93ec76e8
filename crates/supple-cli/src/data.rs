//! Where data comes from: a path whose kind is told by what lies there, or a built-in generator.

mod detect;

use std::path::{Path, PathBuf};

use supple_data::audio::{fsdd, wake_words};
use supple_data::broken::{OnBroken, Skipped};
use supple_data::generated::regression::Family;
use supple_data::generated::{hands, text};
use supple_data::omniglot::{self, LoadError};
use supple_data::sensors::{self, ecg, gas, har};
use supple_data::{DataSet, audio, glyphs, own};
use supple_meta::recipe::Source;

/// The seed of a generator where none is given.
const FIRST_SEED: u64 = 1;
/// Wake words come without their speakers, so all are of one domain.
const WAKE_WORD_DOMAIN: &str = "many speakers";

/// Why there is no data.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Drawings could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Recordings of sound could not be loaded.
    #[error(transparent)]
    Audio(#[from] audio::LoadError),
    /// Sensors' recordings could not be loaded.
    #[error(transparent)]
    Sensors(#[from] sensors::LoadError),
    /// The user's own data could not be loaded.
    #[error(transparent)]
    Own(#[from] own::LoadError),
    /// A generator gave what is no data set.
    #[error(transparent)]
    Generated(#[from] supple_data::DataSetError),
    /// Not the seed of a generator.
    #[error("`{path}` names no generated data: write `{name}` or `{name}:SEED` with a whole number")]
    Seed {
        /// As given.
        path: PathBuf,
        /// The generator.
        name: &'static str,
    },
    /// Data that lies somewhere, without saying where.
    #[error("{} is not generated: give its path with --data", name(*.0))]
    NoPath(Source),
}

/// Data and what it is.
pub struct Loaded {
    /// The data.
    pub set: DataSet,
    /// Its kind, as given or as found.
    pub source: Source,
}

/// Loads data of any kind: from a path, from the generator that the path names (`glyphs:SEED`), or from that of a
/// source. `seed` is the generator's where the path names none. What is passed over is told on standard error.
pub fn load_set(
    path: Option<&Path>,
    source: Option<Source>,
    seed: Option<u64>,
    on_broken: OnBroken,
) -> Result<Loaded, DataError> {
    let named = path.map(generator).transpose()?.flatten();
    let source = match (source, named, path) {
        (Some(source), ..) => source,
        (None, Some((source, _)), _) => source,
        (None, None, Some(path)) => detect::source(path),
        (None, None, None) => Source::Glyphs,
    };
    let seed = named.map(|(_, seed)| seed).or(seed).unwrap_or(FIRST_SEED);
    let path = path.filter(|_| named.is_none());
    let there = path.ok_or(DataError::NoPath(source));
    let (set, skipped) = match source {
        Source::Glyphs if path.is_none() => (glyphs::generate(seed).into(), Skipped::default()),
        Source::Glyphs | Source::Omniglot => (omniglot::load(there?)?.into(), Skipped::default()),
        Source::Fsdd => fsdd::load(there?, on_broken)?,
        Source::WakeWords => wake_words::load(there?, WAKE_WORD_DOMAIN, on_broken)?,
        Source::Har => har::load(there?, on_broken)?,
        Source::Ecg => ecg::load(there?, on_broken)?,
        Source::Gas => gas::load(there?, on_broken)?,
        Source::Own => own::load(there?, on_broken)?,
        Source::Text => (text::generate_default(seed), Skipped::default()),
        Source::Sinusoid => (generated(Family::Sinusoid, seed)?, Skipped::default()),
        Source::Arm => (generated(Family::Arm, seed)?, Skipped::default()),
        Source::GlyphHands => (hands::generate_default(seed), Skipped::default()),
    };
    for (path, problem) in &skipped.files {
        eprintln!("skipped {}: {problem}", path.display());
    }
    if !skipped.files.is_empty() {
        eprintln!("{} broken files were left out", skipped.files.len());
    }
    Ok(Loaded { set, source })
}

/// A set of a family's tasks: enough for validation, while training draws its own.
fn generated(family: Family, seed: u64) -> Result<DataSet, DataError> {
    const TASKS: usize = 800;
    const SAMPLES: usize = 110;
    Ok(family.generate(seed, TASKS, SAMPLES)?)
}

/// What data that was loaded anew is called on the command line.
pub fn name(source: Source) -> &'static str {
    match source {
        Source::Glyphs => "glyphs",
        Source::GlyphHands => "glyph-hands",
        Source::Omniglot => "omniglot",
        Source::Fsdd => "fsdd",
        Source::WakeWords => "wake-words",
        Source::Har => "har",
        Source::Ecg => "ecg",
        Source::Gas => "gas",
        Source::Text => "text",
        Source::Sinusoid => "sinusoid",
        Source::Arm => "arm",
        Source::Own => "own",
    }
}

/// All kinds of data.
pub const SOURCES: [Source; 12] = [
    Source::Glyphs,
    Source::GlyphHands,
    Source::Omniglot,
    Source::Fsdd,
    Source::WakeWords,
    Source::Har,
    Source::Ecg,
    Source::Gas,
    Source::Text,
    Source::Sinusoid,
    Source::Arm,
    Source::Own,
];

/// The generator and the seed that a path names, where no such file exists.
fn generator(path: &Path) -> Result<Option<(Source, u64)>, DataError> {
    let Some(text) = path.to_str().filter(|_| !path.exists()) else { return Ok(None) };
    let (word, seed) = text.split_once(':').map_or((text, None), |(word, seed)| (word, Some(seed)));
    let Some(source) = SOURCES.into_iter().find(|s| s.generated() && name(*s) == word) else {
        return Ok(None);
    };
    let Some(seed) = seed else { return Ok(Some((source, FIRST_SEED))) };
    match seed.parse() {
        Ok(seed) => Ok(Some((source, seed))),
        Err(_) => Err(DataError::Seed { path: path.to_owned(), name: name(source) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generators_are_named_with_or_without_a_seed() {
        let of = |text: &str| generator(Path::new(text)).map_err(|error| error.to_string());
        assert_eq!(of("glyphs"), Ok(Some((Source::Glyphs, 1))));
        assert_eq!(of("glyph-hands:7"), Ok(Some((Source::GlyphHands, 7))));
        assert_eq!(of("text:18446744073709551615"), Ok(Some((Source::Text, u64::MAX))));
        // What has to be loaded is no generator, whatever follows.
        assert_eq!(of("fsdd:2"), Ok(None));
        assert_eq!(of("gone.zip"), Ok(None));
        assert!(of("glyphs:many").is_err_and(|error| error.contains("`glyphs:many`")));
    }

    #[test]
    fn what_is_not_generated_needs_a_path() {
        let error = load_set(None, Some(Source::Fsdd), None, OnBroken::Refuse).err().unwrap();
        assert!(error.to_string().contains("fsdd is not generated: give its path with --data"), "{error}");
    }
}
