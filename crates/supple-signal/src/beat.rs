//! A heart beat, cut around its R peak, without the baseline's wander, and with its rhythm.
//!
//! The baseline moves with breath and skin; it is taken as the mean of the second around each value. A beat that comes
//! too early is told by its intervals better than by its shape, so they are two channels more, as ratios to the mean
//! of the intervals before: a fast heart is not an early beat. The device waits for the next R peak, or a little longer,
//! before it can tell a beat.

/// Values a second of the signal.
pub const RATE: u32 = 360;
/// Values of the signal before the R peak, 0.35 s.
pub const BEFORE: usize = 126;
/// Values of the signal from the R peak on, 0.45 s.
pub const AFTER: usize = 162;
/// Values of the signal that are averaged into one.
pub const FACTOR: usize = 2;
/// Values of a beat.
pub const LENGTH: usize = (BEFORE + AFTER) / FACTOR;
/// Of each value: the signal, the interval before and the interval after.
pub const CHANNELS: usize = 3;
/// Values of the signal to each side that make the baseline of one.
const AROUND: usize = 180;
/// Values of the signal that a beat needs before its R peak.
pub const NEEDED_BEFORE: usize = BEFORE + AROUND;
/// Values of the signal that a beat needs from its R peak on.
pub const NEEDED_AFTER: usize = AFTER + AROUND;
/// Intervals that are the rhythm beside which an interval is long or short.
const INTERVALS: usize = 8;

/// When a beat comes, in parts of the mean interval before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rhythm {
    /// From the R peak before.
    pub before: f32,
    /// To the next R peak.
    pub after: f32,
}

impl Rhythm {
    /// Of the beat at `index` of ascending R peaks; the first and the last have none.
    pub fn of(peaks: &[u32], index: usize) -> Option<Self> {
        let at = *peaks.get(index)?;
        let last = *peaks.get(index.checked_sub(1)?)?;
        let next = *peaks.get(index.checked_add(1)?)?;
        let intervals = index.min(INTERVALS);
        let first = *peaks.get(index.checked_sub(intervals)?)?;
        let mean = at.checked_sub(first)? as f32 / intervals as f32;
        let (before, after) = (at.checked_sub(last)? as f32, next.checked_sub(at)? as f32);
        (mean > 0.0).then_some(Self { before: before / mean, after: after / mean })
    }
}

/// Writes a beat's [`LENGTH`] × [`CHANNELS`] features; `false`, with nothing written, where the signal does not reach
/// far enough around the R peak at `at`.
pub fn features(signal: &[f32], at: usize, rhythm: Rhythm, output: &mut [f32; LENGTH * CHANNELS]) -> bool {
    let begin = at.checked_sub(NEEDED_BEFORE);
    let end = at.checked_add(NEEDED_AFTER);
    let (Some(begin), Some(end)) = (begin, end) else { return false };
    let Some(near) = signal.get(begin..end) else { return false };
    // Each sum is made anew, since one that slides along would carry its rounding with it.
    let span = 2 * AROUND + FACTOR;
    for (around, out) in near.windows(span).step_by(FACTOR).zip(output.chunks_exact_mut(CHANNELS)) {
        let baseline = around.iter().fold(0.0, |sum, value| sum + value) / span as f32;
        let middle = around.iter().skip(AROUND).take(FACTOR);
        let value = middle.fold(0.0, |sum, value| sum + value) / FACTOR as f32;
        let features = [value - baseline, rhythm.before, rhythm.after];
        out.iter_mut().zip(features).for_each(|(out, feature)| *out = feature);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const EVEN: Rhythm = Rhythm { before: 1.0, after: 1.0 };

    #[test]
    fn the_peak_stands_in_its_place_and_the_level_is_gone() {
        let mut signal = [5.0; NEEDED_BEFORE + NEEDED_AFTER];
        signal[NEEDED_BEFORE] = 6.0;
        signal[NEEDED_BEFORE + 1] = 6.0;
        let mut output = [0.0; LENGTH * CHANNELS];
        assert!(features(&signal, NEEDED_BEFORE, EVEN, &mut output));
        let largest = (0..LENGTH).max_by(|a, b| output[a * CHANNELS].total_cmp(&output[b * CHANNELS]));
        assert_eq!(largest, Some(BEFORE / FACTOR));
        assert!((output[BEFORE / FACTOR * CHANNELS] - 1.0).abs() < 0.01);
        assert!(output[0].abs() < 0.01, "{}", output[0]);
        assert_eq!(output[1..3], [1.0, 1.0]);
    }

    #[test]
    fn an_early_beat_is_early_at_any_pace() {
        for pace in [100, 300] {
            let peaks: Vec<u32> = [0, 10, 20, 26, 40].map(|tenth| tenth * pace / 10).to_vec();
            let early = Rhythm::of(&peaks, 3).unwrap();
            assert!((early.before - 0.6 / (2.6 / 3.0)).abs() < 1e-6);
            assert!((early.after - 1.4 / (2.6 / 3.0)).abs() < 1e-6);
        }
    }

    #[test]
    fn peaks_that_do_not_ascend_have_no_rhythm() {
        assert_eq!(Rhythm::of(&[1, 2, 3], 0), None);
        assert_eq!(Rhythm::of(&[1, 2, 3], 2), None);
        assert_eq!(Rhythm::of(&[3, 2, 1], 1), None);
        assert_eq!(Rhythm::of(&[2, 2, 2], 1), None);
        assert_eq!(Rhythm::of(&[], usize::MAX), None);
        assert_eq!(Rhythm::of(&[1, 2, 3], 1), Some(EVEN));
    }

    proptest! {
        #[test]
        fn the_edges_are_refused(length in 0usize..1000, at in 0usize..1100) {
            let signal = [0.5; 1000];
            let mut output = [9.0; LENGTH * CHANNELS];
            let reaches = at >= NEEDED_BEFORE && at + NEEDED_AFTER <= length;
            prop_assert_eq!(features(&signal[..length], at, EVEN, &mut output), reaches);
            prop_assert_eq!(output[0] == 9.0, !reaches);
            prop_assert!(!features(&signal, usize::MAX, EVEN, &mut output));
        }
    }
}
