//! The episodes of an evaluation, and the samples that play in them.

use std::collections::BTreeSet;

use supple_data::part::Part;
use supple_data::random::{Purpose, stream};
use supple_data::tasks::{TaskEpisode, TaskError, TaskOptions, TaskSampler};
use supple_data::{DataSet, Labels};

/// Episodes and the samples in them.
pub struct Cast {
    /// In order of their number.
    pub episodes: Vec<TaskEpisode>,
    /// Every sample of any episode once, ascending.
    pub samples: Vec<usize>,
}

impl Cast {
    /// Draws the episodes; each depends on the seed and its number alone. Where the task's answers are numbers, an
    /// episode has `shot` support and `queries` query samples of one domain.
    pub fn draw(
        set: &DataSet,
        part: &Part,
        options: TaskOptions,
        (episodes, seed): (usize, u64),
    ) -> Result<Self, TaskError> {
        let shape = options.shape;
        let sampler = match set.tasks().get(options.task).map(|task| &task.labels) {
            Some(Labels::Values { .. }) => {
                TaskSampler::regression(set, part, options.task, shape.shot, shape.queries)?
            }
            _ => TaskSampler::with(set, part, options)?,
        };
        let episodes: Vec<TaskEpisode> = (0..episodes as u64)
            .map(|index| sampler.sample(&mut stream(seed, Purpose::Evaluation, index, 0)))
            .collect();
        let samples = episodes.iter().flat_map(|episode| episode.support.iter().chain(&episode.query));
        let samples: BTreeSet<usize> = samples.map(|sample| sample.drawing).collect();
        Ok(Self { episodes, samples: samples.into_iter().collect() })
    }
}
