//! Mean, spread, scale and offset of a sample.

/// What is this small beside the mean is rounding, no spread.
const NO_SPREAD: f32 = 1e-5;

fn mean(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f32
}

/// Subtracts the mean. A sample whose mean is no finite number becomes zeros.
pub fn remove_mean(values: &mut [f32]) {
    let mean = mean(values);
    if mean.is_finite() {
        values.iter_mut().for_each(|value| *value -= mean);
    } else {
        values.fill(0.0);
    }
}

/// To mean 0 and spread (standard deviation) 1. A sample of equal values, or whose spread is no finite number, becomes
/// zeros, so that nothing but finite numbers comes of finite ones.
pub fn standardise(values: &mut [f32]) {
    let level = mean(values);
    remove_mean(values);
    // Once more, for what rounding left of it.
    remove_mean(values);
    let squares = values.iter().fold(0.0, |sum, value| sum + value * value);
    let spread = libm::sqrtf(squares / values.len() as f32);
    if spread.is_finite() && spread > NO_SPREAD * level.abs() {
        let scale = 1.0 / spread;
        values.iter_mut().for_each(|value| *value *= scale);
    } else {
        values.fill(0.0);
    }
}

/// `value × scale + offset`, each channel with its own; `values` is `[…][channels]`. Channels without a scale or
/// without an offset stay as they are; so does what is left when `values` is no multiple of them.
pub fn affine(values: &mut [f32], scale: &[f32], offset: &[f32]) {
    let channels = scale.len().min(offset.len());
    if channels == 0 {
        return;
    }
    for row in values.chunks_exact_mut(channels) {
        for ((value, scale), offset) in row.iter_mut().zip(scale).zip(offset) {
            *value = *value * scale + offset;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        let mut values = [1.0, 2.0, 3.0, 4.0];
        remove_mean(&mut values);
        assert_eq!(values, [-1.5, -0.5, 0.5, 1.5]);
        let mut values = [1.0, 1.0, 5.0, 5.0];
        standardise(&mut values);
        assert_eq!(values, [-1.0, -1.0, 1.0, 1.0]);
        let mut values = [1.0, 2.0, 3.0, 4.0, 9.0];
        affine(&mut values, &[2.0, 0.5], &[1.0, 0.0]);
        assert_eq!(values, [3.0, 1.0, 7.0, 2.0, 9.0]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        for mut values in [[3.1; 5], [-1e-30; 5], [f32::MAX; 5], [f32::NAN; 5], [f32::INFINITY; 5]] {
            standardise(&mut values);
            assert_eq!(values, [0.0; 5]);
        }
        let mut long = [-2.4; 960];
        standardise(&mut long);
        assert_eq!(long, [0.0; 960]);
        standardise(&mut []);
        affine(&mut [], &[1.0], &[1.0]);
        affine(&mut [1.0], &[], &[]);
    }

    proptest! {
        #[test]
        fn any_values_become_finite(mut values in prop::collection::vec(any::<f32>(), 0..40)) {
            standardise(&mut values);
            prop_assert!(values.iter().all(|value| value.is_finite()));
        }
    }
}
