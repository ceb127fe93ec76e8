//! A trunk that is run elsewhere and stays as it is: tasks are drawn and varied as ever, and what the head learns from
//! is the features that it gives for them.

use std::fmt::Debug;

use rand::seq::index;
use supple_data::part::split;
use supple_data::random::{Purpose, stream};
use supple_data::render::Orientation;
use supple_data::{DataSet, SampleShape};

use super::StartError;
use crate::recipe::Recipe;
use crate::standardise::Standardise;

/// A trunk that no training changes.
pub trait FixedTrunk: Debug + Send + Sync {
    /// Names it, so that a checkpoint is not resumed with another.
    fn name(&self) -> [u8; 16];

    /// The shape of an input.
    fn input(&self) -> SampleShape;

    /// Length of a feature vector.
    fn features(&self) -> usize;

    /// Features of inputs, `[sample][values]`, whatever the number of threads. What it cannot run becomes features
    /// that are no numbers, which end a training with its error.
    fn run(&self, inputs: &[f32], features: &mut [f32]);
}

/// What inputs go through before the blocks.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// To mean 0 and deviation 1.
    pub standardise: Option<&'a Standardise>,
    /// Through a trunk.
    pub trunk: Option<&'a dyn FixedTrunk>,
}

/// Samples of the training part, as a device will see them: on these the ranges of a quantised trunk are measured.
pub fn calibration_inputs(recipe: &Recipe, set: &DataSet) -> Result<Vec<Vec<f32>>, StartError> {
    let (training, _) = split(set, &recipe.data.hold_back())?;
    let samples: Vec<usize> = training.samples(set).collect();
    let count = recipe.quantisation.inputs.min(samples.len());
    let mut random = stream(recipe.seed, Purpose::Calibration, 0, 0);
    let chosen = index::sample(&mut random, samples.len(), count);
    let render = |place: usize| {
        let mut input = vec![0.0; set.shape().len()];
        set.render(samples[place], Orientation::UPRIGHT, &mut input);
        input
    };
    Ok(chosen.into_iter().map(render).collect())
}
