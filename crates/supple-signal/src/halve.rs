//! 16 kHz to 8 kHz: every second value behind a low-pass filter.
//!
//! A half-band filter of 31 taps, the ideal one under a Hamming window: half of its taps are 0, the others lie
//! symmetrically, so a value costs eight multiplications. Flat within 0.15 dB to 3.3 kHz, down by 3 dB at 3.8 kHz and
//! by 6 dB at 4 kHz, by 36 dB and more from 4.7 kHz; what folds back lies above 3.3 kHz.

use crate::pcm::Pcm;

/// Taps at distances 1, 3, …, 15 from the middle, whose tap is ½: sin(πk/2) / πk × (0.54 + 0.46 cos(πk/16)), scaled
/// so that a constant stays itself. A test recomputes them.
const TAPS: [f32; 8] = [
    0.31638837,
    -0.09815446,
    0.050790254,
    -0.028717095,
    0.015969656,
    -0.008254118,
    0.0038679382,
    -0.001890547,
];

/// Writes every second value of `input`, filtered, beginning with the first; before and behind the input is silence.
/// Gives the number of values written: half of the input's, rounded up, or as many as `output` takes.
pub fn halve<P: Pcm>(input: &[P], output: &mut [P]) -> usize {
    let value = |index: usize| input.get(index).map_or(0.0, |value| value.value());
    let places = (0..input.len()).step_by(2);
    let mut written = 0;
    for (place, out) in places.zip(output) {
        let mut sum = 0.5 * value(place);
        for (tap, distance) in TAPS.iter().zip((1..).step_by(2)) {
            // Before the begin, the index wraps to where nothing is.
            sum += tap * (value(place.wrapping_sub(distance)) + value(place.wrapping_add(distance)));
        }
        *out = P::of(sum);
        written += 1;
    }
    written
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn taps_are_those_of_the_formula() {
        // The reference may use f64.
        let tap = |k: f64| {
            let angle = std::f64::consts::PI * k;
            (angle / 2.0).sin() / angle * (0.54 + 0.46 * (angle / 16.0).cos())
        };
        let sum: f64 = (0..8).map(|n| tap(f64::from(2 * n + 1))).sum();
        for (n, found) in (0..).zip(TAPS) {
            let expected = tap(f64::from(2 * n + 1)) * 0.25 / sum;
            assert!((f64::from(found) - expected).abs() < 1e-8, "tap {n}: {found} for {expected}");
        }
    }

    /// The largest output for a sine of this frequency at 16 kHz.
    fn gain(hertz: f32) -> f32 {
        let sine = |n: usize| 0.5 * (n as f32 * hertz / 16_000.0 * core::f32::consts::TAU).sin();
        let input: Vec<f32> = (0..2000).map(sine).collect();
        let mut output = [0.0; 1000];
        assert_eq!(halve(&input, &mut output), 1000);
        output[20..980].iter().fold(0.0, |most: f32, value| most.max(2.0 * value.abs()))
    }

    #[test]
    fn low_tones_pass_and_high_ones_do_not_fold_back() {
        assert!((gain(300.0) - 1.0).abs() < 0.01);
        assert!((gain(3300.0) - 1.0).abs() < 0.02);
        assert!((gain(4010.0) - 0.49).abs() < 0.02);
        assert!(gain(4700.0) < 0.016);
        assert!(gain(6500.0) < 0.004);
    }

    #[test]
    fn constants_stay_and_lengths_round_up() {
        let mut output = [0i16; 40];
        assert_eq!(halve(&[1000i16; 79], &mut output), 40);
        assert!(output[8..32].iter().all(|&value| value == 1000));
        assert_eq!(halve(&[1i16; 79], &mut output[..3]), 3);
        assert_eq!(halve::<i16>(&[], &mut output), 0);
    }

    proptest! {
        #[test]
        fn full_range_noise_keeps_to_the_range(input in prop::collection::vec(any::<i16>(), 0..90)) {
            let mut output = [0i16; 45];
            prop_assert_eq!(halve(&input, &mut output), input.len().div_ceil(2));
        }
    }
}
