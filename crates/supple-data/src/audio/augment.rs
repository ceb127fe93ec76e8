//! Variation of log-mel features for training, so that a trunk learns what says nothing about a word.
//!
//! Where the word lies (shift), how fast it is spoken (tempo), how long the speaker's throat is (pitch), what the
//! microphone favours (tilt), what is heard besides (noise, masks). Masks are those of Park et al., SpecAugment
//! (Interspeech 2019). There is no gain: loudness is gone from the features before a trunk sees them. A varied sample
//! is brought to mean 0 and spread 1 again, as all samples are.

use rand::{Rng, RngExt};
use supple_signal::log_mel::{BANDS, FEATURES, FRAMES};
use supple_signal::normalise::standardise;

/// How far a sample may be varied. Every amount is drawn evenly up to its limit; 0 varies nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Frames earlier or later; also fractions of one.
    pub shift: f32,
    /// Faster or slower about the middle: the logarithm of the factor.
    pub log_tempo: f32,
    /// Bands higher or lower; also fractions of one.
    pub pitch: f32,
    /// From the middle to the highest band louder or softer, and the lowest the other way; in spreads.
    pub tilt: f32,
    /// Noise on every value, in spreads.
    pub noise: f32,
    /// Most frames in a row that are replaced by the mean.
    pub masked_frames: usize,
    /// Most bands in a row that are replaced by the mean.
    pub masked_bands: usize,
}

impl Limits {
    /// Nothing is varied.
    pub const NONE: Self = Self {
        shift: 0.0,
        log_tempo: 0.0,
        pitch: 0.0,
        tilt: 0.0,
        noise: 0.0,
        masked_frames: 0,
        masked_bands: 0,
    };
    /// What other speakers and places do to a word.
    pub const SPEECH: Self = Self {
        shift: 3.0,
        log_tempo: 0.2,
        pitch: 1.5,
        tilt: 0.3,
        noise: 0.1,
        masked_frames: 4,
        masked_bands: 3,
    };
}

/// Varies a sample in place, `[frame][band]`. What would come from beyond the first or last frame or band is that
/// frame's or band's.
pub fn vary(features: &mut [f32; FEATURES], limits: &Limits, random: &mut impl Rng) {
    let mut even = |limit: f32| limit * (2.0 * random.random::<f32>() - 1.0);
    let shift = even(limits.shift);
    let tempo = libm::expf(even(limits.log_tempo));
    let pitch = even(limits.pitch);
    let tilt = even(limits.tilt);
    let source = *features;
    let middle = (FRAMES - 1) as f32 / 2.0;
    for (frame, bands) in features.chunks_exact_mut(BANDS).enumerate() {
        let (here, next, part) = between(middle + (frame as f32 - middle - shift) * tempo, FRAMES);
        for (band, value) in bands.iter_mut().enumerate() {
            let (low, high, rest) = between(band as f32 - pitch, BANDS);
            let of = |frame: usize| mix(source[frame * BANDS + low], source[frame * BANDS + high], rest);
            let slope = tilt * (2.0 * band as f32 / (BANDS - 1) as f32 - 1.0);
            *value = mix(of(here), of(next), part) + slope + even(limits.noise);
        }
    }
    let mut run = |longest: usize, of: usize| {
        let length = random.random_range(0..=longest.min(of));
        let start = random.random_range(0..=of - length);
        start..start + length
    };
    let (frames, bands) = (run(limits.masked_frames, FRAMES), run(limits.masked_bands, BANDS));
    for (frame, values) in features.chunks_exact_mut(BANDS).enumerate() {
        // The mean of a sample is 0.
        let masked = if frames.contains(&frame) { 0..BANDS } else { bands.clone() };
        values[masked].fill(0.0);
    }
    standardise(features);
}

fn mix(a: f32, b: f32, part: f32) -> f32 {
    a + (b - a) * part
}

/// The places before and after `place`, of `length` that there are, and how far it lies between them.
fn between(place: f32, length: usize) -> (usize, usize, f32) {
    let place = place.clamp(0.0, (length - 1) as f32);
    // `clamp` leaves NaN, which the cast makes 0.
    let low = place as usize;
    (low, (low + 1).min(length - 1), place - low as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{Purpose, stream};

    /// Loud in one place.
    fn spot(frame: usize, band: usize) -> [f32; FEATURES] {
        let mut features = std::array::from_fn(|n| if n == frame * BANDS + band { 100.0 } else { 0.0 });
        standardise(&mut features);
        features
    }

    fn loudest(features: &[f32; FEATURES]) -> (usize, usize) {
        let place = (0..FEATURES).max_by(|&a, &b| features[a].total_cmp(&features[b])).unwrap();
        (place / BANDS, place % BANDS)
    }

    fn varied(limits: &Limits, seed: u64) -> [f32; FEATURES] {
        let mut features = spot(20, 12);
        vary(&mut features, limits, &mut stream(seed, Purpose::Training, 0, 0));
        features
    }

    #[test]
    fn nothing_is_varied_without_limits() {
        let (plain, same) = (spot(20, 12), varied(&Limits::NONE, 1));
        assert!(plain.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn a_sound_stays_within_the_limits() {
        let limits = Limits { shift: 5.0, pitch: 2.0, ..Limits::NONE };
        let places: Vec<(usize, usize)> = (0..200).map(|seed| loudest(&varied(&limits, seed))).collect();
        assert!(places.iter().all(|(frame, band)| (15..=25).contains(frame) && (10..=14).contains(band)));
        for (frame, band) in [(15, 12), (25, 12)].into_iter().chain([(20, 10), (20, 14)]) {
            let near = |&(f, b): &(usize, usize)| f.abs_diff(frame) <= 1 || b.abs_diff(band) == 0;
            assert!(places.iter().any(near), "never near {frame}, {band}");
        }
    }

    #[test]
    fn one_stream_one_sample() {
        assert_eq!(varied(&Limits::SPEECH, 3), varied(&Limits::SPEECH, 3));
        assert_ne!(varied(&Limits::SPEECH, 3), varied(&Limits::SPEECH, 4));
    }

    proptest! {
        #[test]
        fn any_limits_give_finite_samples(
            shift in any::<f32>(), log_tempo in any::<f32>(), pitch in any::<f32>(), tilt in any::<f32>(),
            noise in any::<f32>(), masked_frames in any::<usize>(), masked_bands in any::<usize>(), seed in any::<u64>(),
        ) {
            let limits = Limits { shift, log_tempo, pitch, tilt, noise, masked_frames, masked_bands };
            prop_assert!(varied(&limits, seed).iter().all(|value| value.is_finite()));
        }
    }
}
