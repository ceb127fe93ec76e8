//! A word as log-mel features: how loud each of 24 bands is in each of 40 frames.
//!
//! | step | here |
//! |---|---|
//! | frames | 256 values (32 ms), every 160 values (20 ms), over 6496 values (0.812 s) around the word |
//! | pre-emphasis | x\[n\] − 0.9 x\[n−1\], for high bands are softer in speech |
//! | window | Hann |
//! | spectrum | power, 128 bins of 31.25 Hz |
//! | bands | 24 triangles from 100 Hz to 3800 Hz, equally wide in mel |
//! | level | divided by the mean over frames and bands, so that loudness says nothing |
//! | logarithm | ln(x + 0.1): what is 10 dB below the mean hardly differs from silence |
//! | normalisation | mean 0, spread 1 over the sample |
//!
//! Mel bands for speech are Davis and Mermelstein's (IEEE Trans. ASSP 28, 1980). Figures chosen for what a nearest
//! mean says of spoken digits; `tests/tests/audio_data.rs` measures them.

use crate::fft::{FRAME, Work};
use crate::locate::{Place, locate};
use crate::mel;
use crate::normalise::standardise;
use crate::pcm::{Pcm, at};

/// Values a second.
pub const RATE: u32 = 8000;
/// From one frame to the next.
pub const HOP: usize = 160;
/// Frames of a sample.
pub const FRAMES: usize = 40;
/// Bands of a frame.
pub const BANDS: usize = 24;
/// Values of a recording that a sample is made of.
pub const WINDOW: usize = FRAME + HOP * (FRAMES - 1);
/// Values of a sample, `[frame][band]`.
pub const FEATURES: usize = FRAMES * BANDS;

const PRE_EMPHASIS: f32 = 0.9;
/// Beside the mean of all bands, which is 1.
const FLOOR: f32 = 0.1;
/// No band of any recording that holds a sound is softer: `i16` noise of one step is louder by far.
const SILENCE: f32 = 1e-12;

/// The features of the word in a recording at 8 kHz; all zeros of silence. Every feature is finite.
pub fn log_mel<P: Pcm>(recording: &[P], work: &mut Work, features: &mut [f32; FEATURES]) {
    log_mel_at(recording, locate(recording), work, features);
}

/// Like [`log_mel`], of the window at `place`. What lies outside the recording is silence.
pub fn log_mel_at<P: Pcm>(recording: &[P], place: Place, work: &mut Work, features: &mut [f32; FEATURES]) {
    let mut start = place.start;
    for bands in features.chunks_exact_mut(BANDS) {
        frame(recording, start, place.mean, work);
        mel::bands(work, bands);
        start = start.wrapping_add(HOP as isize);
    }
    let mean = features.iter().fold(0.0, |sum, power| sum + power) / FEATURES as f32;
    let scale = if mean > SILENCE { 1.0 / mean } else { 0.0 };
    for feature in features.iter_mut() {
        *feature = libm::logf(*feature * scale + FLOOR);
    }
    standardise(features);
}

/// The spectrum of the frame that begins at `start`.
fn frame<P: Pcm>(recording: &[P], start: isize, mean: f32, work: &mut Work) {
    let mut before = at(recording, start.wrapping_sub(1), mean);
    for n in 0..FRAME {
        let value = at(recording, start.wrapping_add(n as isize), mean);
        work.set(n, (value - PRE_EMPHASIS * before) * crate::tables::hann(n));
        before = value;
    }
    work.transform();
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::noise::Noise;

    fn features<P: Pcm>(recording: &[P]) -> [f32; FEATURES] {
        let mut features = [f32::NAN; FEATURES];
        log_mel(recording, &mut Work::new(), &mut features);
        features
    }

    fn word() -> Vec<i16> {
        let mut noise = Noise::new(9);
        (0..5000).map(|n| noise.sample() / if (1500..3500).contains(&n) { 8 } else { 512 }).collect()
    }

    #[test]
    fn features_are_those_of_the_reference() {
        // Computed independently, with f64, a library's transform and the formula's triangles.
        const EXPECTED: [(usize, usize, f32); 8] = [
            (0, 0, -0.56350),
            (10, 5, -0.56314),
            (18, 0, -0.53083),
            (18, 12, 1.27664),
            (20, 23, 2.92361),
            (21, 3, -0.01429),
            (25, 8, 0.99623),
            (39, 23, -0.56350),
        ];
        let recording = word();
        assert_eq!(locate(&recording).start, -758);
        let features = features(&recording);
        for (frame, band, expected) in EXPECTED {
            let found = features[frame * BANDS + band];
            assert!((found - expected).abs() < 2e-4, "frame {frame}, band {band}: {found} for {expected}");
        }
    }

    #[test]
    fn a_sine_is_loudest_in_its_band() {
        // By the formula, the middle of band b is at 150.5 + 77.9 (b + 1) mel.
        for (hertz, band) in [(300.0, 2), (1000.0, 10), (3000.0, 21)] {
            let sine = |n: usize| 0.3 * (n as f32 * hertz / 8000.0 * core::f32::consts::TAU).sin();
            let recording: Vec<f32> = (0..WINDOW).map(sine).collect();
            let features = features(&recording);
            let frame = &features[20 * BANDS..21 * BANDS];
            let loudest = (0..BANDS).max_by(|&a, &b| frame[a].total_cmp(&frame[b])).unwrap();
            assert_eq!(loudest, band, "{hertz} Hz");
        }
    }

    #[test]
    fn loudness_offset_and_type_say_nothing() {
        let plain = word();
        let soft: Vec<i16> = plain.iter().map(|value| value * 4 + 1000).collect();
        let floats: Vec<f32> = plain.iter().map(|&value| value.value()).collect();
        let expected = features(&plain);
        let near = |found: [f32; FEATURES]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.02);
        assert!(near(features(&soft)));
        assert_eq!(features(&floats), expected);
    }

    #[test]
    fn silence_is_zeros() {
        for length in [0, 1, 100, 9000] {
            assert_eq!(features(&std::vec![0i16; length]), [0.0; FEATURES]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn features_of_anything_are_finite(
            recording in prop::collection::vec(any::<f32>(), 0..9000), start in any::<isize>(),
        ) {
            prop_assert!(features(&recording).iter().all(|feature| feature.is_finite()));
            let mut features = [f32::NAN; FEATURES];
            let place = Place { start, mean: 0.0 };
            log_mel_at(&recording, place, &mut Work::new(), &mut features);
            prop_assert!(features.iter().all(|feature| feature.is_finite()));
        }

        #[test]
        fn features_have_no_mean_and_unit_spread(seed in any::<u32>(), length in 300usize..20_000) {
            let mut noise = Noise::new(seed);
            let recording: Vec<i16> = (0..length).map(|_| noise.sample()).collect();
            let features = features(&recording);
            let mean = features.iter().sum::<f32>() / FEATURES as f32;
            let spread = features.iter().map(|feature| feature * feature).sum::<f32>() / FEATURES as f32;
            prop_assert!(mean.abs() < 1e-4 && (spread - 1.0).abs() < 1e-3, "{} {}", mean, spread);
        }
    }
}
