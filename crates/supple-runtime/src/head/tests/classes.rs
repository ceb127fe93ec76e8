//! Classes enrolled and forgotten.

use proptest::prelude::*;

use super::*;
use crate::head::labels::{HELD_BACK, NONE};

#[test]
fn an_enrolled_class_starts_from_the_first_unused_row() {
    with_head(parts(), |learner, support| {
        learner.begin_rows(&[2]).unwrap();
        push(learner, support, &[1.0, 0.5], 0);
        learner.step(support).unwrap();
        let before = numbers(learner);
        assert_eq!(learner.enrol(), Ok(1));
        assert_eq!(learner.enrol(), Ok(2));
        assert_eq!(learner.enrol(), Err(AdaptError::NoFurtherClass { capacity: 3 }));
        assert_eq!(learner.last().weights, [before[0], before[1], 0.1, 0.2, 0.3, 0.4]);
        assert_eq!(learner.last().bias, [before[2], 0.0, 0.1]);
        assert_eq!((learner.way(), learner.steps()), (3, 1));
        learner.label(0, Label::Class(2), Use::Support).unwrap();
        learner.step(support).unwrap();
        learner.reset().unwrap();
        assert_eq!(numbers(learner), [0.5, 0.6, 0.1, 0.2, 0.3, 0.4, 0.2, 0.0, 0.1]);
    });
}

#[test]
fn a_forgotten_class_takes_its_row_and_its_labels_along() {
    with_head(parts(), |learner, support| {
        learner.begin(3).unwrap();
        (0..3).for_each(|class| push(learner, support, &[class as f32, 1.0], class));
        let judge = support.push(&[5.0, 5.0]).unwrap();
        learner.label(judge, Label::Class(2), Use::HeldBack).unwrap();
        assert_eq!(learner.forget(3), Err(AdaptError::LabelOutOfRange { label: 3, way: 3 }));
        learner.forget(1).unwrap();
        assert_eq!(numbers(learner), [0.1, 0.2, 0.5, 0.6, 0.0, 0.2]);
        assert_eq!(learner.labels, [0, NONE, 1, 1 | HELD_BACK]);
        learner.reset().unwrap();
        assert_eq!(numbers(learner), [0.1, 0.2, 0.5, 0.6, 0.0, 0.2]);
        // The row that came free is the next one's start.
        assert_eq!(learner.enrol(), Ok(2));
        assert_eq!(learner.last().weights[4..], [0.3, 0.4]);
        learner.forget(0).unwrap();
        learner.forget(0).unwrap();
        assert_eq!(learner.forget(0), Err(AdaptError::LastClass));
        assert_eq!(numbers(learner), [0.3, 0.4, 0.1]);
    });
}

/// What is left behaves as a head that never had the class, its velocity included.
#[test]
fn velocities_move_with_their_classes() {
    let parts = HeadParts { momentum: 0.5, ..parts() };
    with_head(parts, |learner, support| {
        learner.begin(3).unwrap();
        (0..3).for_each(|class| push(learner, support, &[1.0, class as f32], class));
        learner.step(support).unwrap();
        let velocity = learner.velocity.to_vec();
        assert!(velocity.iter().all(|&velocity| velocity != 0.0), "{velocity:?}");
        learner.forget(0).unwrap();
        assert_eq!(learner.velocity[..4], velocity[2..6]);
        assert_eq!(learner.velocity[6..8], velocity[7..9]);
        // An enrolled class has none.
        learner.enrol().unwrap();
        assert_eq!((&learner.velocity[4..6], learner.velocity[8]), (&[0.0; 2][..], 0.0));
    });
}

proptest! {
    #[test]
    fn forgetting_what_was_enrolled_gives_back_the_same_bits(
        seed in any::<u32>(), hidden in prop_oneof![Just(0_u16), Just(3)], way in 1_usize..3, momentum in 0.0_f32..0.9,
    ) {
        let count = if hidden > 0 { 3 * 3 + 3 * 4 } else { 9 };
        let parts = HeadParts {
            hidden,
            momentum,
            parameters: noises(seed, count),
            rates: vec![vec![[0.5, 0.25]; if hidden > 0 { 2 } else { 1 }]],
            ..parts()
        };
        with_head(parts, |learner, support| {
            learner.begin(way).unwrap();
            (0..3).for_each(|sample| push(learner, support, &noises(seed ^ sample, 2), sample as usize % way));
            learner.step(support).unwrap();
            let before = (bits(&numbers(learner)), learner.labels.to_vec(), learner.steps());
            let class = learner.enrol().unwrap();
            learner.forget(class).unwrap();
            assert_eq!((bits(&numbers(learner)), learner.labels.to_vec(), learner.steps()), before);
            // And so do the steps that follow.
            learner.step(support).unwrap();
            let after = numbers(learner);
            learner.reset().unwrap();
            (0..2).for_each(|_| learner.step(support).unwrap());
            assert_eq!(bits(&numbers(learner)), bits(&after));
        });
    }
}
