//! The episodes of an evaluation, and the drawings that play in them.

use std::collections::BTreeSet;

use supple_data::random::{Purpose, stream};
use supple_data::{Drawings, Episode, EpisodeSampler, EpisodeShape, Split};

use super::EvalError;
use crate::arguments::EvalArguments;

/// Episodes and the drawings in them.
pub struct Cast {
    /// In order of their number.
    pub episodes: Vec<Episode>,
    /// Every drawing of any episode once, ascending.
    pub drawings: Vec<usize>,
}

impl Cast {
    /// Draws the episodes; each depends on the seed and its number alone.
    pub fn draw(set: &Drawings, split: Split, arguments: &EvalArguments) -> Result<Self, EvalError> {
        let EvalArguments { way, shot, queries, .. } = *arguments;
        let sampler = EpisodeSampler::upright(split.characters(set)?, EpisodeShape { way, shot, queries })?;
        let episodes: Vec<Episode> = (0..arguments.episodes as u64)
            .map(|index| sampler.sample(&mut stream(arguments.seed, Purpose::Evaluation, index, 0)))
            .collect();
        let samples = episodes.iter().flat_map(|episode| episode.support.iter().chain(&episode.query));
        let drawings: BTreeSet<usize> = samples.map(|sample| sample.drawing).collect();
        Ok(Self { episodes, drawings: drawings.into_iter().collect() })
    }
}
