//! Learners where numbers leave the range of `f32`, and where classes wait for their prototypes.

use supple_pack::write::{AlignedBytes, HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Element, HeadTask, LabelMeaning, Pack, Shape, Start, Value};
use supple_runtime::{Adaptation, HeadMemory, Label, Learner, MemoryNeed, SupportCache, Use};

/// A trunk that hands its inputs through.
fn trunk(features: u16) -> TrunkParts {
    let shape = Shape { height: 1, width: 1, channels: features };
    let value = Value::whole(0, shape, Element::F32);
    let (name, arena) = ("through".to_owned(), features.into());
    TrunkParts { name, input: value, output: value, arena, ops: vec![], weights: vec![] }
}

/// A number that begins at zero, for four samples.
fn parts(features: u16) -> HeadParts {
    HeadParts {
        name: "test".to_owned(),
        trunk: trunk_hash(&trunk(features)),
        data: [0; 16],
        hidden: 0,
        capacity: 1,
        max_support: 4,
        cache: Element::F32,
        task: HeadTask::Numbers,
        start: Start::Learned,
        momentum: 0.0,
        parameters: vec![0.0; usize::from(features) + 1],
        rates: vec![vec![[0.5; 2]]],
    }
}

fn with_head(features: u16, parts: HeadParts, test: impl FnOnce(&mut Learner, &mut SupportCache)) {
    let bytes = AlignedBytes::copy_of(&pack(&trunk(features), &[parts]).expect("sound"));
    let pack = Pack::parse(&bytes).expect("sound");
    let head = pack.heads().next().expect("one head");
    let need = MemoryNeed::of_head(&head.spec);
    let (mut floats, mut labels) = (vec![f32::NAN; need.learner()], vec![9; need.labels]);
    let mut words = vec![f32::NAN; need.support()];
    let mut support = SupportCache::new(&head.spec, &mut words).expect("room");
    let memory = HeadMemory { floats: &mut floats, labels: &mut labels };
    test(&mut Learner::new(head, memory).expect("room"), &mut support);
}

/// Squares of errors above 1.8e19 are infinite in `f32`: an error that grows from 1e20 to 1.3e23 is no better for that.
#[test]
fn a_loss_that_is_infinite_before_and_after_is_refused() {
    with_head(1, HeadParts { rates: vec![vec![[3.0; 2]]], ..parts(1) }, |learner, support| {
        learner.begin(1).expect("begins");
        let sample = support.push(&[1.0]).expect("cached");
        learner.label(sample, Label::Numbers(&[1e20]), Use::Support).expect("labelled");
        let outcome = learner.adapt(support, 3).expect("adapts");
        assert!(matches!(outcome, Adaptation::Refused { .. }), "{outcome:?}");
        assert_eq!(learner.outputs(&[1.0]), Ok(&[0.0][..]));
    });
}

/// 127 times the 127th part of the largest `f32`, rounded up, is infinite; and 0 times infinity is no number.
#[test]
fn the_largest_feature_in_i8_is_finite_and_counts_nothing_without_a_label() {
    with_head(1, HeadParts { cache: Element::I8, ..parts(1) }, |learner, support| {
        learner.begin(1).expect("begins");
        support.push(&[f32::MAX]).expect("cached");
        assert!(support.rows().at(0, 0).is_finite(), "{}", support.rows().at(0, 0));
        let sample = support.push(&[1.0]).expect("cached");
        learner.label(sample, Label::Numbers(&[1.0]), Use::Support).expect("labelled");
        learner.step(support).expect("steps");
        assert_eq!(learner.parameters(), [&[][..], &[], &[1.0], &[1.0]]);
    });
}

/// The samples that a class waited for are a start: the steps before them are nothing to it.
#[test]
fn a_class_that_waited_for_its_prototype_starts_without_a_velocity() {
    let class_1_after_a_step = |waits: bool| {
        let parts = HeadParts {
            task: HeadTask::Classes(LabelMeaning::Fresh),
            capacity: 2,
            momentum: 0.5,
            start: Start::Prototypes { temperature: 0.5 },
            parameters: vec![0.0; 6],
            // The first step leaves the head as it is; only velocities can tell that there was one.
            rates: vec![vec![[0.0; 2]], vec![[0.5; 2]]],
            ..parts(2)
        };
        let mut found = Vec::new();
        with_head(2, parts, |learner, support| {
            learner.begin(2).expect("begins");
            let push = |learner: &mut Learner, support: &mut SupportCache, feature: [f32; 2], class| {
                let sample = support.push(&feature).expect("cached");
                learner.label(sample, Label::Class(class), Use::Support).expect("labelled");
            };
            push(learner, support, [1.0, 0.0], 0);
            if waits {
                learner.step(support).expect("steps");
            }
            push(learner, support, [0.0, 2.0], 1);
            learner.prepare(support).expect("placed");
            if !waits {
                // The same count of steps, and again no velocity.
                learner.forget(1).expect("two classes");
                learner.label(1, Label::None, Use::Support).expect("a sample");
                learner.step(support).expect("steps");
                assert_eq!(learner.enrol(), Ok(1));
                learner.label(1, Label::Class(1), Use::Support).expect("labelled");
            }
            learner.step(support).expect("steps");
            found = learner.last().weights[2..].to_vec();
        });
        found
    };
    assert_eq!(class_1_after_a_step(true), class_1_after_a_step(false));
}
