//! Runs a pack's plan, its weights read in place.

use supple_pack::{Op, Pack};

use super::Trunk;
use super::memory::{read, write};
use super::op::run_op;
use super::rows::run_group;

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
        write(self.arena, &self.pack.trunk().input).unwrap_or_default()
    }

    /// The feature vector of the last run; gone once the next input is being written.
    pub fn feature(&self) -> &[f32] {
        read(self.arena, &self.pack.trunk().output).unwrap_or_default()
    }

    /// Where the feature vector lies, to put one there that something else computed.
    pub fn feature_mut(&mut self) -> &mut [f32] {
        write(self.arena, &self.pack.trunk().output).unwrap_or_default()
    }

    /// Runs the plan on the input written before.
    pub fn run(&mut self) -> Result<&[f32], RunError> {
        self.run_each(|_, _, _| {})
    }

    /// Runs the plan and calls after each operation with its number, itself and the arena, for a host that wants to
    /// see the values between. Operations that run row by row are called for once, as the [`Op::Rows`] before them.
    ///
    /// # Shapes
    /// `input` `[height][width][channels]`, flattened.
    pub fn run_observed(
        &mut self,
        input: &[f32],
        observe: impl FnMut(usize, &Op, &[f32]),
    ) -> Result<&[f32], RunError> {
        self.write_input(input)?;
        self.run_each(observe)
    }

    /// Not inlined: what it keeps on the stack is not to be there while something else runs.
    #[inline(never)]
    fn run_each(&mut self, mut observe: impl FnMut(usize, &Op, &[f32])) -> Result<&[f32], RunError> {
        let weights = self.pack.weights();
        let mut ops = self.pack.ops();
        let mut index = 0;
        while let Some(op) = ops.next() {
            let (done, count) = match op {
                Op::Rows { ops: count } if cfg!(feature = "rows") => {
                    (run_group(&mut ops, count, self.arena, weights), usize::from(count))
                }
                _ => (run_op(&op, self.arena, weights), 0),
            };
            done.ok_or(RunError::Op(index))?;
            observe(index, &op, self.arena);
            index += 1 + count;
        }
        Ok(self.feature())
    }

    fn write_input(&mut self, input: &[f32]) -> Result<(), RunError> {
        self.check_length(input.len(), self.input_length())?;
        self.input_mut().iter_mut().zip(input).for_each(|(place, value)| *place = *value);
        Ok(())
    }

    fn check_length(&self, got: usize, expected: usize) -> Result<(), RunError> {
        let (input, feature) = (self.input_length(), self.feature_length());
        if got == expected { Ok(()) } else { Err(RunError::Length { input, feature, got }) }
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

    fn input_mut(&mut self) -> &mut [f32] {
        self.input_mut()
    }

    fn run(&mut self) -> Result<&[f32], RunError> {
        self.run()
    }

    fn feature(&self) -> &[f32] {
        self.feature()
    }

    fn feature_mut(&mut self) -> &mut [f32] {
        self.feature_mut()
    }

    fn features(&mut self, input: &[f32], feature: &mut [f32]) -> Result<(), RunError> {
        self.check_length(feature.len(), self.feature_length())?;
        self.write_input(input)?;
        feature.copy_from_slice(self.run()?);
        Ok(())
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(super) mod tests;
