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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trainer::Trainer;
    use supple_data::glyphs;

    /// Sums of rows of a drawing.
    #[derive(Debug)]
    struct Rows(u8);

    impl FixedTrunk for Rows {
        fn name(&self) -> [u8; 16] {
            [self.0; 16]
        }

        fn input(&self) -> SampleShape {
            SampleShape { height: 28, width: 28, channels: 1 }
        }

        fn features(&self) -> usize {
            28
        }

        fn run(&self, inputs: &[f32], features: &mut [f32]) {
            for (row, feature) in inputs.chunks_exact(28).zip(features) {
                *feature = row.iter().sum();
            }
        }
    }

    fn recipe() -> Recipe {
        let text = "
            data.hold_back = { last-domains = 1 }
            head.capacity = 4
            head.max_support = 20
            quantisation.inputs = 9
            [trunk]
            start = 'trunk.onnx'
            frozen = true
            precision = 'int8'
            [training]
            iterations = 30
            way = 4
            shots = [2]
            learning_rate = 0.01
            validation_way = 4
            validation_episodes = 20
        ";
        Recipe::parse("test".as_ref(), text).unwrap()
    }

    fn set() -> DataSet {
        glyphs::generate_sized(1, 3, 6..=6).into()
    }

    #[test]
    fn a_head_learns_from_features_and_another_goes_on_from_it() {
        let set = set();
        let mut trainer = Trainer::on_features(recipe(), &set, &Rows(1), None).unwrap();
        assert_eq!(trainer.learner().network.features(), 28);
        let before = trainer.head_values().to_vec();
        assert_eq!(before.len(), trainer.state().learned.len(), "there is nothing but the head");
        while !trainer.finished() {
            trainer.iterate().unwrap();
        }
        trainer.finish();
        assert_ne!(before, trainer.head_values());
        let accuracy = trainer.validate();
        assert!(accuracy[accuracy.len() - 1] > 0.4, "{accuracy:?}");
        let rates = trainer.head_rates().unwrap();
        assert!(rates.iter().flatten().flatten().all(|rate| *rate > 0.0));

        let next = Trainer::on_features(recipe(), &set, &Rows(1), Some(trainer.head_values())).unwrap();
        assert_eq!(next.head_values(), trainer.head_values());
    }

    #[test]
    fn a_checkpoint_goes_with_its_trunk() {
        let set = set();
        let trainer = Trainer::on_features(recipe(), &set, &Rows(1), None).unwrap();
        let resumed = |name: u8, head: Option<&[f32]>| {
            let trunk = Rows(name);
            Trainer::on_features(recipe(), &set, &trunk, head)
                .unwrap()
                .resume(trainer.state().clone())
                .is_ok()
        };
        assert!(resumed(1, None));
        assert!(!resumed(2, None));
        assert!(!resumed(1, Some(&[0.5; 7])));
    }

    #[test]
    fn calibration_draws_from_the_training_part_by_the_seed() {
        let (set, recipe) = (set(), recipe());
        let inputs = calibration_inputs(&recipe, &set).unwrap();
        assert_eq!(inputs.len(), 9);
        assert_eq!(inputs, calibration_inputs(&recipe, &set).unwrap());
        let other = Recipe { seed: 2, ..recipe.clone() };
        assert_ne!(inputs, calibration_inputs(&other, &set).unwrap());
        let mut all = recipe.clone();
        all.quantisation.inputs = 1000;
        let all = calibration_inputs(&all, &set).unwrap();
        let (training, _) = split(&set, &recipe.data.hold_back()).unwrap();
        assert_eq!(all.len(), training.samples(&set).count(), "each once");
    }
}
