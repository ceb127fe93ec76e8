//! Models that do not compile: every node in the way is named, once.

mod common;

use common::*;
use supple_trunk::{
    CheckError, CompileError, CompileOptions, FrontError, Layer, Refusals, candidates, compile,
};

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
        node("GRU", "gate", &["input"], "s"),
        custom,
        node("Relu", "fine", &["e"], "r"),
        node("LSTM", "first", &["r"], "l"),
        node("LSTM", "second", &["l"], "m"),
        node("Flatten", "flat", &["m"], "features"),
    ];
    let onnx = raw(&[1, 1, 4, 4], nodes, vec![]);
    let refusals = unsupported(&onnx);
    assert_eq!(names(&refusals), [("gate", "GRU"), ("e", "Embed"), ("first", "LSTM"), ("second", "LSTM")]);
    let text = refused(&onnx).to_string();
    for name in ["`gate`", "`e`", "`first`", "`second`", "my.company"] {
        assert_eq!(text.matches(name).count(), 1, "{name} in {text}");
    }
    assert!(text.contains("GlobalAveragePool"), "{text}");
}

#[test]
fn attributes_out_of_range_are_named_beside_operators() {
    let mut grouped = node("Conv", "depthwise", &["input", "w"], "y");
    grouped.attribute = vec![int("group", 0)];
    let nodes = vec![grouped, node("Hardmax", "hard", &["y"], "features")];
    let onnx = raw(&[1, 2, 4, 4], nodes, vec![floats("w", &[2, 1, 3, 3], &wave(18, 0.0))]);
    let refusals = unsupported(&onnx);
    assert_eq!(names(&refusals), [("depthwise", "Conv"), ("hard", "Hardmax")]);
    assert!(refusals.0[0].reason.contains("`group` must be within 1..=65535, but is 0"), "{refusals}");
}

#[test]
fn what_no_plan_expresses_is_named_after_lowering() {
    // A product of two computed values, and a mean of squares of no axis that a plan reduces.
    let mut flat = node("Flatten", "flat", &["sum"], "features");
    flat.attribute = vec![int("axis", 1)];
    let nodes = vec![
        node("MatMul", "attention", &["input", "input"], "product"),
        node("Erf", "error", &["product"], "curve"),
        node("Add", "residual", &["input", "curve"], "sum"),
        flat,
    ];
    let refusals = unsupported(&raw(&[1, 2, 4, 4], nodes, vec![]));
    assert_eq!(
        names(&refusals).iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["attention"],
        "{refusals}"
    );
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
    assert!(text(|graph| graph.node.push(graph.node[1].clone())).contains("two values"));
    assert!(text(|graph| graph.output.push(graph.output[0].clone())).contains("choose one with --output"));
    assert!(text(|graph| graph.node.reverse()).contains("before it"));
    assert!(text(|graph| graph.output[0].name = "layer_1_weights".into()).contains("nothing to compute"));
    let channel_last =
        raw(&[1, 4, 4, 1], vec![node("GlobalAveragePool", "g", &["input"], "features")], vec![]);
    // Read as four channels of 4 x 1: a model that means something else shows that in its first layer.
    assert!(compile(&channel_last, &Default::default()).is_ok());
    // A trunk that hands its input on: a board may be sent features.
    assert!(compiled(&model([1, 1, 1], vec![Layer::Flatten])).parts.ops.is_empty());
}

#[test]
fn a_model_is_cut_at_any_tensor_and_the_rest_does_not_matter() {
    let inner = changed(&conv4(4), |model| {
        let graph = model.graph.as_mut().unwrap();
        let features = graph.output[0].name.clone();
        graph.node.push(node("LSTM", "memory", &[&features], "scores"));
        graph.node.push(node("Sigmoid", "gate", &["scores"], "gated"));
        graph.output[0].name = "gated".into();
    });
    assert_eq!(names(&unsupported(&inner)), [("memory", "LSTM")]);
    let at = |output: &str| {
        let options = CompileOptions { output: Some(output.into()), ..CompileOptions::default() };
        compile(&inner, &options)
    };
    let cuts = candidates(&inner).unwrap();
    let best = cuts.iter().rfind(|cut| cut.problem.is_none()).unwrap();
    let (whole, cut) = (compiled(&conv4(4)), at(&best.tensor).unwrap());
    assert_eq!(cut.parts, whole.parts);
    // Four convolutions of which nothing is folded yet: their weights, and four numbers a channel for each scale.
    assert_eq!(best.parameter_bytes, 4 * (4 * 9 + 3 * 4 * 4 * 9 + 4 * 4 * 4));
    assert_eq!(
        (best.macs, best.elements),
        (49 * 4 * 4 * 9 + 196 * 4 * 9 + 16 * 4 * 4 * 9 + 4 * 4 * 4 * 9, 4)
    );
    let last = cuts.last().unwrap();
    assert_eq!((last.tensor.as_str(), last.shape.len()), ("gated", 0));
    assert!(last.problem.as_ref().unwrap().contains("needs node `memory` (LSTM): not supported"));
    let near = best.tensor[..best.tensor.len() - 1].to_owned();
    let text = at(&near).unwrap_err().to_string();
    assert!(text.contains("near it") && text.contains(&best.tensor), "{text}");
    assert!(at("input").unwrap_err().to_string().contains("is the model's input or a constant"));
}
