//! What is no gradient of a loss, against the same worked out by hand for a linear model.

use supple_data::SampleShape;
use supple_meta::algorithm::fomaml::fomaml;
use supple_meta::algorithm::reptile::reptile;
use supple_meta::algorithm::{Adapts, Algorithm, Rates};
use supple_meta::model::Loss;

use crate::{NOTHING, Setting};

const FEATURES: usize = 4;
const OUTPUTS: usize = 2;

/// Weights `[outputs, features]` by columns, then the bias: as the learner's parameters lie.
type Linear = [f64; OUTPUTS * FEATURES + OUTPUTS];

/// Samples `(x, y)`, one after the other.
struct Samples(Vec<(Vec<f64>, Vec<f64>)>);

impl Samples {
    fn of(x: &[f64], y: &[f64]) -> Self {
        let pairs = x.chunks_exact(FEATURES).zip(y.chunks_exact(OUTPUTS));
        Self(pairs.map(|(x, y)| (x.to_vec(), y.to_vec())).collect())
    }
}

/// Mean squared error and its gradient.
fn loss_and_gradient<'s>(
    linear: &Linear,
    samples: impl ExactSizeIterator<Item = &'s (Vec<f64>, Vec<f64>)>,
) -> (f64, Linear) {
    let share = 1.0 / (samples.len() * OUTPUTS) as f64;
    let (mut loss, mut gradient) = (0.0, [0.0; OUTPUTS * FEATURES + OUTPUTS]);
    for (x, y) in samples {
        for (row, y) in y.iter().enumerate() {
            let product: f64 = (0..FEATURES).map(|column| linear[column * OUTPUTS + row] * x[column]).sum();
            let error = product + linear[OUTPUTS * FEATURES + row] - y;
            loss += share * error * error;
            for column in 0..FEATURES {
                gradient[column * OUTPUTS + row] += share * 2.0 * error * x[column];
            }
            gradient[OUTPUTS * FEATURES + row] += share * 2.0 * error;
        }
    }
    (loss, gradient)
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{index}: {found}, {expected}");
    }
}

fn setting(algorithm: impl Algorithm + 'static) -> (Setting, Linear, Samples, Samples, Vec<f64>) {
    let input = SampleShape::vector(FEATURES);
    let setting =
        Setting::new(input, &[NOTHING], Loss::SquaredError, Adapts::Everything, Box::new(algorithm));
    let task = setting.task(0.9);
    let (support, rest) = task.split_at(setting.support * FEATURES);
    let (support_targets, rest) = rest.split_at(setting.support * OUTPUTS);
    let (query, query_targets) = rest.split_at(setting.query * FEATURES);
    let start = setting.start()[..OUTPUTS * FEATURES + OUTPUTS].try_into().unwrap();
    let (support, query) = (Samples::of(support, support_targets), Samples::of(query, query_targets));
    (setting, start, support, query, task)
}

#[test]
fn fomaml_takes_the_gradient_behind_the_steps_for_that_before_them() {
    let (setting, mut linear, support, query, task) = setting(fomaml(3, 0.1));
    let found = setting.compile().run(&setting.start(), &task);
    for _ in 0..3 {
        let (_, gradient) = loss_and_gradient(&linear, support.0.iter());
        linear.iter_mut().zip(&gradient).for_each(|(value, gradient)| *value -= 0.1 * gradient);
    }
    let (loss, gradient) = loss_and_gradient(&linear, query.0.iter());
    close(&[found.loss], &[loss]);
    close(&found.gradient, &gradient);
}

#[test]
fn fomaml_learns_step_sizes_by_how_well_gradients_agree() {
    let (setting, mut linear, support, query, task) = setting(fomaml(2, 0.1).with_rates(Rates::PerStep));
    let start = setting.start();
    let found = setting.compile().run(&start, &task);
    let rates: Vec<f64> = start[linear.len()..].iter().map(|x| x.exp()).collect();
    let split = OUTPUTS * FEATURES;
    let mut inner = Vec::new();
    for rates in rates.chunks_exact(2) {
        let (_, gradient) = loss_and_gradient(&linear, support.0.iter());
        for (index, (value, gradient)) in linear.iter_mut().zip(&gradient).enumerate() {
            *value -= rates[usize::from(index >= split)] * gradient;
        }
        inner.push(gradient);
    }
    let (_, outer) = loss_and_gradient(&linear, query.0.iter());
    let mut expected = outer.to_vec();
    for (inner, rates) in inner.iter().zip(rates.chunks_exact(2)) {
        for (range, rate) in [0..split, split..outer.len()].into_iter().zip(rates) {
            let agreement: f64 = range.map(|index| inner[index] * outer[index]).sum();
            expected.push(-rate * agreement);
        }
    }
    close(&found.gradient, &expected);
}

#[test]
fn reptile_goes_the_way_of_plain_training() {
    // Eleven samples in minibatches of at most 4: every third sample, three minibatches, then the first again.
    let (setting, start, support, query, task) = setting(reptile(5, 0.1, 4));
    let found = setting.compile().run(&setting.start(), &task);
    let pooled: Vec<_> = support.0.iter().chain(&query.0).collect();
    let mut linear = start;
    let mut losses = 0.0;
    for step in 0..5 {
        let batch: Vec<_> = pooled.iter().skip(step % 3).step_by(3).copied().collect();
        let (loss, gradient) = loss_and_gradient(&linear, batch.into_iter());
        linear.iter_mut().zip(&gradient).for_each(|(value, gradient)| *value -= 0.1 * gradient);
        losses += loss;
    }
    let way: Vec<f64> = start.iter().zip(&linear).map(|(start, end)| start - end).collect();
    close(&found.gradient, &way);
    close(&[found.loss], &[losses / 5.0]);
    // Judged after steps on the support alone: of its six samples, every second one.
    let mut linear = start;
    for step in 0..5 {
        let batch: Vec<_> = support.0.iter().skip(step % 2).step_by(2).collect();
        let (_, gradient) = loss_and_gradient(&linear, batch.into_iter());
        linear.iter_mut().zip(&gradient).for_each(|(value, gradient)| *value -= 0.1 * gradient);
    }
    let mut outputs = Vec::new();
    for (x, _) in &query.0 {
        for row in 0..OUTPUTS {
            let product: f64 = (0..FEATURES).map(|column| linear[column * OUTPUTS + row] * x[column]).sum();
            outputs.push(product + linear[OUTPUTS * FEATURES + row]);
        }
    }
    close(&found.outputs, &outputs);
}
