//! Judging each task by itself, in the arithmetic of training.

use rayon::prelude::*;
use serde::Serialize;
use supple_data::Labels;

use super::batch::{Batch, HeadLabels};
use super::programs::judging;
use super::recipe::AnswerKind;
use super::trainer::{MultiTaskTrainer, arguments};
use crate::graph::Workspace;

/// Samples of a judging program.
const WIDTH: usize = 128;

/// How good a task is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskMetric {
    /// By name.
    pub task: String,
    /// Of classes, `value` is the share that is right; of numbers, the root of the mean squared error.
    pub kind: AnswerKind,
    /// In the labels' unit; none where no label is known.
    pub value: Option<f64>,
    /// Of each number by itself; of classes the one value again.
    pub each: Vec<Option<f64>>,
    /// Known labels of which `value` is the mean.
    pub known: usize,
}

/// Sums over known labels: of right classes or squared errors, and how many.
type Sums = Vec<(f64, usize)>;

impl MultiTaskTrainer<'_> {
    /// Judges all tasks on the validation part, batch normalisation going by its present statistics.
    pub fn validate(&self) -> Vec<TaskMetric> {
        self.judge(&self.validation)
    }

    /// Likewise on the training part.
    pub fn judge_training(&self) -> Vec<TaskMetric> {
        self.judge(&self.training)
    }

    fn judge(&self, samples: &[usize]) -> Vec<TaskMetric> {
        let program = judging(&self.model, WIDTH);
        let chunks: Vec<Vec<Sums>> = samples
            .par_chunks(WIDTH)
            .map_init(
                || (Batch::default(), Workspace::default()),
                |(batch, workspace), samples| {
                    let standardise = self.state.standardise.as_ref();
                    batch.fill(self.set, standardise, &self.labels, samples, WIDTH);
                    let arguments = arguments(&self.state, batch, &[]);
                    program.run(workspace, &arguments);
                    let heads = self.labels.iter().enumerate();
                    heads
                        .map(|(task, head)| head.judge(samples, program.output(workspace, &arguments, task)))
                        .collect()
                },
            )
            .collect();
        let tasks = self.labels.iter().zip(&self.recipe.heads).enumerate();
        let metric = |(task, (labels, head)): (usize, (&HeadLabels, &super::TaskHeadRecipe))| {
            let mut sums: Sums = vec![(0.0, 0); labels.masks()];
            // In the samples' order, so that threads do not matter.
            for chunk in &chunks {
                for (sum, part) in sums.iter_mut().zip(&chunk[task]) {
                    *sum = (sum.0 + part.0, sum.1 + part.1);
                }
            }
            let kind = match labels.classifies() {
                true => AnswerKind::Classification,
                false => AnswerKind::Regression,
            };
            let value = |(sum, known): (f64, usize)| {
                let mean = (known > 0).then(|| sum / known as f64);
                if kind == AnswerKind::Regression { mean.map(f64::sqrt) } else { mean }
            };
            let all = sums.iter().fold((0.0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
            let each = sums.iter().copied().map(value).collect();
            TaskMetric { task: head.task.clone(), kind, value: value(all), each, known: all.1 }
        };
        tasks.map(metric).collect()
    }
}

impl HeadLabels<'_> {
    /// `outputs` are `[sample][outputs]`, of at least these samples.
    fn judge(&self, samples: &[usize], outputs: &[f32]) -> Sums {
        let mut sums: Sums = vec![(0.0, 0); self.masks()];
        for (sample, outputs) in samples.iter().zip(outputs.chunks_exact(self.outputs)) {
            match self.labels {
                Labels::Classes { of, .. } => {
                    let Some(class) = of[*sample] else { continue };
                    let better = |best: usize, i: usize| if outputs[i] > outputs[best] { i } else { best };
                    let best = (1..outputs.len()).fold(0, better);
                    sums[0] = (sums[0].0 + f64::from(u8::from(best == class as usize)), sums[0].1 + 1);
                }
                Labels::Values { of, .. } => {
                    for (output, value) in of[sample * self.outputs..][..self.outputs].iter().enumerate() {
                        if value.is_finite() {
                            let error = f64::from(self.scale.restore(output, outputs[output]) - value);
                            sums[output] = (sums[output].0 + error * error, sums[output].1 + 1);
                        }
                    }
                }
            }
        }
        sums
    }
}
