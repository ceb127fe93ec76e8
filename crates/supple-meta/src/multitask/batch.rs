//! Samples and their labels as the numbers that a program reads.

use serde::{Deserialize, Serialize};
use supple_data::render::Orientation;
use supple_data::{DataSet, Labels};

use crate::standardise::Standardise;

/// Mean and deviation of each number that a head predicts. Training sees (label − mean) / deviation, so that tasks of
/// any unit have losses of like size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetScale {
    /// Of each number, in its unit.
    pub mean: Vec<f32>,
    /// Of each number, in its unit; positive.
    pub deviation: Vec<f32>,
}

impl TargetScale {
    /// Labels as they are.
    pub fn none(outputs: usize) -> Self {
        Self { mean: vec![0.0; outputs], deviation: vec![1.0; outputs] }
    }

    /// Over the known labels of some samples, `values` being `[sample][outputs]`.
    pub fn of(values: &[f32], outputs: usize, samples: &[usize]) -> Self {
        let (mut mean, mut deviation) = (Vec::new(), Vec::new());
        for output in 0..outputs {
            let known = || {
                let all = samples.iter().map(|sample| f64::from(values[sample * outputs + output]));
                all.filter(|value| value.is_finite())
            };
            let count = known().count().max(1) as f64;
            let centre = known().sum::<f64>() / count;
            let variance = known().map(|value| (value - centre).powi(2)).sum::<f64>() / count;
            mean.push(centre as f32);
            // Where nothing changes there is nothing to scale.
            let steady = variance <= 1e-12 * (1.0 + centre * centre);
            deviation.push(if steady { 1.0 } else { variance.sqrt() as f32 });
        }
        Self { mean, deviation }
    }

    /// An output in the label's unit.
    pub fn restore(&self, output: usize, value: f32) -> f32 {
        value * self.deviation[output] + self.mean[output]
    }
}

/// A task's labels as a head sees them.
#[derive(Debug, Clone)]
pub struct HeadLabels<'d> {
    /// As the data set has them.
    pub labels: &'d Labels,
    /// Outputs of the head: at least as many as there are classes, or as many as there are numbers.
    pub outputs: usize,
    /// Of numbers.
    pub scale: TargetScale,
}

impl HeadLabels<'_> {
    /// Whether labels are classes.
    pub fn classifies(&self) -> bool {
        matches!(self.labels, Labels::Classes { .. })
    }

    /// What the known labels of a sample are counted by: 1 for a class, or each number.
    pub fn masks(&self) -> usize {
        if self.classifies() { 1 } else { self.outputs }
    }

    /// Whether anything of a sample is known.
    pub fn knows(&self, sample: usize) -> bool {
        match self.labels {
            Labels::Classes { of, .. } => of[sample].is_some(),
            Labels::Values { of, .. } => {
                of[sample * self.outputs..][..self.outputs].iter().any(|value| value.is_finite())
            }
        }
    }

    fn push(&self, sample: usize, targets: &mut Vec<f32>, known: &mut Vec<f32>) {
        match self.labels {
            Labels::Classes { of, .. } => {
                let class = of[sample].map(|class| class as usize);
                targets.extend((0..self.outputs).map(|output| f32::from(Some(output) == class)));
                known.push(f32::from(class.is_some()));
            }
            Labels::Values { of, .. } => {
                for (output, value) in of[sample * self.outputs..][..self.outputs].iter().enumerate() {
                    let is_known = value.is_finite();
                    let scaled = (value - self.scale.mean[output]) / self.scale.deviation[output];
                    // What is unknown must not be NaN: zero times NaN is NaN.
                    targets.push(if is_known { scaled } else { 0.0 });
                    known.push(f32::from(is_known));
                }
            }
        }
    }
}

/// A batch, or one group's part of it.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    /// `[sample][pixel][channel]`.
    pub inputs: Vec<f32>,
    /// Task after task `[sample][outputs]`: one-hot, or scaled numbers.
    pub targets: Vec<f32>,
    /// Task after task `[sample]` for classes, `[sample][outputs]` for numbers: 1 where known, else 0.
    pub known: Vec<f32>,
    /// Of each task, how many ones.
    pub counts: Vec<f32>,
    /// Of each task, the share of the whole batch's known labels that lies in this group; zero where there are none.
    pub shares: Vec<f32>,
}

impl Batch {
    /// Fills in samples; up to `width` they are followed by zeros of which nothing is known.
    pub fn fill(
        &mut self,
        set: &DataSet,
        standardise: Option<&Standardise>,
        heads: &[HeadLabels],
        samples: &[usize],
        width: usize,
    ) {
        let length = set.shape().len();
        self.inputs.clear();
        self.inputs.resize(width * length, 0.0);
        for (input, sample) in self.inputs.chunks_exact_mut(length).zip(samples) {
            set.render(*sample, Orientation::UPRIGHT, input);
            if let Some(standardise) = standardise {
                standardise.apply(input);
            }
        }
        self.targets.clear();
        self.known.clear();
        self.counts.clear();
        for head in heads {
            let (targets, known) = (self.targets.len(), self.known.len());
            samples.iter().for_each(|sample| head.push(*sample, &mut self.targets, &mut self.known));
            self.targets.resize(targets + width * head.outputs, 0.0);
            self.known.resize(known + width * head.masks(), 0.0);
            self.counts.push(self.known[known..].iter().sum());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_is_of_known_labels_of_the_chosen_samples() {
        let values = [1.0, 5.0, 3.0, 5.0, f32::NAN, 5.0, 100.0, 100.0];
        let scale = TargetScale::of(&values, 2, &[0, 1, 2]);
        assert_eq!((scale.mean.as_slice(), scale.deviation.as_slice()), (&[2.0, 5.0][..], &[1.0, 1.0][..]));
        assert_eq!(scale.restore(0, -1.0), 1.0);
    }

    #[test]
    fn unknown_labels_are_zeros_that_do_not_count() {
        let classes =
            Labels::Classes { names: vec!["a".into(), "b".into()], of: vec![Some(1), None, Some(0)] };
        let values = Labels::Values {
            names: vec!["x".into(), "y".into()],
            of: vec![1.0, f32::NAN, f32::NAN, f32::NAN, 3.0, 4.0],
        };
        let scale = TargetScale { mean: vec![1.0, 0.0], deviation: vec![2.0, 1.0] };
        let heads = [
            HeadLabels { labels: &classes, outputs: 2, scale: TargetScale::none(2) },
            HeadLabels { labels: &values, outputs: 2, scale },
        ];
        let tasks = vec![];
        let mut builder = supple_data::DataSetBuilder::new("set", supple_data::SampleShape::vector(1), tasks);
        (0..3).for_each(|i| builder.push("row", "d", &[i as f32], &[]).unwrap());
        let set = builder.finish().unwrap();
        let mut batch = Batch::default();
        batch.fill(&set, None, &heads, &[2, 0, 1], 4);
        assert_eq!(batch.inputs, [2.0, 0.0, 1.0, 0.0]);
        assert_eq!(batch.targets[..8], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(batch.targets[8..], [1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(batch.known, [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(batch.counts, [2.0, 3.0]);
        assert!(!heads[1].knows(1) && heads[1].knows(0));
    }
}
