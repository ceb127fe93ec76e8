//! Learners on heads of a few numbers.

use supple_pack::Pack;
use supple_pack::write::{AlignedBytes, HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Element, LabelMeaning, Shape, Value};

use super::*;
use crate::memory::MemoryNeed;

/// A pack whose trunk hands its two inputs through, with a head of three classes and four samples.
fn packed(rates: Vec<[f32; 2]>) -> AlignedBytes {
    let value = Value::whole(0, Shape { height: 1, width: 1, channels: 2 }, Element::F32);
    let trunk = TrunkParts {
        name: "through".to_owned(),
        input: value,
        output: value,
        arena: 2,
        ops: vec![],
        weights: vec![],
    };
    let head = HeadParts {
        name: "test".to_owned(),
        trunk: trunk_hash(&trunk),
        data: [0; 16],
        capacity: 3,
        max_support: 4,
        weights: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        bias: vec![0.0, 0.1, 0.2],
        rates,
        labels: LabelMeaning::Fresh,
    };
    AlignedBytes::copy_of(&pack(&trunk, &[head]).unwrap())
}

fn with_learner(rates: Vec<[f32; 2]>, test: impl FnOnce(&mut Learner)) {
    let bytes = packed(rates);
    let pack = Pack::parse(&bytes).unwrap();
    let head = pack.heads().next().unwrap();
    let need = MemoryNeed::of(&pack, Some(&head));
    let (mut floats, mut labels) = (vec![f32::NAN; need.learner()], vec![9; need.labels]);
    let memory = HeadMemory { floats: &mut floats, labels: &mut labels };
    test(&mut Learner::new(head, memory).unwrap());
}

const SAMPLES: [([f32; 2], usize); 3] = [([1.0, 0.0], 0), ([0.0, 1.0], 1), ([1.5, 0.25], 0)];

fn push_all(learner: &mut Learner) {
    SAMPLES.iter().for_each(|(feature, label)| learner.push_support(feature, *label).unwrap());
}

#[test]
fn the_memory_need_is_exact() {
    let bytes = packed(vec![[0.1; 2]]);
    let pack = Pack::parse(&bytes).unwrap();
    let head = pack.heads().next().unwrap();
    let need = MemoryNeed::of(&pack, Some(&head));
    // Head 9 and logits 3, guard 9, cache 8, work 12.
    // Labels 4 and rows 3.
    assert_eq!((need.learner(), need.labels, need.arena), (41, 7, 2));
    assert_eq!((need.inference_bytes(), need.adapt_bytes()), (56, 186));
    let fits = |floats: usize, labels: usize| {
        let (mut floats, mut labels) = (vec![0.0; floats], vec![0; labels]);
        Learner::new(head.clone(), HeadMemory { floats: &mut floats, labels: &mut labels }).is_ok()
    };
    assert!(fits(41, 7));
    assert!(!fits(40, 7));
    assert!(!fits(41, 6));
}

#[test]
fn adapting_lowers_the_support_loss_and_begin_forgets() {
    with_learner(vec![[0.5, 0.5]], |learner| {
        learner.begin(2).unwrap();
        push_all(learner);
        let outcome = learner.adapt(3).unwrap();
        let Adaptation::Adapted { before, after } = outcome else { panic!("{outcome:?}") };
        assert!(after < before);
        assert!(learner.classify(&[1.0, 0.0]).unwrap()[0] > learner.logits()[1]);
        learner.begin(3).unwrap();
        assert_eq!(learner.weights(), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        assert_eq!(learner.bias(), [0.0, 0.1, 0.2]);
        assert_eq!(learner.step(), Err(AdaptError::NoSupport));
    });
}

#[test]
fn chosen_rows_are_the_start_and_what_reset_restores() {
    with_learner(vec![[0.5, 0.5]], |learner| {
        learner.begin_rows(&[2, 0]).unwrap();
        assert_eq!((learner.weights(), learner.bias()), (&[0.5, 0.6, 0.1, 0.2][..], &[0.2, 0.0][..]));
        push_all(learner);
        learner.step().unwrap();
        assert_ne!(learner.weights(), [0.5, 0.6, 0.1, 0.2]);
        learner.reset().unwrap();
        assert_eq!((learner.weights(), learner.bias()), (&[0.5, 0.6, 0.1, 0.2][..], &[0.2, 0.0][..]));
        assert_eq!(learner.samples(), 3);

        let error = AdaptError::RowOutOfRange { row: 3, capacity: 3 };
        assert_eq!(learner.begin_rows(&[0, 3]), Err(error));
        for rows in [&[][..], &[0, 1, 2, 0]] {
            let error = AdaptError::WayOutOfRange { way: rows.len(), capacity: 3 };
            assert_eq!(learner.begin_rows(rows), Err(error));
        }
        // What was refused has changed nothing.
        learner.reset().unwrap();
        assert_eq!(learner.bias(), [0.2, 0.0]);
        learner.begin(2).unwrap();
        assert_eq!(learner.bias(), [0.0, 0.1]);
    });
}

#[test]
fn steps_beyond_the_learned_rates_reuse_the_last() {
    let after = |rates: Vec<[f32; 2]>| {
        let mut found = Vec::new();
        with_learner(rates, |learner| {
            learner.begin(2).unwrap();
            push_all(learner);
            (0..3).for_each(|_| learner.step().unwrap());
            found = learner.weights().to_vec();
        });
        found
    };
    assert_eq!(after(vec![[0.5, 0.1], [0.2, 0.3]]), after(vec![[0.5, 0.1], [0.2, 0.3], [0.2, 0.3]]));
    assert_ne!(after(vec![[0.5, 0.1], [0.2, 0.3]]), after(vec![[0.5, 0.1], [0.2, 0.3], [0.4, 0.3]]));
}

#[test]
fn samples_pushed_in_one_go_or_between_resets_give_the_same_bits() {
    with_learner(vec![[0.5, 0.5]], |learner| {
        learner.begin(2).unwrap();
        push_all(learner);
        learner.step().unwrap();
        let weights = learner.weights().to_vec();
        learner.begin(2).unwrap();
        learner.push_support(&SAMPLES[0].0, SAMPLES[0].1).unwrap();
        learner.step().unwrap();
        learner.reset().unwrap();
        for (feature, label) in &SAMPLES[1..] {
            learner.push_support(feature, *label).unwrap();
        }
        learner.step().unwrap();
        assert_eq!(learner.weights(), weights);
    });
}

#[test]
fn an_adaptation_that_makes_things_worse_is_refused_and_undone() {
    for rate in [1e4, 3e38] {
        with_learner(vec![[rate, rate]], |learner| {
            learner.begin(2).unwrap();
            push_all(learner);
            // Both classes claim the same place: no large step can fit them.
            learner.push_support(&[0.0, 1.0], 0).unwrap();
            let outcome = learner.adapt(2).unwrap();
            assert!(matches!(outcome, Adaptation::Refused { .. }), "{outcome:?}");
            assert_eq!(learner.weights(), [0.1, 0.2, 0.3, 0.4]);
            assert_eq!(learner.bias(), [0.0, 0.1]);
        });
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    with_learner(vec![[0.5, 0.5]], |learner| {
        assert_eq!(learner.classify(&[0.0; 2]), Err(AdaptError::NotBegun));
        assert_eq!(learner.reset(), Err(AdaptError::NotBegun));
        for way in [0, 4] {
            assert_eq!(learner.begin(way), Err(AdaptError::WayOutOfRange { way, capacity: 3 }));
        }
        learner.begin(2).unwrap();
        let error = AdaptError::FeatureLength { expected: 2, got: 3 };
        assert_eq!(learner.push_support(&[0.0; 3], 0), Err(error));
        let error = AdaptError::LabelOutOfRange { label: 2, way: 2 };
        assert_eq!(learner.push_support(&[0.0; 2], 2), Err(error));
        (0..4).for_each(|_| learner.push_support(&[0.0; 2], 1).unwrap());
        let error = AdaptError::SupportFull { max_support: 4 };
        assert_eq!(learner.push_support(&[0.0; 2], 1), Err(error));
    });
}
