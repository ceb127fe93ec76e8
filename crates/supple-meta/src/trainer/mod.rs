//! The outer loop: one iteration after the other, the same bytes for any number of threads.
//!
//! | module | what |
//! |---|---|
//! | [`batch`] | tasks as numbers |
//! | [`fixed`] | a trunk that is run elsewhere |
//! | [`programs`] | a group of tasks as a program |
//! | `start` | from a recipe and data to a trainer |
//! | [`validation`] | judging on what was held back |

pub mod batch;
pub mod fixed;
pub mod programs;
mod start;
pub mod validation;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use supple_data::DataSet;
use supple_data::part::Part;
use supple_data::random::Purpose;
use supple_data::variation::Variation;

use self::batch::{Batch, TaskSource};
use self::fixed::{Before, FixedTrunk};
use self::programs::{GroupProgram, GroupShape, Programs};
pub use self::start::{StartError, TrunkStart};
use crate::algorithm::{Algorithm, Learner};
use crate::graph::Workspace;
use crate::head_file::HeadStart;
use crate::outer::OuterOptimiser;
use crate::recipe::Recipe;
use crate::standardise::Standardise;

/// Share of a new batch in the running statistics.
const STATISTICS_MOMENTUM: f32 = 0.02;
/// Batches averaged to fix the statistics.
const STATISTICS_BATCHES: u64 = 40;
/// A loss so many times the largest of the first iterations has exploded.
const EXPLOSION: f32 = 1e4;

/// Everything that changes from iteration to iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Names recipe and data, so that a checkpoint is not resumed on others.
    pub identity: u64,
    /// Iterations done.
    pub iteration: u64,
    /// Trunk, head and what the algorithm learns besides, as [`Learner::parameters`] says.
    pub learned: Vec<f32>,
    /// The optimiser, with its moments.
    pub optimiser: OuterOptimiser,
    /// Statistics of batch normalisation: layer after layer mean, then variance.
    pub statistics: Vec<f32>,
    /// Whether the statistics are fixed from now on.
    pub fixed: bool,
    /// The largest loss of the first iterations, by which an explosion is told.
    pub usual_loss: f32,
}

/// Means over an iteration's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// Iterations done.
    pub iteration: u64,
    /// Outer loss.
    pub loss: f32,
    /// Query accuracy after the last step; of numbers, the mean squared error.
    pub accuracy: f64,
}

/// Training went wrong.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "training diverged at iteration {iteration}: the loss of task {task} is {loss}; the last checkpoint, if there was one, is kept (lower training.learning_rate or algorithm.inner_learning_rate)"
)]
pub struct Diverged {
    /// Counted from 0.
    pub iteration: u64,
    /// Within the meta-batch, counted from 0.
    pub task: usize,
    /// Not a finite number, or very large.
    pub loss: f32,
}

/// A group of tasks and the memory it is computed in.
#[derive(Debug, Default)]
struct Group {
    batch: Batch,
    sampler: usize,
    workspace: Workspace<f32>,
}

/// What a group gave.
struct GroupResult {
    gradient: Vec<f32>,
    losses: Vec<f32>,
    judged: Vec<f64>,
    statistics: Vec<f32>,
}

/// A training under way.
pub struct Trainer<'d> {
    recipe: Recipe,
    learner: Learner,
    algorithm: Box<dyn Algorithm>,
    tasks: TaskSource<'d>,
    validation: TaskSource<'d>,
    set: &'d DataSet,
    held_back: Part,
    variation: Variation,
    standardise: Option<Standardise>,
    trunk: Option<&'d dyn FixedTrunk>,
    programs: Programs,
    groups: Vec<Group>,
    /// From here on parameters are step sizes and the like, with a rate of their own.
    first_extra: usize,
    /// Up to here parameters stay as they are.
    frozen: usize,
    /// Where the head's parameters begin.
    first_of_head: usize,
    state: State,
}

impl<'d> Trainer<'d> {
    /// Goes on from a checkpoint.
    pub fn resume(&mut self, state: State) -> Result<(), StartError> {
        let fits = state.identity == self.state.identity && state.learned.len() == self.state.learned.len();
        if !fits {
            return Err(StartError::OtherCheckpoint);
        }
        self.state = state;
        Ok(())
    }

    /// The recipe it follows.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What is trained.
    pub fn learner(&self) -> &Learner {
        &self.learner
    }

    /// The algorithm.
    pub fn algorithm(&self) -> &dyn Algorithm {
        self.algorithm.as_ref()
    }

    /// The data it learns from.
    pub fn set(&self) -> &'d DataSet {
        self.set
    }

    /// How inputs are brought to scale, where the recipe asks for it.
    pub fn standardise(&self) -> Option<&Standardise> {
        self.standardise.as_ref()
    }

    /// The head's parameters and what the algorithm learns besides, as [`Trainer::on_features`] takes them.
    pub fn head_values(&self) -> &[f32] {
        &self.state.learned[self.first_of_head..]
    }

    /// For each step, for each layer of the head, the sizes that a device takes for weights and biases; none where it
    /// cannot take them.
    pub fn head_rates(&self) -> Option<Vec<Vec<[f32; 2]>>> {
        if !self.learner.adapts_head_only() {
            return None;
        }
        let sizes = self.algorithm.step_sizes(&self.learner, &self.state.learned)?;
        Some(sizes.iter().map(|step| step.as_chunks::<2>().0.to_vec()).collect())
    }

    /// Where a device's steps begin: at the learned head, or at prototypes of a learned temperature.
    pub fn head_start(&self) -> HeadStart {
        match self.algorithm.start_temperature(&self.learner, &self.state.learned) {
            Some(temperature) => HeadStart::Prototypes { temperature },
            None => HeadStart::Learned,
        }
    }

    /// What a checkpoint holds.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether all iterations are done.
    pub fn finished(&self) -> bool {
        self.state.iteration >= self.recipe.training.iterations
    }

    /// Draws the tasks of iteration `index`.
    fn prepare(&mut self, index: u64) {
        let Self { recipe, tasks, variation, standardise, trunk, groups, .. } = self;
        let before = Before { standardise: standardise.as_ref(), trunk: *trunk };
        let count = recipe.training.tasks_per_group;
        groups.par_iter_mut().enumerate().for_each(|(number, group)| {
            let stream = (recipe.seed, Purpose::Training, index);
            let range = (number * count, count);
            group.sampler = tasks.draw(&mut group.batch, stream, range, Some(variation), before);
        });
    }

    /// Runs every group; results in the order of the groups.
    fn differentiate(&mut self) -> Vec<GroupResult> {
        let Self { learner, algorithm, tasks, programs, groups, state, recipe, .. } = self;
        let compiled: Vec<_> = groups
            .iter()
            .map(|group| {
                let shape = tasks.shape(group.sampler, recipe.training.tasks_per_group, state.fixed);
                programs.training(learner, algorithm.as_ref(), shape)
            })
            .collect();
        let (learner, state) = (&*learner, &*state);
        groups
            .par_iter_mut()
            .zip(&compiled)
            .map(|(group, program)| group.differentiate(program, learner, state))
            .collect()
    }

    /// One outer iteration.
    pub fn iterate(&mut self) -> Result<Progress, Diverged> {
        let training = &self.recipe.training;
        let done = self.state.iteration as f64 / training.iterations as f64;
        if !self.state.fixed && done >= training.fixed_statistics_after {
            self.fix_statistics();
        }
        if self.algorithm.advance(done) {
            self.programs.renew();
        }
        let index = self.state.iteration;
        self.prepare(index);
        let results = self.differentiate();
        let training = &self.recipe.training;
        let tasks = (training.groups * training.tasks_per_group) as f32;
        let losses = results.iter().flat_map(|result| &result.losses);
        let limit = if self.state.usual_loss > 0.0 { EXPLOSION * self.state.usual_loss } else { f32::MAX };
        if let Some((task, loss)) =
            losses.clone().enumerate().find(|(_, loss)| !loss.is_finite() || loss.abs() >= limit)
        {
            return Err(Diverged { iteration: index, task, loss: *loss });
        }
        if index < 10 {
            self.state.usual_loss =
                losses.clone().fold(self.state.usual_loss.max(1.0), |a, b| a.max(b.abs()));
        }
        let loss = losses.sum::<f32>() / tasks;
        let accuracy = results.iter().flat_map(|result| &result.judged).sum::<f64>() / f64::from(tasks);
        // Sums in the order of the groups, so that threads do not matter.
        let mut gradient = vec![0.0; self.learner.parameters.len()];
        for result in &results {
            gradient.iter_mut().zip(&result.gradient).for_each(|(sum, g)| *sum += g);
        }
        let share = 1.0 / training.groups as f32;
        gradient.iter_mut().for_each(|g| *g *= share);
        gradient[..self.frozen].fill(0.0);
        let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        if !norm.is_finite() {
            return Err(Diverged { iteration: index, task: 0, loss });
        }
        if norm > training.gradient_clip {
            gradient.iter_mut().for_each(|g| *g *= training.gradient_clip / norm);
        }
        self.update(&gradient, done);
        if !self.state.fixed {
            for result in &results {
                blend(&mut self.state.statistics, &result.statistics, STATISTICS_MOMENTUM);
            }
        }
        self.state.iteration += 1;
        Ok(Progress { iteration: self.state.iteration, loss, accuracy })
    }

    fn update(&mut self, gradient: &[f32], done: f64) {
        let training = &self.recipe.training;
        let rate = match training.meta_step {
            // Reptile: along the mean of the tasks' ways, in steps that become shorter.
            Some(step) => step * (1.0 - done) as f32,
            None => training.learning_rate * (0.5 * (1.0 + (std::f64::consts::PI * done).cos()) as f32),
        };
        let factor = if training.meta_step.is_some() { 1.0 } else { training.inner_rate_factor };
        let first_extra = self.first_extra;
        self.state.optimiser.update(&mut self.state.learned, gradient, |parameter| {
            if parameter < first_extra { rate } else { rate * factor }
        });
    }

    /// Fixes the statistics where training did not reach the point to do so. Call once after the last iteration.
    pub fn finish(&mut self) {
        if !self.state.fixed {
            self.fix_statistics();
        }
    }

    /// Replaces the running statistics by the mean over many batches at the present weights, and keeps them.
    fn fix_statistics(&mut self) {
        if !self.state.statistics.is_empty() {
            let mut seen = 0;
            for batch in 0..STATISTICS_BATCHES {
                self.prepare(u64::MAX - batch);
                for result in self.differentiate() {
                    seen += 1;
                    blend(&mut self.state.statistics, &result.statistics, 1.0 / seen as f32);
                }
            }
        }
        self.state.fixed = true;
    }
}

impl Group {
    fn differentiate(&mut self, group: &GroupProgram, learner: &Learner, state: &State) -> GroupResult {
        let Self { batch, workspace, .. } = self;
        let arguments = arguments(batch, state);
        group.program.run(workspace, &arguments);
        let output = |index: usize| group.program.output(workspace, &arguments, index);
        let mut gradient = Vec::with_capacity(learner.parameters.len());
        for index in 0..learner.parameters.list().len() {
            gradient.extend_from_slice(output(index));
        }
        let tasks = 0..group.shape.tasks;
        GroupResult {
            gradient,
            losses: tasks.clone().map(|task| output(group.loss(task))[0]).collect(),
            judged: tasks
                .map(|task| batch.judge(&group.shape, task, output(group.query_outputs(task, 0))))
                .collect(),
            statistics: (0..2 * group.normalised)
                .flat_map(|index| output(group.statistics(0) + index).iter().copied())
                .collect(),
        }
    }
}

/// Arguments of a group's program, see [`programs::argument`].
fn arguments<'a>(batch: &'a Batch, state: &'a State) -> [&'a [f32]; 5] {
    [&state.learned, &batch.inputs, &batch.targets, &state.statistics, &batch.choice]
}

fn blend(statistics: &mut [f32], new: &[f32], share: f32) {
    statistics.iter_mut().zip(new).for_each(|(old, new)| *old += share * (new - *old));
}

/// Tasks of one validation program.
const VALIDATION_TASKS: usize = 1;

impl Trainer<'_> {
    fn judging(&mut self, shape: GroupShape) -> std::sync::Arc<GroupProgram> {
        self.programs.judging(&self.learner, self.algorithm.as_ref(), shape)
    }
}
