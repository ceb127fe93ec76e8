//! Weights that bring the norms of the tasks' gradients at the last shared layer to like size, larger for tasks that
//! lag behind (Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks",
//! 2018).
//!
//! With g_t the norm of the gradient of L_t by the last shared layer's weights, G_t = w_t · g_t, and
//! r_t = (L_t / L_t⁰) / mean of those: the weights go one gradient step against Σ |G_t − mean(G) · r_t^α|, the second
//! term being held constant, and are then scaled to sum to the number of tasks.

use serde::{Deserialize, Serialize};

use super::Observed;

/// A weight cannot fall lower: a negative one would make its loss grow.
const LEAST: f64 = 1e-3;

/// Weights and what they are learned by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradNorm {
    weights: Vec<f64>,
    /// The first loss of each task that had a known label.
    first: Vec<Option<f64>>,
    alpha: f64,
    rate: f64,
}

impl GradNorm {
    /// All weights 1.
    pub fn new(tasks: usize, alpha: f64, rate: f64) -> Self {
        Self { weights: vec![1.0; tasks], first: vec![None; tasks], alpha, rate }
    }

    /// In the midst of a training: weights, and the losses it began with.
    pub fn at(weights: Vec<f64>, first: &[f64], alpha: f64, rate: f64) -> Self {
        Self { weights, first: first.iter().copied().map(Some).collect(), alpha, rate }
    }

    /// What each loss is multiplied by; their sum is the number of tasks.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// One step.
    pub fn observe(&mut self, observed: &Observed) {
        // Tasks without a known label in the batch have no gradient to compare.
        let present: Vec<usize> = (0..self.weights.len()).filter(|task| observed.known[*task]).collect();
        if present.is_empty() {
            return;
        }
        let ratios = present.iter().map(|task| {
            let first = *self.first[*task].get_or_insert(observed.losses[*task]);
            observed.losses[*task] / first.max(f64::MIN_POSITIVE)
        });
        let ratios: Vec<f64> = ratios.collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let norms: Vec<f64> =
            present.iter().map(|task| self.weights[*task] * observed.norms[*task]).collect();
        let (mean_ratio, mean_norm) = (mean(&ratios).max(f64::MIN_POSITIVE), mean(&norms));
        for ((task, ratio), norm) in present.iter().zip(&ratios).zip(&norms) {
            let target = mean_norm * (ratio / mean_ratio).powf(self.alpha);
            let sign = f64::from(u8::from(*norm > target)) - f64::from(u8::from(*norm < target));
            let weight = &mut self.weights[*task];
            *weight = (*weight - self.rate * sign * observed.norms[*task]).max(LEAST);
        }
        let scale = self.weights.len() as f64 / self.weights.iter().sum::<f64>();
        self.weights.iter_mut().for_each(|weight| *weight *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed<'a>(losses: &'a [f64], norms: &'a [f64], known: &'a [bool]) -> Observed<'a> {
        Observed { losses, known, norms, epoch: 0, learning_rate: 0.1 }
    }

    #[test]
    fn one_step_by_hand() {
        let mut own = GradNorm::at(vec![0.5, 1.5], &[2.0, 1.0], 1.0, 0.1);
        // G = (1, 3), mean 2; ratios (0.5, 0.25) by their mean 0.375: targets (8/3, 4/3).
        own.observe(&observed(&[1.0, 0.25], &[2.0, 2.0], &[true, true]));
        // Signs (−, +): 0.5 + 0.1 · 2 and 1.5 − 0.1 · 2, already of sum 2.
        assert!((own.weights()[0] - 0.7).abs() < 1e-12 && (own.weights()[1] - 1.3).abs() < 1e-12);
    }

    #[test]
    fn larger_gradients_get_smaller_weights_and_the_sum_stays() {
        let mut own = GradNorm::new(3, 0.0, 0.01);
        for _ in 0..2000 {
            own.observe(&observed(&[1.0; 3], &[1.0, 2.0, 4.0], &[true; 3]));
            assert!((own.weights().iter().sum::<f64>() - 3.0).abs() < 1e-9);
        }
        let norms: Vec<f64> = own.weights().iter().zip([1.0, 2.0, 4.0]).map(|(w, g)| w * g).collect();
        assert!(norms.iter().all(|norm| (norm - norms[0]).abs() < 0.1), "{norms:?}");
    }

    #[test]
    fn a_task_without_labels_in_a_batch_changes_nothing_of_the_others() {
        let mut own = GradNorm::new(2, 1.5, 0.1);
        own.observe(&observed(&[1.0, f64::NAN], &[3.0, f64::NAN], &[true, false]));
        assert_eq!(own.weights(), [1.0, 1.0]);
        own.observe(&observed(&[f64::NAN; 2], &[f64::NAN; 2], &[false; 2]));
        assert_eq!(own.weights(), [1.0, 1.0]);
    }
}
