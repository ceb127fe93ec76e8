//! Joint training in minibatches: the same bytes for any number of threads.

use std::ops::Range;

use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;
use supple_data::DataSet;
use supple_data::random::{Purpose, stream};

use super::batch::{Batch, HeadLabels, TargetScale};
use super::error::{MultiTaskError, TaskDiverged};
use super::model::TaskModel;
use super::programs::{TrainingProgram, Wanted};
use super::recipe::MultiTaskRecipe;
use super::soft::Penalty;
use super::state::MultiTaskState;
use super::transfer::TrainedTrunk;
use super::weights::{Observed, WeightsRecipe, pc_grad};
use crate::graph::Workspace;
use crate::standardise::Standardise;

/// Least share of a new batch in the running statistics; the first batches are averaged.
const STATISTICS_MOMENTUM: f32 = 0.02;
/// Batches averaged to fix the statistics.
const STATISTICS_BATCHES: u64 = 40;
/// The order of samples for those is that of an epoch which no training reaches.
const STATISTICS_EPOCH: u64 = 1 << 32;
/// A loss so many times the largest of the first steps has exploded.
const EXPLOSION: f32 = 1e4;
/// Steps in which usual losses are learned.
const USUAL_STEPS: u64 = 10;

/// A part of a batch and the memory it is computed in.
#[derive(Debug, Default)]
pub(super) struct Group {
    batch: Batch,
    workspace: Workspace<f32>,
}

/// What a batch gave.
struct BatchResult {
    /// Of the weighted sum, over all parameters; zero where not wanted.
    gradient: Vec<f32>,
    losses: Vec<f32>,
    known: Vec<bool>,
    /// Of each task, unweighted.
    apart: Vec<Vec<f32>>,
    /// Mean over the groups.
    statistics: Vec<f32>,
}

/// A step, for whoever watches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskProgress {
    /// Steps done.
    pub iteration: u64,
    /// Passes over the training part that have begun.
    pub epoch: u64,
    /// Of each task, the mean over the batch's known labels, zero where there are none. Numbers are scaled.
    pub losses: Vec<f32>,
    /// What each was multiplied by.
    pub weights: Vec<f64>,
    /// The penalty of soft sharing.
    pub penalty: f32,
}

/// A joint training under way.
pub struct MultiTaskTrainer<'d> {
    pub(super) recipe: MultiTaskRecipe,
    pub(super) set: &'d DataSet,
    pub(super) model: TaskModel,
    pub(super) labels: Vec<HeadLabels<'d>>,
    pub(super) training: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) penalty: Option<Penalty>,
    /// Values that the optimiser moves.
    pub(super) trained: Range<usize>,
    pub(super) wanted: Wanted,
    pub(super) batch: usize,
    pub(super) steps: u64,
    /// An epoch and its order of samples.
    pub(super) order: Option<(u64, Vec<usize>)>,
    pub(super) groups: Vec<Group>,
    pub(super) program: Option<TrainingProgram>,
    pub(super) state: MultiTaskState,
}

impl MultiTaskTrainer<'_> {
    /// Goes on from a checkpoint.
    pub fn resume(&mut self, state: MultiTaskState) -> Result<(), MultiTaskError> {
        let own = &self.state;
        let sizes = |state: &MultiTaskState| (state.parameters.len(), state.statistics.len());
        if state.identity != own.identity || sizes(&state) != sizes(own) {
            return Err(MultiTaskError::OtherCheckpoint);
        }
        self.state = state;
        Ok(())
    }

    /// What a checkpoint holds.
    pub fn state(&self) -> &MultiTaskState {
        &self.state
    }

    /// The recipe it follows.
    pub fn recipe(&self) -> &MultiTaskRecipe {
        &self.recipe
    }

    /// The data it learns from.
    pub fn set(&self) -> &DataSet {
        self.set
    }

    /// What is trained.
    pub fn model(&self) -> &TaskModel {
        &self.model
    }

    /// How inputs are brought to scale, if they are.
    pub fn standardise(&self) -> Option<&Standardise> {
        self.state.standardise.as_ref()
    }

    /// How a task's outputs are brought back to the labels' unit.
    pub fn target_scale(&self, task: usize) -> &TargetScale {
        &self.labels[task].scale
    }

    /// A head's parameters: (weights, bias) of each layer.
    pub fn head(&self, task: usize) -> &[f32] {
        &self.state.parameters[self.model.values(self.model.head_range(task))]
    }

    /// The trunk that a task goes through, for other trainings; none where inputs are features already.
    pub fn trunk(&self, task: usize) -> Option<TrainedTrunk> {
        let trunk = self.model.trunk_of(task)?;
        let values = self.model.values(self.model.trunk_range(trunk));
        let statistics = &self.state.statistics[trunk * self.model.statistics_of_trunk()..];
        let network = &self.model.trunks[trunk];
        let (parameters, values) = (&self.model.parameters, &self.state.parameters[values]);
        Some(TrainedTrunk::of(network, parameters, values, statistics, self.standardise()))
    }

    /// Steps of the whole training.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether all steps are done.
    pub fn finished(&self) -> bool {
        self.state.iteration >= self.steps
    }

    /// The samples at places of an endless row of epochs, each in an order of its own.
    pub(super) fn samples(&mut self, places: Range<u64>) -> Vec<usize> {
        let length = self.training.len() as u64;
        places
            .map(|place| {
                let epoch = place / length;
                if self.order.as_ref().is_none_or(|(known, _)| *known != epoch) {
                    let mut order = self.training.clone();
                    let mut random = stream(self.recipe.seed, Purpose::Training, epoch, 0);
                    for last in (1..order.len()).rev() {
                        order.swap(last, random.random_range(0..=last));
                    }
                    self.order = Some((epoch, order));
                }
                self.order.as_ref().map_or(0, |(_, order)| order[(place % length) as usize])
            })
            .collect()
    }

    /// Losses and gradients of a batch, its groups in parallel, summed in their order.
    fn differentiate(&mut self, samples: &[usize], weights: &[f32]) -> BatchResult {
        let each = samples.len() / self.groups.len();
        let fixed = self.state.fixed || self.state.statistics.is_empty();
        let model = &self.model;
        let program = match self.program.take() {
            Some(program) if program.fixed == fixed => program,
            _ => TrainingProgram::new(model, each, fixed, self.wanted.clone()),
        };
        let Self { groups, set, labels, state, wanted, .. } = self;
        groups.par_iter_mut().zip(samples.par_chunks(each)).for_each(|(group, samples)| {
            group.batch.fill(set, state.standardise.as_ref(), labels, samples, each);
        });
        let totals: Vec<f32> =
            (0..labels.len()).map(|task| groups.iter().map(|group| group.batch.counts[task]).sum()).collect();
        groups.par_iter_mut().for_each(|Group { batch, workspace }| {
            batch.shares.clear();
            batch
                .shares
                .extend(batch.counts.iter().zip(&totals).map(|(count, total)| count / total.max(1.0)));
            program.program.run(workspace, &arguments(state, batch, weights));
        });
        let mut result = BatchResult {
            gradient: vec![0.0; state.parameters.len()],
            losses: vec![0.0; labels.len()],
            known: totals.iter().map(|total| *total > 0.0).collect(),
            apart: vec![vec![0.0; model.values(wanted.apart.clone()).len()]; labels.len()],
            statistics: vec![0.0; state.statistics.len()],
        };
        let together = model.values(wanted.together.clone());
        let share = 1.0 / groups.len() as f32;
        for Group { batch, workspace } in groups.iter() {
            let arguments = arguments(state, batch, weights);
            let add = |sum: &mut [f32], outputs: Range<usize>, factor: f32| {
                let values = outputs.flat_map(|output| program.program.output(workspace, &arguments, output));
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
            };
            add(&mut result.gradient[together.clone()], program.together(), 1.0);
            add(&mut result.losses, program.loss(0)..program.loss(labels.len()), 1.0);
            for (task, apart) in result.apart.iter_mut().enumerate() {
                add(apart, program.apart(task), 1.0);
            }
            add(&mut result.statistics, program.statistics(), share);
        }
        self.program = Some(program);
        result
    }

    /// One step.
    pub fn iterate(&mut self) -> Result<TaskProgress, TaskDiverged> {
        let iteration = self.state.iteration;
        let done = iteration as f64 / self.steps as f64;
        if !self.state.fixed && done >= self.recipe.training.fixed_statistics_after {
            self.fix_statistics();
        }
        let first = iteration * self.batch as u64;
        let epoch = first / self.training.len() as u64;
        let samples = self.samples(first..first + self.batch as u64);
        let weights = self.state.weighting.weights(epoch);
        let factors: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
        let mut result = self.differentiate(&samples, &factors);
        self.check_losses(&result.losses)?;
        if self.recipe.weights == WeightsRecipe::PcGrad {
            let orders = pc_grad::orders(self.labels.len(), self.recipe.seed, iteration);
            let sum = pc_grad::sum(&pc_grad::project(&result.apart, &orders));
            result.gradient[self.model.values(self.wanted.apart.clone())].copy_from_slice(&sum);
        }
        let penalty = match &self.penalty {
            Some(penalty) => penalty.add(&self.state.parameters, &mut result.gradient),
            None => 0.0,
        };
        self.clip(&mut result)?;
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done).cos()) as f32;
        let rate = self.recipe.training.learning_rate * cosine;
        let (state, trained) = (&mut self.state, self.trained.clone());
        state.adam.update(&mut state.parameters[trained.clone()], &result.gradient[trained], |_| rate);
        let norms: Vec<f64> = match state.weighting.wants_norms() {
            true => result.apart.iter().map(|gradient| norm(gradient)).collect(),
            false => Vec::new(),
        };
        let losses: Vec<f64> = result.losses.iter().map(|loss| f64::from(*loss)).collect();
        state.weighting.observe(&Observed {
            losses: &losses,
            known: &result.known,
            norms: &norms,
            epoch,
            learning_rate: rate,
        });
        if !state.fixed {
            let share = STATISTICS_MOMENTUM.max(1.0 / (iteration + 1) as f32);
            blend(&mut state.statistics, &result.statistics, share);
        }
        state.iteration += 1;
        Ok(TaskProgress {
            iteration: iteration + 1,
            epoch: epoch + 1,
            losses: result.losses,
            weights,
            penalty,
        })
    }

    /// Whether all losses are numbers of usual size.
    fn check_losses(&mut self, losses: &[f32]) -> Result<(), TaskDiverged> {
        let (iteration, heads) = (self.state.iteration, &self.recipe.heads);
        for ((loss, usual), head) in losses.iter().zip(&mut self.state.usual_losses).zip(heads) {
            let limit = if *usual > 0.0 { EXPLOSION * *usual } else { f32::MAX };
            // What is not a number is not usual.
            let is_usual = loss.abs() < limit;
            if !is_usual {
                return Err(TaskDiverged { iteration, task: head.task.clone(), what: "loss", value: *loss });
            }
            if iteration < USUAL_STEPS {
                *usual = usual.max(1.0).max(loss.abs());
            }
        }
        Ok(())
    }

    /// Clips the gradient of what is trained.
    fn clip(&self, result: &mut BatchResult) -> Result<(), TaskDiverged> {
        let norm = norm(&result.gradient[self.trained.clone()]) as f32;
        if !norm.is_finite() {
            // The task whose own head has gone wrong, or else the one with the largest loss.
            let wrong = |task: &usize| {
                let head = self.model.values(self.model.head_range(*task));
                result.gradient[head].iter().any(|value| !value.is_finite())
            };
            let tasks = 0..self.labels.len();
            let largest = tasks.clone().max_by(|a, b| result.losses[*a].total_cmp(&result.losses[*b]));
            let task = tasks.clone().find(wrong).or(largest).unwrap_or(0);
            return Err(TaskDiverged {
                iteration: self.state.iteration,
                task: self.recipe.heads[task].task.clone(),
                what: "gradient's norm",
                value: norm,
            });
        }
        let most = self.recipe.training.gradient_clip;
        if norm > most {
            result.gradient.iter_mut().for_each(|value| *value *= most / norm);
        }
        Ok(())
    }

    /// Fixes the statistics where training did not reach the point to do so. Call once after the last step.
    pub fn finish(&mut self) {
        if !self.state.fixed {
            self.fix_statistics();
        }
    }

    /// Replaces the running statistics by the mean over many batches at the present parameters, and keeps them.
    fn fix_statistics(&mut self) {
        if !self.state.statistics.is_empty() {
            let weights = vec![1.0; self.labels.len()];
            let first = STATISTICS_EPOCH * self.training.len() as u64;
            for batch in 0..STATISTICS_BATCHES {
                let place = first + batch * self.batch as u64;
                let samples = self.samples(place..place + self.batch as u64);
                let result = self.differentiate(&samples, &weights);
                blend(&mut self.state.statistics, &result.statistics, 1.0 / (batch + 1) as f32);
            }
        }
        self.state.fixed = true;
    }
}

/// Arguments of a program, see [`super::programs::argument`].
pub(super) fn arguments<'a>(
    state: &'a MultiTaskState,
    batch: &'a Batch,
    weights: &'a [f32],
) -> [&'a [f32]; 7] {
    [
        &state.parameters,
        &batch.inputs,
        &batch.targets,
        &batch.known,
        &state.statistics,
        &batch.shares,
        weights,
    ]
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>().sqrt()
}

fn blend(statistics: &mut [f32], new: &[f32], share: f32) {
    statistics.iter_mut().zip(new).for_each(|(old, new)| *old += share * (new - *old));
}
