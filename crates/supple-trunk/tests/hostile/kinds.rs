//! Kinds of malformed models, each by name with the reason it must be refused for, each in a worker of its own.
//!
//! The first in the list made tract panic, run for minutes or fill the memory when it read them unchecked.

use std::time::{Duration, Instant};

use supple_trunk::isolated::{IsolatedError, Session, compile_isolated};
use supple_trunk::{CompileOptions, Layer};
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, SparseTensorProto,
    StringStringEntryProto, TensorProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType,
};

use crate::common::*;
use crate::seeds::with;
use crate::{LIMITS, worker};

/// A kind of model, and a part of the message it must be refused with.
type Case = (&'static str, &'static str, Vec<u8>);

/// One node between an input of 1 × 4 × 6 × 6 and the features.
fn one(node: NodeProto, constants: Vec<TensorProto>) -> Vec<u8> {
    raw(&[1, 4, 6, 6], vec![node, self::node("Flatten", "flat", &["y"], "features")], constants)
}

fn op(operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> NodeProto {
    with(node(operator, "bad", inputs, "y"), attributes)
}

fn conv_with(attributes: Vec<AttributeProto>) -> Vec<u8> {
    one(op("Conv", &["input", "w"], attributes), vec![floats("w", &[4, 4, 3, 3], &wave(144, 0.0))])
}

fn pool_with(operator: &str, attributes: Vec<AttributeProto>) -> Vec<u8> {
    one(op(operator, &["input"], attributes), vec![])
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: value, r#type: AttributeType::Float as i32, ..int(name, 0) }
}

fn graph(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Graph as i32,
        g: Some(graph),
        ..AttributeProto::default()
    }
}

/// The trunk of four blocks with a change.
fn but(change: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    changed(&conv4(4), change)
}

fn but_graph(change: impl FnOnce(&mut GraphProto)) -> Vec<u8> {
    but(|model| change(model.graph.as_mut().unwrap()))
}

fn in_set(set: i64, onnx: Vec<u8>) -> Vec<u8> {
    changed(&onnx, |model| model.opset_import[0].version = set)
}

/// Subgraphs within each other, deeper than any reader should follow, written from the inside out.
fn nested(depth: usize) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| {
        let mut field = vec![number << 3 | 2];
        let mut length = bytes.len();
        while length >= 128 {
            field.push(length as u8 | 128);
            length >>= 7;
        }
        field.push(length as u8);
        field.extend(bytes);
        field
    };
    let mut graph = Vec::new();
    for _ in 0..depth {
        // A graph in an attribute of a node of a graph.
        graph = field(1, &field(5, &field(6, &graph)));
    }
    field(7, &graph)
}

fn shapes() -> Vec<Case> {
    let reshape = |shape: &[i64]| one(op("Reshape", &["input", "s"], vec![]), vec![integers("s", shape)]);
    let repeat = |operator: &str, from: &str, times: &[i64]| {
        let nodes = vec![
            node(operator, "bad", &[from, "s"], "y"),
            node("Add", "use", &["input", "y"], "z"),
            node("Flatten", "flat", &["z"], "features"),
        ];
        raw(&[1, 1, 1, 1], nodes, vec![integers("s", times), floats("c", &[1, 1, 1, 1], &[1.0])])
    };
    let slice = |starts: &[i64], ends: &[i64], axes: &[i64], steps: &[i64]| {
        let constants =
            vec![integers("b", starts), integers("e", ends), integers("a", axes), integers("t", steps)];
        one(op("Slice", &["input", "b", "e", "a", "t"], vec![]), constants)
    };
    let huge = [1, 1, 1 << 20, 1 << 20];
    let mut of_shape = repeat("ConstantOfShape", "s", &huge);
    of_shape = changed(&of_shape, |model| drop(model.graph.as_mut().unwrap().node[0].input.pop()));
    let split = |sizes: &[i64]| {
        let mut split = op("Split", &["input", "s"], vec![int("axis", 1)]);
        split.output = vec!["y".into(), "rest".into()];
        let nodes = vec![
            split,
            with(node("Concat", "join", &["y", "rest"], "z"), vec![int("axis", 1)]),
            node("Flatten", "flat", &["z"], "features"),
        ];
        raw(&[1, 4, 6, 6], nodes, vec![integers("s", sizes)])
    };
    let gather =
        |index: i64| one(op("Gather", &["input", "i"], vec![int("axis", 1)]), vec![integers("i", &[index])]);
    let concat = |axis: i64, other: &[i64]| {
        let length = other.iter().product::<i64>() as usize;
        one(
            op("Concat", &["input", "c"], vec![int("axis", axis)]),
            vec![floats("c", other, &wave(length, 0.0))],
        )
    };
    vec![
        ("flatten at axis 99", "`axis` must be within", pool_with("Flatten", vec![int("axis", 99)])),
        ("flatten behind the last axis", "out of range", pool_with("Flatten", vec![int("axis", 6)])),
        ("softmax along axis 99", "`axis` must be within", pool_with("Softmax", vec![int("axis", 99)])),
        ("softmax behind the last axis", "axis", pool_with("Softmax", vec![int("axis", 5)])),
        (
            "a permutation with an axis twice",
            "must name each axis once",
            pool_with("Transpose", vec![ints("perm", &[0, 1, 1, 3])]),
        ),
        (
            "a permutation of too few axes",
            "expects tensor of rank 2",
            pool_with("Transpose", vec![ints("perm", &[1, 0])]),
        ),
        ("a constant of a huge shape", "more than 4194304 elements", of_shape),
        ("a constant tiled to a huge one", "more than 4194304 elements", repeat("Tile", "c", &huge)),
        ("a constant expanded to a huge one", "more than 4194304 elements", repeat("Expand", "c", &huge)),
        ("the input tiled to a huge value", "at most 4194304 elements", repeat("Tile", "input", &huge)),
        ("the input expanded to a huge value", "at most 4194304 elements", repeat("Expand", "input", &huge)),
        ("tiled 0 times", "at least 1", repeat("Tile", "input", &[1, 0, 1, 1])),
        ("reshaped to more than there is", "volume mismatch", reshape(&[1, 1 << 20, 1 << 20])),
        ("reshaped with two unknown axes", "still negative", reshape(&[-1, -1])),
        ("reshaped to a negative length", "volume mismatch", reshape(&[1, -7])),
        ("reshaped to lengths that overflow", "volume mismatch", reshape(&[i64::from(i32::MAX); 4])),
        ("sliced with steps of 0", "steps of 0", slice(&[0], &[6], &[2], &[0])),
        ("sliced to nothing", "start <= end", slice(&[5], &[2], &[2], &[1])),
        ("sliced along axis 50", "works along the axes [50]", slice(&[0], &[2], &[50], &[1])),
        ("sliced with unequal lists", "Impossible to unify", slice(&[0, 0, 0], &[2], &[2], &[1])),
        ("split into parts that are too many", "splits 144 elements", split(&[3, 3])),
        ("split into parts that are too few", "splits 144 elements into parts of 72", split(&[1, 1])),
        ("split into negative parts", "splits into [-1, 5]", split(&[-1, 5])),
        ("split into more parts than outputs", "splits into [1, 1, 2]", split(&[1, 1, 2])),
        ("gathered at an index out of range", "end <= len", gather(100)),
        ("gathered at a negative index out of range", "end <= len", gather(-100)),
        ("concatenated along axis 9", "`axis` must be within", concat(9, &[1, 4, 6, 6])),
        ("concatenated behind the last axis", "Illegal combination", concat(5, &[1, 4, 6, 6])),
        ("concatenated with another shape", "Impossible to unify", concat(1, &[1, 4, 5, 6])),
        (
            "unsqueezed at axis 99",
            "works along the axes [99]",
            one(op("Unsqueeze", &["input", "a"], vec![]), vec![integers("a", &[99])]),
        ),
        (
            "squeezed where the length is 6",
            "dimension is not one",
            one(op("Squeeze", &["input", "a"], vec![]), vec![integers("a", &[2])]),
        ),
        (
            "a mean along axis 99",
            "works along the axes [99]",
            in_set(18, one(op("ReduceMean", &["input", "a"], vec![]), vec![integers("a", &[99])])),
        ),
        (
            "a mean along an axis twice",
            "names an axis twice",
            pool_with("ReduceMean", vec![ints("axes", &[3, 3])]),
        ),
        (
            "blocks of 0 pixels",
            "`blocksize` must be within",
            pool_with("DepthToSpace", vec![int("blocksize", 0)]),
        ),
        (
            "blocks that do not divide the channels",
            "multiple of",
            pool_with("DepthToSpace", vec![int("blocksize", 3)]),
        ),
    ]
}

fn windows() -> Vec<Case> {
    let scaled = |scales: &[f32]| {
        one(
            op("Resize", &["input", "", "s"], vec![text("mode", "nearest")]),
            vec![floats("s", &[scales.len() as i64], scales)],
        )
    };
    let pad = |pads: &[i64]| one(op("Pad", &["input", "p"], vec![]), vec![integers("p", pads)]);
    let grouped = |group: i64, dims: &[i64]| {
        let length = dims.iter().product::<i64>() as usize;
        one(
            op("Conv", &["input", "w"], vec![int("group", group)]),
            vec![floats("w", dims, &wave(length, 0.0))],
        )
    };
    let kernel = |size: i64| ints("kernel_shape", &[size, size]);
    vec![
        ("a stride of 0", "within 1..=255, but holds 0", conv_with(vec![ints("strides", &[0, 1])])),
        ("a pooling window of 0", "within 1..=255, but holds 0", pool_with("MaxPool", vec![kernel(0)])),
        ("an average over a window of 0", "holds 0", pool_with("AveragePool", vec![kernel(0)])),
        ("a pooling without a window", "`kernel_shape` is missing", pool_with("MaxPool", vec![])),
        ("pads of 2^30", "holds 1073741824", conv_with(vec![ints("pads", &[1 << 30; 4])])),
        ("pads below 0", "holds -1", conv_with(vec![ints("pads", &[-1, 0, 0, 0])])),
        ("pads as wide as the window", "pads by 3", {
            pool_with("MaxPool", vec![kernel(3), ints("pads", &[3, 0, 0, 0])])
        }),
        ("a dilation of 0", "within 1..=255, but holds 0", conv_with(vec![ints("dilations", &[0, 1])])),
        ("a dilation wider than the input", "volume mismatch", conv_with(vec![ints("dilations", &[9, 1])])),
        (
            "a kernel larger than the input",
            "volume mismatch",
            one(op("Conv", &["input", "w"], vec![]), vec![floats("w", &[1, 4, 7, 7], &wave(196, 0.0))]),
        ),
        ("a pooling window larger than the input", "moves a window", pool_with("MaxPool", vec![kernel(9)])),
        ("a kernel that is not that of the weights", "but the weights hold", conv_with(vec![kernel(5)])),
        ("strides for three axes", "1 to 2 numbers", conv_with(vec![ints("strides", &[1, 1, 1])])),
        ("strides of a single axis", "2 numbers", conv_with(vec![ints("strides", &[1])])),
        ("groups that do not divide the outputs", "does not divide", grouped(3, &[4, 1, 3, 3])),
        ("groups that do not divide the inputs", "Impossible to unify", grouped(3, &[3, 1, 3, 3])),
        ("65,535 groups", "does not divide", grouped(65_535, &[4, 1, 3, 3])),
        ("weights for other channels", "Impossible to unify", grouped(1, &[4, 5, 3, 3])),
        ("weights of two axes", "weights of the shape [4, 4]", grouped(1, &[4, 4])),
        ("weights of five axes", "weights of the shape", grouped(1, &[4, 4, 1, 1, 1])),
        (
            "weights that are a scalar",
            "weights of the shape []",
            one(op("Conv", &["input", "w"], vec![]), vec![floats("w", &[], &[1.0])]),
        ),
        ("padding of 2^30", "pads by 1073741824", pad(&[0, 0, 0, 1 << 30, 0, 0, 0, 0])),
        ("padding below 0", "pads by -2", pad(&[0, 0, -2, 0, 0, 0, 0, 0])),
        ("padding of too few axes", "Impossible to unify", pad(&[1, 1])),
        ("scales of 0", "resizes by 0", scaled(&[1.0, 1.0, 0.0, 1.0])),
        ("scales that are no number", "resizes by NaN", scaled(&[1.0, 1.0, f32::NAN, 1.0])),
        ("scales of a thousand millions", "resizes by 1000000000", scaled(&[1.0, 1.0, 1e9, 1e9])),
        ("scales for other axes", "Neither sizes nor scales", scaled(&[1.0, 2.0])),
        (
            "resized to a huge size",
            "at most 4194304 elements",
            one(
                op("Resize", &["input", "", "", "z"], vec![text("mode", "nearest")]),
                vec![integers("z", &[1, 4, 1 << 30, 1 << 30])],
            ),
        ),
        (
            "a mode of resizing that nobody knows",
            "must be one of nearest",
            one(
                op("Resize", &["input", "", "s"], vec![text("mode", "nearest\u{0}")]),
                vec![floats("s", &[4], &[1.0; 4])],
            ),
        ),
    ]
}

fn tensors() -> Vec<Case> {
    let constant = |change: fn(&mut TensorProto)| but_graph(|graph| change(&mut graph.initializer[0]));
    let location = |key: &str, value: &str| StringStringEntryProto { key: key.into(), value: value.into() };
    let normalised = |length: i64, variance: f32| {
        let channel = |name: &str, value: f32| floats(name, &[length], &vec![value; length as usize]);
        one(
            op("BatchNormalization", &["input", "s", "t", "m", "v"], vec![]),
            vec![channel("s", 1.0), channel("t", 0.0), channel("m", 0.0), channel("v", variance)],
        )
    };
    vec![
        (
            "strings where numbers should be",
            "STRING",
            constant(|tensor| tensor.data_type = DataType::String as i32),
        ),
        ("bfloat16", "BFLOAT16", constant(|tensor| tensor.data_type = DataType::Bfloat16 as i32)),
        ("half precision", "FLOAT16", constant(|tensor| tensor.data_type = DataType::Float16 as i32)),
        ("a type of an unknown number", "unknown type", constant(|tensor| tensor.data_type = 1000)),
        ("negative lengths", "dimensions are at least 1", constant(|tensor| tensor.dims[0] = -4)),
        ("lengths that overflow", "elements at most", constant(|tensor| tensor.dims = vec![1 << 40; 4])),
        ("nine axes", "axes; at most", constant(|tensor| tensor.dims.extend([1; 5]))),
        ("data cut short", "holds 5 bytes", constant(|tensor| tensor.raw_data.truncate(5))),
        (
            "data in two fields",
            "does not go with its type",
            constant(|tensor| tensor.float_data = vec![0.0; 36]),
        ),
        ("data elsewhere", "another file", constant(|tensor| tensor.data_location = Some(1))),
        (
            "data in the system's files",
            "another file",
            but_graph(|graph| {
                graph.initializer[0].external_data = vec![location("location", "../../../etc/passwd")];
            }),
        ),
        (
            "a number that is none",
            "finite",
            constant(|tensor| tensor.raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
        ),
        (
            "an infinite number",
            "finite",
            constant(|tensor| tensor.raw_data[..4].copy_from_slice(&f32::INFINITY.to_le_bytes())),
        ),
        (
            "an empty tensor added",
            "which is empty",
            one(op("Add", &["input", "e"], vec![]), vec![floats("e", &[0], &[])]),
        ),
        ("normalised by too few channels", "Impossible to unify", normalised(3, 1.0)),
        ("a negative variance", "", normalised(4, -1.0)),
        (
            "a list for a bound",
            "bounds of one number",
            one(op("Clip", &["input", "e"], vec![]), vec![floats("e", &[2], &[0.0, 1.0])]),
        ),
        (
            "whole numbers added to the input",
            "whole numbers",
            one(op("Add", &["input", "e"], vec![]), vec![integers("e", &[1])]),
        ),
        (
            "a matrix that does not fit",
            "Inconsistent matmul",
            one(op("MatMul", &["input", "e"], vec![]), vec![floats("e", &[5, 5], &wave(25, 0.0))]),
        ),
        ("a cast to text", "casts to STRING", pool_with("Cast", vec![int("to", 8)])),
        (
            "a slope that is no number",
            "must be finite",
            pool_with("LeakyRelu", vec![float("alpha", f32::NAN)]),
        ),
        (
            "division of shapes by 0",
            "Division by zero",
            raw(
                &[1, 4, 6, 6],
                vec![
                    node("Shape", "shape", &["input"], "s"),
                    node("Div", "bad", &["s", "zero"], "d"),
                    node("Reshape", "reshape", &["input", "d"], "features"),
                ],
                vec![integers("zero", &[0])],
            ),
        ),
        (
            "shapes multiplied until they overflow",
            "volume mismatch",
            raw(
                &[1, 4, 6, 6],
                vec![
                    node("Mul", "a", &["big", "big"], "b"),
                    node("Mul", "c", &["b", "b"], "d"),
                    node("Mul", "e", &["d", "d"], "f"),
                    node("Reshape", "reshape", &["input", "f"], "features"),
                ],
                vec![integers("big", &[i64::from(i32::MAX)])],
            ),
        ),
    ]
}

fn graphs() -> Vec<Case> {
    let chain = |inputs: [&str; 2]| {
        raw(
            &[1, 4],
            vec![
                node("Relu", "a", &[inputs[0]], "v"),
                node("Relu", "b", &[inputs[1]], "w"),
                node("Add", "c", &["v", "w"], "features"),
            ],
            vec![],
        )
    };
    let doubled = |times: usize, constant: bool| {
        let first = if constant { "c" } else { "input" };
        let mut names = vec![first.to_owned()];
        let mut nodes = Vec::new();
        for index in 0..times {
            let (from, to) = (names[index].clone(), format!("v{index}"));
            nodes.push(with(node("Concat", &to, &[&from, &from], &to), vec![int("axis", 1)]));
            names.push(to);
        }
        nodes.push(node("Add", "last", &["input", &names[times]], "features"));
        raw(&[1, 1], nodes, vec![floats("c", &[1, 1], &[1.0])])
    };
    let long = vec![0.5; 1 << 16];
    let outer = |nodes: Vec<NodeProto>| {
        let constants =
            vec![floats("a", &[1, 1, 1, 1 << 16], &long), floats("b", &[1, 1, 1 << 16, 1], &long)];
        raw(&[1, 1, 1, 1], nodes, constants)
    };
    let slow = model(
        [1, 400, 400],
        vec![
            conv(1, 16, 15, 1, [0; 4]),
            conv(16, 16, 15, 1, [0; 4]),
            Layer::GlobalAveragePool,
            Layer::Flatten,
        ],
    );
    let inner = GraphProto { node: vec![node("Relu", "inner", &["input"], "i")], ..GraphProto::default() };
    let input = |dims: &[i64]| raw(dims, vec![node("Relu", "r", &["input"], "features")], vec![]);
    let name = "\u{1b}[2J".repeat(100_000);
    vec![
        ("two nodes that read each other", "node before it gives", chain(["w", "v"])),
        ("a node that reads itself", "node before it gives", chain(["v", "input"])),
        ("a value that nobody gives", "reads `ghost`", chain(["ghost", "input"])),
        (
            "a node that is there twice",
            "two values are called",
            but_graph(|graph| graph.node.push(graph.node[1].clone())),
        ),
        (
            "a constant that is there twice",
            "two constants are called",
            but_graph(|graph| graph.initializer.push(graph.initializer[0].clone())),
        ),
        (
            "an input that is computed too",
            "two values are called",
            but_graph(|graph| graph.node[1].output.push("input".into())),
        ),
        ("an input left out", "has 1 inputs", one(op("Conv", &["input"], vec![]), vec![])),
        ("an input too many", "has 3 inputs", one(op("Relu", &["input", "input", "input"], vec![]), vec![])),
        (
            "an input without a name",
            "leaves out",
            one(op("Conv", &["", "w"], vec![]), vec![floats("w", &[4, 4, 3, 3], &wave(144, 0.0))]),
        ),
        ("an attribute twice", "given twice", conv_with(vec![int("group", 1), int("group", 1)])),
        ("an attribute of another type", "must be of the type INTS", conv_with(vec![int("strides", 1)])),
        ("an attribute that nobody knows", "is not supported", conv_with(vec![int("surprise", 1)])),
        ("no nodes", "no tensor", but_graph(|graph| graph.node.clear())),
        (
            "100,000 nodes",
            "100002 nodes",
            but_graph(|graph| {
                let first = graph.node[0].output[0].clone();
                let mut chain: Vec<NodeProto> = Vec::new();
                for index in 0..100_000 {
                    let from = if index == 0 { first.clone() } else { format!("v{}", index - 1) };
                    chain.push(node("Relu", "", &[&from], &format!("v{index}")));
                }
                graph.node.truncate(1);
                graph.node.extend(chain);
                graph.node.push(node("Flatten", "", &["v99999"], "end"));
                graph.output[0].name = "end".into();
            }),
        ),
        ("a name that paints the terminal", "not supported", {
            one(NodeProto { name, ..op("Evil", &["input"], vec![]) }, vec![])
        }),
        (
            "a name of the compiler's own",
            "the compiler's own",
            one(op("Add", &["input", "supple:x"], vec![]), vec![floats("supple:x", &[1], &[1.0])]),
        ),
        ("a batch of 8", "batch of 1", input(&[8, 4])),
        ("an input of a negative length", "fixed length", input(&[1, -4])),
        ("an input of an unknown length", "fixed length", input(&[1, 0])),
        ("an input of a huge length", "at most 65535", input(&[1, 1 << 40])),
        ("an input of many huge lengths", "at most 4194304", input(&[1, 65_535, 65_535, 65_535, 65_535])),
        ("an input of nine axes", "has 9 axes", input(&[1; 9])),
        ("values that double 30 times", "at most 4194304 elements", doubled(30, false)),
        ("constants that double 60 times", "computes a constant", doubled(60, true)),
        (
            "constants that are huge together",
            "computes a constant",
            outer(vec![
                node("Add", "huge", &["a", "b"], "c"),
                node("Mul", "use", &["input", "c"], "features"),
            ]),
        ),
        (
            "values that are huge together",
            "at most 4194304 elements",
            outer(vec![
                node("Add", "wide", &["input", "a"], "c"),
                node("Mul", "tall", &["c", "b"], "features"),
            ]),
        ),
        ("more work than a device does", "multiply-accumulates", slow),
        (
            "a branch",
            "not supported",
            one(
                op("If", &["c"], vec![graph("then_branch", inner.clone()), graph("else_branch", inner)]),
                vec![TensorProto {
                    data_type: DataType::Bool as i32,
                    raw_data: vec![1],
                    dims: vec![],
                    ..floats("c", &[], &[])
                }],
            ),
        ),
        ("graphs in graphs, 30 deep", "names no ONNX operator set", nested(30)),
        ("graphs in graphs, 5,000 deep", "no ONNX model", nested(5_000)),
        (
            "sparse constants",
            "sparse constants",
            but_graph(|graph| graph.sparse_initializer.push(SparseTensorProto::default())),
        ),
        ("functions inside", "local functions", but(|model| model.functions.push(FunctionProto::default()))),
        ("no operator set", "names no ONNX operator set", but(|model| model.opset_import.clear())),
        ("operator set 99", "operator set 99", in_set(99, conv4(4))),
        ("operator set -1", "operator set -1", in_set(-1, conv4(4))),
        (
            "only somebody else's operators",
            "names no ONNX operator set",
            but(|model| {
                let domain = "my.company".into();
                model.opset_import = vec![OperatorSetIdProto { domain, version: 17 }];
            }),
        ),
        (
            "two outputs",
            "choose one with --output",
            but_graph(|graph| graph.output.push(ValueInfoProto { name: "b".into(), ..Default::default() })),
        ),
        ("an output that nobody gives", "no tensor `ghost`", {
            but_graph(|graph| graph.output[0].name = "ghost".into())
        }),
        ("nothing at all", "holds no graph", vec![]),
        ("no protobuf", "no ONNX model", vec![0xff; 4096]),
        ("a field longer than the file", "no ONNX model", vec![0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        ("half a model", "no ONNX model", {
            let whole = conv4(4);
            whole[..whole.len() / 2].to_vec()
        }),
    ]
}

#[test]
fn every_kind_of_malformed_model_is_refused_in_time() {
    let worker = worker();
    let cases = [shapes(), windows(), tensors(), graphs()].concat();
    assert!(cases.len() >= 28);
    let (mut wrong, mut longest, mut most) = (Vec::new(), Duration::ZERO, 0);
    for (name, reason, onnx) in &cases {
        let start = Instant::now();
        let mut session = Session::new(worker.clone());
        let outcome = session.compile(onnx, &CompileOptions::default());
        let time = start.elapsed();
        (longest, most) = (longest.max(time), most.max(session.usage().peak_bytes));
        let told = match outcome {
            Ok(_) => "compiled".to_owned(),
            Err(IsolatedError::Refused(refused)) => {
                let message = refused.message;
                let printable = !message.contains(|letter: char| letter.is_control() && letter != '\n');
                let short = message.len() < 4_000;
                if message.contains(reason) && printable && short && !message.is_empty() {
                    println!("{name}: {}", message.lines().take(2).collect::<Vec<_>>().join(" "));
                    continue;
                }
                message
            }
            Err(error) => format!("NOT REFUSED: {error}"),
        };
        wrong.push(format!("{name}: expected `{reason}`, but: {told}"));
    }
    println!(
        "{} kinds, longest {} ms, most memory {} MB",
        cases.len(),
        longest.as_millis(),
        most / 1_000_000
    );
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(
        longest < Duration::from_secs(LIMITS.seconds) && most < LIMITS.memory,
        "{longest:?}, {most} bytes"
    );
}

/// What is odd but harmless is compiled.
#[test]
fn lies_that_nobody_asks_are_ignored() {
    let plain = compile_isolated(&worker(), &conv4(4), &CompileOptions::default()).unwrap();
    assert_eq!(plain, compiled(&conv4(4)));
    let lies = but(|model| {
        let graph = model.graph.as_mut().unwrap();
        graph.value_info.push(ValueInfoProto { name: "ghost".into(), ..graph.input[0].clone() });
        graph.doc_string = "x".repeat(1_000_000);
        // Weights are inputs too in models of old exporters.
        let name = graph.initializer[0].name.clone();
        graph.input.push(ValueInfoProto { name, ..ValueInfoProto::default() });
        // A branch that leads nowhere, by an operator that nobody knows.
        graph.node.insert(1, node("Frobnicate", "dead", &["input"], "nowhere"));
        model.producer_name = "\u{1b}[2J".into();
    });
    assert_eq!(compile_isolated(&worker(), &lies, &CompileOptions::default()).unwrap().parts, plain.parts);
}
