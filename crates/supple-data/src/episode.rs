//! Episodes: a support set to adapt on and a query set to judge by.

use rand::seq::index;
use rand::{Rng, RngExt};

use crate::drawings::Character;
use crate::render::Orientation;

/// The size of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpisodeShape {
    /// Classes.
    pub way: usize,
    /// Support samples a class.
    pub shot: usize,
    /// Query samples a class.
    pub queries: usize,
}

/// A drawing in an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Index of the drawing in its data set.
    pub drawing: usize,
    /// How it is turned.
    pub orientation: Orientation,
    /// Its label in this episode, below `way`. Labels carry no meaning across episodes.
    pub label: usize,
}

/// Support and query samples; no drawing is in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Number of classes.
    pub way: usize,
    /// `way * shot` samples, shot by shot through the classes.
    pub support: Vec<Sample>,
    /// `way * queries` samples, likewise.
    pub query: Vec<Sample>,
}

/// Why no episode can be drawn.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EpisodeError {
    /// A number is zero.
    #[error("way, shot and queries must each be at least 1, but are {way}, {shot} and {queries}")]
    Empty {
        /// As asked.
        way: usize,
        /// As asked.
        shot: usize,
        /// As asked.
        queries: usize,
    },
    /// Fewer classes than the episode needs.
    #[error(
        "a {way}-way episode needs {way} characters with {needed} drawings each; this part of the data has {available}: lower --way, --shot or --queries (in a recipe: way, shots or queries of [training]), or choose a larger split"
    )]
    TooFewClasses {
        /// Classes asked for.
        way: usize,
        /// Drawings a class, shot + queries.
        needed: usize,
        /// Characters that have as many.
        available: usize,
    },
}

/// Draws episodes over all characters of a split (not alphabet by alphabet).
#[derive(Debug, Clone)]
pub struct EpisodeSampler<'a> {
    characters: Vec<&'a Character>,
    shape: EpisodeShape,
    orientations: &'static [Orientation],
}

impl<'a> EpisodeSampler<'a> {
    /// Episodes of upright drawings: for evaluation.
    pub fn upright(characters: &'a [Character], shape: EpisodeShape) -> Result<Self, EpisodeError> {
        Self::new(characters, shape, &[Orientation::UPRIGHT])
    }

    /// Episodes in which each turned character is a class of its own: for training. An episode holds a character
    /// in one orientation only, since some look the same when turned.
    pub fn turned(
        characters: &'a [Character],
        shape: EpisodeShape,
        orientations: &'static [Orientation],
    ) -> Result<Self, EpisodeError> {
        Self::new(characters, shape, orientations)
    }

    fn new(
        characters: &'a [Character],
        shape: EpisodeShape,
        orientations: &'static [Orientation],
    ) -> Result<Self, EpisodeError> {
        let EpisodeShape { way, shot, queries } = shape;
        if way == 0 || shot == 0 || queries == 0 {
            return Err(EpisodeError::Empty { way, shot, queries });
        }
        let needed = shot.saturating_add(queries);
        let characters: Vec<&Character> = characters.iter().filter(|c| c.drawings.len() >= needed).collect();
        if characters.len() < way {
            return Err(EpisodeError::TooFewClasses { way, needed, available: characters.len() });
        }
        Ok(Self { characters, shape, orientations })
    }

    /// Draws an episode.
    pub fn sample(&self, random: &mut impl Rng) -> Episode {
        let EpisodeShape { way, shot, queries } = self.shape;
        let mut support = vec![None; way * shot];
        let mut query = vec![None; way * queries];
        for (label, class) in index::sample(random, self.characters.len(), way).into_iter().enumerate() {
            let drawings = &self.characters[class].drawings;
            let orientation = self.orientations[random.random_range(0..self.orientations.len())];
            for (turn, chosen) in
                index::sample(random, drawings.len(), shot + queries).into_iter().enumerate()
            {
                let sample = Sample { drawing: drawings.start + chosen, orientation, label };
                match turn.checked_sub(shot) {
                    None => support[turn * way + label] = Some(sample),
                    Some(turn) => query[turn * way + label] = Some(sample),
                }
            }
        }
        Episode {
            way,
            support: support.into_iter().flatten().collect(),
            query: query.into_iter().flatten().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::random::{Purpose, stream};

    fn characters(count: usize, drawings: usize) -> Vec<Character> {
        (0..count)
            .map(|i| Character {
                alphabet: "a".into(),
                name: format!("{i}"),
                drawings: i * drawings..(i + 1) * drawings,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn an_episode_has_the_asked_shape_and_no_drawing_twice(
            way in 1usize..8, shot in 1usize..5, queries in 1usize..5, seed: u64,
        ) {
            let characters = characters(9, 10);
            let sampler = EpisodeSampler::upright(&characters, EpisodeShape { way, shot, queries }).unwrap();
            let episode = sampler.sample(&mut stream(seed, Purpose::Evaluation, 0, 0));
            prop_assert_eq!(episode.support.len(), way * shot);
            prop_assert_eq!(episode.query.len(), way * queries);
            let mut seen = HashSet::new();
            let mut class_of_label = vec![None; way];
            for sample in episode.support.iter().chain(&episode.query) {
                prop_assert!(seen.insert(sample.drawing));
                let class = sample.drawing / 10;
                prop_assert_eq!(*class_of_label[sample.label].get_or_insert(class), class);
            }
            let classes: HashSet<_> = class_of_label.into_iter().flatten().collect();
            prop_assert_eq!(classes.len(), way);
        }
    }

    #[test]
    fn the_same_stream_gives_the_same_episode() {
        let characters = characters(30, 20);
        let sampler = EpisodeSampler::turned(
            &characters,
            EpisodeShape { way: 5, shot: 1, queries: 15 },
            Orientation::TURNS,
        )
        .unwrap();
        let draw = |index| sampler.sample(&mut stream(7, Purpose::Evaluation, index, 0));
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let characters = characters(4, 10);
        let shape = EpisodeShape { way: 5, shot: 1, queries: 15 };
        assert_eq!(
            EpisodeSampler::upright(&characters, shape).unwrap_err(),
            EpisodeError::TooFewClasses { way: 5, needed: 16, available: 0 }
        );
        let shape = EpisodeShape { way: 0, shot: 1, queries: 15 };
        assert!(matches!(EpisodeSampler::upright(&characters, shape), Err(EpisodeError::Empty { .. })));
    }
}
