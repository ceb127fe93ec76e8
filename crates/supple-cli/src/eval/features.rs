//! Features of every sample in an evaluation, each computed once.

use rayon::prelude::*;
use supple_data::{DataSet, Orientation};
use supple_pack::Pack;
use supple_runtime::trunk::tract::TractError;
use supple_runtime::{PlanTrunk, RunError, TractTrunk, Trunk};

/// Samples that one thread takes at a time.
const AT_ONCE: usize = 32;

/// Feature vectors by sample.
pub struct Features {
    samples: Vec<usize>,
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
    /// Of samples, ascending, with their values.
    #[cfg(test)]
    pub fn of_values(samples: Vec<usize>, values: Vec<f32>, length: usize) -> Self {
        Self { samples, values, length }
    }

    /// Of one sample; empty for one that has no part in the evaluation.
    pub fn of(&self, sample: usize) -> &[f32] {
        let place = self.samples.binary_search(&sample);
        place.map_or(&[], |place| &self.values[place * self.length..][..self.length])
    }

    /// The samples, ascending.
    pub fn samples(&self) -> &[usize] {
        &self.samples
    }

    /// Length of a feature vector.
    pub fn length(&self) -> usize {
        self.length
    }
}

/// By the plan, in the device's arithmetic. Samples are given ascending.
pub fn twin(pack: &Pack, set: &DataSet, samples: Vec<usize>) -> Result<Features, FeaturesError> {
    run(pack, samples, |samples| {
        let mut arena = vec![0.0; pack.trunk().arena as usize];
        Ok(run_some(&mut PlanTrunk::new(pack, &mut arena)?, set, samples)?)
    })
}

/// By tract.
pub fn tract(pack: &Pack, set: &DataSet, samples: Vec<usize>) -> Result<Features, FeaturesError> {
    let trunk = TractTrunk::new(pack)?;
    run(pack, samples, |samples| Ok(run_some(&mut trunk.clone(), set, samples)?))
}

fn run(
    pack: &Pack,
    samples: Vec<usize>,
    some: impl Fn(&[usize]) -> Result<Vec<f32>, FeaturesError> + Sync,
) -> Result<Features, FeaturesError> {
    let parts: Vec<Vec<f32>> = samples.par_chunks(AT_ONCE).map(&some).collect::<Result<_, _>>()?;
    let length = pack.trunk().output.elements();
    Ok(Features { samples, values: parts.concat(), length })
}

fn run_some<T: Trunk>(trunk: &mut T, set: &DataSet, samples: &[usize]) -> Result<Vec<f32>, T::Error> {
    let length = trunk.feature_length();
    let mut values = vec![0.0; samples.len() * length];
    let mut input = vec![0.0; set.shape().len()];
    for (sample, feature) in samples.iter().zip(values.chunks_exact_mut(length)) {
        set.render(*sample, Orientation::UPRIGHT, &mut input);
        trunk.features(&input, feature)?;
    }
    Ok(values)
}
