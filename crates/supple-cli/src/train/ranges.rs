//! The ranges that a trunk is quantised with, as JSON beside it.

use std::path::{Path, PathBuf};

use serde_json::json;
use supple_trunk::Ranges;

use crate::files::{self, FileError};

/// The ranges in a training's output folder.
pub const RANGES_FILE: &str = "ranges.json";

/// Why there are no ranges.
#[derive(Debug, thiserror::Error)]
pub enum RangesError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not what was written.
    #[error(
        "{path} holds no ranges of a trunk: {message}; train again with precision = \"int8\" in [trunk] of the recipe"
    )]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        message: String,
    },
}

/// Writes them. Reading gives the same bits: a number goes through `f64`, which holds every `f32`.
pub fn write(path: &Path, ranges: &Ranges) -> Result<(), FileError> {
    files::write(path, format!("{:#}\n", json!(ranges)).as_bytes())
}

/// Reads them.
pub fn read(path: &Path) -> Result<Ranges, RangesError> {
    serde_json::from_slice(&files::read(path)?)
        .map_err(|error| RangesError::Syntax { path: path.to_owned(), message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use supple_trunk::{Range, RangeChoice};

    #[test]
    fn every_number_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(RANGES_FILE);
        let mut bits = 1_u32;
        let values = (0..5000).map(|_| {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Normal numbers of both signs and, now and then, the smallest there are.
            let high = f32::from_bits(bits & 0x3fff_ffff | 1);
            Range { low: -high / 3.0, high }
        });
        let values: Vec<Range> = values.collect();
        let factors = values.chunks(50).map(|some| some.iter().map(|range| range.high).collect()).collect();
        let means = values.chunks(50).map(|some| some.iter().map(|range| range.low).collect()).collect();
        let choice = RangeChoice::Percentile(99.9);
        let ranges = Ranges { choice, inputs: 256, values, factors, means };
        write(&path, &ranges).unwrap();
        let back = read(&path).unwrap();
        let bits = |ranges: &Ranges| -> Vec<[u32; 2]> {
            let pairs = ranges.means.iter().flatten().zip(ranges.factors.iter().flatten());
            let values = ranges.values.iter().map(|range| (&range.low, &range.high));
            values.chain(pairs).map(|(low, high)| [low.to_bits(), high.to_bits()]).collect()
        };
        assert_eq!((bits(&back), back.choice, back.inputs), (bits(&ranges), ranges.choice, ranges.inputs));
        std::fs::write(&path, "{}").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("int8"));
    }
}
