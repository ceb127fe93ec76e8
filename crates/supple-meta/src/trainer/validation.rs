//! Judging on what was held back, in the arithmetic of training; published figures come from the twin.

use rayon::prelude::*;
use supple_data::random::Purpose;

use super::StartError;
use super::batch::{Batch, TaskSource};
use super::fixed::Before;
use super::start::validation;
use super::{Trainer, VALIDATION_TASKS, arguments};
use crate::graph::Workspace;

impl Trainer<'_> {
    /// Mean over validation episodes before adaptation and after each step: accuracy, or mean squared error.
    pub fn validate(&mut self) -> Vec<f64> {
        let source = self.validation.clone();
        self.judge(&source, self.recipe.training.validation_episodes)
    }

    /// The same on episodes of another size.
    pub fn validate_at(&mut self, way: usize, shot: usize, episodes: usize) -> Result<Vec<f64>, StartError> {
        let meaning = self.validation.meaning;
        let source = validation(&self.recipe, self.set, &self.held_back, meaning, (way, shot))?;
        Ok(self.judge(&source, episodes))
    }

    fn judge(&mut self, source: &TaskSource, episodes: usize) -> Vec<f64> {
        let shape = source.shape(0, VALIDATION_TASKS, true);
        let program = self.judging(shape);
        let Self { recipe, standardise, trunk, state, .. } = &*self;
        let before = Before { standardise: standardise.as_ref(), trunk: *trunk };
        let judged: Vec<Vec<f64>> = (0..episodes)
            .into_par_iter()
            .map_init(
                || (Batch::default(), Workspace::default()),
                |(batch, workspace), episode| {
                    let stream = (recipe.seed, Purpose::Validation, episode as u64);
                    source.draw(batch, stream, (0, VALIDATION_TASKS), None, before);
                    let arguments = arguments(batch, state);
                    program.program.run(workspace, &arguments);
                    (0..program.judged)
                        .map(|step| {
                            let outputs = program.query_outputs(0, step);
                            batch.judge(&shape, 0, program.program.output(workspace, &arguments, outputs))
                        })
                        .collect()
                },
            )
            .collect();
        (0..program.judged)
            .map(|step| judged.iter().map(|steps| steps[step]).sum::<f64>() / episodes as f64)
            .collect()
    }

    /// What a validation episode looks like: classes and support samples a class.
    pub fn validation_shape(&self) -> (usize, usize) {
        let shape = self.validation.samplers[0].shape();
        (shape.way, shape.shot)
    }

    /// Whether validation gives errors, of which less is better.
    pub fn is_regression(&self) -> bool {
        self.validation.regression
    }
}
