//! The device's trunk as what a head is trained on: its plan, in its arithmetic.

use rayon::prelude::*;
use supple_data::SampleShape;
use supple_meta::trainer::fixed::FixedTrunk;
use supple_pack::Pack;
use supple_runtime::{PlanTrunk, Trunk};

/// Samples that one thread takes at a time.
const AT_ONCE: usize = 16;

/// A plan that is run here.
#[derive(Debug)]
pub struct Twin<'p>(pub Pack<'p>);

impl FixedTrunk for Twin<'_> {
    fn name(&self) -> [u8; 16] {
        self.0.trunk().hash.0
    }

    fn input(&self) -> SampleShape {
        let shape = self.0.trunk().input.shape;
        SampleShape {
            height: shape.height.into(),
            width: shape.width.into(),
            channels: shape.channels.into(),
        }
    }

    fn features(&self) -> usize {
        self.0.trunk().output.elements()
    }

    fn run(&self, inputs: &[f32], features: &mut [f32]) {
        let (input, feature) = (self.0.trunk().input.elements(), self.features());
        let parts = inputs.par_chunks(AT_ONCE * input).zip(features.par_chunks_mut(AT_ONCE * feature));
        parts.for_each(|(inputs, features)| {
            let mut arena = vec![0.0; self.0.trunk().arena as usize];
            let mut plan = PlanTrunk::new(&self.0, &mut arena);
            for (input, feature) in inputs.chunks_exact(input).zip(features.chunks_exact_mut(feature)) {
                let done = plan.as_mut().map(|plan| plan.features(input, feature));
                // Neither happens with a pack that was read; if it does, the training says that it diverged.
                if !matches!(done, Ok(Ok(()))) {
                    feature.fill(f32::NAN);
                }
            }
        });
    }
}
