//! Adam (Kingma, Ba 2015) over a flat parameter vector.

use serde::{Deserialize, Serialize};

/// First and second moments of the gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

impl Adam {
    const DECAY_FIRST: f32 = 0.9;
    const DECAY_SECOND: f32 = 0.999;
    const EPSILON: f32 = 1e-8;

    /// For so many parameters.
    pub fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], steps: 0 }
    }

    /// One update; `learning_rate` gives each parameter's rate by its index.
    pub fn update(&mut self, parameters: &mut [f32], gradient: &[f32], learning_rate: impl Fn(usize) -> f32) {
        self.steps = self.steps.saturating_add(1);
        let unbias_first = 1.0 - Self::DECAY_FIRST.powi(self.steps);
        let unbias_second = 1.0 - Self::DECAY_SECOND.powi(self.steps);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for (index, ((parameter, gradient), (first, second))) in
            parameters.iter_mut().zip(gradient).zip(moments).enumerate()
        {
            *first += (1.0 - Self::DECAY_FIRST) * (gradient - *first);
            *second += (1.0 - Self::DECAY_SECOND) * (gradient * gradient - *second);
            let deviation = (*second / unbias_second).sqrt() + Self::EPSILON;
            *parameter -= learning_rate(index) * (*first / unbias_first) / deviation;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_the_learning_rate_whatever_the_gradient() {
        let mut parameters = [1.0f32, 1.0];
        Adam::new(2).update(&mut parameters, &[300.0, -0.01], |i| if i == 0 { 0.1 } else { 0.2 });
        assert!((parameters[0] - 0.9).abs() < 1e-6);
        assert!((parameters[1] - 1.2).abs() < 1e-6);
    }

    #[test]
    fn finds_the_bottom_of_a_bowl() {
        let mut adam = Adam::new(2);
        let mut x = [3.0f32, -2.0];
        for _ in 0..2000 {
            let gradient = [2.0 * (x[0] - 1.0), 20.0 * (x[1] - 0.5)];
            adam.update(&mut x, &gradient, |_| 0.02);
        }
        assert!((x[0] - 1.0).abs() < 1e-3 && (x[1] - 0.5).abs() < 1e-3, "{x:?}");
    }
}
