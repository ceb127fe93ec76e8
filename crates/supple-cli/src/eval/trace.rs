//! What a head does in an episode: every query's logits before adaptation and after each step, and the final head.

use supple_data::Sample;
use supple_data::tasks::TaskEpisode;
use supple_pack::Head;
use supple_runtime::{AdaptError, HeadMemory, Learner, MemoryNeed};

/// How episodes are adapted to.
pub struct Plan<'a> {
    /// Gradient steps.
    pub steps: usize,
    /// The head to start from.
    pub head: &'a Head<'a>,
    /// Whether an episode's classes start from their own rows of the head, or from the first.
    pub own_rows: bool,
}

/// What a head did in an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// `[step][query][way]`, from step 0, before adaptation.
    pub logits: Vec<f32>,
    /// Weights `[way][features]`, then biases `[way]`, after the last step.
    pub head: Vec<f32>,
    /// Classes.
    pub way: usize,
}

/// A head did not adapt.
#[derive(Debug, thiserror::Error)]
#[error("the head did not adapt: {0}")]
pub struct TraceError(#[from] AdaptError);

impl Plan<'_> {
    /// The same for another start.
    pub fn of<'b>(&self, head: &'b Head<'b>) -> Plan<'b> {
        Plan { steps: self.steps, head, own_rows: self.own_rows }
    }

    /// The rows of the head that an episode's classes start from.
    pub fn rows(&self, episode: &TaskEpisode) -> Vec<u16> {
        // That every class has a row was checked before.
        let row = |(label, &class): (usize, &u32)| if self.own_rows { class as u16 } else { label as u16 };
        episode.classes.iter().enumerate().map(row).collect()
    }

    /// Adapts to an episode's support and judges its queries, in the device's arithmetic.
    pub fn trace<'f>(
        &self,
        episode: &TaskEpisode,
        feature: impl Fn(usize) -> &'f [f32],
    ) -> Result<Trace, TraceError> {
        let need = MemoryNeed::of_head(&self.head.spec);
        let (mut floats, mut labels) = (vec![0.0; need.learner()], vec![0; need.labels]);
        let memory = HeadMemory { floats: &mut floats, labels: &mut labels };
        let mut learner = Learner::new(self.head.clone(), memory)?;
        learner.begin_rows(&self.rows(episode))?;
        for Sample { drawing, label, .. } in &episode.support {
            learner.push_support(feature(*drawing), *label)?;
        }
        let mut logits = Vec::with_capacity((self.steps + 1) * episode.query.len() * episode.way);
        for step in 0..=self.steps {
            if step > 0 {
                learner.step()?;
            }
            for Sample { drawing, .. } in &episode.query {
                logits.extend(learner.classify(feature(*drawing))?);
            }
        }
        let head = [learner.weights(), learner.bias()].concat();
        Ok(Trace { logits, head, way: episode.way })
    }
}

impl Trace {
    /// The class chosen for each query after so many steps: the first of the largest logits.
    pub fn chosen(&self, step: usize, queries: usize) -> Vec<usize> {
        let start = step * queries * self.way;
        let rows = self.logits[start..start + queries * self.way].chunks_exact(self.way);
        rows.map(|row| {
            (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
        })
        .collect()
    }

    /// Fraction of the queries chosen right after each step, from step 0. A logit that is no number is wrong.
    pub fn accuracies(&self, episode: &TaskEpisode) -> Vec<f64> {
        let queries = episode.query.len();
        let steps = self.logits.len() / (queries * self.way);
        (0..steps)
            .map(|step| {
                let rows = self.logits[step * queries * self.way..].chunks_exact(self.way);
                let right = self.chosen(step, queries).into_iter().zip(&episode.query).zip(rows);
                let right = right.filter(|((chosen, query), row)| {
                    *chosen == query.label && row.iter().all(|l| !l.is_nan())
                });
                right.count() as f64 / queries as f64
            })
            .collect()
    }

    /// Whether all logits and the head are the same bits. Any NaN equals any NaN.
    pub fn same_bits(&self, other: &Self) -> bool {
        let same = |a: &[f32], b: &[f32]| {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
        };
        same(&self.logits, &other.logits) && same(&self.head, &other.head)
    }
}

#[cfg(test)]
mod tests {
    use supple_data::Orientation;

    use super::*;

    fn trace(logits: Vec<f32>) -> Trace {
        Trace { logits, head: vec![1.0], way: 2 }
    }

    #[test]
    fn accuracies_by_step() {
        let sample = |label| Sample { drawing: 0, orientation: Orientation::UPRIGHT, label };
        let query = vec![sample(0), sample(1)];
        let episode = TaskEpisode { way: 2, support: vec![], query, classes: vec![0, 1], domain: None };
        // Ties go to the first class; a NaN is never right.
        let trace = trace(vec![0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 1.0, 2.0, 1.0, f32::NAN, 0.0, 1.0]);
        assert_eq!(trace.accuracies(&episode), [0.5, 1.0, 0.5]);
        assert_eq!(trace.chosen(1, 2), [0, 1]);
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
