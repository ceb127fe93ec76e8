//! Starts from prototypes, by hand and against their plain definition.

use proptest::prelude::*;

use super::plain::Plain;
use super::*;

const START: Start = Start::Prototypes { temperature: 0.5 };

#[test]
fn prototypes_by_hand() {
    let parts = HeadParts { start: START, ..parts() };
    with_head(parts, |learner, support| {
        learner.begin(3).unwrap();
        push(learner, support, &[1.0, 2.0], 0);
        push(learner, support, &[4.0, 0.0], 1);
        push(learner, support, &[3.0, 4.0], 0);
        learner.prepare(support).unwrap();
        // Means (2, 3) and (4, 0), 2τ = 1; class 2 has no samples and waits with its learned row.
        assert_eq!(learner.last().weights, [2.0, 3.0, 4.0, 0.0, 0.5, 0.6]);
        assert_eq!(learner.last().bias, [-6.5, -8.0, 0.2]);
        // Once placed, they are trained on.
        push(learner, support, &[9.0, 9.0], 0);
        learner.prepare(support).unwrap();
        assert_eq!(learner.last().weights[..2], [2.0, 3.0]);
        // The class that waited has its own now; a sample held back is no part of it.
        learner.label(1, Label::Class(2), Use::HeldBack).unwrap();
        learner.label(3, Label::Class(2), Use::Support).unwrap();
        assert!(matches!(learner.adapt(support, 0), Ok(Adaptation::Refused { .. })));
        assert_eq!(learner.last().weights[4..], [0.5, 0.6]);
        learner.label(1, Label::None, Use::HeldBack).unwrap();
        assert!(matches!(learner.adapt(support, 0), Ok(Adaptation::Adapted { .. })));
        assert_eq!((&learner.last().weights[4..], learner.last().bias[2]), (&[9.0, 9.0][..], -81.0));
        // A reset is a new start, from all samples there are now.
        learner.label(3, Label::Class(0), Use::Support).unwrap();
        learner.reset().unwrap();
        assert_eq!(numbers(learner), self::parts().parameters);
        learner.prepare(support).unwrap();
        let mean = 13.0_f32 / 3.0;
        assert_eq!(learner.last().weights[..2], [mean, 5.0]);
    });
}

#[test]
fn an_enrolled_class_starts_from_its_prototype_at_the_next_step() {
    let parts = HeadParts { start: START, rates: vec![vec![[0.0; 2]]], ..parts() };
    with_head(parts, |learner, support| {
        learner.begin(1).unwrap();
        push(learner, support, &[1.0, 0.0], 0);
        learner.step(support).unwrap();
        let class = learner.enrol().unwrap();
        assert_eq!(learner.last().weights, [1.0, 0.0, 0.3, 0.4]);
        push(learner, support, &[0.0, 2.0], class);
        learner.step(support).unwrap();
        assert_eq!(
            (learner.last().weights, learner.last().bias),
            (&[1.0, 0.0, 0.0, 2.0][..], &[-0.5, -2.0][..])
        );
    });
}

proptest! {
    #[test]
    fn prototypes_agree_with_the_definition_bit_for_bit(
        seed in any::<u32>(), hidden in prop_oneof![Just(0_u16), 1_u16..6], temperature in 0.01_f32..4.0,
        classes in prop::collection::vec(0_usize..3, 1..8), bytes in any::<bool>(),
    ) {
        let count = if hidden > 0 { usize::from(hidden) * 5 + 3 * (usize::from(hidden) + 1) } else { 3 * 5 };
        let parts = HeadParts {
            hidden,
            max_support: 8,
            start: Start::Prototypes { temperature },
            cache: if bytes { Element::I8 } else { Element::F32 },
            parameters: noises(seed, count),
            rates: vec![vec![[0.5, 0.25]; if hidden > 0 { 2 } else { 1 }]],
            ..parts()
        };
        with_head_of(4, parts, |learner, support| {
            learner.begin(3).unwrap();
            for (sample, &class) in classes.iter().enumerate() {
                push(learner, support, &noises(seed ^ sample as u32, 4), class);
            }
            let plain = Plain {
                features: 4,
                hidden: hidden.into(),
                way: 3,
                task: CLASSES,
                momentum: 0.0,
                velocity: vec![],
                values: numbers(learner),
            };
            let (mut weights, mut bias) = (learner.last().weights.to_vec(), learner.last().bias.to_vec());
            let seen: Vec<Vec<f32>> = (0..classes.len())
                .map(|sample| plain.units(&(0..4).map(|j| support.rows().at(sample, j)).collect::<Vec<_>>()))
                .collect();
            let inputs = seen[0].len();
            for class in 0..3 {
                let own: Vec<_> = classes.iter().zip(&seen).filter(|(of, _)| **of == class).collect();
                if own.is_empty() {
                    continue;
                }
                let mut squares = 0.0;
                for j in 0..inputs {
                    let mut sum = 0.0;
                    own.iter().for_each(|(_, units)| sum += units[j]);
                    let mean = sum / own.len() as f32;
                    squares += mean * mean;
                    weights[class * inputs + j] = (2.0 * temperature) * mean;
                }
                bias[class] = -(temperature * squares);
            }
            learner.prepare(support).unwrap();
            assert_eq!(bits(learner.last().weights), bits(&weights));
            assert_eq!(bits(learner.last().bias), bits(&bias));
            assert_eq!(bits(learner.hidden().weights), bits(&plain.values[..learner.hidden().weights.len()]));
            // A step does the same by itself.
            learner.step(support).unwrap();
            let stepped = numbers(learner);
            learner.reset().unwrap();
            learner.step(support).unwrap();
            assert_eq!(bits(&numbers(learner)), bits(&stepped));
        });
    }
}
