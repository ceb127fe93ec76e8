//! What is unknown influences nothing.

use proptest::prelude::*;
use supple_data::SampleShape;

use super::super::hard::hard;
use super::super::model::{HeadPlan, TaskModel};
use super::super::programs::{TrainingProgram, Wanted};
use super::{ALL, WEIGHTS, judged, questions, recipe, run, train};
use crate::model::{Block, Loss};

fn model() -> TaskModel {
    let plan = |task: &str, outputs, loss| HeadPlan { task: task.into(), hidden: 0, outputs, loss };
    let plans = [plan("class", 2, Loss::CrossEntropy { scale: 1.0 }), plan("values", 2, Loss::SquaredError)];
    let block = Block::Dense { dense: 3, relu: true, batch_norm: false };
    hard(SampleShape::vector(2), &[block], &plans).unwrap()
}

fn program(model: &TaskModel, samples: usize) -> TrainingProgram {
    let wanted = Wanted { together: 0..model.parameters.list().len(), apart: model.trunks_range() };
    TrainingProgram::new(model, samples, true, wanted)
}

/// Samples' inputs, targets `[sample][4]` (class as one-hot, two numbers) and masks `[sample][3]` as arguments.
fn arguments(samples: &[([f64; 2], [f64; 4], [bool; 3])]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let inputs = samples.iter().flat_map(|sample| sample.0).collect();
    let classes = samples.iter().flat_map(|sample| [sample.1[0], sample.1[1]]);
    let values = samples.iter().flat_map(|sample| [sample.1[2], sample.1[3]]);
    let mask = |known: bool| f64::from(u8::from(known));
    let known = samples.iter().map(|sample| mask(sample.2[0]));
    let known = known.chain(samples.iter().flat_map(|sample| [mask(sample.2[1]), mask(sample.2[2])]));
    (inputs, classes.chain(values).collect(), known.collect())
}

fn sample() -> impl Strategy<Value = ([f64; 2], [f64; 4], [bool; 3])> {
    let inputs = prop::array::uniform2(-2.0..2.0);
    (inputs, any::<bool>(), prop::array::uniform2(-2.0..2.0), prop::array::uniform3(any::<bool>())).prop_map(
        |(x, class, values, known)| {
            let class = [f64::from(u8::from(class)), f64::from(u8::from(!class))];
            (x, [class[0], class[1], values[0], values[1]], known)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn neither_an_unknown_target_nor_a_sample_of_which_nothing_is_known(
        samples in prop::collection::vec(sample(), 1..6),
        garbage in -1e3..1e3f64,
    ) {
        let model = model();
        let parameters: Vec<f64> = (0..model.parameters.len()).map(|i| (i as f64 * 1.3).sin()).collect();
        let at = |samples: &[_]| {
            let program = program(&model, samples.len());
            let (inputs, targets, known) = arguments(samples);
            run(&program, &[&parameters, &inputs, &targets, &known, &[], &[1.0; 2], &[0.4, 1.6]])
        };
        let found = at(&samples);
        let spoilt: Vec<_> = samples.iter().map(|(x, targets, known)| {
            let mut targets = *targets;
            for (target, mask) in [(0, 0), (1, 0), (2, 1), (3, 2)] {
                if !known[mask] {
                    targets[target] = garbage;
                }
            }
            (*x, targets, *known)
        }).collect();
        prop_assert_eq!(&at(&spoilt), &found);
        let mut longer = samples.clone();
        longer.insert(samples.len() / 2, ([garbage, 1.0], [garbage; 4], [false; 3]));
        for (longer, found) in at(&longer).concat().iter().zip(found.concat()) {
            prop_assert!((longer - found).abs() < 1e-10 * (1.0 + found.abs()));
        }
    }

    #[test]
    fn groups_add_up_to_the_batch(samples in prop::collection::vec(sample(), 4)) {
        let model = model();
        let parameters: Vec<f64> = (0..model.parameters.len()).map(|i| (i as f64 * 1.3).sin()).collect();
        let count = |samples: &[([f64; 2], [f64; 4], [bool; 3])]| {
            let ones = |mask: usize| samples.iter().filter(|sample| sample.2[mask]).count() as f64;
            [ones(0), ones(1) + ones(2)]
        };
        let all = count(&samples);
        let at = |samples: &[([f64; 2], [f64; 4], [bool; 3])]| {
            let program = program(&model, samples.len());
            let (inputs, targets, known) = arguments(samples);
            let own = count(samples);
            let shares = [own[0] / all[0].max(1.0), own[1] / all[1].max(1.0)];
            run(&program, &[&parameters, &inputs, &targets, &known, &[], &shares, &[0.4, 1.6]]).concat()
        };
        let (whole, first, second) = (at(&samples), at(&samples[..2]), at(&samples[2..]));
        for ((whole, first), second) in whole.iter().zip(first).zip(second) {
            // A mean divides by the number of known labels plus 1e-12.
            prop_assert!((whole - first - second).abs() < 1e-10 * (1.0 + whole.abs()));
        }
    }
}

#[test]
fn samples_without_labels_leave_every_bit_of_a_training() {
    let (without, with) = (questions(200, 0.4, 0), questions(200, 0.4, 37));
    for weights in WEIGHTS {
        let text = format!(
            "trunk = {{ blocks = [{{ dense = 8, batch_norm = true }}], standardise = true }}
             weights.name = '{weights}'
             training = {{ iterations = 12, batch = 16, groups = 2 }}"
        );
        let [a, b] = [&without, &with].map(|set| train(recipe(&text, &ALL), set));
        assert_eq!(a.state().parameters, b.state().parameters, "{weights}");
        assert_eq!(a.state().statistics, b.state().statistics, "{weights}");
        assert_eq!(judged(&a), judged(&b), "{weights}");
    }
}
