//! Runs a plan beside tract.
//!
//! tract's simplifications have been wrong before, and so may this compiler be. So no plan leaves before the
//! packed bytes, run by the device's own runtime, gave what the untouched model gives.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use supple_pack::read::{Pack, PackError};
use supple_pack::write::{AlignedBytes, TrunkParts, WriteError, pack};
use supple_runtime::{PlanTrunk, RunError, Trunk};

use crate::emit::{EmitError, emit};
use crate::front::{FrontError, Oracle};
use crate::lower::Lowered;
use crate::report::Agreement;
use crate::schedule::Schedule;

/// Difference allowed, as a part of the largest feature or of 1.
pub const TOLERANCE: f32 = 1e-4;

/// Why a plan was not let out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// tract could not run the model.
    #[error(transparent)]
    Oracle(#[from] FrontError),
    /// The plan makes no pack.
    #[error("the plan does not fit a pack: {0}")]
    Pack(#[from] WriteError),
    /// The pack could not be read back.
    #[error("the pack cannot be read back, which is a fault of the compiler: {0}")]
    Read(#[from] PackError),
    /// The runtime refused the plan.
    #[error("the plan cannot be run, which is a fault of the compiler: {0}")]
    Run(#[from] RunError),
    /// The plan is too large for a pack.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// Values overwrite each other.
    #[error(
        "on random input {input} the plan's values overwrite each other, which is a fault of the compiler; nothing \
         was written"
    )]
    Memory {
        /// Which input.
        input: usize,
    },
    /// The two disagree.
    #[error(
        "the plan gives other features than tract: they differ by {difference:e} where {allowed:e} is allowed \
         (feature {feature} of random input {input}). This is a fault of the compiler or of tract's \
         simplification, or the model's numbers overflow; nothing was written"
    )]
    Disagreement {
        /// Which input.
        input: usize,
        /// Which feature, in the plan's order.
        feature: usize,
        /// By how much.
        difference: f32,
        /// How much may be.
        allowed: f32,
    },
}

/// The places in the model's input and output of the elements of the plan's.
#[derive(Debug, Clone, Copy)]
pub struct Orders<'o> {
    pub input: &'o [u32],
    pub features: &'o [u32],
}

/// Runs both on `inputs` random inputs drawn from `seed`.
pub fn verify(
    parts: &TrunkParts,
    oracle: &Oracle,
    orders: Orders,
    inputs: usize,
    seed: u64,
) -> Result<Agreement, VerifyError> {
    let bytes = AlignedBytes::copy_of(&pack(parts, &[])?);
    let pack = Pack::parse(&bytes)?;
    let mut arena = vec![0.0; parts.arena as usize];
    let mut plan = PlanTrunk::new(&pack, &mut arena)?;
    let mut features = vec![0.0; plan.feature_length()];
    let mut agreement = Agreement { inputs, largest_difference: 0.0, largest_feature: 0.0 };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for input in 0..inputs {
        let values = random_input(&mut random, input, plan.input_length());
        let expected = oracle.features(&values)?;
        let ordered: Vec<f32> =
            orders.input.iter().filter_map(|place| values.get(*place as usize).copied()).collect();
        plan.features(&ordered, &mut features)?;
        let finite = expected.iter().filter(|value| value.is_finite());
        let largest = finite.fold(0.0f32, |largest, value| largest.max(value.abs()));
        let allowed = TOLERANCE * largest.max(1.0);
        for (feature, (found, place)) in features.iter().zip(orders.features).enumerate() {
            let difference = expected.get(*place as usize).map_or(f32::NAN, |value| distance(*found, *value));
            if difference.is_nan() || difference > allowed {
                return Err(VerifyError::Disagreement { input, feature, difference, allowed });
            }
            agreement.largest_difference = agreement.largest_difference.max(difference);
        }
        agreement.largest_feature = agreement.largest_feature.max(largest);
    }
    Ok(agreement)
}

/// Runs a plan beside the same operations with memory of their own for every value: sharing memory, working in place and
/// row by row must change no bit.
pub fn verify_memory(
    lowered: &Lowered,
    parts: &TrunkParts,
    inputs: usize,
    seed: u64,
) -> Result<(), VerifyError> {
    let apart = emit(lowered, &Schedule::apart(lowered), "apart")?.parts;
    let bytes = [parts, &apart].map(|parts| pack(parts, &[]).map(|bytes| AlignedBytes::copy_of(&bytes)));
    let [bytes, apart_bytes] = bytes;
    let (bytes, apart_bytes) = (bytes?, apart_bytes?);
    let (one, other) = (Pack::parse(&bytes)?, Pack::parse(&apart_bytes)?);
    let (mut arena, mut wide) = (vec![0.0; parts.arena as usize], vec![0.0; apart.arena as usize]);
    let (mut plan, mut apart) = (PlanTrunk::new(&one, &mut arena)?, PlanTrunk::new(&other, &mut wide)?);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut found, mut expected) = (vec![0.0; plan.feature_length()], vec![0.0; plan.feature_length()]);
    for input in 0..inputs {
        let values = random_input(&mut random, input, plan.input_length());
        plan.features(&values, &mut found)?;
        apart.features(&values, &mut expected)?;
        if found.iter().zip(&expected).any(|(a, b)| a.to_bits() != b.to_bits()) {
            return Err(VerifyError::Memory { input });
        }
    }
    Ok(())
}

/// How far two numbers are from each other. Where a model has no number (the logarithm of −1), the plan must have none
/// either; otherwise NaN is no agreement.
fn distance(found: f32, expected: f32) -> f32 {
    if found == expected || (found.is_nan() && expected.is_nan()) { 0.0 } else { (found - expected).abs() }
}

/// In turns: brightnesses of a picture, roughly normal values, and a picture that is mostly empty.
fn random_input(random: &mut ChaCha8Rng, index: usize, length: usize) -> Vec<f32> {
    let uniform = |random: &mut ChaCha8Rng| random.random::<f32>();
    (0..length)
        .map(|_| match index % 3 {
            0 => uniform(random),
            // The sum of twelve: the same on every machine, which a logarithm might not be.
            1 => (0..12).map(|_| uniform(random)).sum::<f32>() - 6.0,
            _ if uniform(random) < 0.1 => uniform(random),
            _ => 0.0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompileOptions, Layer, Model, compile, to_onnx};

    #[test]
    fn inputs_are_of_three_kinds_and_repeat() {
        let draw = |index| random_input(&mut ChaCha8Rng::seed_from_u64(1), index, 1000);
        assert!(draw(0).iter().all(|v| (0.0..1.0).contains(v)));
        assert!(draw(1).iter().any(|v| *v < -1.0));
        assert!(draw(2).iter().filter(|v| **v == 0.0).count() > 800);
        assert_eq!(draw(1), draw(1));
    }

    #[test]
    fn a_plan_that_is_slightly_wrong_is_held_back() {
        let layers = vec![Layer::Flatten, Layer::Dense { weights: vec![0.5; 6], bias: vec![1.0, 2.0] }];
        let onnx = to_onnx(&Model { name: String::new(), input: [3, 1, 1], layers }).unwrap();
        let mut parts = compile(&onnx, &CompileOptions::default()).unwrap().parts;
        let oracle = Oracle::new(&onnx).unwrap();
        let run = |parts: &TrunkParts| {
            verify(parts, &oracle, Orders { input: &[0, 1, 2], features: &[0, 1] }, 3, 0)
        };
        assert_eq!(run(&parts).unwrap().inputs, 3);
        // The second bias comes after one block of weights, [1][3][8].
        parts.weights[25] += 0.01;
        assert!(matches!(run(&parts), Err(VerifyError::Disagreement { feature: 1, .. })));
        parts.weights[25] = f32::NAN;
        assert!(matches!(run(&parts), Err(VerifyError::Pack(_))));
    }
}
