//! Recordings as log-mel features: what a trunk sees of a spoken word.
//!
//! | module | what |
//! |---|---|
//! | [`fsdd`] | spoken digits, speakers as domains |
//! | [`wake_words`] | wake words by many speakers |
//! | [`wav`] | a WAV file as mono values at 8 or 16 kHz |
//!
//! All words come through [`features`] and have one shape, so a trunk that learned digits takes wake words. The
//! computation is that of the crate `supple-signal`, which a device runs as well.
//!
//! Not supported: other formats than WAV, other rates than 8 and 16 kHz, words longer than 0.8 s (their middle is
//! taken).

mod clips;
pub mod fsdd;
pub mod wake_words;
pub mod wav;

use std::io;
use std::path::PathBuf;

use supple_signal::fft::Work;
use supple_signal::{halve, log_mel};

use crate::samples::{DataSetError, SampleShape};

/// Of every word: frames, and bands as channels.
pub const SHAPE: SampleShape = SampleShape::signal(log_mel::FRAMES, log_mel::BANDS);

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
        /// What is wrong with it.
        reason: String,
    },
    /// More than is read.
    #[error("{path} is too large: {what}: give a smaller part of it")]
    TooLarge {
        /// The folder or zip.
        path: PathBuf,
        /// What is too large.
        what: String,
    },
    /// No recording in it.
    #[error("{path} holds no usable recording ({skipped} skipped): give {expected}")]
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

/// The features of the word in a recording, `[frame][band]`, of [`SHAPE`].
pub fn features(recording: &wav::Recording) -> Vec<f32> {
    let mut features = [0.0; log_mel::FEATURES];
    let mut work = Work::new();
    match recording.rate {
        wav::Rate::Eight => log_mel::log_mel(&recording.values, &mut work, &mut features),
        wav::Rate::Sixteen => {
            let mut halved = vec![0; recording.values.len().div_ceil(2)];
            halve::halve(&recording.values, &mut halved);
            log_mel::log_mel(&halved, &mut work, &mut features);
        }
    }
    features.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rates_give_nearly_the_same() {
        // A chirp within the band that both rates hold, in the second half of the recording.
        let chirp = |rate: usize, rate_of: wav::Rate| {
            let value = |n: usize| {
                let seconds = n as f32 / rate as f32;
                let inside = (1.0..1.4).contains(&seconds);
                let phase =
                    std::f32::consts::TAU * (300.0 * seconds + 1000.0 * (seconds - 1.0) * (seconds - 1.0));
                if inside { (phase.sin() * 8000.0) as i16 } else { 0 }
            };
            features(&wav::Recording { rate: rate_of, values: (0..2 * rate).map(value).collect() })
        };
        let (slow, fast) = (chirp(8000, wav::Rate::Eight), chirp(16_000, wav::Rate::Sixteen));
        let difference = slow.iter().zip(&fast).map(|(a, b)| (a - b).abs()).sum::<f32>() / slow.len() as f32;
        assert!(difference < 0.02, "{difference}");
        assert_eq!(slow.len(), SHAPE.len());
        assert_eq!((SHAPE.width, SHAPE.channels), (40, 24));
    }
}
