//! Changes to models, seeded: of single bytes, and of what a protobuf holds.

use prost::Message;
use supple_trunk::SUPPORTED_OPERATORS;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, TensorProto, attribute_proto::AttributeType,
    tensor_shape_proto::dimension::Value, type_proto,
};

use crate::common::*;

/// Numbers that faults like.
const NUMBERS: [i64; 24] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    16,
    64,
    255,
    256,
    65_535,
    65_536,
    1 << 20,
    1 << 30,
    (1 << 31) - 1,
    1 << 40,
    i64::MAX,
    i64::MIN,
    -1,
    -2,
    -5,
    -65_536,
];

const SCALES: [f32; 9] = [0.0, 0.5, 1.0, 2.0, -1.0, 1e9, f32::NAN, f32::INFINITY, 1e-30];

const NAMES: [&str; 18] = [
    "axis",
    "axes",
    "perm",
    "kernel_shape",
    "strides",
    "pads",
    "dilations",
    "group",
    "auto_pad",
    "ceil_mode",
    "keepdims",
    "alpha",
    "epsilon",
    "mode",
    "blocksize",
    "to",
    "transA",
    "num_outputs",
];

const WORDS: [&str; 8] =
    ["nearest", "linear", "reflect", "edge", "SAME_UPPER", "SAME_LOWER", "VALID", "floor"];

/// Flips, overwrites, deletes or inserts some bytes; structure is a small part of them, so half of the changes go
/// to where it mostly is.
pub fn bytes(model: &[u8], next: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut bytes = model.to_vec();
    for _ in 0..=next(3) {
        if bytes.is_empty() {
            break;
        }
        let at = if next(2) == 0 { next(bytes.len()) } else { next(bytes.len().min(700)) };
        match next(5) {
            0 => bytes[at] ^= 1 << next(8),
            1 => bytes[at] = next(256) as u8,
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, next(256) as u8),
            _ => {
                let length = next(24).min(bytes.len() - at);
                let part = bytes[at..at + length].to_vec();
                let to = next(bytes.len());
                bytes.splice(to..to, part);
            }
        }
    }
    bytes
}

/// Changes what a protobuf reader does not mind: it reaches the checks behind it.
pub fn structure(model: &[u8], next: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut model = ModelProto::decode(model).unwrap();
    for _ in 0..=next(2) {
        let graph = model.graph.as_mut().unwrap();
        if graph.node.is_empty() {
            break;
        }
        match next(14) {
            0 => numbers(graph, next),
            1 => operator(graph, next),
            2 | 3 => wire(graph, next),
            4 => constant(graph, next),
            5 => {
                let at = next(graph.node.len());
                let attribute = attribute(next);
                graph.node[at].attribute.push(attribute);
            }
            6 => input(graph, next),
            7 => {
                let at = next(graph.node.len());
                let twice = graph.node[at].clone();
                graph.node.insert(next(graph.node.len()), twice);
            }
            8 => drop(graph.node.remove(next(graph.node.len()))),
            9 => {
                let (a, b) = (next(graph.node.len()), next(graph.node.len()));
                graph.node.swap(a, b);
            }
            10 => {
                let at = next(graph.node.len());
                if let Some(output) = graph.node[at].output.first() {
                    graph.output[0].name = output.clone();
                }
            }
            11 => model.opset_import[0].version = next(25) as i64,
            12 => splice(graph, next),
            _ => {
                let at = next(graph.node.len());
                graph.node[at].attribute.clear();
            }
        }
    }
    model.encode_to_vec()
}

fn number(next: &mut impl FnMut(usize) -> usize) -> i64 {
    // Small ones more often: they get further.
    if next(3) == 0 { NUMBERS[next(NUMBERS.len())] } else { next(6) as i64 - 1 }
}

fn numbers(graph: &mut GraphProto, next: &mut impl FnMut(usize) -> usize) {
    let at = next(graph.node.len());
    let attributes = &mut graph.node[at].attribute;
    if attributes.is_empty() {
        return;
    }
    let at = next(attributes.len());
    let attribute = &mut attributes[at];
    match next(4) {
        0 => attribute.ints.iter_mut().for_each(|value| *value = number(next)),
        1 => attribute.ints.push(number(next)),
        2 => drop(attribute.ints.pop()),
        _ => {
            if !attribute.ints.is_empty() {
                let at = next(attribute.ints.len());
                attribute.ints[at] = number(next);
            }
        }
    }
    attribute.i = number(next);
    attribute.f = SCALES[next(SCALES.len())];
}

fn operator(graph: &mut GraphProto, next: &mut impl FnMut(usize) -> usize) {
    let at = next(graph.node.len());
    let text = SUPPORTED_OPERATORS[next(SUPPORTED_OPERATORS.len())];
    graph.node[at].op_type = text.split(' ').next().unwrap_or(text).into();
    if next(2) == 0 {
        graph.node[at].attribute.clear();
    }
}

/// Lets a node read another value.
fn wire(graph: &mut GraphProto, next: &mut impl FnMut(usize) -> usize) {
    let (at, other) = (next(graph.node.len()), next(graph.node.len()));
    let source = match next(4) {
        0 if !graph.initializer.is_empty() => graph.initializer[next(graph.initializer.len())].name.clone(),
        1 => String::new(),
        _ => graph.node[other].output.first().cloned().unwrap_or_default(),
    };
    let inputs = &mut graph.node[at].input;
    match next(4) {
        0 => inputs.push(source),
        1 => drop(inputs.pop()),
        _ if !inputs.is_empty() => {
            let index = next(inputs.len());
            inputs[index] = source;
        }
        _ => {}
    }
}

fn constant(graph: &mut GraphProto, next: &mut impl FnMut(usize) -> usize) {
    if graph.initializer.is_empty() {
        return;
    }
    let at = next(graph.initializer.len());
    let constant = &mut graph.initializer[at];
    match next(8) {
        0 => constant.dims.reverse(),
        1 => constant.dims.push(1),
        2 => constant.dims.insert(0, 1),
        3 => drop(constant.dims.pop()),
        4 => *constant = whole(&constant.name, next),
        5 => *constant = scales(&constant.name, next),
        6 => constant.data_type = next(18) as i32,
        _ => {
            if let Some(dim) = constant.dims.first_mut() {
                *dim = number(next);
            }
        }
    }
}

fn whole(name: &str, next: &mut impl FnMut(usize) -> usize) -> TensorProto {
    let values: Vec<i64> = (0..next(6)).map(|_| number(next)).collect();
    integers(name, &values)
}

fn scales(name: &str, next: &mut impl FnMut(usize) -> usize) -> TensorProto {
    let values: Vec<f32> = (0..next(6)).map(|_| SCALES[next(SCALES.len())]).collect();
    floats(name, &[values.len() as i64], &values)
}

fn attribute(next: &mut impl FnMut(usize) -> usize) -> AttributeProto {
    let name = NAMES[next(NAMES.len())];
    match next(4) {
        0 => int(name, number(next)),
        1 => ints(name, &(0..=next(5)).map(|_| number(next)).collect::<Vec<_>>()),
        2 => text(name, WORDS[next(WORDS.len())]),
        _ => AttributeProto {
            f: SCALES[next(SCALES.len())],
            r#type: AttributeType::Float as i32,
            ..int(name, 0)
        },
    }
}

fn input(graph: &mut GraphProto, next: &mut impl FnMut(usize) -> usize) {
    let Some(type_proto::Value::TensorType(tensor)) =
        graph.input.first_mut().and_then(|input| input.r#type.as_mut()).and_then(|kind| kind.value.as_mut())
    else {
        return;
    };
    let Some(shape) = &mut tensor.shape else { return };
    match next(3) {
        0 => drop(shape.dim.pop()),
        1 => {
            if let Some(first) = shape.dim.first().cloned() {
                shape.dim.push(first);
            }
        }
        _ => {
            if !shape.dim.is_empty() {
                let at = next(shape.dim.len());
                shape.dim[at].value = Some(Value::DimValue(number(next)));
            }
        }
    }
}

/// Puts a node between a value and its reader.
fn splice(graph: &mut GraphProto, next: &mut impl FnMut(usize) -> usize) {
    let at = next(graph.node.len());
    let Some(read) = graph.node[at].input.first().cloned() else { return };
    let text = SUPPORTED_OPERATORS[next(SUPPORTED_OPERATORS.len())];
    let name = format!("between{}", graph.node.len());
    let mut between = node(text.split(' ').next().unwrap_or(text), &name, &[&read], &name);
    if next(2) == 0 && !graph.initializer.is_empty() {
        between.input.push(graph.initializer[next(graph.initializer.len())].name.clone());
    }
    if next(2) == 0 {
        between.attribute.push(attribute(next));
    }
    graph.node[at].input[0] = name;
    graph.node.insert(at, between);
}
