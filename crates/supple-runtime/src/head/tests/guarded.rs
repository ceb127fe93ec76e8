//! Adaptations that are kept, and those that are undone.

use super::*;

/// Everything that a refused adaptation must leave as it was.
fn state(learner: &Learner) -> (Vec<u32>, Vec<u32>, usize, Vec<u16>) {
    let rows = learner.rows[..learner.way].iter().map(|row| row & !PLACED).collect();
    (bits(&numbers(learner)), bits(learner.velocity), learner.steps, rows)
}

#[test]
fn an_adaptation_that_makes_things_worse_is_undone_whatever_the_head() {
    for rate in [1e4, 3e38] {
        for hidden in [0, 3] {
            for momentum in [0.0, 0.5] {
                for start in [Start::Learned, Start::Prototypes { temperature: 0.5 }] {
                    let count = if hidden > 0 { 3 * 3 + 3 * 4 } else { 9 };
                    let layers = if hidden > 0 { 2 } else { 1 };
                    let parts = HeadParts {
                        hidden,
                        momentum,
                        start,
                        parameters: noises(4, count),
                        rates: vec![vec![[0.01; 2]; layers], vec![[rate; 2]; layers]],
                        ..parts()
                    };
                    with_head(parts, |learner, support| {
                        learner.begin(2).unwrap();
                        // One sound step, so that there is a velocity to lose.
                        push_all(learner, support);
                        learner.step(support).unwrap();
                        // Both classes claim the same place: no large step can fit them.
                        push(learner, support, &[0.0, 1.0], 0);
                        // A class that waits for its prototype has it placed in vain.
                        learner.enrol().unwrap();
                        learner.label(2, Label::Class(2), Use::Support).unwrap();
                        let before = state(learner);
                        assert_eq!(momentum > 0.0, before.1.iter().any(|&velocity| velocity != 0));
                        let outcome = learner.adapt(support, 3).unwrap();
                        assert!(matches!(outcome, Adaptation::Refused { .. }), "{outcome:?}");
                        assert_eq!(state(learner), before, "{rate} {hidden} {momentum} {start:?}");
                    });
                }
            }
        }
    }
}

/// A hidden bias that falls to −∞ switches its unit off, which happens to be right for the sample.
#[test]
fn a_parameter_that_is_not_finite_is_refused_though_the_loss_is_better() {
    let adapted = |rate: f32| {
        let parts = HeadParts {
            hidden: 1,
            capacity: 1,
            task: HeadTask::Numbers,
            parameters: vec![1.0, 0.0, 1.0, 0.0],
            rates: vec![vec![[0.0, rate], [0.0, 0.0]]],
            ..parts()
        };
        let mut found = None;
        with_head_of(1, parts, |learner, support| {
            learner.begin(1).unwrap();
            let sample = support.push(&[1.0]).unwrap();
            learner.label(sample, Label::Numbers(&[0.0]), Use::Support).unwrap();
            let outcome = learner.adapt(support, 1).unwrap();
            found = Some((outcome, learner.hidden().bias[0]));
        });
        found.unwrap()
    };
    let (before, after) = (1.0, 0.0);
    assert_eq!(adapted(1e38), (Adaptation::Adapted { before, after }, -2e38));
    assert_eq!(adapted(3e38), (Adaptation::Refused { before, after }, 0.0));
}

#[test]
fn an_adaptation_that_helps_is_kept_and_is_its_steps() {
    let parts = HeadParts { momentum: 0.25, ..parts() };
    with_head(parts, |learner, support| {
        learner.begin(2).unwrap();
        push_all(learner, support);
        let loss = learner.support_loss(support).unwrap();
        (0..3).for_each(|_| learner.step(support).unwrap());
        let (stepped, after) = (state(learner), learner.support_loss(support).unwrap());
        learner.reset().unwrap();
        assert_eq!(learner.adapt(support, 3), Ok(Adaptation::Adapted { before: loss, after }));
        assert!(after < loss);
        assert_eq!(state(learner), stepped);
        // No step changes nothing, and makes nothing worse.
        assert_eq!(learner.adapt(support, 0), Ok(Adaptation::Adapted { before: after, after }));
        assert_eq!(state(learner), stepped);
    });
}

/// Samples held back judge: with labels against those learned from, what helps the one hurts the other.
#[test]
fn samples_held_back_judge_where_there_are_any() {
    with_head(parts(), |learner, support| {
        learner.begin(2).unwrap();
        push(learner, support, &[1.0, 0.0], 0);
        let judge = support.push(&[1.0, 0.0]).unwrap();
        learner.label(judge, Label::Class(1), Use::HeldBack).unwrap();
        let before = state(learner);
        // Mean cross-entropy of the one held back: logits 0.1 and 0.3 + 0.1.
        let loss = (1.0 + (-0.3_f32).exp()).ln();
        let outcome = learner.adapt(support, 2).unwrap();
        let Adaptation::Refused { before: first, after } = outcome else { panic!("{outcome:?}") };
        assert!((first - loss).abs() < 1e-6 && after > first, "{first} {after}");
        assert_eq!(state(learner), before);
        // Agreeing, it lets the same steps pass.
        learner.label(judge, Label::Class(0), Use::HeldBack).unwrap();
        assert!(matches!(learner.adapt(support, 2), Ok(Adaptation::Adapted { .. })));
        assert_ne!(state(learner), before);
    });
}
