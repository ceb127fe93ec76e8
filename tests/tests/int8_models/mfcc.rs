//! The features of MLPerf Tiny's keyword spotting: 49 frames of 10 mel-frequency cepstral coefficients.
//!
//! As its reference computes them (`training/keyword_spotting/get_dataset.py`, `feature_type` `mfcc`): the clip over
//! its largest value, frames of 480 values every 320 under a Hann window, magnitudes of a transform of 512, 40
//! triangles from 20 to 4000 Hz on the mel scale, the logarithm of 1e-6 more, and the first 10 of a cosine transform
//! over the root of 80.

use std::f64::consts::{PI, TAU};

/// Values of a clip: one second at 16 kHz.
pub const CLIP: usize = 16_000;
const FRAMES: usize = 49;
const STEP: usize = 320;
const WINDOW: usize = 480;
const TRANSFORM: usize = 512;
const BINS: usize = TRANSFORM / 2 + 1;
const BANDS: usize = 40;
const COEFFICIENTS: usize = 10;
/// Hertz of a bin.
const RESOLUTION: f64 = 16_000.0 / TRANSFORM as f64;

/// Turns clips into features.
pub struct Mfcc {
    window: Vec<f64>,
    /// `[band][bin]`.
    bands: Vec<Vec<f64>>,
    /// `[coefficient][band]`.
    cosines: Vec<Vec<f64>>,
}

impl Mfcc {
    /// Makes the tables.
    pub fn new() -> Self {
        let mel = |hertz: f64| 1127.0 * (1.0 + hertz / 700.0).ln();
        let (low, high) = (mel(20.0), mel(4000.0));
        let edge = |index: usize| low + (high - low) * index as f64 / (BANDS + 1) as f64;
        let band = |band: usize| {
            let [from, middle, to] = [edge(band), edge(band + 1), edge(band + 2)];
            let weight = |bin: usize| {
                let at = mel(bin as f64 * RESOLUTION);
                let slope = ((at - from) / (middle - from)).min((to - at) / (to - middle));
                // The constant part of a frame belongs to no band.
                if bin == 0 { 0.0 } else { slope.max(0.0) }
            };
            (0..BINS).map(weight).collect()
        };
        let cosine = |coefficient: usize, band: usize| {
            let angle = PI * coefficient as f64 * (2 * band + 1) as f64 / (2 * BANDS) as f64;
            2.0 * angle.cos() / ((2 * BANDS) as f64).sqrt()
        };
        Self {
            window: (0..WINDOW).map(|n| 0.5 - 0.5 * (TAU * n as f64 / WINDOW as f64).cos()).collect(),
            bands: (0..BANDS).map(band).collect(),
            cosines: (0..COEFFICIENTS).map(|c| (0..BANDS).map(|band| cosine(c, band)).collect()).collect(),
        }
    }

    /// `[frame][coefficient]` of a clip; what it is short of a second is silence at its end.
    pub fn features(&self, clip: &[f64]) -> Vec<f32> {
        let largest = clip.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let value = |at: usize| clip.get(at).map_or(0.0, |value| value / largest);
        let mut features = Vec::with_capacity(FRAMES * COEFFICIENTS);
        for frame in 0..FRAMES {
            let mut values = [(0.0, 0.0); TRANSFORM];
            for (n, (value_at, window)) in values.iter_mut().zip(&self.window).enumerate() {
                value_at.0 = value(frame * STEP + n) * window;
            }
            transform(&mut values);
            let magnitudes: Vec<f64> = values[..BINS].iter().map(|(re, im)| re.hypot(*im)).collect();
            let log = |band: &Vec<f64>| {
                let sum: f64 =
                    band.iter().zip(&magnitudes).map(|(weight, magnitude)| weight * magnitude).sum();
                (sum + 1e-6).ln()
            };
            let logs: Vec<f64> = self.bands.iter().map(log).collect();
            let product = |row: &Vec<f64>| row.iter().zip(&logs).map(|(a, b)| a * b).sum::<f64>() as f32;
            features.extend(self.cosines.iter().map(product));
        }
        features
    }
}

/// In place, radix 2: real and imaginary parts.
fn transform(values: &mut [(f64, f64); TRANSFORM]) {
    for at in 0..TRANSFORM {
        let other = at.reverse_bits() >> (usize::BITS - TRANSFORM.trailing_zeros());
        if at < other {
            values.swap(at, other);
        }
    }
    let mut span = 1;
    while span < TRANSFORM {
        for start in (0..TRANSFORM).step_by(2 * span) {
            for offset in 0..span {
                let (sine, cosine) = (-PI * offset as f64 / span as f64).sin_cos();
                let (a, b) = (values[start + offset], values[start + offset + span]);
                let turned = (b.0 * cosine - b.1 * sine, b.0 * sine + b.1 * cosine);
                values[start + offset] = (a.0 + turned.0, a.1 + turned.1);
                values[start + offset + span] = (a.0 - turned.0, a.1 - turned.1);
            }
        }
        span *= 2;
    }
}

#[test]
fn the_transform_is_that_of_its_definition() {
    let mut values = [(0.0, 0.0); TRANSFORM];
    values.iter_mut().enumerate().for_each(|(n, value)| value.0 = ((n * n) % 23) as f64 - 11.0);
    let before = values;
    transform(&mut values);
    for bin in [0, 1, 77, 256, 511] {
        let angle = |n: usize| -TAU * (n * bin % TRANSFORM) as f64 / TRANSFORM as f64;
        let part = |of: fn(f64) -> f64| -> f64 { (0..TRANSFORM).map(|n| before[n].0 * of(angle(n))).sum() };
        assert!((values[bin].0 - part(f64::cos)).abs() < 1e-8);
        assert!((values[bin].1 - part(f64::sin)).abs() < 1e-8);
    }
}

#[test]
fn features_of_a_tone_and_of_silence() {
    let mfcc = Mfcc::new();
    let silence = mfcc.features(&[]);
    assert_eq!(silence.len(), FRAMES * COEFFICIENTS);
    // ln 1e-6 in each of 40 bands: their sum times 2 over the root of 80, and nothing but a mean.
    assert!((silence[0] - (40.0 * 1e-6f64.ln() * 2.0 / 80f64.sqrt()) as f32).abs() < 1e-3);
    assert!(silence[1..COEFFICIENTS].iter().all(|value| value.abs() < 1e-4));
    let tone: Vec<f64> = (0..CLIP).map(|n| 100.0 * (TAU * 500.0 * n as f64 / 16_000.0).sin()).collect();
    let louder: Vec<f64> = tone.iter().map(|value| 7.0 * value).collect();
    let features = mfcc.features(&tone);
    assert!(features[0] > silence[0] + 10.0 && features[1] > 1.0);
    let apart = features.iter().zip(mfcc.features(&louder)).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-3, "loudness must not matter");
}
