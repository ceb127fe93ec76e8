//! Small sound models that mutations start from.

use supple_trunk::Layer;
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};

use crate::common::*;

/// A node with attributes.
pub fn with(mut node: NodeProto, attributes: Vec<AttributeProto>) -> NodeProto {
    node.attribute = attributes;
    node
}

fn weights(name: &str, dims: &[i64]) -> TensorProto {
    let length = dims.iter().product::<i64>() as usize;
    let scale = 1.0 / (length as f32 / dims[0] as f32).sqrt();
    floats(name, dims, &wave(length, dims.len() as f32).iter().map(|w| w * scale).collect::<Vec<_>>())
}

fn end(from: &str) -> [NodeProto; 2] {
    [node("GlobalAveragePool", "mean", &[from], "pooled"), node("Flatten", "flat", &["pooled"], "features")]
}

/// Depthwise and pointwise convolutions, with clipping.
pub fn depthwise() -> Vec<u8> {
    let pads = || vec![int("group", 4), ints("pads", &[1, 1, 1, 1]), ints("kernel_shape", &[3, 3])];
    let mut nodes = vec![
        node("Conv", "first", &["input", "w0"], "a"),
        with(node("Conv", "depth", &["a", "w1", "b1"], "b"), pads()),
        node("Clip", "clip", &["b", "zero", "six"], "c"),
        node("Conv", "point", &["c", "w2"], "d"),
        node("Relu", "relu", &["d"], "e"),
    ];
    nodes.extend(end("e"));
    let constants = vec![
        weights("w0", &[4, 2, 3, 3]),
        weights("w1", &[4, 1, 3, 3]),
        weights("b1", &[4]),
        weights("w2", &[6, 4, 1, 1]),
        floats("zero", &[], &[0.0]),
        floats("six", &[], &[6.0]),
    ];
    raw(&[1, 2, 8, 8], nodes, constants)
}

/// A sum of two ways, and a gate of squeeze and excitation.
pub fn residual() -> Vec<u8> {
    let pads = || vec![ints("pads", &[1, 1, 1, 1])];
    let mut nodes = vec![
        with(node("Conv", "first", &["input", "w0"], "a"), pads()),
        node("Relu", "relu", &["a"], "b"),
        with(node("Conv", "second", &["b", "w1"], "c"), pads()),
        node("Add", "sum", &["b", "c"], "d"),
        node("GlobalAveragePool", "squeeze", &["d"], "e"),
        node("Conv", "excite", &["e", "w2"], "f"),
        node("Sigmoid", "gate", &["f"], "g"),
        node("Mul", "scale", &["d", "g"], "h"),
    ];
    nodes.extend(end("h"));
    let constants =
        vec![weights("w0", &[4, 1, 3, 3]), weights("w1", &[4, 4, 3, 3]), weights("w2", &[4, 4, 1, 1])];
    raw(&[1, 1, 8, 8], nodes, constants)
}

/// Ways side by side, split and joined.
pub fn concatenation() -> Vec<u8> {
    let mut split = with(node("Split", "split", &["input", "parts"], "a"), vec![int("axis", 1)]);
    split.output.push("b".into());
    let mut nodes = vec![
        split,
        node("Conv", "one", &["a", "w"], "c"),
        with(node("Slice", "slice", &["b", "starts", "ends", "axes"], "d"), vec![]),
        node("Tanh", "tanh", &["d"], "e"),
        with(node("Concat", "join", &["c", "e"], "f"), vec![int("axis", 1)]),
        with(node("Transpose", "turn", &["f"], "g"), vec![ints("perm", &[0, 1, 3, 2])]),
    ];
    nodes.extend(end("g"));
    let constants = vec![
        integers("parts", &[2, 2]),
        integers("starts", &[2, 1]),
        integers("ends", &[i64::MAX, -1]),
        integers("axes", &[2, 3]),
        weights("w", &[3, 2, 3, 3]),
    ];
    raw(&[1, 4, 8, 8], nodes, constants)
}

/// Poolings, a product of matrices and a softmax.
pub fn pooling() -> Vec<u8> {
    let window = |stride: i64| vec![ints("kernel_shape", &[2, 2]), ints("strides", &[stride, stride])];
    let nodes = vec![
        with(node("MaxPool", "max", &["input"], "a"), window(2)),
        with(node("AveragePool", "average", &["a"], "b"), window(1)),
        with(node("Flatten", "flat", &["b"], "c"), vec![int("axis", 1)]),
        with(node("Gemm", "dense", &["c", "w", "b0"], "d"), vec![int("transB", 1)]),
        with(node("Softmax", "soft", &["d"], "features"), vec![int("axis", -1)]),
    ];
    raw(&[0, 2, 8, 8], nodes, vec![weights("w", &[5, 18]), weights("b0", &[5])])
}

/// A signal, resized, with the shape arithmetic of exporters.
pub fn arithmetic() -> Vec<u8> {
    let nodes = vec![
        with(
            node("Conv", "conv", &["input", "w"], "a"),
            vec![ints("strides", &[2]), ints("pads", &[1, 1]), ints("dilations", &[1])],
        ),
        with(
            node("Resize", "wider", &["a", "", "scales"], "b"),
            vec![
                text("mode", "nearest"),
                text("coordinate_transformation_mode", "asymmetric"),
                text("nearest_mode", "floor"),
            ],
        ),
        node("HardSwish", "swish", &["b"], "c"),
        node("Shape", "shape", &["c"], "s"),
        with(node("Gather", "first", &["s", "zero"], "t"), vec![int("axis", 0)]),
        node("Unsqueeze", "list", &["t", "axis"], "u"),
        with(node("Concat", "target", &["u", "rest"], "v"), vec![int("axis", 0)]),
        node("Reshape", "reshape", &["c", "v"], "d"),
        node("MatMul", "dense", &["d", "m"], "e"),
        node("Add", "bias", &["e", "n"], "features"),
    ];
    let mut zero = integers("zero", &[0]);
    zero.dims.clear();
    let constants = vec![
        weights("w", &[3, 2, 3]),
        floats("scales", &[3], &[1.0, 1.0, 2.0]),
        zero,
        integers("axis", &[0]),
        integers("rest", &[-1]),
        weights("m", &[48, 5]),
        weights("n", &[5]),
    ];
    changed(&raw(&[1, 2, 16], nodes, constants), |model| model.opset_import[0].version = 17)
}

/// All of them.
pub fn all() -> Vec<Vec<u8>> {
    let mut mixed = vec![conv(2, 4, 3, 2, [1; 4]), batch_norm(4), Layer::Relu];
    mixed.extend([max_pool(2, 1, [0; 4]), Layer::Flatten, dense(36, 5)]);
    let plain = vec![conv(1, 4, 3, 2, [1; 4]), batch_norm(4), Layer::Relu, conv(4, 4, 3, 1, [0; 4])];
    let plain = [plain, vec![Layer::GlobalAveragePool, Layer::Flatten]].concat();
    vec![
        model([1, 8, 8], plain),
        model([2, 8, 8], mixed),
        depthwise(),
        residual(),
        concatenation(),
        pooling(),
        arithmetic(),
    ]
}
