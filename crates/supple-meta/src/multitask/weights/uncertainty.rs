//! Weights by homoscedastic uncertainty (Kendall, Gal, Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses
//! for Scene Geometry and Semantics", 2018): with s = ln σ² learned for each task, its part of the loss is
//!
//! * regression: e^−s · L / 2 + s / 2, L being the mean squared error (the likelihood of a normal distribution),
//! * classification: e^−s · L + s / 2, L being the cross-entropy (a softmax at temperature σ², to first order).
//!
//! The total falls below zero once σ is small: that is no mistake, and no measure of how good a training is.

use serde::{Deserialize, Serialize};

use super::Observed;
use crate::adam::Adam;

/// s is held within −10 and 10, so that a loss of zero does not make a weight without bound.
const MOST: f32 = 10.0;

/// A task's part of the loss: `loss · e^−s · L + log_variance · s`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// What the loss is multiplied by.
    pub loss: f64,
    /// What s is multiplied by.
    pub log_variance: f64,
}

impl Form {
    /// Of numbers.
    pub const REGRESSION: Self = Self { loss: 0.5, log_variance: 0.5 };
    /// Of classes.
    pub const CLASSIFICATION: Self = Self { loss: 1.0, log_variance: 0.5 };

    /// The task's part of the loss.
    pub fn value(self, s: f64, loss: f64) -> f64 {
        self.weight(s) * loss + self.log_variance * s
    }

    /// Its derivative by the loss: the task's weight.
    pub fn weight(self, s: f64) -> f64 {
        self.loss * (-s).exp()
    }

    /// Its derivative by s.
    pub fn slope(self, s: f64, loss: f64) -> f64 {
        self.log_variance - self.weight(s) * loss
    }
}

/// Learned log-variances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Uncertainty {
    forms: Vec<Form>,
    log_variances: Vec<f32>,
    adam: Adam,
    rate_factor: f32,
}

impl Uncertainty {
    /// All variances 1; `classifies` says of each task whether it is of classes.
    pub fn new(classifies: &[bool], rate_factor: f32) -> Self {
        let form = |classifies: &bool| if *classifies { Form::CLASSIFICATION } else { Form::REGRESSION };
        Self {
            forms: classifies.iter().map(form).collect(),
            log_variances: vec![0.0; classifies.len()],
            adam: Adam::new(classifies.len()),
            rate_factor,
        }
    }

    /// ln σ² of each task.
    pub fn log_variances(&self) -> &[f32] {
        &self.log_variances
    }

    /// What each loss is multiplied by.
    pub fn weights(&self) -> Vec<f64> {
        self.forms.iter().zip(&self.log_variances).map(|(form, s)| form.weight(f64::from(*s))).collect()
    }

    /// A step of Adam on the log-variances.
    pub fn observe(&mut self, observed: &Observed) {
        let tasks =
            self.forms.iter().zip(&self.log_variances).zip(observed.losses.iter().zip(observed.known));
        let slopes = tasks.map(|((form, s), (loss, known))| match known {
            // Without a label there is no loss to hold s up.
            false => 0.0,
            true => form.slope(f64::from(*s), *loss) as f32,
        });
        let slopes: Vec<f32> = slopes.collect();
        let rate = observed.learning_rate * self.rate_factor;
        self.adam.update(&mut self.log_variances, &slopes, |_| rate);
        self.log_variances.iter_mut().for_each(|s| *s = s.clamp(-MOST, MOST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_and_slope_are_derivatives_of_the_value() {
        for form in [Form::REGRESSION, Form::CLASSIFICATION] {
            let (s, loss) = (0.7, 1.9);
            let weight = (form.value(s, loss + 1e-6) - form.value(s, loss - 1e-6)) / 2e-6;
            let slope = (form.value(s + 1e-6, loss) - form.value(s - 1e-6, loss)) / 2e-6;
            assert!((form.weight(s) - weight).abs() < 1e-8 && (form.slope(s, loss) - slope).abs() < 1e-8);
        }
    }

    #[test]
    fn the_variance_becomes_the_mean_squared_error_and_the_total_negative() {
        let mut own = Uncertainty::new(&[false, true], 1.0);
        let (losses, known) = ([0.01, 0.3], [true, false]);
        let observed = Observed { losses: &losses, known: &known, norms: &[], epoch: 0, learning_rate: 0.02 };
        (0..3000).for_each(|_| own.observe(&observed));
        let s = f64::from(own.log_variances()[0]);
        assert!((s.exp() - 0.01).abs() < 1e-4, "{s}");
        assert!(Form::REGRESSION.value(s, 0.01) < 0.0);
        assert_eq!(own.log_variances()[1], 0.0, "no label, no change");
    }
}
