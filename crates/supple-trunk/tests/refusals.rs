//! Models that do not compile: every node in the way is named, once.

mod common;

use common::*;
use supple_trunk::{CheckError, CompileError, FrontError, Layer, Refusals};

fn names(refusals: &Refusals) -> Vec<(&str, &str)> {
    refusals.0.iter().map(|refusal| (refusal.node.as_str(), refusal.operator.as_str())).collect()
}

fn unsupported(onnx: &[u8]) -> Refusals {
    match refused(onnx) {
        CompileError::Front(FrontError::Check(CheckError::Unsupported(refusals)))
        | CompileError::Unsupported(refusals) => refusals,
        other => panic!("{other}"),
    }
}

#[test]
fn every_unsupported_operator_is_named_once() {
    let mut custom = node("Embed", "", &["s"], "e");
    custom.domain = "my.company".into();
    let nodes = vec![
        node("Sigmoid", "gate", &["input"], "s"),
        custom,
        node("Relu", "fine", &["e"], "r"),
        node("LSTM", "first", &["r"], "l"),
        node("LSTM", "second", &["l"], "m"),
        node("Flatten", "flat", &["m"], "features"),
    ];
    let onnx = raw(&[1, 1, 4, 4], nodes, vec![]);
    let refusals = unsupported(&onnx);
    assert_eq!(
        names(&refusals),
        [("gate", "Sigmoid"), ("e", "Embed"), ("first", "LSTM"), ("second", "LSTM")]
    );
    let text = refused(&onnx).to_string();
    for name in ["`gate`", "`e`", "`first`", "`second`", "my.company"] {
        assert_eq!(text.matches(name).count(), 1, "{name} in {text}");
    }
    assert!(text.contains("GlobalAveragePool"), "{text}");
}

#[test]
fn attributes_out_of_range_are_named_beside_operators() {
    let mut grouped = node("Conv", "depthwise", &["input", "w"], "y");
    grouped.attribute = vec![int("group", 2)];
    let nodes = vec![grouped, node("Softmax", "soft", &["y"], "features")];
    let onnx = raw(&[1, 2, 4, 4], nodes, vec![floats("w", &[2, 1, 3, 3], &wave(18, 0.0))]);
    let refusals = unsupported(&onnx);
    assert_eq!(names(&refusals), [("depthwise", "Conv"), ("soft", "Softmax")]);
    assert!(refusals.0[0].reason.contains("`group` must be within 1..=1, but is 2"), "{refusals}");
}

#[test]
fn what_no_plan_expresses_is_named_after_lowering() {
    // A residual sum, and an average over parts of the image.
    let mut average = node("AveragePool", "part", &["sum"], "a");
    average.attribute = vec![ints("kernel_shape", &[2, 2])];
    let mut first = node("Conv", "c", &["input", "w"], "y");
    first.attribute = vec![ints("pads", &[1, 1, 1, 1])];
    let nodes = vec![
        first,
        node("Add", "residual", &["input", "y"], "sum"),
        average,
        node("Flatten", "flat", &["a"], "features"),
    ];
    let onnx = raw(&[1, 2, 4, 4], nodes, vec![floats("w", &[2, 2, 3, 3], &wave(36, 0.0))]);
    let refusals = unsupported(&onnx);
    assert!(names(&refusals).contains(&("residual", "Add")), "{refusals}");
    let average = raw(
        &[1, 2, 4, 4],
        vec![
            {
                let mut node = node("AveragePool", "part", &["input"], "a");
                node.attribute = vec![ints("kernel_shape", &[2, 2])];
                node
            },
            node("Flatten", "flat", &["a"], "features"),
        ],
        vec![],
    );
    assert!(unsupported(&average).to_string().contains("only the whole image"));
}

#[test]
fn the_graph_must_be_a_trunk() {
    let good = conv4(4);
    let text = |change: fn(&mut tract_onnx::pb::GraphProto)| {
        refused(&changed(&good, |model| change(model.graph.as_mut().unwrap()))).to_string()
    };
    assert!(text(|graph| graph.output.clear()).contains("0 outputs"));
    assert!(text(|graph| graph.input.clear()).contains("0 inputs"));
    assert!(text(|graph| graph.node[1].input[0] = "nowhere".into()).contains("reads `nowhere`"));
    assert!(text(|graph| graph.node[1].output[0] = graph.node[0].output[0].clone()).contains("two values"));
    assert!(text(|graph| graph.node.reverse()).contains("before it"));
    assert!(text(|graph| graph.output[0].name = "layer_1_weights".into()).contains("does not depend"));
    let channel_last =
        raw(&[1, 4, 4, 1], vec![node("GlobalAveragePool", "g", &["input"], "features")], vec![]);
    // Read as four channels of 4 x 1: a model that means something else shows that in its first layer.
    assert!(supple_trunk::compile(&channel_last, &Default::default()).is_ok());
    let nothing = model([1, 1, 1], vec![Layer::Flatten]);
    assert!(refused(&nothing).to_string().contains("no layer"));
}
