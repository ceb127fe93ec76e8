//! Dynamic weight average (Liu, Johns, Davison, "End-to-End Multi-Task Learning with Attention", 2019): in epoch e the
//! T weights are T · softmax(r / temperature), r_t = L_t(e − 1) / L_t(e − 2) being the mean losses of the epochs before.
//! In the first two epochs all are 1.

use serde::{Deserialize, Serialize};

use super::Observed;

/// Sums of the present epoch, and the means of the two before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DynamicAverage {
    temperature: f64,
    epoch: u64,
    /// Of each task, over the present epoch: sum of losses, and of how many batches.
    sums: Vec<(f64, u64)>,
    /// Of each task: the mean loss of the last epoch, and of the one before.
    means: Vec<[Option<f64>; 2]>,
}

impl DynamicAverage {
    /// Before the first epoch.
    pub fn new(tasks: usize, temperature: f64) -> Self {
        Self { temperature, epoch: 0, sums: vec![(0.0, 0); tasks], means: vec![[None; 2]; tasks] }
    }

    /// What each loss is multiplied by in an epoch. Epochs may not go backwards.
    pub fn weights(&mut self, epoch: u64) -> Vec<f64> {
        if epoch > self.epoch {
            self.epoch = epoch;
            for ((sum, count), means) in self.sums.iter_mut().zip(&mut self.means) {
                // A task that an epoch had no label of keeps what was known of it.
                if *count > 0 {
                    *means = [Some(*sum / *count as f64), means[0]];
                }
                (*sum, *count) = (0.0, 0);
            }
        }
        let ratio = |means: &[Option<f64>; 2]| match means {
            [Some(last), Some(before)] if *before > f64::MIN_POSITIVE => last / before,
            _ => 1.0,
        };
        let ratios: Vec<f64> = self.means.iter().map(|means| ratio(means) / self.temperature).collect();
        let largest = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = ratios.iter().map(|ratio| (ratio - largest).exp()).collect();
        let scale = powers.len() as f64 / powers.iter().sum::<f64>();
        powers.iter().map(|power| power * scale).collect()
    }

    /// Adds a batch's losses to the present epoch's.
    pub fn observe(&mut self, observed: &Observed) {
        for (task, (sum, count)) in self.sums.iter_mut().enumerate() {
            if observed.known[task] {
                *sum += observed.losses[task];
                *count += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_and_without_labels() {
        let mut own = DynamicAverage::new(2, 1.0);
        let see = |own: &mut DynamicAverage, epoch, losses: [f64; 2], known: [bool; 2]| {
            let weights = own.weights(epoch);
            let observed = Observed { losses: &losses, known: &known, norms: &[], epoch, learning_rate: 0.1 };
            own.observe(&observed);
            weights
        };
        assert_eq!(see(&mut own, 0, [4.0, 2.0], [true; 2]), [1.0, 1.0]);
        assert_eq!(see(&mut own, 0, [2.0, 2.0], [true; 2]), [1.0, 1.0]);
        assert_eq!(see(&mut own, 1, [1.5, 3.0], [true; 2]), [1.0, 1.0]);
        // Means 3 → 1.5 and 2 → 3: r = (0.5, 1.5).
        let share = 1.0 / (1.0 + 1.0f64.exp());
        let found = see(&mut own, 2, [1.5, f64::NAN], [true, false]);
        assert!((found[0] - 2.0 * share).abs() < 1e-12 && (found[0] + found[1] - 2.0).abs() < 1e-12);
        // The first stays at 1.5, of the second nothing new is known: r = (1, 1.5).
        let found = own.weights(3);
        assert!((found[0] - 2.0 / (1.0 + 0.5f64.exp())).abs() < 1e-12, "{found:?}");
    }
}
