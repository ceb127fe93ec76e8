//! Task samplers: the distributions of the other programs, our own random numbers.

use std::f32::consts::PI;

use rand::RngExt;
use supple_data::random::{ChaCha8Rng, Purpose, stream};
use supple_meta::random::normal;

use crate::protocol::{
    CONV, EVALUATION_IMAGE_TASKS, EVALUATION_QUERIES, EVALUATION_TASKS, FEATURES, HEAD, Protocol, SIDE, SINE,
};

/// Every evaluation draws the same tasks, whatever the seed of the training.
const EVALUATION_SEED: u64 = 987_654;
/// Iterations go round a pool of images: drawing them would take longer than small networks take to learn from them.
const IMAGE_POOL: usize = 16;
/// The same for features.
const FEATURE_POOL: usize = 256;

/// Sinusoids, task after task, one value a sample.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RegressionBatch {
    /// Support samples a task.
    pub shots: usize,
    /// Query samples a task.
    pub queries: usize,
    /// Support inputs, `[task][sample]`.
    pub support_x: Vec<f32>,
    /// Support targets, `[task][sample]`.
    pub support_y: Vec<f32>,
    /// Query inputs, `[task][sample]`.
    pub query_x: Vec<f32>,
    /// Query targets, `[task][sample]`.
    pub query_y: Vec<f32>,
}

/// Classes, task after task. A set's samples are sorted by class, so that sample `i` is of class `i / shots`
/// or `i / queries`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassBatch {
    /// Values a sample.
    pub length: usize,
    /// Support samples a class.
    pub shots: usize,
    /// Query samples a class.
    pub queries: usize,
    /// Classes a task.
    pub way: usize,
    /// Support samples, `[task][sample][value]`; an image's values are `[row][column]`.
    pub support: Vec<f32>,
    /// Query samples, `[task][sample][value]`.
    pub query: Vec<f32>,
}

/// Draws sinusoids of amplitude 0.1 to 5 and phase 0 to π, at points from −5 to 5.
pub struct Sines {
    random: ChaCha8Rng,
    batch: RegressionBatch,
}

impl Sines {
    /// From the training's seed.
    pub fn new(seed: u64) -> Self {
        Self { random: stream(seed, Purpose::Training, 0, 0), batch: RegressionBatch::default() }
    }

    /// The next outer iteration's tasks; nothing is allocated after the first.
    pub fn draw(&mut self) -> &RegressionBatch {
        draw_sines(&mut self.random, &mut self.batch, SINE.tasks, SINE.shots, SINE.queries);
        &self.batch
    }

    /// Held-out sinusoids with so many support samples.
    pub fn evaluation(shots: usize) -> RegressionBatch {
        let mut batch = RegressionBatch::default();
        let mut random = stream(EVALUATION_SEED, Purpose::Evaluation, 0, 0);
        draw_sines(&mut random, &mut batch, EVALUATION_TASKS, shots, EVALUATION_QUERIES);
        batch
    }
}

fn draw_sines(
    random: &mut ChaCha8Rng,
    batch: &mut RegressionBatch,
    tasks: usize,
    shots: usize,
    queries: usize,
) {
    (batch.shots, batch.queries) = (shots, queries);
    let values = [&mut batch.support_x, &mut batch.support_y, &mut batch.query_x, &mut batch.query_y];
    values.into_iter().for_each(Vec::clear);
    for _ in 0..tasks {
        let amplitude: f32 = random.random_range(0.1..5.0);
        let phase: f32 = random.random_range(0.0..PI);
        for (count, inputs, targets) in [
            (shots, &mut batch.support_x, &mut batch.support_y),
            (queries, &mut batch.query_x, &mut batch.query_y),
        ] {
            for _ in 0..count {
                let x: f32 = random.random_range(-5.0..5.0);
                inputs.push(x);
                targets.push(amplitude * (x - phase).sin());
            }
        }
    }
}

/// Goes round a pool of class tasks.
pub struct Pool {
    batches: Vec<ClassBatch>,
    next: usize,
}

impl Pool {
    /// Images: prototypes of which 15 % are ink, with noise; a stand-in for Omniglot of the same shape.
    pub fn images(seed: u64) -> Self {
        Self::filled(seed, IMAGE_POOL, |random| images(random, CONV.tasks))
    }

    /// Features: a mean for each class that all tasks share, a shift of it in each task, and noise.
    pub fn features(seed: u64) -> Self {
        let means = class_means();
        Self::filled(seed, FEATURE_POOL, |random| features(random, &means, HEAD.tasks))
    }

    fn filled(seed: u64, count: usize, draw: impl Fn(&mut ChaCha8Rng) -> ClassBatch) -> Self {
        let mut random = stream(seed, Purpose::Training, 0, 0);
        Self { batches: (0..count).map(|_| draw(&mut random)).collect(), next: 0 }
    }

    /// The next outer iteration's tasks.
    pub fn draw(&mut self) -> &ClassBatch {
        self.next = (self.next + 1) % self.batches.len();
        &self.batches[self.next]
    }
}

/// Held-out images.
pub fn evaluation_images() -> ClassBatch {
    images(&mut stream(EVALUATION_SEED, Purpose::Evaluation, 0, 0), EVALUATION_IMAGE_TASKS)
}

/// Held-out features, of the classes that training sees in other places.
pub fn evaluation_features() -> ClassBatch {
    features(&mut stream(EVALUATION_SEED, Purpose::Evaluation, 0, 0), &class_means(), EVALUATION_TASKS)
}

fn images(random: &mut ChaCha8Rng, tasks: usize) -> ClassBatch {
    let prototype = |random: &mut ChaCha8Rng, _| f32::from(random.random::<f32>() < 0.15);
    classes(random, &CONV, tasks, SIDE * SIDE, 0.2, prototype)
}

fn features(random: &mut ChaCha8Rng, means: &[f32], tasks: usize) -> ClassBatch {
    let centre = |random: &mut ChaCha8Rng, index: usize| 0.3 * means[index] + 0.6 * normal(random);
    classes(random, &HEAD, tasks, FEATURES, 2.0, centre)
}

/// What meta-training can learn of the features: fixed for ever.
fn class_means() -> Vec<f32> {
    let mut random = stream(12_345, Purpose::Generation, 0, 0);
    (0..HEAD.way * FEATURES).map(|_| normal(&mut random)).collect()
}

/// Each class is a centre and noise around it; `centre` is given a value's index in `[class][value]`.
fn classes(
    random: &mut ChaCha8Rng,
    protocol: &Protocol,
    tasks: usize,
    length: usize,
    noise: f32,
    centre: impl Fn(&mut ChaCha8Rng, usize) -> f32,
) -> ClassBatch {
    let Protocol { way, shots, queries, .. } = *protocol;
    let mut batch = ClassBatch { length, shots, queries, way, support: Vec::new(), query: Vec::new() };
    for _ in 0..tasks {
        for class in 0..way {
            let centres: Vec<f32> = (0..length).map(|index| centre(random, class * length + index)).collect();
            for (count, set) in [(shots, &mut batch.support), (queries, &mut batch.query)] {
                for _ in 0..count {
                    set.extend(centres.iter().map(|centre| centre + noise * normal(random)));
                }
            }
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_deviation(values: &[f32]) -> (f32, f32) {
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count;
        (mean, variance.sqrt())
    }

    #[test]
    fn sinusoids_have_their_shape_and_change() {
        let mut sines = Sines::new(3);
        let first = sines.draw().clone();
        assert_eq!(first.support_x.len(), 250);
        assert_eq!(first.query_y.len(), 250);
        assert!(first.support_x.iter().all(|x| x.abs() <= 5.0));
        assert!(first.support_y.iter().all(|y| y.abs() <= 5.0));
        assert_ne!(*sines.draw(), first);
        assert_eq!(*Sines::new(3).draw(), first);
    }

    #[test]
    fn the_evaluations_sinusoids_are_those_of_the_protocol() {
        let batch = Sines::evaluation(10);
        assert_eq!((batch.support_x.len(), batch.query_x.len()), (6_000, 60_000));
        let (mean, deviation) = mean_and_deviation(&batch.query_x);
        assert!(mean.abs() < 0.05 && (deviation - 10.0 / 12.0_f32.sqrt()).abs() < 0.05);
    }

    #[test]
    fn images_are_ink_on_paper_with_noise() {
        let batch = evaluation_images();
        assert_eq!(batch.support.len(), 32 * 5 * 28 * 28);
        assert_eq!(batch.query.len(), batch.support.len());
        let (mean, deviation) = mean_and_deviation(&batch.support);
        assert!((mean - 0.15).abs() < 0.01, "{mean}");
        assert!((deviation - (0.15_f32 * 0.85 + 0.04).sqrt()).abs() < 0.01, "{deviation}");
    }

    #[test]
    fn features_spread_as_told() {
        let batch = evaluation_features();
        assert_eq!((batch.support.len(), batch.query.len()), (600 * 25 * 64, 600 * 75 * 64));
        let (_, deviation) = mean_and_deviation(&batch.query);
        assert!((deviation - (0.09_f32 + 0.36 + 4.0).sqrt()).abs() < 0.05, "{deviation}");
    }

    #[test]
    fn a_pool_is_gone_round() {
        let mut pool = Pool::images(1);
        let first = pool.draw().clone();
        let again = (0..IMAGE_POOL).map(|_| pool.draw().clone()).collect::<Vec<_>>();
        assert_eq!(again[IMAGE_POOL - 1], first);
        assert_ne!(again[0], first);
    }
}
