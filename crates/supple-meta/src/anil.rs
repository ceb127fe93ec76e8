//! ANIL: the inner loop adapts the head alone, the outer gradient goes through its steps into the head's start, the
//! inner learning rates and, through the features, the trunk.
//!
//! Raghu, Raghu, Bengio, Vinyals: Rapid Learning or Feature Reuse? (2020).

use supple_data::Drawings;
use supple_data::episode::{Episode, Sample};
use supple_data::render::{INPUT_LENGTH, Warp, WarpLimits};

use crate::inner_loop::{self, Outcome, Samples};
use crate::learned::Layout;
use crate::trunk::batch_norm::Statistics;
use crate::trunk::{Trunk, Workspace};

/// A group of tasks whose images go through the trunk together.
#[derive(Debug, Default)]
pub struct Group {
    /// Episodes of this iteration.
    pub episodes: Vec<Episode>,
    /// Images of all episodes: support before query, episode after episode.
    pub inputs: Vec<f32>,
    /// Kept from iteration to iteration to be reused.
    pub workspace: Workspace<f32>,
}

/// What a group gave.
#[derive(Debug)]
pub struct GroupResult {
    /// Sum over tasks, each weighted with `1 / tasks in the meta-batch`.
    pub gradient: Vec<f32>,
    /// One for each task.
    pub outcomes: Vec<Outcome<f32>>,
    /// Of batch normalisation, block after block.
    pub statistics: Vec<Statistics<f32>>,
}

/// How drawings are varied.
#[derive(Debug, Clone, Copy)]
pub struct Variation {
    /// How often.
    pub probability: f64,
    /// How far.
    pub limits: WarpLimits,
}

impl Group {
    /// Renders an episode's drawings behind those already there.
    pub fn push(
        &mut self,
        set: &Drawings,
        episode: Episode,
        variation: Option<&Variation>,
        random: &mut impl rand::Rng,
    ) {
        for Sample { drawing, orientation, .. } in episode.support.iter().chain(&episode.query) {
            let start = self.inputs.len();
            self.inputs.resize(start + INPUT_LENGTH, 0.0);
            let input = &mut self.inputs[start..];
            let varied = variation.filter(|v| rand::RngExt::random_bool(random, v.probability));
            match varied {
                Some(v) => {
                    set.render_warped(*drawing, *orientation, &Warp::sample(&v.limits, random), input);
                }
                None => set.render(*drawing, *orientation, input),
            }
        }
        self.episodes.push(episode);
    }

    /// Forgets the episodes.
    pub fn clear(&mut self) {
        self.episodes.clear();
        self.inputs.clear();
    }

    /// Gradient of the outer loss over the group's tasks.
    pub fn differentiate(
        &mut self,
        trunk: &Trunk,
        layout: &Layout,
        learned: &[f32],
        fixed: Option<&[Statistics<f32>]>,
        step_weights: &[f32],
        task_weight: f32,
    ) -> GroupResult {
        let parameters = layout.trunk(learned);
        let features = trunk.forward(parameters, fixed, &self.inputs, &mut self.workspace);
        let rates = layout.rates(learned);
        let mut gradient = vec![0.0; layout.len()];
        let mut feature_gradient = Vec::with_capacity(features.len());
        let mut outcomes = Vec::with_capacity(self.episodes.len());
        let mut rest = &features[..];
        for episode in &self.episodes {
            let (support_labels, query_labels) = labels(episode);
            let (support, after) = rest.split_at(support_labels.len() * trunk.features());
            let (query, after) = after.split_at(query_labels.len() * trunk.features());
            rest = after;
            let (outcome, outer) = inner_loop::differentiate(
                &layout.head(learned, episode.way),
                &rates,
                step_weights,
                &Samples { features: support, labels: &support_labels },
                &Samples { features: query, labels: &query_labels },
            );
            layout.add_head_gradient(&mut gradient, task_weight, &outer, &rates);
            feature_gradient.extend(outer.support.iter().chain(&outer.query).map(|g| g * task_weight));
            outcomes.push(outcome);
        }
        trunk.backward(parameters, &feature_gradient, &mut self.workspace, layout.trunk_mut(&mut gradient));
        GroupResult { gradient, outcomes, statistics: self.workspace.statistics().to_vec() }
    }

    /// Adapts and judges each episode with fixed statistics.
    pub fn evaluate(
        &mut self,
        trunk: &Trunk,
        layout: &Layout,
        learned: &[f32],
        fixed: &[Statistics<f32>],
    ) -> Vec<Outcome<f32>> {
        let features = trunk.forward(layout.trunk(learned), Some(fixed), &self.inputs, &mut self.workspace);
        let rates = layout.rates(learned);
        let mut rest = &features[..];
        self.episodes
            .iter()
            .map(|episode| {
                let (support_labels, query_labels) = labels(episode);
                let (support, after) = rest.split_at(support_labels.len() * trunk.features());
                let (query, after) = after.split_at(query_labels.len() * trunk.features());
                rest = after;
                inner_loop::evaluate(
                    &layout.head(learned, episode.way),
                    &rates,
                    &Samples { features: support, labels: &support_labels },
                    &Samples { features: query, labels: &query_labels },
                )
            })
            .collect()
    }
}

fn labels(episode: &Episode) -> (Vec<usize>, Vec<usize>) {
    let of = |samples: &[Sample]| samples.iter().map(|s| s.label).collect();
    (of(&episode.support), of(&episode.query))
}
