//! The inner loop: gradient steps on a linear head, and the gradient of what comes after with respect to all that
//! went in (second order).
//!
//! The head has `way` rows: logits = W f + b. The support loss is `way / n` times the sum over the `n` support
//! samples of the softmax cross-entropy. Each step has its own rates for weights and biases. Because the loss of a
//! linear head is known in closed form, so is the derivative of each of its gradient steps; no tape is needed.
//!
//! Finn, Abbeel, Levine: MAML (2017); Raghu et al.: ANIL (2020); Antoniou et al.: per-step rates (2019).

use crate::matrix::{Operand, Real, multiply, multiply_into};

/// Weights `[way, features]`, column-major, and biases of a linear head.
#[derive(Debug, Clone, PartialEq)]
pub struct Head<T> {
    /// Weights.
    pub weights: Vec<T>,
    /// Biases, one a class.
    pub bias: Vec<T>,
}

impl<T: Real> Head<T> {
    fn zeros_like(other: &Self) -> Self {
        Self { weights: vec![T::zero(); other.weights.len()], bias: vec![T::zero(); other.bias.len()] }
    }
}

/// Rates of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates<T> {
    /// Of the weights.
    pub weights: T,
    /// Of the biases.
    pub bias: T,
}

/// Features `[features, n]`, column-major, with their labels.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a, T> {
    /// Feature vectors side by side.
    pub features: &'a [T],
    /// A label below `way` for each.
    pub labels: &'a [usize],
}

impl<'a, T: Real> Samples<'a, T> {
    fn operand(&self) -> Operand<'a, T> {
        Operand::new(self.features, self.features.len() / self.labels.len(), self.labels.len())
    }
}

/// Gradients of the outer loss.
#[derive(Debug, Clone)]
pub struct OuterGradient<T> {
    /// Of the head's start.
    pub head: Head<T>,
    /// Of each step's rates.
    pub rates: Vec<Rates<T>>,
    /// Of the support features.
    pub support: Vec<T>,
    /// Of the query features.
    pub query: Vec<T>,
}

/// What an episode gave.
#[derive(Debug, Clone)]
pub struct Outcome<T> {
    /// Mean query cross-entropy after the last step.
    pub loss: T,
    /// Fraction of the query predicted right, before adaptation and after each step.
    pub accuracy: Vec<f64>,
}

/// Probabilities `[way, n]`.
fn probabilities<T: Real>(head: &Head<T>, samples: &Samples<T>) -> Vec<T> {
    let way = head.bias.len();
    let weights = Operand::new(&head.weights, way, head.weights.len() / way);
    let mut values = multiply(weights, samples.operand());
    for column in values.chunks_exact_mut(way) {
        let mut largest = column[0] + head.bias[0];
        for (value, bias) in column.iter_mut().zip(&head.bias) {
            *value += *bias;
            if *value > largest {
                largest = *value;
            }
        }
        let mut sum = T::zero();
        for value in column.iter_mut() {
            *value = (*value - largest).exp();
            sum += *value;
        }
        column.iter_mut().for_each(|value| *value /= sum);
    }
    values
}

/// `scale · (probabilities - one-hot labels)`: the gradient of the logits.
fn deltas<T: Real>(probabilities: &[T], labels: &[usize], scale: T) -> Vec<T> {
    let way = probabilities.len() / labels.len();
    let mut deltas: Vec<T> = probabilities.iter().map(|p| *p * scale).collect();
    for (column, label) in deltas.chunks_exact_mut(way).zip(labels) {
        column[*label] -= scale;
    }
    deltas
}

fn accuracy<T: Real>(probabilities: &[T], labels: &[usize]) -> f64 {
    let way = probabilities.len() / labels.len();
    let right = probabilities
        .chunks_exact(way)
        .zip(labels)
        .filter(|(column, label)| {
            let best =
                column.iter().enumerate().fold(0, |best, (i, p)| if *p > column[best] { i } else { best });
            best == **label
        })
        .count();
    right as f64 / labels.len() as f64
}

fn cross_entropy<T: Real>(probabilities: &[T], labels: &[usize]) -> T {
    let way = probabilities.len() / labels.len();
    let floor = T::of(1e-30);
    let sum = probabilities
        .chunks_exact(way)
        .zip(labels)
        .fold(T::zero(), |sum, (column, label)| sum - (column[*label] + floor).ln());
    sum / T::of_count(labels.len())
}

fn add_row_sums<T: Real>(target: &mut [T], factor: T, values: &[T]) {
    for column in values.chunks_exact(target.len()) {
        for (sum, value) in target.iter_mut().zip(column) {
            *sum += factor * *value;
        }
    }
}

/// One gradient step on the support set, in place; returns the probabilities and deltas it was made with.
fn step<T: Real>(head: &mut Head<T>, rates: Rates<T>, support: &Samples<T>) -> (Vec<T>, Vec<T>) {
    let way = head.bias.len();
    let probabilities = probabilities(head, support);
    let deltas = deltas(&probabilities, support.labels, support_scale(way, support));
    let gradient = multiply(Operand::new(&deltas, way, support.labels.len()), support.operand().transposed());
    for (weight, gradient) in head.weights.iter_mut().zip(&gradient) {
        *weight -= rates.weights * *gradient;
    }
    add_row_sums(&mut head.bias, -rates.bias, &deltas);
    (probabilities, deltas)
}

fn support_scale<T: Real>(way: usize, support: &Samples<T>) -> T {
    T::of_count(way) / T::of_count(support.labels.len())
}

/// Adapts and judges, without gradients.
pub fn evaluate<T: Real>(
    start: &Head<T>,
    rates: &[Rates<T>],
    support: &Samples<T>,
    query: &Samples<T>,
) -> Outcome<T> {
    let mut head = start.clone();
    let mut last = probabilities(&head, query);
    let mut accuracies = vec![accuracy(&last, query.labels)];
    for rates in rates {
        step(&mut head, *rates, support);
        last = probabilities(&head, query);
        accuracies.push(accuracy(&last, query.labels));
    }
    Outcome { loss: cross_entropy(&last, query.labels), accuracy: accuracies }
}

/// Adapts, judges, and differentiates the outer loss through every step.
///
/// The outer loss is the mean query cross-entropy after each step `t`, weighted by `step_weights[t]` (one for each
/// step; MAML's loss is all weight on the last).
pub fn differentiate<T: Real>(
    start: &Head<T>,
    rates: &[Rates<T>],
    step_weights: &[T],
    support: &Samples<T>,
    query: &Samples<T>,
) -> (Outcome<T>, OuterGradient<T>) {
    assert_eq!(rates.len(), step_weights.len());
    let way = start.bias.len();
    let scale = support_scale(way, support);
    // Forward, keeping each step's head, probabilities and deltas.
    let mut heads = vec![start.clone()];
    let mut kept = Vec::with_capacity(rates.len());
    for rates in rates {
        let mut head = heads[heads.len() - 1].clone();
        kept.push(step(&mut head, *rates, support));
        heads.push(head);
    }
    let judged: Vec<Vec<T>> = heads.iter().map(|head| probabilities(head, query)).collect();
    let outcome = Outcome {
        loss: cross_entropy(&judged[rates.len()], query.labels),
        accuracy: judged.iter().map(|p| accuracy(p, query.labels)).collect(),
    };
    // Backward. `adjoint` is the gradient with respect to the head after step t.
    let mut adjoint = Head::zeros_like(start);
    let mut gradient = OuterGradient {
        head: Head::zeros_like(start),
        rates: vec![Rates { weights: T::zero(), bias: T::zero() }; rates.len()],
        support: vec![T::zero(); support.features.len()],
        query: vec![T::zero(); query.features.len()],
    };
    let features = start.weights.len() / way;
    let (samples, queries) = (support.labels.len(), query.labels.len());
    for t in (0..rates.len()).rev() {
        let head = &heads[t + 1];
        if !step_weights[t].is_zero() {
            let scale = step_weights[t] / T::of_count(queries);
            let deltas = deltas(&judged[t + 1], query.labels, scale);
            let columns = Operand::new(&deltas, way, queries);
            let weights = Operand::new(&head.weights, way, features);
            multiply_into(&mut adjoint.weights, T::one(), columns, query.operand().transposed());
            add_row_sums(&mut adjoint.bias, T::one(), &deltas);
            multiply_into(&mut gradient.query, T::one(), weights.transposed(), columns);
        }
        let (probabilities, deltas) = &kept[t];
        let head = &heads[t];
        let columns = Operand::new(deltas, way, samples);
        let step_gradient = multiply(columns, support.operand().transposed());
        let dot = |a: &[T], b: &[T]| a.iter().zip(b).fold(T::zero(), |sum, (a, b)| sum + *a * *b);
        let mut bias_gradient = vec![T::zero(); way];
        add_row_sums(&mut bias_gradient, T::one(), deltas);
        gradient.rates[t] = Rates {
            weights: -dot(&adjoint.weights, &step_gradient),
            bias: -dot(&adjoint.bias, &bias_gradient),
        };
        // Gradient of the step's own gradient: -rate · adjoint.
        let of_weights: Vec<T> = adjoint.weights.iter().map(|a| -rates[t].weights * *a).collect();
        let of_bias: Vec<T> = adjoint.bias.iter().map(|a| -rates[t].bias * *a).collect();
        let of_weights_operand = Operand::new(&of_weights, way, features);
        multiply_into(&mut gradient.support, T::one(), of_weights_operand.transposed(), columns);
        let mut of_logits = multiply(of_weights_operand, support.operand());
        for (column, p) in of_logits.chunks_exact_mut(way).zip(probabilities.chunks_exact(way)) {
            let mut mean = T::zero();
            for ((value, bias), p) in column.iter_mut().zip(&of_bias).zip(p) {
                *value += *bias;
                mean += *value * *p;
            }
            for (value, p) in column.iter_mut().zip(p) {
                *value = scale * *p * (*value - mean);
            }
        }
        let columns = Operand::new(&of_logits, way, samples);
        let weights = Operand::new(&head.weights, way, features);
        multiply_into(&mut gradient.support, T::one(), weights.transposed(), columns);
        multiply_into(&mut adjoint.weights, T::one(), columns, support.operand().transposed());
        add_row_sums(&mut adjoint.bias, T::one(), &of_logits);
    }
    gradient.head = adjoint;
    (outcome, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(length: usize, seed: f64) -> Vec<f64> {
        (0..length).map(|i| (i as f64 * 1.3 + seed).sin()).collect()
    }

    /// Every input of the outer loss, by central differences in f64.
    #[test]
    fn second_order_gradients_agree_with_central_differences() {
        let (way, features) = (3, 4);
        let support_labels = [0, 1, 2, 2, 1, 0];
        let query_labels = [2, 0, 1, 1];
        let sizes = [way * features, way, 3, 3, 6 * features, 4 * features];
        let parts = |all: &[f64]| {
            let mut rest = all;
            sizes.map(|size| {
                let (part, after) = rest.split_at(size);
                rest = after;
                part.to_vec()
            })
        };
        let step_weights = [0.2, 0.0, 0.8];
        let run = |all: &[f64]| {
            let [weights, bias, weight_rates, bias_rates, support, query] = parts(all);
            let rates: Vec<Rates<f64>> = weight_rates
                .iter()
                .zip(&bias_rates)
                .map(|(weights, bias)| Rates { weights: *weights, bias: *bias })
                .collect();
            let support = Samples { features: &support, labels: &support_labels };
            let query = Samples { features: &query, labels: &query_labels };
            let start = Head { weights, bias };
            let (_, gradient) = differentiate(&start, &rates, &step_weights, &support, &query);
            let mut loss = 0.0;
            for (t, weight) in step_weights.iter().enumerate() {
                loss += weight * evaluate(&start, &rates[..=t], &support, &query).loss;
            }
            (loss, gradient)
        };
        let mut all = wave(sizes.iter().sum(), 0.5);
        let rates_at = way * features + way;
        all[rates_at..rates_at + 6].iter_mut().for_each(|r| *r = 0.4 + 0.2 * *r);
        let (_, gradient) = run(&all);
        let analytic: Vec<f64> = [
            gradient.head.weights,
            gradient.head.bias,
            gradient.rates.iter().map(|r| r.weights).collect(),
            gradient.rates.iter().map(|r| r.bias).collect(),
            gradient.support,
            gradient.query,
        ]
        .concat();
        assert_eq!(analytic.len(), all.len());
        for index in 0..all.len() {
            let mut moved = all.clone();
            moved[index] += 1e-5;
            let above = run(&moved).0;
            moved[index] -= 2e-5;
            let numeric = (above - run(&moved).0) / 2e-5;
            let difference = (analytic[index] - numeric).abs();
            assert!(difference < 1e-8, "{index}: {} against {numeric}", analytic[index]);
        }
    }

    #[test]
    fn a_step_from_zero_points_at_the_class_means() {
        // p = 1/2 everywhere: W₀ = rate · way/n · Σ (y - p) f = 1 · 2/2 · ½ (f₀ - f₁).
        let support = Samples { features: &[1.0, 0.0, 0.0, 1.0], labels: &[0, 1] };
        let mut head = Head { weights: vec![0.0; 4], bias: vec![0.0; 2] };
        step(&mut head, Rates { weights: 1.0, bias: 1.0 }, &support);
        assert_eq!(head.weights, [0.5, -0.5, -0.5, 0.5]);
        assert_eq!(head.bias, [0.0, 0.0]);
    }
}
