//! The same model gives the same pack, byte for byte, on any machine: checksums that were written down once.
//! They cover the version of the format in the header, so they change with it.

use supple_pack::header::Header;
use supple_pack::write::pack;
use supple_trunk::{CompileOptions, Layer, Model, RangeChoice, calibrate, compile, to_onnx};

/// Numbers that look random and are the same everywhere: no function of the standard library is in them.
fn numbers(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

fn vector(length: usize, scale: f32, next: &mut impl FnMut() -> f32) -> Vec<f32> {
    (0..length).map(|_| scale * next()).collect()
}

/// Everything that is folded and rounded on the way: batch normalisation, after a full and a depthwise convolution.
fn model() -> Vec<u8> {
    let mut next = numbers(7);
    let norm = |next: &mut dyn FnMut() -> f32| Layer::BatchNormalization {
        scale: (0..8).map(|_| 1.0 + 0.5 * next()).collect(),
        shift: (0..8).map(|_| next()).collect(),
        mean: (0..8).map(|_| 0.1 * next()).collect(),
        variance: (0..8).map(|_| 1.0 + 0.9 * next()).collect(),
        epsilon: 1e-5,
    };
    let (kernel, padding) = ([3, 3], [1; 4]);
    let layers = vec![
        Layer::Conv2d {
            weights: vector(8 * 2 * 9, 0.3, &mut next),
            bias: None,
            input_channels: 2,
            output_channels: 8,
            kernel,
            stride: [2, 2],
            padding,
        },
        norm(&mut next),
        Layer::Relu,
        Layer::Depthwise2d {
            weights: vector(8 * 9, 0.3, &mut next),
            bias: Some(vector(8, 0.2, &mut next)),
            channels: 8,
            kernel,
            stride: [1, 1],
            padding,
        },
        norm(&mut next),
        Layer::Relu,
        Layer::MaxPool { kernel: [2, 2], stride: [2, 2], padding: [0; 4] },
        Layer::Flatten,
        Layer::Dense { weights: vector(5 * 8 * 9, 0.1, &mut next), bias: vector(5, 0.1, &mut next) },
    ];
    to_onnx(&Model { name: "model".into(), input: [2, 12, 12], layers }).expect("a model")
}

fn checksum(options: &CompileOptions) -> u32 {
    let compiled = compile(&model(), options).expect("it compiles");
    Header::read(&pack(&compiled.parts, &[]).expect("a pack")).expect("a header").checksum
}

#[test]
fn a_float_pack() {
    assert_eq!(checksum(&CompileOptions::default()), 605_074_549);
}

#[test]
fn an_int8_pack_calibrated_here() {
    let mut next = numbers(11);
    let inputs: Vec<Vec<f32>> = (0..20).map(|_| vector(2 * 12 * 12, 1.0, &mut next)).collect();
    let mut found = Vec::new();
    for choice in [RangeChoice::MinMax, RangeChoice::Percentile(99.0), RangeChoice::MeanSquaredError] {
        let ranges = calibrate(&model(), None, &inputs, choice).expect("ranges").ranges;
        found.push(checksum(&CompileOptions { int8: Some(ranges), ..CompileOptions::default() }));
    }
    assert_eq!(found, [2_226_052_329, 2_399_015_369, 2_226_052_329]);
}
