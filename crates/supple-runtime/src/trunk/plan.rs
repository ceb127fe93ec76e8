//! Runs a pack's plan, its weights read in place.

use supple_pack::{Op, Pack, Value};

use super::Trunk;
use crate::kernels::convolution::convolution;
use crate::kernels::dense::dense;
use crate::kernels::pool::{global_average_pool, max_pool};
use crate::kernels::relu;

/// A pack's trunk and the arena that its plan runs in.
#[derive(Debug)]
pub struct PlanTrunk<'p, 'm> {
    pack: Pack<'p>,
    arena: &'m mut [f32],
}

/// Why a plan did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Too little memory.
    #[error(
        "the plan needs an arena of {needed} floats but got {given}: give it as many as `MemoryNeed` says"
    )]
    ArenaTooSmall {
        /// In `f32`.
        needed: usize,
        /// In `f32`.
        given: usize,
    },
    /// An input or a feature vector of another length.
    #[error("the trunk takes {input} values and gives {feature}, but got {got}")]
    Length {
        /// Elements of an input.
        input: usize,
        /// Elements of a feature vector.
        feature: usize,
        /// As given.
        got: usize,
    },
    /// An operation that does not fit its arena. A pack that was read has none.
    #[error("operation {0} of the plan does not fit the arena: read the pack again")]
    Op(usize),
}

impl<'p, 'm> PlanTrunk<'p, 'm> {
    /// Takes the first part of `arena`, as much as the plan needs.
    pub fn new(pack: &Pack<'p>, arena: &'m mut [f32]) -> Result<Self, RunError> {
        let (needed, given) = (pack.trunk().arena as usize, arena.len());
        let arena = arena.get_mut(..needed).ok_or(RunError::ArenaTooSmall { needed, given })?;
        Ok(Self { pack: pack.clone(), arena })
    }

    /// The pack it runs.
    pub fn pack(&self) -> &Pack<'p> {
        &self.pack
    }

    /// Where to write an input before [`run`](Self::run); what it held is gone after a run.
    pub fn input_mut(&mut self) -> &mut [f32] {
        let Value { offset, .. } = self.pack.trunk().input;
        let length = self.pack.trunk().input.elements();
        self.arena.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..length)).unwrap_or_default()
    }

    /// The feature vector of the last run; gone once the next input is being written.
    pub fn feature(&self) -> &[f32] {
        read(self.arena, &self.pack.trunk().output).unwrap_or_default()
    }

    /// Runs the plan on the input written before.
    pub fn run(&mut self) -> Result<&[f32], RunError> {
        let weights = self.pack.weights();
        for (index, op) in self.pack.ops().enumerate() {
            run_op(&op, self.arena, weights).ok_or(RunError::Op(index))?;
        }
        Ok(self.feature())
    }
}

impl Trunk for PlanTrunk<'_, '_> {
    type Error = RunError;

    fn input_length(&self) -> usize {
        self.pack.trunk().input.elements()
    }

    fn feature_length(&self) -> usize {
        self.pack.trunk().output.elements()
    }

    fn features(&mut self, input: &[f32], feature: &mut [f32]) -> Result<(), RunError> {
        let lengths = (self.input_length(), self.feature_length());
        for (got, expected) in [(input.len(), lengths.0), (feature.len(), lengths.1)] {
            if got != expected {
                return Err(RunError::Length { input: lengths.0, feature: lengths.1, got });
            }
        }
        self.input_mut().copy_from_slice(input);
        feature.copy_from_slice(self.run()?);
        Ok(())
    }
}

fn run_op(op: &Op, arena: &mut [f32], weights: &[f32]) -> Option<()> {
    let from_weights = |at: u32, length: u64| weights.get(at as usize..)?.get(..length as usize);
    match op {
        Op::Conv2d { input, output, window, activation, .. } => {
            let [(weights, count), (bias, outputs)] = op.weights()?;
            let (weights, bias) = (from_weights(weights, count)?, from_weights(bias, outputs)?);
            let (from, to) = both(arena, input, output)?;
            convolution(from, &input.shape, to, &output.shape, window, weights, bias, *activation);
        }
        Op::Dense { input, output, activation, .. } => {
            let [(weights, count), (bias, outputs)] = op.weights()?;
            let (weights, bias) = (from_weights(weights, count)?, from_weights(bias, outputs)?);
            let (from, to) = both(arena, input, output)?;
            dense(from, to, weights, bias, *activation);
        }
        Op::MaxPool { input, output, window } => {
            let (from, to) = both(arena, input, output)?;
            max_pool(from, &input.shape, to, &output.shape, window);
        }
        Op::GlobalAveragePool { input, output } => {
            let (from, to) = both(arena, input, output)?;
            global_average_pool(from, to);
        }
        Op::Relu { input, output } if input.offset == output.offset => {
            let values = arena.get_mut(input.offset as usize..)?.get_mut(..input.elements())?;
            values.iter_mut().for_each(|value| *value = relu(*value));
        }
        Op::Relu { input, output } => {
            let (from, to) = both(arena, input, output)?;
            to.iter_mut().zip(from).for_each(|(to, from)| *to = relu(*from));
        }
    }
    Some(())
}

fn read<'a>(arena: &'a [f32], value: &Value) -> Option<&'a [f32]> {
    arena.get(value.offset as usize..)?.get(..value.elements())
}

/// One value to read, another to write; `None` when they overlap.
fn both<'a>(arena: &'a mut [f32], input: &Value, output: &Value) -> Option<(&'a [f32], &'a mut [f32])> {
    let (from, to) = (input.offset as usize, output.offset as usize);
    let (read, written) = if from < to {
        let (low, high) = arena.split_at_mut_checked(to)?;
        (low.get(from..)?, high)
    } else {
        let (low, high) = arena.split_at_mut_checked(from)?;
        (&*high, low.get_mut(to..)?)
    };
    Some((read.get(..input.elements())?, written.get_mut(..output.elements())?))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(super) mod tests;
