//! The outer loop: one iteration after the other, the same bytes for any number of threads.

use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use supple_data::episode::{EpisodeError, EpisodeSampler, EpisodeShape};
use supple_data::random::{Purpose, stream};
use supple_data::render::{INPUT_SIDE, Orientation, WarpLimits};
use supple_data::{Drawings, Split, SplitError};

use crate::adam::Adam;
use crate::anil::{Group, Variation};
use crate::learned::Layout;
use crate::recipe::{Recipe, RecipeError};
use crate::trunk::batch_norm::Statistics;
use crate::trunk::{Trunk, TrunkError};

/// Share of a new batch in the running statistics.
const STATISTICS_MOMENTUM: f32 = 0.02;
/// Classes of a validation episode, where the head holds as many.
const VALIDATION_WAY: usize = 5;
/// Query samples a class of a validation episode.
const VALIDATION_QUERIES: usize = 15;
/// Batches averaged to fix the statistics.
const STATISTICS_BATCHES: u64 = 40;

/// Everything that changes from iteration to iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Names recipe and data, so that a checkpoint is not resumed on others.
    pub identity: u64,
    /// Iterations done.
    pub iteration: u64,
    /// Trunk, head start and rates; see [`Layout`].
    pub learned: Vec<f32>,
    /// The optimiser's moments.
    pub adam: Adam,
    /// Running statistics of batch normalisation, block after block.
    pub statistics: Vec<Statistics<f32>>,
    /// Whether the statistics are fixed from now on.
    pub fixed: bool,
}

/// Means over an iteration's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// Iterations done.
    pub iteration: u64,
    /// Query cross-entropy after the last step.
    pub loss: f32,
    /// Query accuracy after the last step.
    pub accuracy: f64,
}

/// Why training cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The recipe makes no sense.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The trunk's blocks do not fit together.
    #[error(transparent)]
    Trunk(#[from] TrunkError),
    /// The data cannot be split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The data does not give such tasks.
    #[error(transparent)]
    Episode(#[from] EpisodeError),
    /// The alphabets held back give no validation.
    #[error(
        "no validation on the last alphabets, which are held back: {0}; give data with more characters there"
    )]
    Validation(EpisodeError),
    /// The checkpoint belongs to something else.
    #[error(
        "the checkpoint was made with another recipe or other data: train into an empty folder, or leave --resume out"
    )]
    OtherCheckpoint,
}

/// Training went wrong.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "training diverged at iteration {iteration}: the loss of task {task} is {loss}; the last checkpoint, if there was one, is kept (lower training.learning_rate or head.inner_learning_rate)"
)]
pub struct Diverged {
    /// Counted from 0.
    pub iteration: u64,
    /// Within the meta-batch, counted from 0.
    pub task: usize,
    /// Not a finite number.
    pub loss: f32,
}

/// A training under way.
#[derive(Debug)]
pub struct Trainer<'d> {
    recipe: Recipe,
    set: &'d Drawings,
    trunk: Trunk,
    layout: Layout,
    samplers: Vec<EpisodeSampler<'d>>,
    validation: EpisodeSampler<'d>,
    variation: Variation,
    groups: Vec<Group>,
    state: State,
}

impl<'d> Trainer<'d> {
    /// Prepares a training from the start.
    pub fn new(recipe: Recipe, set: &'d Drawings) -> Result<Self, StartError> {
        recipe.check()?;
        let trunk = Trunk::new(INPUT_SIDE, &recipe.trunk.blocks)?;
        let layout = Layout::new(&trunk, recipe.head.capacity, recipe.head.steps);
        let training = &recipe.training;
        let characters = Split::Train.characters(set)?;
        let orientations: &'static [Orientation] =
            if training.mirrored_classes { Orientation::ALL } else { Orientation::TURNS };
        let samplers = training
            .shots
            .iter()
            .map(|&shot| {
                let shape = EpisodeShape { way: training.way, shot, queries: training.queries };
                EpisodeSampler::turned(characters, shape, orientations)
            })
            .collect::<Result<_, _>>()?;
        let held_back = Split::Validation.characters(set)?;
        // As many queries as there are drawings for, where characters have few.
        let most = held_back.iter().map(|character| character.drawings.len()).max().unwrap_or(0);
        let shape = EpisodeShape {
            way: VALIDATION_WAY.min(recipe.head.capacity),
            shot: 1,
            queries: VALIDATION_QUERIES.min(most.saturating_sub(1)),
        };
        let validation = EpisodeSampler::upright(held_back, shape).map_err(StartError::Validation)?;
        let warp = &training.warp;
        let variation = Variation {
            probability: warp.probability,
            limits: WarpLimits {
                rotation: warp.rotation_degrees.to_radians(),
                log_scale: warp.log_scale,
                shear: warp.shear,
                shift: warp.shift,
            },
        };
        let mut random = stream(recipe.seed, Purpose::Initialisation, 0, 0);
        let learned = layout.initial(&trunk, recipe.head.inner_learning_rate, &mut random);
        let statistics = trunk
            .blocks()
            .iter()
            .map(|b| b.convolution.output_channels)
            .map(|channels| Statistics { mean: vec![0.0; channels], variance: vec![1.0; channels] })
            .collect();
        let state = State {
            identity: identity(&recipe, set),
            iteration: 0,
            adam: Adam::new(learned.len()),
            learned,
            statistics,
            fixed: false,
        };
        let groups = (0..training.groups).map(|_| Group::default()).collect();
        Ok(Self { recipe, set, trunk, layout, samplers, validation, variation, groups, state })
    }

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

    /// The trunk's shape.
    pub fn trunk(&self) -> &Trunk {
        &self.trunk
    }

    /// Where things lie in [`State::learned`].
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What a checkpoint holds.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether all iterations are done.
    pub fn finished(&self) -> bool {
        self.state.iteration >= self.recipe.training.iterations
    }

    /// Draws the tasks of iteration `index` and renders their images.
    fn prepare(&mut self, index: u64, purpose: Purpose) {
        let Self { recipe, set, samplers, variation, groups, .. } = self;
        let tasks = recipe.training.tasks_per_group;
        groups.par_iter_mut().enumerate().for_each(|(number, group)| {
            group.clear();
            for task in 0..tasks {
                let mut random = stream(recipe.seed, purpose, index, (number * tasks + task) as u64);
                let episode = samplers[random.random_range(0..samplers.len())].sample(&mut random);
                group.push(set, episode, Some(variation), &mut random);
            }
        });
    }

    /// One outer iteration.
    pub fn iterate(&mut self) -> Result<Progress, Diverged> {
        let training = &self.recipe.training;
        let done = self.state.iteration as f64 / training.iterations as f64;
        if !self.state.fixed && done >= training.fixed_statistics_after {
            self.fix_statistics();
        }
        let index = self.state.iteration;
        self.prepare(index, Purpose::Training);
        let training = &self.recipe.training;
        let step_weights = self.step_weights();
        let tasks = training.groups * training.tasks_per_group;
        let fixed = self.state.fixed.then_some(&self.state.statistics[..]);
        let (trunk, layout, learned) = (&self.trunk, &self.layout, &self.state.learned);
        let results: Vec<_> = self
            .groups
            .par_iter_mut()
            .map(|group| {
                group.differentiate(trunk, layout, learned, fixed, &step_weights, 1.0 / tasks as f32)
            })
            .collect();
        let outcomes = results.iter().flat_map(|r| &r.outcomes);
        if let Some((task, outcome)) = outcomes.clone().enumerate().find(|(_, o)| !o.loss.is_finite()) {
            return Err(Diverged { iteration: index, task, loss: outcome.loss });
        }
        let loss = outcomes.clone().map(|o| o.loss).sum::<f32>() / tasks as f32;
        let accuracy = outcomes.filter_map(|o| o.accuracy.last()).sum::<f64>() / tasks as f64;
        // Sums in the order of the groups, so that threads do not matter.
        let mut gradient = vec![0.0; self.layout.len()];
        for result in &results {
            gradient.iter_mut().zip(&result.gradient).for_each(|(sum, g)| *sum += g);
        }
        let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        if !norm.is_finite() {
            return Err(Diverged { iteration: index, task: 0, loss });
        }
        if norm > training.gradient_clip {
            gradient.iter_mut().for_each(|g| *g *= training.gradient_clip / norm);
        }
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done).cos()) as f32;
        let rate = training.learning_rate * cosine;
        let (first_rate, factor) = (self.layout.first_rate(), training.inner_rate_factor);
        self.state.adam.update(&mut self.state.learned, &gradient, |parameter| {
            if parameter < first_rate { rate } else { rate * factor }
        });
        if !self.state.fixed {
            for result in &results {
                blend(&mut self.state.statistics, &result.statistics, STATISTICS_MOMENTUM);
            }
        }
        self.state.iteration += 1;
        Ok(Progress { iteration: self.state.iteration, loss, accuracy })
    }

    /// MAML's loss on the last step, shared in part with those before it.
    fn step_weights(&self) -> Vec<f32> {
        let steps = self.recipe.head.steps;
        let share = if steps > 1 { self.recipe.training.early_step_share } else { 0.0 };
        let mut weights = vec![share / (steps.max(2) - 1) as f32; steps];
        weights[steps - 1] = 1.0 - share;
        weights
    }

    /// Fixes the statistics where training did not reach the point to do so. Call once after the last iteration.
    pub fn finish(&mut self) {
        if !self.state.fixed {
            self.fix_statistics();
        }
    }

    /// Replaces the running statistics by the mean over many batches at the present weights, and keeps them.
    fn fix_statistics(&mut self) {
        let mut seen = 0;
        for batch in 0..STATISTICS_BATCHES {
            self.prepare(u64::MAX - batch, Purpose::Training);
            let (trunk, parameters) = (&self.trunk, self.layout.trunk(&self.state.learned));
            self.groups.par_iter_mut().for_each(|group| {
                trunk.forward(parameters, None, &group.inputs, &mut group.workspace);
            });
            for group in &self.groups {
                seen += 1;
                blend(&mut self.state.statistics, group.workspace.statistics(), 1.0 / seen as f32);
            }
        }
        self.state.fixed = true;
    }

    /// Classes of a validation episode.
    pub fn validation_way(&self) -> usize {
        VALIDATION_WAY.min(self.recipe.head.capacity)
    }

    /// Accuracy on validation episodes (1 shot, 5 classes where the head holds them, upright), before adaptation
    /// and after each step. Runs on the training arithmetic; published figures come from the twin.
    pub fn validate(&mut self) -> Vec<f64> {
        let Self { recipe, set, validation, groups, trunk, layout, state, .. } = self;
        let episodes = recipe.training.validation_episodes;
        let share = episodes.div_ceil(groups.len());
        let outcomes: Vec<Vec<f64>> = groups
            .par_iter_mut()
            .enumerate()
            .flat_map_iter(|(number, group)| {
                let mut found = Vec::new();
                for episode in number * share..((number + 1) * share).min(episodes) {
                    let mut random = stream(recipe.seed, Purpose::Validation, episode as u64, 0);
                    group.clear();
                    group.push(set, validation.sample(&mut random), None, &mut random);
                    let outcome = group.evaluate(trunk, layout, &state.learned, &state.statistics);
                    found.extend(outcome.into_iter().map(|o| o.accuracy));
                }
                found
            })
            .collect();
        (0..=recipe.head.steps)
            .map(|step| outcomes.iter().map(|o| o[step]).sum::<f64>() / outcomes.len() as f64)
            .collect()
    }
}

fn blend(statistics: &mut [Statistics<f32>], new: &[Statistics<f32>], share: f32) {
    for (old, new) in statistics.iter_mut().zip(new) {
        for (old, new) in [(&mut old.mean, &new.mean), (&mut old.variance, &new.variance)] {
            old.iter_mut().zip(new).for_each(|(old, new)| *old += share * (new - *old));
        }
    }
}

/// A checkpoint is tied to its recipe and data by this.
fn identity(recipe: &Recipe, set: &Drawings) -> u64 {
    let mut hash = Sha256::new();
    // A recipe that was read can be written.
    hash.update(toml::to_string(recipe).unwrap_or_default());
    hash.update(set.fingerprint());
    let digest = hash.finalize();
    digest.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}
