use supple_pack::op::{Shape, Window};

use super::*;
use crate::front::load;
use crate::lower::lower;
use crate::quantise::calibrate::{Observed, calibrate};
use crate::quantise::error::error;
use crate::quantise::ranges::RangeChoice;
use crate::quantise::{equalised, quantise};
use crate::{Layer as OnnxLayer, Model, to_onnx};

const POINT: Window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };

/// Two convolutions, the first of channels a hundred times apart, and a dense layer.
fn trunk() -> Lowered {
    let wave = |count: usize, by: f32| -> Vec<f32> { (0..count).map(|i| (i as f32 * by).sin()).collect() };
    let mut first = wave(4 * 9, 0.7);
    for (weights, size) in first.chunks_exact_mut(9).zip([1.0, 0.1, 0.03, 0.01]) {
        weights.iter_mut().for_each(|weight| *weight *= size);
    }
    let mut second = wave(3 * 4 * 9, 1.3);
    for (at, weights) in second.chunks_exact_mut(9).enumerate() {
        let size = [1.0, 10.0, 30.0, 100.0][at % 4];
        weights.iter_mut().for_each(|weight| *weight *= size);
    }
    let conv = |weights, bias: Vec<f32>, inputs| OnnxLayer::Conv2d {
        weights,
        output_channels: bias.len(),
        bias: Some(bias),
        input_channels: inputs,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1; 4],
    };
    let layers = vec![
        conv(first, vec![0.1, -0.01, 0.003, 0.001], 1),
        OnnxLayer::Relu,
        conv(second, vec![0.0; 3], 4),
        OnnxLayer::Relu,
        OnnxLayer::GlobalAveragePool,
        OnnxLayer::Flatten,
        OnnxLayer::Dense { weights: wave(6, 0.9), bias: vec![0.5, -0.5] },
    ];
    let onnx = to_onnx(&Model { name: String::new(), input: [1, 6, 6], layers }).unwrap();
    lower(&load(&onnx, None).unwrap().into_decluttered().unwrap()).unwrap()
}

fn inputs() -> Vec<Vec<f32>> {
    (0..20).map(|n| (0..36).map(|i| ((i * (n + 3)) % 11) as f32 / 11.0 - 0.3).collect()).collect()
}

fn features(lowered: &Lowered) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    let inputs = inputs();
    let see = |_, value, numbers: &[f32]| {
        if value == lowered.output.0 {
            all.push(numbers.to_vec());
        }
    };
    Observed::new(lowered).unwrap().run(inputs.iter().map(Vec::as_slice), |_| None, see).unwrap();
    all
}

#[test]
fn channels_change_and_features_do_not() {
    let lowered = trunk();
    let ranges = calibrate(&lowered, &inputs(), RangeChoice::MinMax).unwrap();
    let scaled = equalised(&lowered, &ranges);
    assert_ne!(scaled.draft, lowered.draft);
    assert!(ranges.factors[lowered.input.0].is_empty() && ranges.factors[lowered.output.0].is_empty());
    for (before, after) in features(&lowered).iter().flatten().zip(features(&scaled).iter().flatten()) {
        assert!((before - after).abs() <= 1e-5 * before.abs().max(1.0), "{before} {after}");
    }
}

#[test]
fn factors_that_would_change_the_features_are_refused() {
    let lowered = trunk();
    let ranges = calibrate(&lowered, &inputs(), RangeChoice::MinMax).unwrap();
    let scaled = (0..ranges.factors.len()).find(|value| !ranges.factors[*value].is_empty()).unwrap();
    let refused = |change: &dyn Fn(&mut crate::Ranges)| {
        let mut ranges = ranges.clone();
        change(&mut ranges);
        assert!(matches!(quantise(&lowered, &ranges), Err(crate::QuantiseError::Numbers)));
    };
    let input = lowered.input.0;
    refused(&|ranges| ranges.factors[input] = vec![2.0; usize::from(lowered.input.1.channels)]);
    refused(&|ranges| ranges.factors[scaled][0] = 0.0);
    refused(&|ranges| ranges.factors[scaled][0] = f32::NAN);
    refused(&|ranges| ranges.factors[scaled].truncate(1));
    refused(&|ranges| ranges.means[scaled][0] = f32::INFINITY);
    refused(&|ranges| ranges.values[scaled].high = f32::NAN);
    assert!(quantise(&lowered, &ranges).is_ok());
}

#[test]
fn unlike_channels_lose_less() {
    let lowered = trunk();
    let mut ranges = calibrate(&lowered, &inputs(), RangeChoice::MinMax).unwrap();
    let lost = |ranges: &_| {
        let quantised = quantise(&lowered, ranges).unwrap();
        error(&equalised(&lowered, ranges), &quantised, &inputs()).unwrap().features_sqnr_db
    };
    let with = lost(&ranges);
    // The ranges of the values as they are.
    let of = |value: ValueId, factors: &[f32]| factors.is_empty() || value == lowered.input.0;
    assert!(ranges.factors.iter().enumerate().any(|(value, factors)| !of(value, factors)));
    let seen = {
        let mut seen = ranges.values.clone();
        let inputs = inputs();
        seen.iter_mut().for_each(|range| *range = crate::Range::EMPTY);
        let see = |_, value: ValueId, numbers: &[f32]| {
            for x in numbers {
                seen[value] = seen[value].joined(crate::Range { low: *x, high: *x });
            }
        };
        Observed::new(&lowered).unwrap().run(inputs.iter().map(Vec::as_slice), |_| None, see).unwrap();
        seen
    };
    ranges.values = seen;
    ranges.factors.iter_mut().for_each(Vec::clear);
    ranges.means.iter_mut().for_each(Vec::clear);
    let without = lost(&ranges);
    assert!(with > without + 10.0, "{with} {without}");
}

#[test]
fn what_joins_shares_and_what_is_limited_stays() {
    let shape = Shape { height: 2, width: 2, channels: 1 };
    let mut draft = Draft::default();
    let values: Vec<ValueId> = (0..6).map(|_| draft.value(shape)).collect();
    let one = |activation| {
        let linear = Linear { activation, ..Linear::new(vec![1.0], vec![0.0]) };
        Kind::Depthwise { window: POINT, weights: Weights::Float(linear) }
    };
    let mut push = |kind, inputs: &[ValueId], output| {
        let inputs = inputs.iter().map(|value| Source::Value(*value, shape)).collect();
        draft.steps.push(Step { node: String::new(), kind, inputs, output: (output, shape) });
    };
    push(one(Activation::Relu), &[values[0]], values[1]);
    push(one(Activation::None), &[values[1]], values[2]);
    push(Kind::Binary(Operation::Add, Activation::Relu), &[values[1], values[2]], values[3]);
    push(one(Activation::Clip { low: 0.0, high: 6.0 }), &[values[3]], values[4]);
    push(one(Activation::None), &[values[4]], values[5]);
    let lowered = Lowered {
        draft,
        input: (values[0], shape),
        output: (values[5], shape),
        input_order: vec![],
        feature_order: vec![],
    };
    let first = Some(values[1]);
    assert_eq!(groups(&lowered), [None, first, first, first, None, None]);
}
