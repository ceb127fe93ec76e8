//! Heads and convolutional networks: classes.

use super::Case;
use super::training::{TaskValues, Training};
use crate::evaluation;
use crate::protocol::CaseName;
use crate::tasks::{ClassBatch, Pool, evaluation_images};

/// A case of classes.
pub struct Classes {
    name: CaseName,
    training: Training,
    pool: Pool,
    targets: [Vec<f32>; 2],
}

impl Classes {
    /// With a training and where its tasks come from.
    pub fn new(name: CaseName, training: Training, pool: Pool) -> Self {
        let protocol = name.protocol();
        let one_hot = |each: usize| {
            let samples = protocol.way * each;
            (0..samples * protocol.way)
                .map(|i| f32::from(i % protocol.way == i / protocol.way / each))
                .collect()
        };
        Self { name, training, pool, targets: [one_hot(protocol.shots), one_hot(protocol.queries)] }
    }
}

fn split<'a>(batch: &'a ClassBatch, targets: &'a [Vec<f32>; 2]) -> Vec<TaskValues<'a>> {
    let support = batch.support.chunks_exact(batch.way * batch.shots * batch.length);
    let query = batch.query.chunks_exact(batch.way * batch.queries * batch.length);
    let [support_targets, query_targets] = targets;
    support
        .zip(query)
        .map(|(support, query)| TaskValues { support, query, support_targets, query_targets })
        .collect()
}

impl Case for Classes {
    fn iterate(&mut self, count: usize) {
        for _ in 0..count {
            let tasks = split(self.pool.draw(), &self.targets);
            self.training.iterate(&tasks);
        }
    }

    fn final_metric(&mut self) -> (f64, &'static str) {
        if matches!(self.name, CaseName::HeadMaml | CaseName::HeadFomaml) {
            return evaluation::head(&self.training.parameters());
        }
        let batch = evaluation_images();
        let (way, each) = (batch.way, batch.queries);
        let (mut right, mut all) = (0usize, 0usize);
        for task in split(&batch, &self.targets) {
            let outputs = self.training.judge(&task);
            for (sample, logits) in outputs.chunks_exact(way).enumerate() {
                let best = (1..way).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
                right += usize::from(best == sample / each);
                all += 1;
            }
        }
        (right as f64 / all as f64, "query_acc_after_5_steps(synthetic)")
    }
}
