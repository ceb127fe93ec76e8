//! What was learned, on held-out tasks: plain loops, apart from the engine that trained it.

use crate::protocol::{EVALUATION_TASKS, FEATURES, HEAD, HIDDEN, SINE};
use crate::tasks::{ClassBatch, RegressionBatch, Sines, evaluation_features};

/// Samples and what a layer gives for them, `[sample][value]`.
type Rows = Vec<f32>;

/// `rows · weights + bias`, the weights `[input][output]`.
fn dense(rows: &[f32], weights: &[f32], bias: &[f32]) -> Rows {
    let inputs = weights.len() / bias.len();
    let mut outputs = Vec::with_capacity(rows.len() / inputs * bias.len());
    for row in rows.chunks_exact(inputs) {
        let from = outputs.len();
        outputs.extend_from_slice(bias);
        for (value, weights) in row.iter().zip(weights.chunks_exact(bias.len())) {
            for (output, weight) in outputs[from..].iter_mut().zip(weights) {
                *output += value * weight;
            }
        }
    }
    outputs
}

/// A step of a dense layer whose outputs have the gradient `deltas`; gives the gradient of its inputs, of before the
/// step.
fn dense_step(rows: &[f32], weights: &mut [f32], bias: &mut [f32], deltas: &[f32], rate: f32) -> Rows {
    let (inputs, outputs) = (weights.len() / bias.len(), bias.len());
    let mut back = Vec::with_capacity(rows.len());
    for deltas in deltas.chunks_exact(outputs) {
        let product =
            |weights: &[f32]| weights.iter().zip(deltas).map(|(weight, delta)| weight * delta).sum();
        back.extend(weights.chunks_exact(outputs).map(product).collect::<Vec<f32>>());
    }
    for (row, deltas) in rows.chunks_exact(inputs).zip(deltas.chunks_exact(outputs)) {
        for (value, weights) in row.iter().zip(weights.chunks_exact_mut(outputs)) {
            for (weight, delta) in weights.iter_mut().zip(deltas) {
                *weight -= rate * value * delta;
            }
        }
        for (bias, delta) in bias.iter_mut().zip(deltas) {
            *bias -= rate * delta;
        }
    }
    back
}

fn relu(mut rows: Rows) -> Rows {
    rows.iter_mut().for_each(|value| *value = value.max(0.0));
    rows
}

/// The gradient in front of a relu that gave `rows`.
fn relu_back(rows: &[f32], mut deltas: Rows) -> Rows {
    for (delta, _) in deltas.iter_mut().zip(rows).filter(|(_, row)| **row <= 0.0) {
        *delta = 0.0;
    }
    deltas
}

/// Three dense layers with relu between them: what each gives.
fn layers(parameters: &[Vec<f32>], inputs: &[f32]) -> [Rows; 3] {
    let first = relu(dense(inputs, &parameters[0], &parameters[1]));
    let second = relu(dense(&first, &parameters[2], &parameters[3]));
    let third = dense(&second, &parameters[4], &parameters[5]);
    [first, second, third]
}

fn sine_step(parameters: &mut [Vec<f32>], inputs: &[f32], targets: &[f32], rate: f32) {
    let [first, second, outputs] = layers(parameters, inputs);
    let scale = 2.0 / targets.len() as f32;
    let deltas = outputs.iter().zip(targets).map(|(output, target)| scale * (output - target)).collect();
    // Two neighbours of the list at a time: a layer's weights and bias.
    let mut step = |layer: usize, rows: &[f32], deltas: Rows| {
        let (weights, bias) = parameters[2 * layer..2 * layer + 2].split_at_mut(1);
        dense_step(rows, &mut weights[0], &mut bias[0], &deltas, rate)
    };
    let deltas = step(2, &second, deltas);
    let deltas = step(1, &first, relu_back(&second, deltas));
    step(0, inputs, relu_back(&first, deltas));
}

/// The mean squared error on each task's query set after 0, 1, …, `steps` steps on its support set, as means over the
/// tasks. The network is that of [`crate::parameters::sine`], of whatever width.
pub fn sine_errors(parameters: &[Vec<f32>], batch: &RegressionBatch, rate: f32, steps: usize) -> Vec<f64> {
    let mut means = vec![0.0; steps + 1];
    let tasks = batch.support_x.len() / batch.shots;
    let support = batch.support_x.chunks_exact(batch.shots).zip(batch.support_y.chunks_exact(batch.shots));
    let query = batch.query_x.chunks_exact(batch.queries).zip(batch.query_y.chunks_exact(batch.queries));
    for ((support_x, support_y), (query_x, query_y)) in support.zip(query) {
        let mut adapted = parameters.to_vec();
        for (step, mean) in means.iter_mut().enumerate() {
            if step > 0 {
                sine_step(&mut adapted, support_x, support_y, rate);
            }
            let [.., outputs] = layers(&adapted, query_x);
            let errors =
                outputs.iter().zip(query_y).map(|(output, target)| f64::from(output - target).powi(2));
            *mean += errors.sum::<f64>() / query_y.len() as f64 / tasks as f64;
        }
    }
    means
}

/// The figure of sinusoids: 10 support samples, one step.
pub fn sine(parameters: &[Vec<f32>]) -> (f64, &'static str) {
    assert_eq!(parameters[1].len(), HIDDEN, "the network of parameters::sine");
    let errors = sine_errors(parameters, &Sines::evaluation(10), SINE.inner_rate, 1);
    (errors[1], "mse_K10_after_1_step")
}

/// Softmax less the one-hot label, over the number of samples: the gradient of the mean cross-entropy.
fn softmax_deltas(logits: &mut [f32], way: usize, each: usize) {
    let samples = (logits.len() / way) as f32;
    for (sample, logits) in logits.chunks_exact_mut(way).enumerate() {
        let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, logit| largest.max(*logit));
        logits.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
        let sum: f32 = logits.iter().sum();
        logits.iter_mut().for_each(|logit| *logit /= sum * samples);
        logits[sample / each] -= 1.0 / samples;
    }
}

/// How many of the samples, sorted by class and `each` of a class, have their largest logit where it should be.
pub fn correct(logits: &[f32], way: usize, each: usize) -> usize {
    let right = |(sample, logits): (usize, &[f32])| {
        let best = (0..way).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
        best == sample / each
    };
    logits.chunks_exact(way).enumerate().filter(|sample| right(*sample)).count()
}

/// The part of all query samples that is classified rightly after 0, 1, …, `steps` steps of a linear head.
pub fn head_accuracies(parameters: &[Vec<f32>], batch: &ClassBatch, rate: f32, steps: usize) -> Vec<f64> {
    let ClassBatch { way, shots, queries, length, .. } = *batch;
    let mut right = vec![0; steps + 1];
    let support = batch.support.chunks_exact(way * shots * length);
    for (support, query) in support.zip(batch.query.chunks_exact(way * queries * length)) {
        let (mut weights, mut bias) = (parameters[0].clone(), parameters[1].clone());
        for (step, right) in right.iter_mut().enumerate() {
            if step > 0 {
                let mut deltas = dense(support, &weights, &bias);
                softmax_deltas(&mut deltas, way, shots);
                dense_step(support, &mut weights, &mut bias, &deltas, rate);
            }
            *right += correct(&dense(query, &weights, &bias), way, queries);
        }
    }
    let samples = batch.query.len() / length;
    right.iter().map(|right| *right as f64 / samples as f64).collect()
}

/// The figure of heads.
pub fn head(parameters: &[Vec<f32>]) -> (f64, &'static str) {
    let batch = evaluation_features();
    debug_assert_eq!(batch.query.len(), EVALUATION_TASKS * HEAD.way * HEAD.queries * FEATURES);
    let accuracies = head_accuracies(parameters, &batch, HEAD.inner_rate, HEAD.inner_steps);
    (accuracies[HEAD.inner_steps], "query_acc_after_5_steps")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters;

    /// An untrained network's error is about the mean square of a sinusoid. The first step lowers it a little; by the
    /// tenth it fits ten points rather than a curve.
    #[test]
    fn the_first_step_lowers_the_error() {
        let errors = sine_errors(&parameters::sine(0), &Sines::evaluation(10), 0.01, 10);
        assert!((3.5..6.0).contains(&errors[0]), "{errors:?}");
        assert!(errors[1] < errors[0] && errors[10] < 1.2 * errors[0], "{errors:?}");
    }

    #[test]
    fn steps_raise_the_accuracy() {
        let accuracies = head_accuracies(&parameters::head(0), &evaluation_features(), 0.1, 5);
        assert!((0.15..0.25).contains(&accuracies[0]), "{accuracies:?}");
        assert!(accuracies[5] > 0.4, "{accuracies:?}");
    }

    #[test]
    fn the_gradient_of_the_cross_entropy_is_right() {
        let logits = [0.5, -1.0, 2.0, 0.0, 0.25, -0.5];
        let loss = |logits: &[f64]| {
            let each = |(sample, logits): (usize, &[f64])| {
                logits.iter().map(|logit| logit.exp()).sum::<f64>().ln() - logits[sample]
            };
            logits.chunks_exact(3).enumerate().map(each).sum::<f64>() / 2.0
        };
        let mut deltas = logits;
        softmax_deltas(&mut deltas, 3, 1);
        for (index, delta) in deltas.iter().enumerate() {
            let moved = |by: f64| {
                let mut moved = logits.map(f64::from);
                moved[index] += by;
                loss(&moved)
            };
            let measured = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((measured - f64::from(*delta)).abs() < 1e-6, "{index}: {measured} {delta}");
        }
    }
}
