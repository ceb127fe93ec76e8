//! Bytes to a small plan with heads; what is sound is run twice and must give the same bits: a plan on random inputs,
//! then heads that are begun, labelled and adapted.
//!
//! | file | holds |
//! |---|---|
//! | `generate` | bytes to a pack |
//! | `op` | its operations |
//! | `head` | its heads, and what is done with them |
//! | `numbers` | weights and inputs |
#![no_main]

mod generate;
mod head;
mod numbers;
mod op;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use supple_fuzz::bytes::{Room, walk};
use supple_fuzz::seeds;
use supple_pack::{Op, Pack};
use supple_runtime::{PlanTrunk, Trunk};

use generate::Plan;

/// Elements visited by a plan that is run here; a sound plan may do far more.
const MOST_WORK: u64 = 20_000;
/// Words of the arena, with some behind it that nobody may touch.
const ARENA: usize = op::SLOTS * op::SLOT + 16;

fuzz_target!(init: seeds::write(first_inputs()), |input: &[u8]| {
    let mut u = Unstructured::new(input);
    if let Ok(plan) = Plan::arbitrary(&mut u) {
        let _ = run(&plan, u.take_rest());
    }
});

fn run(plan: &Plan, rest: &[u8]) -> Result<()> {
    let mut room = Room::default();
    let Ok(pack) = Pack::parse(plan.write(&mut room)) else { return Ok(()) };
    walk(&pack);
    if pack.ops().map(|op| work(&op)).sum::<u64>() > MOST_WORK {
        return Ok(());
    }
    let feature = features(&pack, rest)?;
    same(&feature, &features(&pack, rest)?);
    if let Some(other) = plan.one_by_one().filter(|_| plan.is_sound) {
        let mut room = Room::default();
        let pack =
            Pack::parse(other.write(&mut room)).expect("a plan without groups is sound if it was with them");
        same(&feature, &features(&pack, rest)?);
    }
    let mut learnt = [0.0, f32::NAN].map(|garbage| {
        let mut seen = Vec::with_capacity(256);
        let mut u = Unstructured::new(rest);
        let _ = head::learn(&pack, &feature, garbage, &mut u, &mut seen);
        seen
    });
    let [one, other] = &mut learnt;
    same(one, other);
    Ok(())
}

/// The feature vector of an input.
fn features(pack: &Pack, rest: &[u8]) -> Result<Vec<f32>> {
    let mut arena = [1.5; ARENA];
    let words = pack.trunk().arena as usize;
    let mut trunk = PlanTrunk::new(pack, &mut arena[..words]).expect("as much as it needs");
    numbers::input(&mut Unstructured::new(rest), trunk.input_mut())?;
    let feature = trunk.run().expect("a sound plan runs").to_vec();
    assert_eq!(feature.len(), trunk.feature_length());
    Ok(feature)
}

/// Bit for bit, but that any NaN is any other.
fn same(one: &[f32], other: &[f32]) {
    let bits = |number: &f32| if number.is_nan() { u32::MAX } else { number.to_bits() };
    assert!(one.iter().map(bits).eq(other.iter().map(bits)), "{one:?} is not {other:?}");
}

/// Elements visited.
fn work(op: &Op) -> u64 {
    let elements = op.inputs().into_iter().flatten().chain(op.output()).map(|value| value.shape.elements());
    let moved = if let Op::Copy { walk, .. } = op { walk.elements() } else { 0 };
    let taps = op.window().map_or(1, |window| window.taps());
    op.macs().saturating_add(moved).saturating_add(elements.sum::<u64>().saturating_mul(taps))
}

/// Bytes of a few generators: a plan is made of any.
fn first_inputs() -> Vec<Vec<u8>> {
    (1..64_u32)
        .map(|seed| {
            let mut state = seed.wrapping_mul(0x9e37_79b9);
            let mut byte = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            (0..160).map(|_| byte()).collect()
        })
        .collect()
}
