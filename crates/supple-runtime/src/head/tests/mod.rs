//! Learners on heads of a few numbers.

mod basics;
mod cached;
mod classes;
mod guarded;
mod kept;
mod plain;
mod prototypes;
mod several;
mod steps;

use std::vec::Vec;

use supple_pack::write::{AlignedBytes, HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Element, HeadTask, LabelMeaning, Pack, Shape, Start, TrunkHash, Value};

use super::*;

const CLASSES: HeadTask = HeadTask::Classes(LabelMeaning::Fresh);

/// A head of three classes on two features, for four samples.
fn parts() -> HeadParts {
    HeadParts {
        name: "test".to_owned(),
        trunk: TrunkHash([0; 16]),
        data: [0; 16],
        hidden: 0,
        capacity: 3,
        max_support: 4,
        cache: Element::F32,
        task: CLASSES,
        start: Start::Learned,
        momentum: 0.0,
        parameters: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.0, 0.1, 0.2],
        rates: vec![vec![[0.5; 2]]],
    }
}

/// A trunk that hands its inputs through.
fn trunk(features: u16) -> TrunkParts {
    let shape = Shape { height: 1, width: 1, channels: features };
    let value = Value::whole(0, shape, Element::F32);
    let arena = features.into();
    TrunkParts {
        name: "through".to_owned(),
        input: value,
        output: value,
        arena,
        ops: vec![],
        weights: vec![],
    }
}

/// A pack of heads.
fn packed(features: u16, heads: &[HeadParts]) -> AlignedBytes {
    let trunk = trunk(features);
    let heads: Vec<_> =
        heads.iter().map(|head| HeadParts { trunk: trunk_hash(&trunk), ..head.clone() }).collect();
    AlignedBytes::copy_of(&pack(&trunk, &heads).unwrap())
}

/// Memory as needed, full of what no result may depend on.
fn memory(need: &MemoryNeed) -> (Vec<f32>, Vec<u16>, Vec<f32>) {
    (vec![f32::NAN; need.learner()], vec![9; need.labels], vec![f32::NAN; need.support()])
}

/// Gives a test the only head of a pack with two features, and its cache.
fn with_head(parts: HeadParts, test: impl FnOnce(&mut Learner, &mut SupportCache)) {
    with_head_of(2, parts, test);
}

fn with_head_of(features: u16, parts: HeadParts, test: impl FnOnce(&mut Learner, &mut SupportCache)) {
    let bytes = packed(features, &[parts]);
    let pack = Pack::parse(&bytes).unwrap();
    let head = pack.heads().next().unwrap();
    let (mut floats, mut labels, mut words) = memory(&MemoryNeed::of_head(&head.spec));
    let mut support = SupportCache::new(&head.spec, &mut words).unwrap();
    let memory = HeadMemory { floats: &mut floats, labels: &mut labels };
    test(&mut Learner::new(head, memory).unwrap(), &mut support);
}

/// Caches a sample of a class.
fn push(learner: &mut Learner, support: &mut SupportCache, feature: &[f32], class: usize) {
    let sample = support.push(feature).unwrap();
    learner.label(sample, Label::Class(class), Use::Support).unwrap();
}

const SAMPLES: [([f32; 2], usize); 3] = [([1.0, 0.0], 0), ([0.0, 1.0], 1), ([1.5, 0.25], 0)];

fn push_all(learner: &mut Learner, support: &mut SupportCache) {
    SAMPLES.iter().for_each(|(feature, class)| push(learner, support, feature, *class));
}

/// A number between −1 and 1 that looks random.
fn noise(seed: u32) -> f32 {
    let mixed = (seed ^ seed >> 15).wrapping_mul(0x2c1b_3c6d);
    (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39) as i32 as f32 / 2_147_483_648.0
}

/// So many of them, the same for the same seed.
fn noises(seed: u32, count: usize) -> Vec<f32> {
    (0..count as u32).map(|index| noise(seed.wrapping_mul(7919).wrapping_add(index + 1))).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// All numbers in use.
fn numbers(learner: &Learner) -> Vec<f32> {
    learner.parameters().concat()
}
