//! What makes a head safe to adapt: checked once, on load.

use crate::check::MOST_ELEMENTS;
use crate::decode;
use crate::head::{HeadSpec, HeadTask, MOST_HEADS, MOST_OUTPUTS, Start};
use crate::read::{PackError, TrunkSpec, take};

/// Why a head cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadProblem {
    /// More heads than [`MOST_HEADS`].
    #[error("it is one head more than a pack may hold")]
    TooMany,
    /// Heads of a pack share one support cache.
    #[error("it would cache support samples in another way than the first head")]
    OtherCache,
    /// More memory than any device has.
    #[error("with the heads before it, it needs more memory than any device has")]
    Memory,
    /// Two heads of one name.
    #[error("a head before it has the same name")]
    SameName,
    /// Of another trunk.
    #[error("it was trained on another trunk")]
    OtherTrunk,
    /// Another number of features.
    #[error("it takes another number of features than the trunk gives")]
    Features,
    /// A capacity, a number of samples or of steps that is 0.
    #[error("it has room for no class or no sample, or takes no step")]
    Nothing,
    /// More outputs than [`MOST_OUTPUTS`].
    #[error("it has more outputs than labels can name")]
    Outputs,
    /// A momentum beyond its range.
    #[error("its momentum is not at least 0 and below 1")]
    Momentum,
    /// Prototypes of numbers.
    #[error("it starts from prototypes but predicts numbers, not classes")]
    PrototypesOfNumbers,
    /// A temperature that is none.
    #[error("the temperature of its prototypes is not a finite number above 0")]
    Temperature,
    /// Numbers that are not there.
    #[error("its numbers reach beyond the pack")]
    Outside,
    /// Numbers that are none.
    #[error("it holds a weight or a rate that is not a finite number")]
    NotFinite,
}

/// Checks that there are as many heads as the trunk says, nothing behind them, and each of them.
#[inline(never)]
pub(crate) fn check_heads(trunk: &TrunkSpec, heads: &[u8], weights: &[f32]) -> Result<(), PackError> {
    let mut rest = heads;
    let mut first = None;
    let mut words = 0;
    for index in 0..trunk.heads {
        let (spec, after) = take::<HeadSpec>(rest, "head")?;
        rest = after;
        words += head_words(&spec);
        let (max_support, cache) = *first.get_or_insert((spec.max_support, spec.cache));
        let problem = if index >= MOST_HEADS {
            Err(HeadProblem::TooMany)
        } else if max_support != spec.max_support || cache != spec.cache {
            Err(HeadProblem::OtherCache)
        } else if words > u64::from(MOST_ELEMENTS) {
            Err(HeadProblem::Memory)
        } else if has_name(heads, index, &spec.name) {
            Err(HeadProblem::SameName)
        } else {
            check(&spec, trunk, weights)
        };
        problem.map_err(|problem| PackError::Head { index, problem })?;
    }
    if rest.is_empty() { Ok(()) } else { Err(PackError::Structure { part: "end" }) }
}

/// Whether one of the first heads has a name.
fn has_name(mut heads: &[u8], count: u16, name: &str) -> bool {
    (0..count).any(|_| decode::take(&mut heads).is_some_and(|spec: HeadSpec| spec.name == name))
}

/// A head on its own.
fn check(spec: &HeadSpec, trunk: &TrunkSpec, weights: &[f32]) -> Result<(), HeadProblem> {
    if spec.trunk != trunk.hash {
        return Err(HeadProblem::OtherTrunk);
    }
    if usize::from(spec.features) != trunk.output.elements() {
        return Err(HeadProblem::Features);
    }
    if spec.capacity == 0 || spec.max_support == 0 || spec.steps == 0 {
        return Err(HeadProblem::Nothing);
    }
    if spec.capacity > MOST_OUTPUTS {
        return Err(HeadProblem::Outputs);
    }
    // What is no number lies in no range.
    if !(0.0..1.0).contains(&spec.momentum) {
        return Err(HeadProblem::Momentum);
    }
    if let Start::Prototypes { temperature } = spec.start {
        if spec.task == HeadTask::Numbers {
            return Err(HeadProblem::PrototypesOfNumbers);
        }
        if !(temperature > 0.0 && temperature.is_finite()) {
            return Err(HeadProblem::Temperature);
        }
    }
    let parts = numbers_of(spec, weights).ok_or(HeadProblem::Outside)?;
    if parts.into_iter().all(are_finite) { Ok(()) } else { Err(HeadProblem::NotFinite) }
}

/// Whether all numbers are finite.
#[inline(never)]
pub(crate) fn are_finite(numbers: &[f32]) -> bool {
    numbers.iter().all(|number| number.is_finite())
}

/// No less than a head and its support take of memory, in words; what is shared by heads is counted for each.
fn head_words(spec: &HeadSpec) -> u64 {
    let (support, capacity) = (u64::from(spec.max_support), u64::from(spec.capacity));
    let sample = u64::from(spec.features) + u64::from(spec.hidden) + 2 * capacity + 2;
    // Parameters, velocities, and the guard's copy of both.
    4 * spec.parameter_count() + support * sample + 3 * capacity + u64::from(spec.hidden)
}

/// A head's parameters and rates in place; `None` when they reach beyond the weights.
pub(crate) fn numbers_of<'p>(spec: &HeadSpec, weights: &'p [f32]) -> Option<[&'p [f32]; 2]> {
    let part =
        |offset: u32, length: u64| weights.get(offset as usize..)?.get(..usize::try_from(length).ok()?);
    Some([part(spec.parameters, spec.parameter_count())?, part(spec.rates, spec.rate_count())?])
}
