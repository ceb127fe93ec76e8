//! Probabilities and cross-entropy.

/// Turns logits into probabilities, in place. The largest logit is taken off first.
///
/// A NaN among the logits makes every probability NaN.
pub fn softmax(values: &mut [f32]) {
    let sum = exponentials(values);
    values.iter_mut().for_each(|value| *value /= sum);
}

/// `−ln` of the probability of `label`; the logits are used up. Infinite where there is no such label.
pub fn cross_entropy(logits: &mut [f32], label: usize) -> f32 {
    let Some(&logit) = logits.get(label) else { return f32::INFINITY };
    let largest = largest(logits);
    let sum = exponentials(logits);
    libm::logf(sum) - (logit - largest)
}

fn largest(values: &[f32]) -> f32 {
    let first = values.first().copied().unwrap_or(0.0);
    values.iter().fold(first, |largest, &value| if value > largest { value } else { largest })
}

/// Replaces each value by `exp(value − largest)` and gives their sum.
fn exponentials(values: &mut [f32]) -> f32 {
    let largest = largest(values);
    let mut sum = 0.0;
    for value in values {
        *value = libm::expf(*value - largest);
        sum += *value;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_of_known_logits() {
        // exp(1), exp(2), exp(3) over their sum.
        let mut values = [1.0, 2.0, 3.0];
        softmax(&mut values);
        for (value, expected) in values.iter().zip([0.090_030_57, 0.244_728_47, 0.665_240_96]) {
            assert!((value - expected).abs() < 1e-7, "{value}");
        }
        assert!((cross_entropy(&mut [1.0, 2.0, 3.0], 1) - 1.407_606).abs() < 1e-6);
    }

    #[test]
    fn large_logits_do_not_overflow_and_a_nan_is_not_hidden() {
        let mut values = [1e30, -1e30];
        softmax(&mut values);
        assert_eq!(values, [1.0, 0.0]);
        let mut values = [0.0, f32::NAN, 1.0];
        softmax(&mut values);
        assert!(values.iter().all(|value| value.is_nan()));
        assert_eq!(cross_entropy(&mut [1.0], 3), f32::INFINITY);
    }
}
