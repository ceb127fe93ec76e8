//! Adapts to every episode and judges, in the device's arithmetic.

use rayon::prelude::*;

use super::cast::Cast;
use super::features::Features;
use super::trace::{Plan, Trace, TraceError};

/// What an engine gave: the scores of each episode by step, and all of the first episode.
pub struct Judged {
    /// Accuracies or squared errors, `[episode][step]`, from step 0.
    pub scores: Vec<Vec<f64>>,
    /// Of the first episode.
    pub first: Trace,
}

/// Of all but the first episode, only the scores are kept.
pub fn judge(plan: &Plan, cast: &Cast, features: &Features) -> Result<Judged, TraceError> {
    let first = plan.trace(&cast.episodes[0], |sample| features.of(sample))?;
    Ok(Judged { scores: scores(plan, cast, features)?, first })
}

/// Accuracies or squared errors by episode and step.
pub fn scores(plan: &Plan, cast: &Cast, features: &Features) -> Result<Vec<Vec<f64>>, TraceError> {
    let episodes = cast.episodes.par_iter();
    episodes
        .map(|episode| Ok(plan.trace(episode, |sample| features.of(sample))?.scores(episode, plan.answers)))
        .collect()
}

/// How many episodes are the twin's, bit for bit.
pub fn equal_to_twin(
    plan: &Plan,
    cast: &Cast,
    twin: &Features,
    traces: &[Trace],
) -> Result<usize, TraceError> {
    let equal = cast.episodes.par_iter().zip(traces).map(|(episode, found)| {
        let expected = plan.trace(episode, |sample| twin.of(sample))?;
        Ok(usize::from(found.same_bits(&expected)))
    });
    equal.sum()
}
