use proptest::prelude::*;

use super::descent::{Descent, descend, descend_and_pass};
use super::forward::forward;
use super::loss::{class_deltas, number_deltas};
use super::rows::{Int8, Rows};
use super::{LayerMut, definition};
use crate::kernels::definition::{assert_same, numbers};

/// Tests are built with all features.
const BUILT: Int8 = Int8::built().unwrap();

/// A layer, its samples and its momentum, `None` for none.
#[derive(Debug)]
struct Case {
    outs: usize,
    length: usize,
    samples: usize,
    momentum: Option<f32>,
    seed: u32,
}

fn cases() -> impl Strategy<Value = Case> {
    let momentum = prop_oneof![Just(None), (0.0..0.99_f32).prop_map(Some)];
    let sizes = (1..40usize, 1..40usize, 1..40usize);
    (sizes, momentum, any::<u32>()).prop_map(|((outs, length, samples), momentum, seed)| Case {
        outs,
        length,
        samples,
        momentum,
        seed,
    })
}

/// Cached features in both forms.
struct Features {
    length: usize,
    values: Vec<f32>,
    bytes: Vec<i8>,
    scales: Vec<f32>,
}

impl Features {
    fn of(case: &Case) -> Self {
        let bytes = numbers(case.seed ^ 1, case.samples * case.length);
        Self {
            length: case.length,
            values: numbers(case.seed, case.samples * case.length),
            bytes: bytes.into_iter().map(|x| (x * 64.0) as i8).collect(),
            scales: numbers(case.seed ^ 2, case.samples).into_iter().map(f32::abs).collect(),
        }
    }

    fn kinds(&self) -> [Rows<'_>; 2] {
        let length = self.length;
        [
            Rows::F32 { values: &self.values, length },
            Rows::I8 { values: &self.bytes, scales: &self.scales, length, built: BUILT },
        ]
    }
}

/// Weights, biases and their velocities, and what changes them.
#[derive(Clone)]
struct Layer {
    weights: Vec<f32>,
    bias: Vec<f32>,
    velocities: [Vec<f32>; 2],
}

impl Layer {
    fn of(case: &Case) -> Self {
        let sizes = [case.outs * case.length, case.outs];
        let [weights, bias] = sizes.map(|size| numbers(case.seed ^ (3 + size as u32), size));
        Self { weights, bias, velocities: sizes.map(|size| numbers(case.seed ^ (5 + size as u32), size)) }
    }

    /// Lets a kernel change the layer.
    fn change(&mut self, momentum: Option<f32>, kernel: impl FnOnce(&mut LayerMut, &mut Descent)) {
        let [weights, bias] = &mut self.velocities;
        let velocity = momentum.map(|_| LayerMut { weights, bias });
        let mut descent = Descent { rates: [0.3, 0.7], momentum: momentum.unwrap_or(0.0), velocity };
        kernel(&mut LayerMut { weights: &mut self.weights, bias: &mut self.bias }, &mut descent);
    }

    fn assert_same(&self, expected: &Self) {
        assert_same(&self.weights, &expected.weights);
        assert_same(&self.bias, &expected.bias);
        assert_same(&self.velocities[0], &expected.velocities[0]);
        assert_same(&self.velocities[1], &expected.velocities[1]);
    }
}

proptest! {
    #[test]
    fn outputs_are_those_of_the_definition(case in cases(), relu: bool) {
        let layer = Layer::of(&case);
        for rows in Features::of(&case).kinds() {
            let [mut found, mut expected] = [(); 2].map(|()| vec![f32::NAN; case.samples * case.outs]);
            forward(&layer.weights, &layer.bias, &rows, &mut found, relu);
            definition::forward(&layer.weights, &layer.bias, &rows, &mut expected, relu);
            assert_same(&found, &expected);
        }
    }

    #[test]
    fn a_step_is_that_of_the_definition(case in cases()) {
        let deltas = numbers(case.seed ^ 7, case.samples * case.outs);
        for rows in Features::of(&case).kinds() {
            let [mut found, mut expected] = [(); 2].map(|()| Layer::of(&case));
            found.change(case.momentum, |layer, descent| descend(layer, &rows, &deltas, descent));
            expected.change(case.momentum, |layer, descent| definition::descend(layer, &rows, &deltas, descent));
            found.assert_same(&expected);
        }
    }

    #[test]
    fn a_step_behind_a_hidden_layer_is_that_of_the_definition(case in cases()) {
        let deltas = numbers(case.seed ^ 7, case.samples * case.outs);
        let [mut found, mut expected] = [(); 2].map(|()| Layer::of(&case));
        let hidden = numbers(case.seed, case.samples * case.length);
        let [mut passed, mut expected_passed] = [(); 2].map(|()| hidden.clone());
        let [mut work, mut other_work] = [(); 2].map(|()| vec![f32::NAN; case.outs]);
        found.change(case.momentum, |layer, descent| {
            descend_and_pass(layer, &mut passed, case.length, &deltas, &mut work, descent);
        });
        expected.change(case.momentum, |layer, descent| {
            let hidden = &mut expected_passed;
            definition::descend_and_pass(layer, hidden, case.length, &deltas, &mut other_work, descent);
        });
        found.assert_same(&expected);
        assert_same(&passed, &expected_passed);
    }

    #[test]
    fn features_in_eight_bits_are_as_if_made_floats_first(case in cases()) {
        let features = Features::of(&case);
        let [_, bytes] = features.kinds();
        let rows = features.bytes.chunks(case.length).zip(&features.scales);
        let floats: Vec<f32> = rows.flat_map(|(row, scale)| row.iter().map(move |&q| scale * f32::from(q))).collect();
        let floats = Rows::F32 { values: &floats, length: case.length };
        let deltas = numbers(case.seed ^ 7, case.samples * case.outs);
        let [mut one, mut other] = [(); 2].map(|()| Layer::of(&case));
        let [mut outputs, mut other_outputs] = [(); 2].map(|()| vec![f32::NAN; case.samples * case.outs]);
        forward(&one.weights, &one.bias, &bytes, &mut outputs, false);
        forward(&one.weights, &one.bias, &floats, &mut other_outputs, false);
        assert_same(&outputs, &other_outputs);
        one.change(case.momentum, |layer, descent| descend(layer, &bytes, &deltas, descent));
        other.change(case.momentum, |layer, descent| descend(layer, &floats, &deltas, descent));
        one.assert_same(&other);
    }
}

#[test]
fn outputs_of_three_samples_by_hand() {
    let inputs = Rows::F32 { values: &[2.0, 1.0, 4.0, -1.0, 0.0, 0.5], length: 2 };
    let mut outputs = [f32::NAN; 6];
    forward(&[1.0, 3.0, -2.0, 0.5], &[0.25, 1.0], &inputs, &mut outputs, false);
    assert_eq!(outputs, [5.25, -2.5, 1.25, -7.5, 1.75, 1.25]);
    forward(&[1.0, 3.0, -2.0, 0.5], &[0.25, 1.0], &inputs, &mut outputs, true);
    assert_eq!(outputs, [5.25, 0.0, 1.25, 0.0, 1.75, 1.25]);
    let bytes = Rows::I8 { values: &[4, 2, 8, -2, 0, 1], scales: &[0.5; 3], length: 2, built: BUILT };
    forward(&[1.0, 3.0, -2.0, 0.5], &[0.25, 1.0], &bytes, &mut outputs, false);
    assert_eq!(outputs, [5.25, -2.5, 1.25, -7.5, 1.75, 1.25]);
}

/// Two classes, one feature: logits 0 give probabilities ½, so the deltas are ∓½ · 2 / 2.
#[test]
fn the_first_step_from_zero() {
    let (mut weights, mut bias, mut deltas) = ([0.0; 2], [0.0; 2], [f32::NAN; 4]);
    let inputs = Rows::F32 { values: &[1.0, 3.0], length: 1 };
    forward(&weights, &bias, &inputs, &mut deltas, false);
    for (label, deltas) in deltas.chunks_mut(2).enumerate() {
        class_deltas(deltas, Some(label), 2.0 / 2.0);
    }
    let mut descent = Descent { rates: [0.5, 1.0], momentum: 0.0, velocity: None };
    descend(&mut LayerMut { weights: &mut weights, bias: &mut bias }, &inputs, &deltas, &mut descent);
    // Class 0: −½·1 + ½·3 = 1; class 1: ½·1 − ½·3 = −1.
    assert_eq!(weights, [-0.5, 0.5]);
    assert_eq!(bias, [0.0, 0.0]);
}

#[test]
fn momentum_keeps_a_share_of_the_velocity() {
    let (mut weights, mut bias) = ([1.0], [0.0]);
    let (mut weights_velocity, mut bias_velocity) = ([4.0], [-8.0]);
    let velocity = LayerMut { weights: &mut weights_velocity, bias: &mut bias_velocity };
    let mut descent = Descent { rates: [0.5, 0.25], momentum: 0.5, velocity: Some(velocity) };
    let inputs = Rows::F32 { values: &[3.0, 2.0], length: 1 };
    descend(&mut LayerMut { weights: &mut weights, bias: &mut bias }, &inputs, &[1.0, -2.0], &mut descent);
    // Gradients 1·3 − 2·2 = −1 and 1 − 2 = −1.
    assert_eq!((weights_velocity, weights), ([1.0], [0.5]));
    assert_eq!((bias_velocity, bias), ([-5.0], [1.25]));
}

/// Two hidden units, of which the second sample's first is switched off; two outputs.
#[test]
fn a_step_behind_a_hidden_layer_by_hand() {
    let (mut weights, mut bias) = ([1.0, 2.0, -3.0, 4.0], [0.0; 2]);
    let mut hidden = [5.0, 1.0, 0.0, 2.0];
    let mut descent = Descent { rates: [1.0, 2.0], momentum: 0.0, velocity: None };
    let mut layer = LayerMut { weights: &mut weights, bias: &mut bias };
    descend_and_pass(&mut layer, &mut hidden, 2, &[1.0, -1.0, 0.5, 2.0], &mut [0.0; 2], &mut descent);
    // By the weights from before: sample 0: 1 + 3, 2 − 4; sample 1: off, 1 + 8.
    assert_eq!(hidden, [4.0, -2.0, 0.0, 9.0]);
    // Output 0: 1·5 + ½·0, 1·1 + ½·2; output 1: −1·5 + 2·0, −1·1 + 2·2.
    assert_eq!(weights, [-4.0, 0.0, 2.0, 1.0]);
    assert_eq!(bias, [-3.0, -2.0]);
}

#[test]
fn deltas_of_labels_and_targets() {
    let mut logits = [0.0, 0.0];
    class_deltas(&mut logits, Some(1), 3.0);
    assert_eq!(logits, [1.5, -1.5]);
    class_deltas(&mut logits, None, 3.0);
    assert_eq!(logits, [0.0, 0.0]);
    let mut outputs = [1.0, -2.0];
    number_deltas(&mut outputs, Some(&[0.5, 1.0]), 4.0);
    assert_eq!(outputs, [2.0, -12.0]);
    number_deltas(&mut outputs, None, 4.0);
    assert_eq!(outputs, [0.0, 0.0]);
}

#[test]
fn slices_that_are_too_short_are_no_harm() {
    let rows = Rows::F32 { values: &[1.0; 8], length: 4 };
    forward(&[1.0; 3], &[1.0; 5], &rows, &mut [0.0; 10], true);
    let (mut weights, mut bias) = ([1.0; 3], [1.0; 5]);
    let mut descent = Descent { rates: [1.0; 2], momentum: 0.0, velocity: None };
    descend(&mut LayerMut { weights: &mut weights, bias: &mut bias }, &rows, &[1.0; 3], &mut descent);
    let mut layer = LayerMut { weights: &mut weights, bias: &mut bias };
    descend_and_pass(&mut layer, &mut [1.0; 3], 4, &[1.0; 3], &mut [], &mut descent);
    descend_and_pass(&mut layer, &mut [1.0; 3], 0, &[1.0; 3], &mut [], &mut descent);
    let mut nothing = LayerMut { weights: &mut [], bias: &mut [] };
    descend(&mut nothing, &rows, &[], &mut descent);
    descend_and_pass(&mut nothing, &mut [], 0, &[], &mut [], &mut descent);
}
