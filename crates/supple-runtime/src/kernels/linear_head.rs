//! Logits and gradient steps of a linear classification head.

use super::softmax::softmax;

/// Features summed side by side. Each is a sum of its own, so the block's size changes no bit.
const FEATURE_BLOCK: usize = 8;

/// `logits = bias + weights · feature`.
///
/// # Shapes
/// `weights` `[classes][features]`, `bias` and `logits` `[classes]`, `feature` `[features]`.
///
/// Each logit starts from its bias and adds the products in the order of the features.
pub fn logits(weights: &[f32], bias: &[f32], feature: &[f32], logits: &mut [f32]) {
    let mut rows = weights.chunks_exact(feature.len().max(1));
    let mut places = logits.iter_mut().zip(bias);
    // Four sums side by side hide the latency of each addition.
    while let (Some(a), Some(b), Some(c), Some(d)) = (rows.next(), rows.next(), rows.next(), rows.next()) {
        let mut sums = [0.0; 4];
        let mut targets = [None, None, None, None];
        for (sum, target) in sums.iter_mut().zip(&mut targets) {
            if let Some((place, &bias)) = places.next() {
                *sum = bias;
                *target = Some(place);
            }
        }
        for ((((&x, a), b), c), d) in feature.iter().zip(a).zip(b).zip(c).zip(d) {
            sums[0] += x * a;
            sums[1] += x * b;
            sums[2] += x * c;
            sums[3] += x * d;
        }
        for (sum, target) in sums.into_iter().zip(targets) {
            if let Some(place) = target {
                *place = sum;
            }
        }
    }
    let done = bias.len() - bias.len() % 4;
    let rows = weights.chunks_exact(feature.len().max(1)).skip(done);
    for ((place, &bias), row) in places.zip(rows) {
        *place = row.iter().zip(feature).fold(bias, |sum, (weight, x)| sum + x * weight);
    }
}

/// What a gradient step is made from.
#[derive(Debug, Clone, Copy)]
pub struct Support<'a> {
    /// Feature vectors, `[samples][features]`.
    pub features: &'a [f32],
    /// A class for each sample.
    pub labels: &'a [u16],
}

/// One full-batch gradient step, in place.
///
/// The loss is `classes / samples` times the sum of the samples' softmax cross-entropies.
///
/// # Shapes
/// `weights` `[classes][features]`, `bias` `[classes]`, `deltas` `[samples][classes]` (work space), `rates`: of the
/// weights, of the biases.
///
/// A weight's gradient is summed over the samples in their order, starting from zero.
pub fn gradient_step(
    weights: &mut [f32],
    bias: &mut [f32],
    support: &Support,
    rates: [f32; 2],
    deltas: &mut [f32],
) {
    let (classes, samples) = (bias.len(), support.labels.len());
    if classes == 0 || samples == 0 {
        return;
    }
    let features = support.features.len() / samples;
    let scale = classes as f32 / samples as f32;
    let rows = support.features.chunks_exact(features.max(1));
    for ((feature, &label), delta) in rows.zip(support.labels).zip(deltas.chunks_exact_mut(classes)) {
        logits(weights, bias, feature, delta);
        softmax(delta);
        if let Some(probability) = delta.get_mut(usize::from(label)) {
            *probability -= 1.0;
        }
        delta.iter_mut().for_each(|value| *value *= scale);
    }
    let [weight_rate, bias_rate] = rates;
    for (class, (row, bias)) in weights.chunks_exact_mut(features.max(1)).zip(bias).enumerate() {
        let column = || deltas.iter().skip(class).step_by(classes).take(samples);
        for (start, block) in row.chunks_mut(FEATURE_BLOCK).enumerate() {
            let mut sums = [0.0; FEATURE_BLOCK];
            let columns = support.features.get(start * FEATURE_BLOCK..).unwrap_or_default();
            for (delta, feature) in column().zip(columns.chunks(features.max(1))) {
                for (sum, x) in sums.iter_mut().zip(feature) {
                    *sum += delta * x;
                }
            }
            for (weight, sum) in block.iter_mut().zip(sums) {
                *weight -= weight_rate * sum;
            }
        }
        let sum = column().fold(0.0, |sum, delta| sum + delta);
        *bias -= bias_rate * sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(i: usize) -> f32 {
        ((i * 7919 % 1000) as f32 - 500.0) / 317.0
    }

    fn values(from: usize, count: usize) -> Vec<f32> {
        (from..from + count).map(value).collect()
    }

    #[test]
    fn logits_agree_with_the_definition_bit_for_bit() {
        for classes in 1..=13 {
            let (weights, bias, feature) = (values(0, classes * 11), values(500, classes), values(900, 11));
            let mut found = vec![f32::NAN; classes];
            logits(&weights, &bias, &feature, &mut found);
            let expected: Vec<f32> = (0..classes)
                .map(|c| (0..11).fold(bias[c], |sum, j| sum + feature[j] * weights[c * 11 + j]))
                .collect();
            assert_eq!(found, expected, "{classes} classes");
        }
    }

    #[test]
    fn a_step_agrees_with_the_definition_bit_for_bit() {
        for (classes, samples, features) in [(5, 5, 64), (3, 7, 10), (1, 1, 1), (20, 20, 13)] {
            let (start_weights, start_bias) = (values(0, classes * features), values(300, classes));
            let inputs = values(700, samples * features);
            let labels: Vec<u16> = (0..samples).map(|n| (n * 2 % classes) as u16).collect();
            let (mut weights, mut bias) = (start_weights.clone(), start_bias.clone());
            let mut deltas = vec![0.0; samples * classes];
            let support = Support { features: &inputs, labels: &labels };
            gradient_step(&mut weights, &mut bias, &support, [0.3, 0.7], &mut deltas);

            let mut expected = vec![];
            for n in 0..samples {
                let mut column = vec![0.0; classes];
                logits(&start_weights, &start_bias, &inputs[n * features..][..features], &mut column);
                softmax(&mut column);
                column[usize::from(labels[n])] -= 1.0;
                expected.extend(column.iter().map(|d| d * (classes as f32 / samples as f32)));
            }
            for c in 0..classes {
                for j in 0..features {
                    let sum = (0..samples)
                        .fold(0.0, |sum, n| sum + expected[n * classes + c] * inputs[n * features + j]);
                    assert_eq!(weights[c * features + j], start_weights[c * features + j] - 0.3 * sum);
                }
                let sum = (0..samples).fold(0.0, |sum, n| sum + expected[n * classes + c]);
                assert_eq!(bias[c], start_bias[c] - 0.7 * sum);
            }
        }
    }

    /// Two classes, one feature, by hand: logits 0 give probabilities ½, so the deltas are ∓½ · 2 / 2.
    #[test]
    fn the_first_step_from_zero() {
        let (mut weights, mut bias) = ([0.0; 2], [0.0; 2]);
        let support = Support { features: &[1.0, 3.0], labels: &[0, 1] };
        gradient_step(&mut weights, &mut bias, &support, [0.5, 1.0], &mut [0.0; 4]);
        // Class 0: −½·1 + ½·3 = 1; class 1: ½·1 − ½·3 = −1.
        assert_eq!(weights, [-0.5, 0.5]);
        assert_eq!(bias, [0.0, 0.0]);
    }
}
