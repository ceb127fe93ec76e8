//! Features of every drawing in an evaluation, each computed once.

use rayon::prelude::*;
use supple_data::Drawings;
use supple_data::render::{INPUT_LENGTH, Orientation};
use supple_pack::Pack;
use supple_runtime::trunk::tract::TractError;
use supple_runtime::{PlanTrunk, RunError, TractTrunk, Trunk};

use super::cast::Cast;

/// Drawings that one thread takes at a time.
const AT_ONCE: usize = 32;

/// Feature vectors by drawing.
pub struct Features {
    drawings: Vec<usize>,
    values: Vec<f32>,
    length: usize,
}

/// Why a trunk did not run.
#[derive(Debug, thiserror::Error)]
pub enum FeaturesError {
    /// The plan.
    #[error(transparent)]
    Plan(#[from] RunError),
    /// tract.
    #[error(transparent)]
    Tract(#[from] TractError),
}

impl Features {
    /// Of one drawing; empty for one that has no part in the evaluation.
    pub fn of(&self, drawing: usize) -> &[f32] {
        let place = self.drawings.binary_search(&drawing);
        place.map_or(&[], |place| &self.values[place * self.length..][..self.length])
    }

    /// All of them.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// How many drawings.
    pub fn drawings(&self) -> usize {
        self.drawings.len()
    }
}

/// By the plan, in the device's arithmetic.
pub fn twin(pack: &Pack, set: &Drawings, cast: &Cast) -> Result<Features, FeaturesError> {
    run(pack, cast, |drawings| {
        let mut arena = vec![0.0; pack.trunk().arena as usize];
        Ok(run_some(&mut PlanTrunk::new(pack, &mut arena)?, set, drawings)?)
    })
}

/// By tract.
pub fn tract(pack: &Pack, set: &Drawings, cast: &Cast) -> Result<Features, FeaturesError> {
    let trunk = TractTrunk::new(pack)?;
    run(pack, cast, |drawings| Ok(run_some(&mut trunk.clone(), set, drawings)?))
}

fn run(
    pack: &Pack,
    cast: &Cast,
    some: impl Fn(&[usize]) -> Result<Vec<f32>, FeaturesError> + Sync,
) -> Result<Features, FeaturesError> {
    let parts: Vec<Vec<f32>> = cast.drawings.par_chunks(AT_ONCE).map(&some).collect::<Result<_, _>>()?;
    let length = pack.trunk().output.elements();
    Ok(Features { drawings: cast.drawings.clone(), values: parts.concat(), length })
}

fn run_some<T: Trunk>(trunk: &mut T, set: &Drawings, drawings: &[usize]) -> Result<Vec<f32>, T::Error> {
    let length = trunk.feature_length();
    let mut values = vec![0.0; drawings.len() * length];
    let mut input = [0.0; INPUT_LENGTH];
    for (drawing, feature) in drawings.iter().zip(values.chunks_exact_mut(length)) {
        set.render(*drawing, Orientation::UPRIGHT, &mut input);
        trunk.features(&input, feature)?;
    }
    Ok(values)
}
