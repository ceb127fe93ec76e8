//! What meta-training learns, as one flat vector: trunk, head start, logarithms of the inner learning rates.

use crate::inner_loop::{Head, OuterGradient, Rates};
use crate::trunk::Trunk;

/// Where each part lies in the vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    trunk: usize,
    features: usize,
    capacity: usize,
    steps: usize,
}

impl Layout {
    /// For a trunk and a head of `capacity` classes with `steps` inner steps.
    pub fn new(trunk: &Trunk, capacity: usize, steps: usize) -> Self {
        Self { trunk: trunk.parameters(), features: trunk.features(), capacity, steps }
    }

    /// Length of the vector.
    pub fn len(&self) -> usize {
        self.first_rate() + 2 * self.steps
    }

    /// Never; there for symmetry with `len`.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bias(&self) -> usize {
        self.trunk + self.capacity * self.features
    }

    /// From here on the vector holds logarithms of rates.
    pub fn first_rate(&self) -> usize {
        self.bias() + self.capacity
    }

    /// A start: the trunk's own, a head of zeros (all classes alike), equal rates.
    pub fn initial(&self, trunk: &Trunk, rate: f32, random: &mut impl rand::Rng) -> Vec<f32> {
        let mut all = trunk.initial_parameters(random);
        all.resize(self.first_rate(), 0.0);
        all.resize(self.len(), rate.ln());
        all
    }

    /// The trunk's part.
    pub fn trunk<'p>(&self, all: &'p [f32]) -> &'p [f32] {
        &all[..self.trunk]
    }

    /// The trunk's part.
    pub fn trunk_mut<'p>(&self, all: &'p mut [f32]) -> &'p mut [f32] {
        &mut all[..self.trunk]
    }

    /// Initial weights of the head, `[capacity][features]`.
    pub fn head_weights<'p>(&self, all: &'p [f32]) -> &'p [f32] {
        &all[self.trunk..self.bias()]
    }

    /// Initial biases of the head.
    pub fn head_bias<'p>(&self, all: &'p [f32]) -> &'p [f32] {
        &all[self.bias()..self.first_rate()]
    }

    /// The first `way` rows of the head's start, as the inner loop wants it.
    pub fn head(&self, all: &[f32], way: usize) -> Head<f32> {
        let rows = self.head_weights(all);
        let weights = (0..way * self.features).map(|i| rows[i % way * self.features + i / way]).collect();
        Head { weights, bias: self.head_bias(all)[..way].to_vec() }
    }

    /// The learned rates.
    pub fn rates(&self, all: &[f32]) -> Vec<Rates<f32>> {
        all[self.first_rate()..]
            .chunks_exact(2)
            .map(|pair| Rates { weights: pair[0].exp(), bias: pair[1].exp() })
            .collect()
    }

    /// Adds `factor` times what the inner loop gave to the gradient of head and rates.
    pub fn add_head_gradient(
        &self,
        gradient: &mut [f32],
        factor: f32,
        outer: &OuterGradient<f32>,
        rates: &[Rates<f32>],
    ) {
        let way = outer.head.bias.len();
        for (i, value) in outer.head.weights.iter().enumerate() {
            gradient[self.trunk + i % way * self.features + i / way] += factor * value;
        }
        for (i, value) in outer.head.bias.iter().enumerate() {
            gradient[self.bias() + i] += factor * value;
        }
        for (t, (value, rate)) in outer.rates.iter().zip(rates).enumerate() {
            // d/d ln(rate) = rate · d/d rate
            gradient[self.first_rate() + 2 * t] += factor * value.weights * rate.weights;
            gradient[self.first_rate() + 2 * t + 1] += factor * value.bias * rate.bias;
        }
    }
}
