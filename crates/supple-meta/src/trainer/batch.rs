//! Tasks as the numbers that a program reads.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use supple_data::generated::regression::Family;
use supple_data::random::{ChaCha8Rng, Purpose, stream};
use supple_data::tasks::{TaskEpisode, TaskSampler};
use supple_data::variation::Variation;
use supple_data::{DataSet, Sample};

use super::fixed::Before;
use super::programs::GroupShape;
use crate::standardise::Standardise;

/// Where tasks come from: one sampler for each number of shots that training draws.
#[derive(Debug, Clone)]
pub struct TaskSource<'d> {
    /// Episodes.
    pub samplers: Vec<TaskSampler<'d>>,
    /// Rows of the head, of which an episode's classes choose theirs; none where labels carry no meaning.
    pub meaning: Option<usize>,
    /// Whether answers are numbers.
    pub regression: bool,
    /// A family whose tasks are drawn without end, instead of the samplers' finite sets; the samplers give the sizes.
    pub family: Option<Family>,
    /// Share of the tasks whose labels are shuffled although they have a meaning.
    pub shuffled_share: f64,
}

/// A group of tasks of one shape.
#[derive(Debug, Default)]
pub struct Batch {
    /// What was drawn.
    pub episodes: Vec<TaskEpisode>,
    /// `[task][support, then query][values]`; with a fixed trunk, its features.
    pub inputs: Vec<f32>,
    /// `[task][support, then query][outputs]`.
    pub targets: Vec<f32>,
    /// `[task]`, each a matrix `[way, rows of the head]` that chooses rows; empty where labels carry no meaning.
    pub choice: Vec<f32>,
    /// What a fixed trunk was given.
    rendered: Vec<f32>,
}

impl TaskSource<'_> {
    /// The data behind the tasks.
    pub fn set(&self) -> &DataSet {
        self.samplers[0].set()
    }

    /// Numbers to predict; 0 where answers are classes.
    pub fn outputs(&self) -> usize {
        self.samplers[0].targets(0).len()
    }

    /// The shape of `tasks` tasks from a sampler.
    pub fn shape(&self, sampler: usize, tasks: usize, fixed: bool) -> GroupShape {
        let shape = self.samplers[sampler].shape();
        let outputs = if self.regression { self.outputs() } else { shape.way };
        let count = |each: usize| if self.regression { each } else { each * shape.way };
        GroupShape {
            tasks,
            way: outputs,
            support: count(shape.shot),
            query: count(shape.queries),
            fixed,
            choice: self.meaning,
            regression: self.regression,
        }
    }

    /// Draws `tasks` tasks of one shape; the first decides which sampler. Gives the sampler's number.
    pub fn draw(
        &self,
        batch: &mut Batch,
        (seed, purpose, index): (u64, Purpose, u64),
        (first, tasks): (usize, usize),
        variation: Option<&Variation>,
        before: Before,
    ) -> usize {
        let standardise = before.standardise;
        batch.episodes.clear();
        batch.inputs.clear();
        batch.targets.clear();
        batch.choice.clear();
        let mut chosen = 0;
        for task in 0..tasks {
            let mut random = stream(seed, purpose, index, (first + task) as u64);
            let draw = random.random_range(0..self.samplers.len());
            if task == 0 {
                chosen = draw;
            }
            match self.family {
                Some(family) => self.push_drawn(batch, chosen, family, standardise, &mut random),
                None => self.push(batch, chosen, variation, standardise, &mut random),
            }
        }
        if let Some(trunk) = before.trunk {
            let samples = batch.inputs.len() / self.set().shape().len();
            batch.rendered.clear();
            batch.rendered.append(&mut batch.inputs);
            batch.inputs.resize(samples * trunk.features(), 0.0);
            trunk.run(&batch.rendered, &mut batch.inputs);
        }
        chosen
    }

    fn push_drawn(
        &self,
        batch: &mut Batch,
        sampler: usize,
        family: Family,
        standardise: Option<&Standardise>,
        random: &mut ChaCha8Rng,
    ) {
        let shape = self.samplers[sampler].shape();
        let task = family.draw(random);
        for _ in 0..shape.shot + shape.queries {
            let start = batch.inputs.len();
            task.sample(random, &mut batch.inputs, &mut batch.targets);
            if let Some(standardise) = standardise {
                standardise.apply(&mut batch.inputs[start..]);
            }
        }
    }

    fn push(
        &self,
        batch: &mut Batch,
        sampler: usize,
        variation: Option<&Variation>,
        standardise: Option<&Standardise>,
        random: &mut impl Rng,
    ) {
        let sampler = &self.samplers[sampler];
        let episode = sampler.sample(random);
        let length = self.set().shape().len();
        let varied = variation.map(|variation| variation.for_task(random));
        for sample in episode.support.iter().chain(&episode.query) {
            let start = batch.inputs.len();
            batch.inputs.resize(start + length, 0.0);
            let input = &mut batch.inputs[start..];
            match &varied {
                Some(varied) => varied.render(self.set(), sample.drawing, sample.orientation, input, random),
                None => self.set().render(sample.drawing, sample.orientation, input),
            }
            if let Some(standardise) = standardise {
                standardise.apply(input);
            }
            self.push_target(batch, &episode, sample, sampler);
        }
        if let Some(rows) = self.meaning {
            let start = batch.choice.len();
            batch.choice.resize(start + episode.way * rows, 0.0);
            let mut classes = episode.classes.clone();
            if random.random_bool(self.shuffled_share) {
                classes.shuffle(random);
            }
            for (label, class) in classes.iter().enumerate() {
                batch.choice[start + *class as usize * episode.way + label] = 1.0;
            }
        }
        batch.episodes.push(episode);
    }

    fn push_target(&self, batch: &mut Batch, episode: &TaskEpisode, sample: &Sample, sampler: &TaskSampler) {
        if self.regression {
            batch.targets.extend_from_slice(sampler.targets(sample.drawing));
        } else {
            batch.targets.extend((0..episode.way).map(|class| f32::from(class == sample.label)));
        }
    }
}

impl Batch {
    /// How good outputs on the query of a task are: the share of right classes, or the mean squared error.
    pub fn judge(&self, shape: &GroupShape, task: usize, outputs: &[f32]) -> f64 {
        let samples = shape.support + shape.query;
        let start = (task * samples + shape.support) * shape.way;
        let targets = &self.targets[start..start + shape.query * shape.way];
        let columns = outputs.chunks_exact(shape.way).zip(targets.chunks_exact(shape.way));
        if shape.regression {
            let error = |(a, b): (&[f32], &[f32])| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / a.len() as f64
            };
            columns.map(error).sum::<f64>() / shape.query as f64
        } else {
            let right = columns.filter(|(output, target)| {
                let best =
                    (1..output.len()).fold(0, |best, i| if output[i] > output[best] { i } else { best });
                target[best] == 1.0
            });
            right.count() as f64 / shape.query as f64
        }
    }
}
