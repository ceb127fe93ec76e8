//! Steps, by hand and against their plain definition.

use proptest::prelude::*;

use super::plain::{Plain, Sample};
use super::*;

/// Two classes, one feature: from zero, probabilities are ½, so deltas are ∓½ · 2 / 2.
#[test]
fn the_first_step_of_classes_from_zero() {
    let parts = HeadParts { capacity: 2, parameters: vec![0.0; 4], rates: vec![vec![[0.5, 1.0]]], ..parts() };
    with_head_of(1, parts, |learner, support| {
        learner.begin(2).unwrap();
        push(learner, support, &[1.0], 0);
        push(learner, support, &[3.0], 1);
        assert_eq!(learner.support_loss(support), Ok(2.0_f32.ln()));
        learner.step(support).unwrap();
        // Class 0: −½·1 + ½·3 = 1; class 1: ½·1 − ½·3 = −1.
        assert_eq!(numbers(learner), [-0.5, 0.5, 0.0, 0.0]);
    });
}

/// One number of one feature: outputs 2·1 + 1 = 3 and 2·2 + 1 = 5, targets 2 and 7: errors 1 and −2.
#[test]
fn a_step_of_numbers_by_hand() {
    let parts = HeadParts {
        capacity: 1,
        task: HeadTask::Numbers,
        parameters: vec![2.0, 1.0],
        rates: vec![vec![[0.5, 0.25]]],
        momentum: 0.5,
        ..parts()
    };
    with_head_of(1, parts, |learner, support| {
        learner.begin(1).unwrap();
        for (feature, target) in [(1.0, 2.0), (2.0, 7.0)] {
            let sample = support.push(&[feature]).unwrap();
            learner.label(sample, Label::Numbers(&[target]), Use::Support).unwrap();
        }
        assert_eq!(learner.support_loss(support), Ok(2.5));
        learner.step(support).unwrap();
        // Deltas 2/2 · (1, −2): gradients 1·1 − 2·2 = −3 and 1 − 2 = −1.
        assert_eq!(numbers(learner), [2.0 + 1.5, 1.0 + 0.25]);
        // Outputs 4.75 and 8.25, errors 2.75 and 1.25: gradients 5.25 and 4; velocities 5.25 − 1.5 and 4 − 0.5.
        learner.step(support).unwrap();
        assert_eq!(numbers(learner), [3.5 - 0.5 * 3.75, 1.25 - 0.25 * 3.5]);
    });
}

/// A unit that is below zero passes nothing.
#[test]
fn a_step_of_a_hidden_layer_by_hand() {
    let parts = HeadParts {
        hidden: 2,
        capacity: 1,
        task: HeadTask::Numbers,
        // Units 1·x and −1·x, then 3·u₀ + 5·u₁ + 0.5.
        parameters: vec![1.0, -1.0, 0.0, 0.0, 3.0, 5.0, 0.5],
        rates: vec![vec![[0.5, 0.25], [0.125, 1.0]]],
        ..parts()
    };
    with_head_of(1, parts, |learner, support| {
        learner.begin(1).unwrap();
        let sample = support.push(&[2.0]).unwrap();
        learner.label(sample, Label::Numbers(&[6.0]), Use::Support).unwrap();
        assert_eq!(learner.outputs(&[2.0]), Ok(&[6.5][..]));
        learner.step(support).unwrap();
        // Delta 2 · 0.5 = 1; unit 0 gets 3 · 1, by the weight before the step.
        assert_eq!(learner.hidden().weights, [1.0 - 0.5 * 3.0 * 2.0, -1.0]);
        assert_eq!(learner.hidden().bias, [-0.25 * 3.0, 0.0]);
        assert_eq!(
            (learner.last().weights, learner.last().bias),
            (&[3.0 - 0.125 * 2.0, 5.0][..], &[-0.5][..])
        );
    });
}

#[test]
fn steps_beyond_the_learned_rates_reuse_the_last() {
    let after = |hidden: u16, rates: &[[f32; 2]]| {
        let layers = if hidden > 0 { 2 } else { 1 };
        let rates = rates.iter().map(|&rates| [[0.3, 0.2], rates][2 - layers..].to_vec()).collect();
        let count = if hidden > 0 { 4 * 3 + 3 * 5 } else { 9 };
        let parts = HeadParts { hidden, parameters: noises(3, count), rates, ..parts() };
        let mut found = Vec::new();
        with_head(parts, |learner, support| {
            learner.begin(2).unwrap();
            push_all(learner, support);
            (0..3).for_each(|_| learner.step(support).unwrap());
            found = numbers(learner);
            assert_eq!(learner.steps(), 3);
        });
        found
    };
    for hidden in [0, 4] {
        let two = after(hidden, &[[0.5, 0.1], [0.2, 0.3]]);
        assert_eq!(two, after(hidden, &[[0.5, 0.1], [0.2, 0.3], [0.2, 0.3]]));
        assert_ne!(two, after(hidden, &[[0.5, 0.1], [0.2, 0.3], [0.4, 0.3]]));
    }
}

#[test]
fn samples_pushed_in_one_go_or_between_resets_give_the_same_bits() {
    let parts = HeadParts { momentum: 0.75, ..parts() };
    with_head(parts, |learner, support| {
        learner.begin(2).unwrap();
        push_all(learner, support);
        (0..2).for_each(|_| learner.step(support).unwrap());
        let after = numbers(learner);
        support.clear();
        learner.begin(2).unwrap();
        push(learner, support, &SAMPLES[0].0, SAMPLES[0].1);
        learner.step(support).unwrap();
        learner.reset().unwrap();
        SAMPLES[1..].iter().for_each(|(feature, class)| push(learner, support, feature, *class));
        (0..2).for_each(|_| learner.step(support).unwrap());
        assert_eq!(numbers(learner), after);
    });
}

/// A head and its support, some of it without a label.
#[derive(Debug, Clone)]
struct Case {
    parts: HeadParts,
    features: u16,
    way: usize,
    samples: Vec<(Sample, bool)>,
}

prop_compose! {
    fn case()(
        seed in any::<u32>(),
        features in 1_u16..11,
        hidden in prop_oneof![Just(0_u16), 1_u16..9],
        capacity in 1_u16..8,
        less in 0_usize..3,
        labelled in prop::collection::vec(any::<bool>(), 1..9),
        numbers in any::<bool>(),
        momentum in prop_oneof![Just(0.0_f32), Just(0.9)],
        bytes in any::<bool>(),
    ) -> Case {
        let task = if numbers { HeadTask::Numbers } else { CLASSES };
        let way = if numbers { capacity.into() } else { usize::from(capacity).saturating_sub(less).max(1) };
        let inputs = usize::from(if hidden > 0 { hidden } else { features });
        let count = usize::from(hidden) * (usize::from(features) + 1) + usize::from(capacity) * (inputs + 1);
        let layers = if hidden > 0 { 2 } else { 1 };
        let rate = |at: u32| [noise(seed ^ at).abs(), noise(seed ^ at ^ 77).abs()];
        let parts = HeadParts {
            hidden,
            capacity,
            max_support: labelled.len() as u16,
            cache: if bytes { Element::I8 } else { Element::F32 },
            task,
            momentum,
            parameters: noises(seed, count),
            rates: (0..2).map(|step| (0..layers).map(|layer| rate(2 * step + layer)).collect()).collect(),
            ..parts()
        };
        let sample = |index: usize| Sample {
            feature: noises(seed ^ 5 ^ index as u32, features.into()),
            class: (seed as usize / 7 + index * 3) % way,
            targets: noises(seed ^ 6 ^ index as u32, way),
        };
        let samples = labelled.iter().enumerate().map(|(index, &labelled)| (sample(index), labelled));
        let mut samples: Vec<_> = samples.collect();
        samples[0].1 = true;
        Case { parts, features, way, samples }
    }
}

/// Caches the samples and labels those that have a label.
fn push_case(case: &Case, learner: &mut Learner, support: &mut SupportCache) {
    for (sample, labelled) in &case.samples {
        let index = support.push(&sample.feature).unwrap();
        let label = match case.parts.task {
            HeadTask::Numbers => Label::Numbers(&sample.targets),
            HeadTask::Classes(_) => Label::Class(sample.class),
        };
        learner.label(index, if *labelled { label } else { Label::None }, Use::Support).unwrap();
    }
}

/// The labelled samples as they are cached.
fn cached(case: &Case, support: &SupportCache) -> Vec<Sample> {
    let rows = support.rows();
    let labelled = case.samples.iter().enumerate().filter(|(_, (_, labelled))| *labelled);
    let as_cached = |(index, (sample, _)): (usize, &(Sample, bool))| {
        let feature = (0..rows.length()).map(|j| rows.at(index, j)).collect();
        Sample { feature, ..sample.clone() }
    };
    labelled.map(as_cached).collect()
}

proptest! {
    /// Of every kind of head; a sample without label changes no bit.
    #[test]
    fn steps_and_losses_agree_with_the_definition_bit_for_bit(case in case()) {
        with_head_of(case.features, case.parts.clone(), |learner, support| {
            learner.begin(case.way).unwrap();
            push_case(&case, learner, support);
            let samples = cached(&case, support);
            let values = numbers(learner);
            let mut plain = Plain {
                features: case.features.into(),
                hidden: case.parts.hidden.into(),
                way: case.way,
                task: case.parts.task,
                momentum: case.parts.momentum,
                velocity: vec![0.0; values.len()],
                values,
            };
            for step in 0..3 {
                assert_eq!(learner.support_loss(support).unwrap().to_bits(), plain.loss(&samples).to_bits());
                learner.step(support).unwrap();
                plain.step(&samples, &case.parts.rates[step.min(1)]);
                assert_eq!(bits(&numbers(learner)), bits(&plain.values), "step {step}");
                let feature = &case.samples[0].0.feature;
                assert_eq!(bits(learner.outputs(feature).unwrap()), bits(&plain.outputs(feature)));
            }
        });
    }
}
