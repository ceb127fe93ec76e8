//! Soft sharing: a network for each task, whose parameters are held close to each other, layer by layer (Duong et al.,
//! "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a Neural Network Parser", 2015; Ruder, "An
//! Overview of Multi-Task Learning in Deep Neural Networks", 2017).
//!
//! Added to the loss is Σ_l λ_l Σ_t |θ_t,l − mean_l|², over tasks t and the trunks' layers l; heads are each task's own.
//! All networks start from the same parameters: units of independent starts would have no counterparts to be close to.

use std::ops::Range;

use supple_data::SampleShape;

use super::model::{HeadPlan, TaskModel};
use crate::matrix::Real;
use crate::model::{Block, BlockError, Network, Parameters};

/// A trunk for each task.
pub fn soft(input: SampleShape, blocks: &[Block], heads: &[HeadPlan]) -> Result<TaskModel, BlockError> {
    let mut parameters = Parameters::default();
    let mut trunks = Vec::new();
    for _ in heads {
        let first = parameters.list().len();
        let network = Network::new(input, blocks, &mut parameters)?;
        trunks.push((network, first..parameters.list().len()));
    }
    Ok(TaskModel::new(input, trunks, parameters, heads))
}

/// The penalty on differences between the tasks' trunks.
#[derive(Debug, Clone, PartialEq)]
pub struct Penalty {
    /// λ of each layer with parameters, and where the layer lies in each task's trunk.
    layers: Vec<(f64, Vec<Range<usize>>)>,
}

impl Penalty {
    /// For a model of [`soft`]; `strengths` has one λ for each block that has parameters.
    pub fn new(model: &TaskModel, strengths: &[f64]) -> Self {
        let places = |layer: usize| -> Vec<Range<usize>> {
            let of = |trunk: &Network| {
                let layer = trunk.layers().iter().filter(|layer| layer.parameters > 0).nth(layer);
                layer.map(|l| model.values(l.first_parameter..l.first_parameter + l.parameters))
            };
            model.trunks.iter().filter_map(of).collect()
        };
        let layers = strengths.iter().enumerate().map(|(layer, strength)| (*strength, places(layer)));
        Self { layers: layers.collect() }
    }

    /// Blocks that have parameters.
    pub fn layers(trunk: &Network) -> usize {
        trunk.layers().iter().filter(|layer| layer.parameters > 0).count()
    }

    /// The penalty; its gradient, 2 λ_l (θ_t,l − mean_l), is added to `gradient`. Both are over all parameters of the
    /// model, from `first` on in `gradient`.
    pub fn add<T: Real>(&self, parameters: &[T], gradient: &mut [T]) -> T {
        let mut penalty = T::zero();
        for (strength, places) in &self.layers {
            let (strength, share) = (T::of(*strength), T::of(1.0 / places.len() as f64));
            let length = places.first().map_or(0, Range::len);
            for value in 0..length {
                let sum = places.iter().fold(T::zero(), |sum, place| sum + parameters[place.start + value]);
                let mean = sum * share;
                for place in places {
                    let difference = parameters[place.start + value] - mean;
                    penalty += strength * difference * difference;
                    // The mean's own part of the derivative is a sum of differences from it: zero.
                    gradient[place.start + value] += T::of(2.0) * strength * difference;
                }
            }
        }
        penalty
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Loss;

    fn model() -> TaskModel {
        let dense = |dense| Block::Dense { dense, relu: true, batch_norm: dense == 3 };
        let plan =
            |task: &str| HeadPlan { task: task.to_owned(), hidden: 0, outputs: 1, loss: Loss::SquaredError };
        soft(SampleShape::vector(2), &[dense(3), dense(2)], &["a", "b", "c"].map(plan)).unwrap()
    }

    #[test]
    fn the_gradient_is_that_of_differences() {
        let model = model();
        let penalty = Penalty::new(&model, &[0.3, 0.07]);
        let mut at: Vec<f64> = (0..model.parameters.len()).map(|i| (i as f64 * 1.3).sin()).collect();
        let value = |at: &[f64]| penalty.add(at, &mut vec![0.0; at.len()]);
        let mut gradient = vec![0.0; at.len()];
        penalty.add(&at, &mut gradient);
        for index in 0..at.len() {
            let before = at[index];
            at[index] = before + 1e-5;
            let above = value(&at);
            at[index] = before - 1e-5;
            let expected = (above - value(&at)) / 2e-5;
            at[index] = before;
            assert!((gradient[index] - expected).abs() < 1e-8, "{index}: {} {expected}", gradient[index]);
        }
        assert!(gradient[model.values(model.heads_range())].iter().all(|g| *g == 0.0));
    }

    #[test]
    fn the_value_is_that_of_the_formula_layer_by_layer() {
        let model = model();
        let mut parameters = vec![0.0f64; model.parameters.len()];
        // One weight of the first layer: 1, 2 and 6, whose mean is 3. One bias of the second: 0, 0 and 3.
        for (task, value) in [1.0, 2.0, 6.0].into_iter().enumerate() {
            parameters[model.values(model.trunk_range(task)).start] = value;
        }
        parameters[model.values(model.trunk_range(2)).end - 1] = 3.0;
        let mut gradient = vec![0.0; parameters.len()];
        let value = Penalty::new(&model, &[0.5, 2.0]).add(&parameters, &mut gradient);
        assert_eq!(value, 0.5 * (4.0 + 1.0 + 9.0) + 2.0 * (1.0 + 1.0 + 4.0));
        assert_eq!(gradient[0], 2.0 * 0.5 * -2.0);
        let mut equal = vec![0.25f64; model.parameters.len()];
        assert_eq!(Penalty::new(&model, &[0.5, 2.0]).add(&equal.clone(), &mut equal), 0.0);
    }
}
