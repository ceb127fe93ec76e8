//! Several heads on one cache, and samples without labels.

use proptest::prelude::*;

use super::*;

/// Heads of every kind on three features.
fn heads(seed: u32) -> [HeadParts; 3] {
    let parts = |name: &str| HeadParts { name: name.to_owned(), max_support: 6, ..parts() };
    [
        HeadParts { parameters: noises(seed, 3 * 4), ..parts("linear") },
        HeadParts {
            hidden: 4,
            parameters: noises(seed ^ 1, 4 * 4 + 3 * 5),
            rates: vec![vec![[0.5, 0.25], [0.3, 0.1]]],
            momentum: 0.5,
            ..parts("hidden")
        },
        HeadParts {
            capacity: 2,
            task: HeadTask::Numbers,
            parameters: noises(seed ^ 2, 2 * 4),
            ..parts("numbers")
        },
    ]
}

fn label(learner: &mut Learner, sample: usize, seed: u32) {
    match learner.task() {
        HeadTask::Numbers => learner.label(sample, Label::Numbers(&noises(seed, 2)), Use::Support).unwrap(),
        HeadTask::Classes(_) => learner.label(sample, Label::Class(seed as usize % 3), Use::Support).unwrap(),
    }
}

/// The head's numbers after two steps and an adaptation, and what became of that, on some of the samples.
fn alone(parts: &HeadParts, samples: &[(usize, Vec<f32>)]) -> (Vec<u32>, Adaptation) {
    let mut found = None;
    with_head_of(3, parts.clone(), |learner, support| {
        learner.begin(parts.capacity.into()).unwrap();
        for (seed, feature) in samples {
            let sample = support.push(feature).unwrap();
            label(learner, sample, *seed as u32);
        }
        (0..2).for_each(|_| learner.step(support).unwrap());
        let outcome = learner.adapt(support, 2).unwrap();
        found = Some((bits(&numbers(learner)), outcome));
    });
    found.unwrap()
}

proptest! {
    #[test]
    fn heads_that_share_a_cache_learn_as_each_alone(
        seed in any::<u32>(), labelled in prop::collection::vec(1_u8..8, 6),
    ) {
        let heads = heads(seed);
        let samples: Vec<_> = (0..6).map(|sample| (sample, noises(seed ^ 9 ^ sample as u32, 3))).collect();
        let has = |head: usize, sample: usize| labelled[sample] >> head & 1 == 1 || sample == head;
        let bytes = packed(3, &heads);
        let pack = Pack::parse(&bytes).unwrap();
        let need = MemoryNeed::of(&pack);
        let (mut floats, mut labels, mut words) = memory(&need);
        let (mut floats, mut labels) = (&mut floats[..], &mut labels[..]);
        let first = pack.heads().next().unwrap();
        let mut support = SupportCache::new(&first.spec, &mut words).unwrap();
        let mut learners = Vec::new();
        for head in pack.heads() {
            let need = MemoryNeed::of_head(&head.spec);
            let (mine, rest) = floats.split_at_mut(need.learner());
            let (my_labels, more) = labels.split_at_mut(need.labels);
            (floats, labels) = (rest, more);
            learners.push(Learner::new(head, HeadMemory { floats: mine, labels: my_labels }).unwrap());
        }
        prop_assert!(floats.is_empty() && labels.is_empty());
        for (index, (learner, parts)) in learners.iter_mut().zip(&heads).enumerate() {
            learner.begin(parts.capacity.into()).unwrap();
            (0..6).filter(|&sample| has(index, sample)).for_each(|sample| label(learner, sample, sample as u32));
        }
        samples.iter().for_each(|(_, feature)| { support.push(feature).unwrap(); });
        // Their steps take turns.
        for _ in 0..2 {
            learners.iter_mut().for_each(|learner| learner.step(&mut support).unwrap());
        }
        for (index, (learner, parts)) in learners.iter_mut().zip(&heads).enumerate() {
            let outcome = learner.adapt(&mut support, 2).unwrap();
            let mine: Vec<_> = samples.iter().filter(|(sample, _)| has(index, *sample)).cloned().collect();
            prop_assert_eq!((bits(&numbers(learner)), outcome), alone(parts, &mine), "head {}", index);
        }
    }
}

/// A unit that overflows for a sample that is not the head's own.
#[test]
fn a_sample_without_label_counts_nothing_even_where_its_units_are_infinite() {
    let parts = HeadParts {
        hidden: 1,
        capacity: 2,
        parameters: vec![3e38, 0.0, 1e-38, -1e-38, 0.0, 0.0],
        rates: vec![vec![[0.1; 2]; 2]],
        ..parts()
    };
    with_head_of(1, parts, |learner, support| {
        learner.begin(2).unwrap();
        support.push(&[3e38]).unwrap();
        push(learner, support, &[1.0], 0);
        learner.step(support).unwrap();
        assert!(numbers(learner).iter().all(|number| number.is_finite()), "{:?}", numbers(learner));
    });
}

#[test]
fn a_label_taken_off_again_counts_nothing() {
    let after = |change: &dyn Fn(&mut Learner, &mut SupportCache)| {
        let mut found = Vec::new();
        with_head(parts(), |learner, support| {
            learner.begin(2).unwrap();
            push_all(learner, support);
            change(learner, support);
            learner.step(support).unwrap();
            found = bits(&numbers(learner));
        });
        found
    };
    let three = after(&|_, _| {});
    let off = after(&|learner, support| {
        push(learner, support, &[9.0, -9.0], 1);
        learner.label(3, Label::None, Use::Support).unwrap();
    });
    assert_eq!(three, off);
    let held_back = after(&|learner, support| {
        support.push(&[9.0, -9.0]).unwrap();
        learner.label(3, Label::Class(1), Use::HeldBack).unwrap();
    });
    assert_eq!(three, held_back);
    assert_ne!(three, after(&|learner, support| push(learner, support, &[9.0, -9.0], 1)));
}
