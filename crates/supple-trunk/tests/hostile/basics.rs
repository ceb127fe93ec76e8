//! The first faults that were found, in this process.

use crate::common::*;
use supple_trunk::{CheckError, CompileError, CompileOptions, FrontError, Oracle, compile};
use tract_onnx::pb::{GraphProto, tensor_proto::DataType};

fn broken(change: impl FnOnce(&mut GraphProto)) -> String {
    let onnx = changed(&conv4(4), |model| change(model.graph.as_mut().unwrap()));
    assert!(Oracle::new(&onnx).is_err());
    refused(&onnx).to_string()
}

#[test]
fn bytes_that_are_no_model() {
    assert!(matches!(refused(&[]), CompileError::Front(FrontError::Check(CheckError::NoGraph))));
    assert!(matches!(refused(&[0xff; 64]), CompileError::Front(FrontError::Check(CheckError::NotOnnx(_)))));
    let good = conv4(4);
    let step = (good.len() / 60).max(1);
    for length in (0..good.len()).step_by(step) {
        let _ = refused(&good[..length]);
    }
}

#[test]
fn sizes_out_of_range() {
    let window = |attribute: &str, values: &[i64]| {
        let (attribute, values) = (attribute.to_owned(), values.to_vec());
        broken(move |graph| {
            let found = graph.node[0].attribute.iter_mut().find(|a| a.name == attribute).unwrap();
            found.ints = values;
        })
    };
    assert!(window("strides", &[0, 0]).contains("`strides` must be within 1..=255, but holds 0"));
    assert!(window("kernel_shape", &[0, 3]).contains("holds 0"));
    assert!(window("pads", &[1 << 30, 0, 0, 1 << 30]).contains("holds 1073741824"));
    assert!(window("pads", &[-1, 0, 0, 0]).contains("holds -1"));
    assert!(window("strides", &[i64::MAX, 1]).contains("holds 9223372036854775807"));
    assert!(window("pads", &[1]).contains("two numbers for each axis"));
}

#[test]
fn tensors_that_lie() {
    assert!(broken(|g| g.initializer[0].dims = vec![1 << 40, 1 << 40]).contains("elements at most"));
    assert!(broken(|g| g.initializer[0].dims[0] = i64::MAX).contains("elements at most"));
    assert!(broken(|g| g.initializer[0].dims[0] = -4).contains("at least 1"));
    assert!(broken(|g| g.initializer[0].raw_data.truncate(5)).contains("holds 5 bytes"));
    assert!(broken(|g| g.initializer[0].data_type = DataType::String as i32).contains("STRING"));
    assert!(broken(|g| g.initializer[0].data_type = 1000).contains("unknown type"));
    assert!(broken(|g| g.initializer[0].data_location = Some(1)).contains("another file"));
    // Right for their own shape, wrong for the layer.
    let _ = broken(|g| {
        g.initializer[0].dims = vec![36];
    });
    let nan =
        broken_only_in_compile(|g| g.initializer[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes()));
    assert!(nan.contains("finite"), "{nan}");
}

fn broken_only_in_compile(change: impl FnOnce(&mut GraphProto)) -> String {
    refused(&changed(&conv4(4), |model| change(model.graph.as_mut().unwrap()))).to_string()
}

#[test]
fn constants_that_would_blow_up() {
    // Folded eagerly, this sum would take 16 GB.
    let nodes = vec![
        node("Add", "huge", &["a", "b"], "c"),
        node("Mul", "use", &["input", "c"], "m"),
        node("Flatten", "f", &["m"], "features"),
    ];
    let long = vec![0.5; 1 << 16];
    let constants = vec![floats("a", &[1, 1, 1, 1 << 16], &long), floats("b", &[1, 1, 1 << 16, 1], &long)];
    let text = refused(&raw(&[1, 1, 1, 1], nodes, constants)).to_string();
    assert!(text.contains("computes a constant"), "{text}");
    // And this one would do so when it runs.
    let nodes = vec![
        node("Add", "wide", &["input", "a"], "c"),
        node("Mul", "tall", &["c", "b"], "m"),
        node("Flatten", "f", &["m"], "features"),
    ];
    let constants = vec![floats("a", &[1, 1, 1, 1 << 16], &long), floats("b", &[1, 1, 1 << 16, 1], &long)];
    let text = refused(&raw(&[1, 1, 1, 1], nodes, constants)).to_string();
    assert!(text.contains("at most 4194304 elements"), "{text}");
    let slow = model(
        [1, 400, 400],
        vec![
            conv(1, 16, 15, 1, [0; 4]),
            conv(16, 16, 15, 1, [0; 4]),
            supple_trunk::Layer::GlobalAveragePool,
            supple_trunk::Layer::Flatten,
        ],
    );
    let text = refused(&slow).to_string();
    assert!(text.contains("multiply-accumulates"), "{text}");
}

#[test]
fn names_and_axes() {
    let mut flatten = node("Flatten", "f", &["input"], "features");
    flatten.attribute = vec![int("axis", 99)];
    assert!(refused(&raw(&[1, 2, 3, 4], vec![flatten.clone()], vec![])).to_string().contains("`axis`"));
    flatten.attribute = vec![int("axis", -4), int("axis", 1)];
    assert!(refused(&raw(&[1, 2, 3, 4], vec![flatten.clone()], vec![])).to_string().contains("twice"));
    let reshape = node("Reshape", "r", &["input", "s"], "features");
    for shape in [&[-1, -1][..], &[0, 0, 0, 0, 0], &[1 << 20, 1 << 20], &[7, -1], &[-4]] {
        let _ = refused(&raw(&[1, 2, 3, 4], vec![reshape.clone()], vec![integers("s", shape)]));
    }
    let mut mean = node("ReduceMean", "m", &["input"], "features");
    for axes in [&[3, 3][..], &[-4], &[0, 1, 2, 3], &[1]] {
        mean.attribute = vec![ints("axes", axes), int("keepdims", 0)];
        let _ = compile(&raw(&[1, 2, 3, 4], vec![mean.clone()], vec![]), &CompileOptions::default());
    }
    let name = "\u{1b}[2J".repeat(1000);
    let text =
        refused(&raw(&[1, 1, 1, 1], vec![node("Evil", &name, &["input"], "features")], vec![])).to_string();
    assert!(text.len() < 3000 && !text.contains('\u{1b}'), "{text}");
}
