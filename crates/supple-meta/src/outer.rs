//! Outer optimisers: what becomes of an outer gradient. Their state goes into checkpoints.

use serde::{Deserialize, Serialize};

use crate::adam::Adam;

/// Outer optimisers as recipes name them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "name")]
pub enum OuterRecipe {
    /// Adam (Kingma, Ba 2015).
    #[default]
    Adam,
    /// Gradient descent.
    Sgd {
        /// Share of the last step that is taken again (Polyak 1964); 0 is plain descent.
        #[serde(default)]
        momentum: f32,
    },
    /// Reptile's: a share of the way itself.
    ReptileStep,
}

/// An outer optimiser and its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum OuterOptimiser {
    /// Adam (Kingma, Ba 2015).
    Adam(Adam),
    /// Gradient descent with momentum: v ← momentum · v + gradient, θ ← θ − rate · v.
    Sgd {
        /// Share of the last step that is taken again.
        momentum: f32,
        /// One for each parameter.
        velocity: Vec<f32>,
    },
    /// θ ← θ − rate · (θ − θₖ): the rate is the share of the way that is gone (Nichol et al. 2018). It should fall
    /// linearly to zero.
    ReptileStep,
}

impl OuterOptimiser {
    /// At rest, for so many parameters.
    pub fn new(recipe: OuterRecipe, parameters: usize) -> Self {
        match recipe {
            OuterRecipe::Adam => Self::Adam(Adam::new(parameters)),
            OuterRecipe::Sgd { momentum } => Self::Sgd { momentum, velocity: vec![0.0; parameters] },
            OuterRecipe::ReptileStep => Self::ReptileStep,
        }
    }

    /// One update; `learning_rate` gives each parameter's rate by its index.
    pub fn update(&mut self, parameters: &mut [f32], gradient: &[f32], learning_rate: impl Fn(usize) -> f32) {
        match self {
            Self::Adam(adam) => adam.update(parameters, gradient, learning_rate),
            Self::Sgd { momentum, velocity } => {
                for (index, ((parameter, gradient), velocity)) in
                    parameters.iter_mut().zip(gradient).zip(velocity).enumerate()
                {
                    *velocity = *momentum * *velocity + gradient;
                    *parameter -= learning_rate(index) * *velocity;
                }
            }
            Self::ReptileStep => {
                for (index, (parameter, gradient)) in parameters.iter_mut().zip(gradient).enumerate() {
                    *parameter -= learning_rate(index) * gradient;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_bowl_and_goes_on_from_a_checkpoint() {
        for recipe in [OuterRecipe::Adam, OuterRecipe::Sgd { momentum: 0.9 }, OuterRecipe::ReptileStep] {
            let mut optimiser = OuterOptimiser::new(recipe, 2);
            let mut x = [3.0f32, -2.0];
            for _ in 0..2000 {
                let gradient = [2.0 * (x[0] - 1.0), 4.0 * (x[1] - 0.5)];
                let bytes = postcard::to_stdvec(&optimiser).unwrap();
                optimiser = postcard::from_bytes(&bytes).unwrap();
                optimiser.update(&mut x, &gradient, |_| 0.02);
            }
            assert!((x[0] - 1.0).abs() < 1e-3 && (x[1] - 0.5).abs() < 1e-3, "{recipe:?}: {x:?}");
        }
    }

    #[test]
    fn momentum_adds_up_and_a_share_of_a_way_is_gone() {
        let mut optimiser = OuterOptimiser::new(OuterRecipe::Sgd { momentum: 0.5 }, 1);
        let mut x = [0.0f32];
        optimiser.update(&mut x, &[1.0], |_| 1.0);
        optimiser.update(&mut x, &[1.0], |_| 1.0);
        assert_eq!(x, [-2.5]);
        let mut x = [8.0f32];
        OuterOptimiser::new(OuterRecipe::ReptileStep, 1).update(&mut x, &[8.0 - 4.0], |_| 0.25);
        assert_eq!(x, [7.0]);
    }
}
