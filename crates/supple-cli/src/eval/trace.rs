//! What a head does in an episode: every query's outputs before adaptation and after each step, and the final head.

use supple_data::Sample;
use supple_data::tasks::TaskEpisode;
use supple_pack::Head;
use supple_runtime::{AdaptError, CacheError, HeadMemory, Label, Learner, MemoryNeed, SupportCache, Use};

use super::metric::Metric;

/// How episodes are adapted to.
pub struct Plan<'a> {
    /// Gradient steps.
    pub steps: usize,
    /// The head to start from.
    pub head: &'a Head<'a>,
    /// What samples are labelled with.
    pub answers: Answers<'a>,
}

/// What samples are labelled with.
#[derive(Debug, Clone, Copy)]
pub enum Answers<'a> {
    /// Classes.
    Classes {
        /// Whether an episode's classes start from their own rows of the head, or from the first.
        own_rows: bool,
    },
    /// Numbers.
    Numbers {
        /// `[sample][outputs]`.
        of: &'a [f32],
        /// How many a sample has.
        outputs: usize,
    },
}

/// What a head did in an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Logits or numbers, `[step][query][width]`, from step 0, before adaptation.
    pub outputs: Vec<f32>,
    /// All layers, each weights `[outputs][inputs]`, then biases, after the last step.
    pub head: Vec<f32>,
    /// Classes, or numbers.
    pub width: usize,
}

/// A head did not adapt.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// A step or a label was refused.
    #[error("the head did not adapt: {0}")]
    Adapt(#[from] AdaptError),
    /// A feature vector was refused.
    #[error("the head did not adapt: {0}")]
    Cache(#[from] CacheError),
}

impl<'a> Answers<'a> {
    /// What outputs are judged by.
    pub fn metric(self) -> Metric {
        match self {
            Self::Classes { .. } => Metric::Accuracy,
            Self::Numbers { .. } => Metric::Loss,
        }
    }

    /// Outputs of a head in an episode: its classes, of which there are `way`, or numbers.
    pub fn width(self, way: usize) -> usize {
        match self {
            Self::Classes { .. } => way,
            Self::Numbers { outputs, .. } => outputs,
        }
    }

    /// A sample's label.
    pub fn label(self, sample: &Sample) -> Label<'a> {
        match self {
            Self::Classes { .. } => Label::Class(sample.label),
            Self::Numbers { of, outputs } => Label::Numbers(&of[sample.drawing * outputs..][..outputs]),
        }
    }

    /// Samples' labels as numbers, `[output][sample]`: one-hot for classes.
    pub fn targets(self, samples: &[Sample], way: usize) -> Vec<Vec<f64>> {
        let of = |output: usize| {
            let target = |sample: &Sample| match self {
                Self::Classes { .. } => f64::from(u8::from(sample.label == output)),
                Self::Numbers { of, outputs } => f64::from(of[sample.drawing * outputs + output]),
            };
            samples.iter().map(target).collect()
        };
        (0..self.width(way)).map(of).collect()
    }

    /// How good a query's outputs are: 1 where the class is right and all logits are numbers, or the mean squared error.
    pub fn score<N: Copy + PartialOrd + Into<f64>>(self, query: &Sample, outputs: &[N]) -> f64 {
        match self.label(query) {
            Label::Numbers(wanted) => {
                let error = |(found, wanted): (&N, &f32)| ((*found).into() - f64::from(*wanted)).powi(2);
                outputs.iter().zip(wanted).map(error).sum::<f64>() / wanted.len() as f64
            }
            _ => {
                let right =
                    largest(outputs) == query.label && outputs.iter().all(|logit| !(*logit).into().is_nan());
                f64::from(u8::from(right))
            }
        }
    }
}

/// The first of the largest.
fn largest<N: PartialOrd>(logits: &[N]) -> usize {
    (1..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best })
}

impl<'a> Plan<'a> {
    /// The same for another start.
    pub fn of<'b>(&self, head: &'b Head<'b>) -> Plan<'b>
    where
        'a: 'b,
    {
        Plan { steps: self.steps, head, answers: self.answers }
    }

    /// The rows of the head that an episode's classes start from.
    pub fn rows(&self, episode: &TaskEpisode) -> Vec<u16> {
        match self.answers {
            // That every class has a row was checked before.
            Answers::Classes { own_rows: true } => {
                episode.classes.iter().map(|class| *class as u16).collect()
            }
            answers => (0..answers.width(episode.way) as u16).collect(),
        }
    }

    /// Adapts to an episode's support and judges its queries, in the device's arithmetic.
    pub fn trace<'f>(
        &self,
        episode: &TaskEpisode,
        feature: impl Fn(usize) -> &'f [f32],
    ) -> Result<Trace, TraceError> {
        let need = MemoryNeed::of_head(&self.head.spec);
        let (mut floats, mut words) = (vec![0.0; need.learner()], vec![0.0; need.support()]);
        let mut labels = vec![0; need.labels];
        let mut cache = SupportCache::new(&self.head.spec, &mut words)?;
        let memory = HeadMemory { floats: &mut floats, labels: &mut labels };
        let mut learner = Learner::new(self.head.clone(), memory)?;
        learner.begin_rows(&self.rows(episode))?;
        for sample in &episode.support {
            let place = cache.push(feature(sample.drawing))?;
            learner.label(place, self.answers.label(sample), Use::Support)?;
        }
        let width = self.answers.width(episode.way);
        let mut outputs = Vec::with_capacity((self.steps + 1) * episode.query.len() * width);
        for step in 0..=self.steps {
            if step > 0 {
                learner.step(&mut cache)?;
            }
            for Sample { drawing, .. } in &episode.query {
                outputs.extend(learner.outputs(feature(*drawing))?);
            }
        }
        Ok(Trace { outputs, head: learner.parameters().concat(), width })
    }
}

impl Trace {
    /// The class chosen for each query after so many steps: the first of the largest logits.
    pub fn chosen(&self, step: usize, queries: usize) -> Vec<usize> {
        let start = step * queries * self.width;
        let rows = self.outputs[start..start + queries * self.width].chunks_exact(self.width);
        rows.map(largest).collect()
    }

    /// After each step, from step 0, the fraction of the queries that are right (a logit that is no number is wrong),
    /// or the mean squared error.
    pub fn scores(&self, episode: &TaskEpisode, answers: Answers) -> Vec<f64> {
        let queries = episode.query.len();
        let steps = self.outputs.chunks_exact(queries * self.width);
        let score = |outputs: &[f32]| -> f64 {
            let rows = outputs.chunks_exact(self.width).zip(&episode.query);
            rows.map(|(row, query)| answers.score(query, row)).sum::<f64>() / queries as f64
        };
        steps.map(score).collect()
    }

    /// Whether all outputs and the head are the same bits. Any NaN equals any NaN.
    pub fn same_bits(&self, other: &Self) -> bool {
        let same = |a: &[f32], b: &[f32]| {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
        };
        same(&self.outputs, &other.outputs) && same(&self.head, &other.head)
    }
}

#[cfg(test)]
mod tests {
    use supple_data::Orientation;

    use super::*;

    fn trace(outputs: Vec<f32>) -> Trace {
        Trace { outputs, head: vec![1.0], width: 2 }
    }

    fn episode() -> TaskEpisode {
        let sample = |drawing| Sample { drawing, orientation: Orientation::UPRIGHT, label: drawing };
        TaskEpisode {
            way: 2,
            support: vec![],
            query: vec![sample(0), sample(1)],
            classes: vec![0, 1],
            domain: None,
        }
    }

    #[test]
    fn accuracies_by_step() {
        // Ties go to the first class; a NaN is never right.
        let trace = trace(vec![0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 1.0, 2.0, 1.0, f32::NAN, 0.0, 1.0]);
        assert_eq!(trace.scores(&episode(), Answers::Classes { own_rows: false }), [0.5, 1.0, 0.5]);
        assert_eq!(trace.chosen(1, 2), [0, 1]);
    }

    #[test]
    fn squared_errors_by_step() {
        let answers = Answers::Numbers { of: &[1.0, 2.0, 3.0, 4.0], outputs: 2 };
        let trace = trace(vec![1.0, 2.0, 3.0, 4.0, 0.0, 2.0, 3.0, 7.0]);
        assert_eq!(trace.scores(&episode(), answers), [0.0, (1.0 / 2.0 + 9.0 / 2.0) / 2.0]);
    }

    #[test]
    fn one_bit_is_a_difference_and_two_nans_are_none() {
        let same = |a: f32, b: f32| trace(vec![a, 1.0]).same_bits(&trace(vec![b, 1.0]));
        assert!(same(1.0, 1.0));
        assert!(!same(1.0, f32::from_bits(1.0f32.to_bits() + 1)));
        assert!(!same(0.0, -0.0));
        assert!(same(f32::NAN, -f32::NAN));
    }
}
