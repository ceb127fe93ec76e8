//! A head trained on all classes of the training part at once, as one fine-tunes without meta-learning: the start
//! that labels which keep their meaning are compared with.
//!
//! Softmax regression on standardised features of the pack's trunk, from zero, by [`ITERATIONS`] iterations of
//! Nesterov's accelerated gradient on all samples, at the largest rate that is safe: 2 over the largest eigenvalue of
//! the features' covariance. Classes count alike, with at most [`MOST_SAMPLES`] samples altogether, spread evenly over
//! the part.

use rayon::prelude::*;

use super::features::Features;

/// Iterations over all samples.
const ITERATIONS: usize = 300;
/// Samples trained on at most.
const MOST_SAMPLES: usize = 4000;
/// Iterations of the power method that finds the largest eigenvalue; a little too small a value is made up for.
const POWER_ITERATIONS: usize = 30;
const MARGIN: f64 = 1.1;

/// Weights `[class][features]` and biases `[class]`.
pub struct Start {
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Chooses what is trained on: samples with their classes, at most so many of each.
pub fn choose(samples: impl Iterator<Item = (usize, u32)>, classes: usize) -> Vec<(usize, u32)> {
    let mut by_class = vec![Vec::new(); classes];
    for (sample, class) in samples {
        if let Some(of_class) = by_class.get_mut(class as usize) {
            of_class.push(sample);
        }
    }
    let known = by_class.iter().filter(|samples| !samples.is_empty()).count();
    let most = MOST_SAMPLES.div_ceil(known.max(1));
    let mut chosen: Vec<(usize, u32)> = Vec::new();
    for (class, samples) in by_class.iter().enumerate() {
        let count = samples.len().min(most);
        chosen.extend((0..count).map(|i| (samples[i * samples.len() / count], class as u32)));
    }
    chosen.sort_unstable();
    chosen
}

/// Trains the head; classes without a sample keep weights of zero.
pub fn train(features: &Features, samples: &[(usize, u32)], capacity: usize) -> Start {
    let length = features.length();
    let count = samples.len() as f64;
    let column = |f: &(dyn Fn(&[f32], usize) -> f64 + Sync), index: usize| {
        samples.iter().map(|(sample, _)| f(features.of(*sample), index)).sum::<f64>() / count
    };
    let mean: Vec<f64> = (0..length).map(|i| column(&|x, i| f64::from(x[i]), i)).collect();
    let deviation: Vec<f64> = (0..length)
        .map(|i| column(&|x, i| (f64::from(x[i]) - mean[i]).powi(2), i).sqrt())
        // A feature that never changes tells nothing.
        .map(|deviation| if deviation > 1e-12 { deviation } else { f64::INFINITY })
        .collect();
    let inputs: Vec<f64> = samples
        .iter()
        .flat_map(|(sample, _)| {
            (0..length).map(|i| (f64::from(features.of(*sample)[i]) - mean[i]) / deviation[i])
        })
        .collect();
    let mut number = vec![0.0; capacity];
    samples.iter().for_each(|(_, class)| number[*class as usize] += 1.0);
    let known = number.iter().filter(|number| **number > 0.0).count() as f64;
    let targets: Vec<(usize, f64)> =
        samples.iter().map(|(_, class)| (*class as usize, 1.0 / (known * number[*class as usize]))).collect();
    let problem = Problem { inputs: &inputs, targets: &targets, length, known: &number };
    let solution = problem.minimise();
    let (mut weights, mut bias) = (Vec::with_capacity(capacity * length), Vec::with_capacity(capacity));
    for row in solution.chunks_exact(length + 1) {
        let scaled: Vec<f64> = row[..length].iter().zip(&deviation).map(|(w, d)| w / d).collect();
        bias.push((row[length] - scaled.iter().zip(&mean).map(|(w, m)| w * m).sum::<f64>()) as f32);
        weights.extend(scaled.iter().map(|w| *w as f32));
    }
    Start { weights, bias }
}

/// Softmax regression; the last weight of each class is its bias.
struct Problem<'a> {
    /// `[sample][length]`.
    inputs: &'a [f64],
    /// Class and weight of each sample.
    targets: &'a [(usize, f64)],
    length: usize,
    /// By class, whether it is one (above zero).
    known: &'a [f64],
}

impl Problem<'_> {
    fn minimise(&self) -> Vec<f64> {
        let rate = 2.0 / (MARGIN * self.largest_eigenvalue());
        let mut solution = vec![0.0; self.known.len() * (self.length + 1)];
        let mut ahead = solution.clone();
        for iteration in 0..ITERATIONS {
            let gradient = self.gradient(&ahead);
            let next: Vec<f64> = ahead.iter().zip(&gradient).map(|(w, g)| w - rate * g).collect();
            let momentum = iteration as f64 / (iteration as f64 + 3.0);
            ahead = next.iter().zip(&solution).map(|(new, old)| new + momentum * (new - old)).collect();
            solution = next;
        }
        solution
    }

    /// Of the mean over classes of the cross-entropy.
    fn gradient(&self, weights: &[f64]) -> Vec<f64> {
        const AT_ONCE: usize = 256;
        let (length, columns) = (self.length, self.length + 1);
        let parts: Vec<Vec<f64>> = self
            .inputs
            .par_chunks(AT_ONCE * length)
            .zip(self.targets.par_chunks(AT_ONCE))
            .map(|(inputs, targets)| {
                let mut gradient = vec![0.0; weights.len()];
                let mut scores = vec![0.0; self.known.len()];
                for (input, (class, weight)) in inputs.chunks_exact(length).zip(targets) {
                    self.probabilities(weights, input, &mut scores);
                    for (other, probability) in scores.iter().enumerate() {
                        let error = weight * (probability - f64::from(u8::from(other == *class)));
                        let row = &mut gradient[other * columns..][..columns];
                        row.iter_mut().zip(input).for_each(|(g, x)| *g += error * x);
                        row[length] += error;
                    }
                }
                gradient
            })
            .collect();
        // In order, so that the result does not depend on the number of threads.
        let mut sum = vec![0.0; weights.len()];
        parts.iter().for_each(|part| sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part));
        sum
    }

    fn probabilities(&self, weights: &[f64], input: &[f64], scores: &mut [f64]) {
        let rows = weights.chunks_exact(self.length + 1);
        for ((score, row), known) in scores.iter_mut().zip(rows).zip(self.known) {
            let product: f64 = row.iter().zip(input).map(|(w, x)| w * x).sum();
            *score = if *known > 0.0 { product + row[self.length] } else { f64::NEG_INFINITY };
        }
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        scores.iter_mut().for_each(|score| *score = (*score - largest).exp());
        let sum: f64 = scores.iter().sum();
        scores.iter_mut().for_each(|score| *score /= sum);
    }

    /// Of the weighted covariance of the inputs with a one behind each.
    fn largest_eigenvalue(&self) -> f64 {
        let mut vector = vec![1.0; self.length + 1];
        let mut value = 1.0;
        for _ in 0..POWER_ITERATIONS {
            let mut next = vec![0.0; self.length + 1];
            for (input, (_, weight)) in self.inputs.chunks_exact(self.length).zip(self.targets) {
                let product: f64 =
                    input.iter().zip(&vector).map(|(x, v)| x * v).sum::<f64>() + vector[self.length];
                next.iter_mut().zip(input).for_each(|(n, x)| *n += weight * product * x);
                next[self.length] += weight * product;
            }
            value = next.iter().map(|n| n * n).sum::<f64>().sqrt();
            vector = next.iter().map(|n| n / value).collect();
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_chosen_evenly_by_class() {
        let many = (0..10_000).map(|sample| (sample, u32::from(sample >= 100)));
        let chosen = choose(many, 3);
        assert_eq!(chosen.iter().filter(|(_, class)| *class == 0).count(), 100);
        assert_eq!(chosen.len(), 100 + 2000);
        assert!(chosen.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn classes_that_lie_apart_are_told_apart_whatever_the_scale() {
        let mut values = Vec::new();
        let mut samples = Vec::new();
        for sample in 0..60 {
            let class = sample % 3;
            // Far from zero, and one feature that never changes.
            let noise = (sample / 3) as f32 * 0.01;
            values.extend([1000.0 + 5.0 * class as f32 + noise, 0.01 * (class == 1) as u8 as f32, 7.0]);
            samples.push((sample, class as u32));
        }
        let features = Features::of_values((0..60).collect(), values, 3);
        let start = train(&features, &samples, 5);
        for (sample, class) in samples {
            let score = |row: usize| -> f32 {
                let weights = &start.weights[3 * row..][..3];
                weights.iter().zip(features.of(sample)).map(|(w, x)| w * x).sum::<f32>() + start.bias[row]
            };
            let best = (0..3).max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap();
            assert_eq!(best as u32, class, "sample {sample}");
        }
        assert!(start.weights[9..].iter().all(|weight| *weight == 0.0));
    }
}
