//! Outer gradients of second order against central differences of the outer loss, in f64.

use supple_data::SampleShape;
use supple_meta::algorithm::cavia::cavia;
use supple_meta::algorithm::maml::maml;
use supple_meta::algorithm::meta_sgd::meta_sgd;
use supple_meta::algorithm::prototypes::{proto_maml, prototypes};
use supple_meta::algorithm::ridge::ridge;
use supple_meta::algorithm::step_rates::per_step_rates;
use supple_meta::algorithm::{Adapts, Algorithm, Maml, Rates, StepWeights, anil};
use supple_meta::model::{Block, Loss};

use crate::{CONVOLUTION, DENSE, NOTHING, Setting};

const CLASSES: Loss = Loss::SummedCrossEntropy;
const NUMBERS: Loss = Loss::SquaredError;

fn check(setting: &Setting) {
    let mut compiled = setting.compile();
    let (mut start, task) = (setting.start(), setting.task(1.3));
    let found = compiled.run(&start, &task);
    assert!(found.loss.is_finite());
    let name = setting.algorithm.name();
    let step = 1e-5;
    for parameter in setting.learner.parameters.list() {
        for index in parameter.range() {
            let before = start[index];
            let mut loss_at = |value: f64| {
                start[index] = value;
                compiled.run(&start, &task).loss
            };
            let expected = (loss_at(before + step) - loss_at(before - step)) / (2.0 * step);
            start[index] = before;
            let gradient = found.gradient[index];
            assert!(
                (gradient - expected).abs() < 2e-7 * (1.0 + expected.abs()),
                "{name}, {} [{}]: {gradient}, by differences {expected}",
                parameter.name,
                index - parameter.offset
            );
        }
    }
}

fn vectors(blocks: &[Block], loss: Loss, adapts: Adapts, algorithm: impl Algorithm + 'static) -> Setting {
    Setting::new(SampleShape::vector(4), blocks, loss, adapts, Box::new(algorithm))
}

fn images(loss: Loss, adapts: Adapts, algorithm: impl Algorithm + 'static) -> Setting {
    let input = SampleShape { height: 4, width: 4, channels: 2 };
    let last = Block::Dense { dense: 4, relu: true, batch_norm: true };
    Setting::new(input, &[CONVOLUTION, last], loss, adapts, Box::new(algorithm))
}

/// All kinds of step sizes, with a loss after every step.
fn kinds() -> [Maml; 3] {
    let both = StepWeights::early(0.4);
    [maml(2, 0.2), per_step_rates(2, 0.2), meta_sgd(2, 0.2)].map(|one| one.with_step_weights(both))
}

#[test]
fn gradient_steps_on_any_part() {
    for adapts in [Adapts::Head, Adapts::LastBlock, Adapts::Everything] {
        for loss in [CLASSES, NUMBERS, Loss::Huber { limit: 0.7 }] {
            for algorithm in kinds() {
                check(&vectors(&[DENSE, DENSE], loss, adapts, algorithm));
            }
        }
    }
}

#[test]
fn gradient_steps_on_chosen_rows_of_the_head() {
    for algorithm in kinds() {
        let mut setting = vectors(&[DENSE], CLASSES, Adapts::LastBlock, algorithm);
        setting.chosen = true;
        check(&setting);
    }
}

#[test]
fn gradient_steps_through_convolution_and_batch_normalisation() {
    for adapts in [Adapts::Head, Adapts::LastBlock, Adapts::Everything] {
        check(&images(CLASSES, adapts, maml(2, 0.2)));
    }
}

#[test]
fn batch_normalisation_for_each_step() {
    for adapts in [Adapts::LastBlock, Adapts::Everything] {
        for algorithm in kinds() {
            let setting = images(CLASSES, adapts, algorithm.with_batch_norm_per_step(true));
            let widened: Vec<_> =
                setting.learner.parameters.list().iter().filter(|p| p.name == "block2.scale").collect();
            assert_eq!((widened[0].rows, widened[0].columns), (4, 2));
            check(&setting);
        }
    }
}

#[test]
fn what_a_device_does() {
    let algorithm = anil::anil(3, 0.05).with_rates(Rates::PerStep).with_step_weights(StepWeights::early(0.3));
    check(&images(CLASSES, Adapts::Head, algorithm));
}

/// With more features than samples, linear heads go by inner products.
#[test]
fn heads_with_many_features() {
    let wide = Block::Dense { dense: 9, relu: true, batch_norm: false };
    for loss in [CLASSES, NUMBERS] {
        for algorithm in kinds() {
            check(&vectors(&[wide], loss, Adapts::Head, algorithm));
        }
    }
    check(&vectors(&[wide], CLASSES, Adapts::Head, proto_maml(2, 0.1, 1.0)));
    let mut setting = vectors(&[wide], CLASSES, Adapts::Head, per_step_rates(3, 0.1));
    setting.chosen = true;
    check(&setting);
}

#[test]
fn context_vectors() {
    for adapts in [Adapts::Head, Adapts::LastBlock, Adapts::Everything] {
        for loss in [CLASSES, NUMBERS] {
            check(&vectors(&[DENSE, DENSE], loss, adapts, cavia(2, 2, 0.5)));
        }
        check(&images(CLASSES, adapts, cavia(2, 1, 0.5)));
    }
    let mut setting = vectors(&[NOTHING], CLASSES, Adapts::Head, cavia(2, 2, 0.5));
    setting.chosen = true;
    check(&setting);
}

#[test]
fn prototypes_with_and_without_steps() {
    for adapts in [Adapts::Head, Adapts::LastBlock, Adapts::Everything] {
        check(&vectors(&[DENSE, DENSE], CLASSES, adapts, prototypes(1.0)));
        check(&vectors(&[DENSE, DENSE], CLASSES, adapts, proto_maml(2, 0.1, 1.0)));
        for kind in [Rates::PerStep, Rates::PerParameter] {
            let steps = maml(2, 0.1).with_rates(kind);
            check(&vectors(&[DENSE], CLASSES, adapts, prototypes(0.5).with_steps(steps)));
        }
    }
    check(&images(CLASSES, Adapts::LastBlock, proto_maml(1, 0.1, 1.0)));
}

#[test]
fn ridge_regression_with_few_features_and_with_many() {
    let wide = Block::Dense { dense: 9, relu: true, batch_norm: false };
    for loss in [CLASSES, NUMBERS] {
        check(&vectors(&[DENSE], loss, Adapts::Head, ridge(0.5, 2.0)));
        check(&vectors(&[wide], loss, Adapts::Everything, ridge(0.5, 2.0)));
    }
    check(&images(CLASSES, Adapts::LastBlock, ridge(0.5, 2.0)));
}
