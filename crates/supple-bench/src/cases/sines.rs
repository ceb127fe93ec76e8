//! Sinusoids.

use super::Case;
use super::training::{TaskValues, Training};
use crate::evaluation;
use crate::tasks::Sines;

/// A case of sinusoids.
pub struct SineCase {
    training: Training,
    sines: Sines,
}

impl SineCase {
    /// With a training and where its tasks come from.
    pub fn new(training: Training, sines: Sines) -> Self {
        Self { training, sines }
    }
}

impl Case for SineCase {
    fn iterate(&mut self, count: usize) {
        for _ in 0..count {
            let batch = self.sines.draw();
            let support =
                batch.support_x.chunks_exact(batch.shots).zip(batch.support_y.chunks_exact(batch.shots));
            let query =
                batch.query_x.chunks_exact(batch.queries).zip(batch.query_y.chunks_exact(batch.queries));
            let tasks: Vec<TaskValues> = support
                .zip(query)
                .map(|((support, support_targets), (query, query_targets))| TaskValues {
                    support,
                    query,
                    support_targets,
                    query_targets,
                })
                .collect();
            self.training.iterate(&tasks);
        }
    }

    fn final_metric(&mut self) -> (f64, &'static str) {
        evaluation::sine(&self.training.parameters())
    }
}
