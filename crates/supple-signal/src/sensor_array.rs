//! Readings of several sensors side by side, each giving the same features: an electronic nose.
//!
//! How much of a gas there is moves all sensors together, which gas it is moves them apart. So each feature's mean over
//! the sensors (the level) is taken off and put beside what is left (the pattern). Features reach from thousandths to
//! hundreds of thousands, so all of this is done to their logarithms.

/// The logarithm of a value's size, with its sign: 0 stays 0.
pub fn signed_log(value: f32) -> f32 {
    let log = libm::log1pf(if value < 0.0 { -value } else { value });
    if value < 0.0 { -log } else { log }
}

/// Writes the patterns, `[sensor][feature]` as in `readings`, then the level of each feature. `false`, with nothing
/// written, where the lengths do not fit: `readings` a multiple of `features`, `output` by `features` longer.
pub fn features(readings: &[f32], features: usize, output: &mut [f32]) -> bool {
    if features == 0 || readings.is_empty() || !readings.len().is_multiple_of(features) {
        return false;
    }
    if readings.len().checked_add(features) != Some(output.len()) {
        return false;
    }
    let Some((patterns, levels)) = output.split_at_mut_checked(readings.len()) else { return false };
    patterns.iter_mut().zip(readings).for_each(|(pattern, reading)| *pattern = signed_log(*reading));
    let sensors = readings.len() / features;
    for (feature, level) in levels.iter_mut().enumerate() {
        let of_feature = patterns.iter().skip(feature).step_by(features);
        *level = of_feature.fold(0.0, |sum, value| sum + value) / sensors as f32;
        patterns.iter_mut().skip(feature).step_by(features).for_each(|pattern| *pattern -= *level);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn levels_and_patterns_are_the_readings() {
        let readings = [100.0, -0.5, 300.0, 0.5, 200.0, 0.0];
        let mut output = [0.0; 8];
        assert!(features(&readings, 2, &mut output));
        for (place, reading) in readings.iter().enumerate() {
            let sum = output[place] + output[6 + place % 2];
            assert!((sum - signed_log(*reading)).abs() < 1e-5);
        }
        assert!(output[7].abs() < 1e-6, "features of both signs cancel");
        assert!((output[0] + output[2] + output[4]).abs() < 1e-5);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let mut output = [9.0; 8];
        for (readings, count) in [(&[1.0; 6][..], 0), (&[1.0; 6], 4), (&[1.0; 6], 3), (&[], 8)] {
            assert!(!features(readings, count, &mut output), "{count}");
        }
        assert_eq!(output, [9.0; 8]);
    }

    proptest! {
        #[test]
        fn finite_readings_stay_finite(readings in prop::array::uniform6(any::<f32>())) {
            let finite = readings.iter().all(|value| value.is_finite());
            let mut output = [0.0; 8];
            prop_assert!(features(&readings, 2, &mut output));
            prop_assert!(!finite || output.iter().all(|value| value.is_finite()));
        }
    }
}
