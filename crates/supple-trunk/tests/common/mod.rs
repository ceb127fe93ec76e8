//! Models for the tests.
#![allow(dead_code)]

use prost::Message;
use supple_trunk::{CompileError, CompileOptions, Compiled, Layer, Model, compile, to_onnx};
use tract_onnx::pb::{
    AttributeProto, ModelProto, NodeProto, TensorProto, attribute_proto::AttributeType,
    tensor_proto::DataType,
};

/// Numbers that look random and are the same everywhere.
pub fn wave(length: usize, seed: f32) -> Vec<f32> {
    (0..length).map(|i| ((i as f32 + 1.0) * 12.9898 + seed * 78.233).sin() * 43_758.547 % 1.0).collect()
}

/// Draws numbers below a bound (Marsaglia's xorshift), the same everywhere.
pub fn drawing(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    }
}

pub fn conv(input: usize, output: usize, kernel: usize, stride: usize, padding: [usize; 4]) -> Layer {
    let scale = (2.0 / (input * kernel * kernel) as f32).sqrt();
    let weights = wave(output * input * kernel * kernel, kernel as f32 + output as f32);
    Layer::Conv2d {
        weights: weights.iter().map(|w| w * scale).collect(),
        bias: None,
        input_channels: input,
        output_channels: output,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding,
    }
}

pub fn batch_norm(channels: usize) -> Layer {
    Layer::BatchNormalization {
        scale: wave(channels, 1.0).iter().map(|v| 1.0 + 0.5 * v).collect(),
        shift: wave(channels, 2.0),
        mean: wave(channels, 3.0),
        variance: wave(channels, 4.0).iter().map(|v| 1.0 + 0.9 * v).collect(),
        epsilon: 1e-5,
    }
}

pub fn dense(input: usize, output: usize) -> Layer {
    let scale = (1.0 / input as f32).sqrt();
    let weights = wave(output * input, 5.0);
    Layer::Dense { weights: weights.iter().map(|w| w * scale).collect(), bias: wave(output, 6.0) }
}

pub fn max_pool(kernel: usize, stride: usize, padding: [usize; 4]) -> Layer {
    Layer::MaxPool { kernel: [kernel; 2], stride: [stride; 2], padding }
}

pub fn model(input: [usize; 3], layers: Vec<Layer>) -> Vec<u8> {
    to_onnx(&Model { name: "test".into(), input, layers }).unwrap()
}

/// The trunk of the demonstration, narrower: convolution, batch normalisation and relu, four times.
pub fn conv4(channels: usize) -> Vec<u8> {
    let mut layers = Vec::new();
    for block in 0..4 {
        let input = if block == 0 { 1 } else { channels };
        layers.extend([conv(input, channels, 3, 2, [1; 4]), batch_norm(channels), Layer::Relu]);
    }
    layers.extend([Layer::GlobalAveragePool, Layer::Flatten]);
    model([1, 28, 28], layers)
}

pub fn compiled(onnx: &[u8]) -> Compiled {
    compile(onnx, &CompileOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

pub fn refused(onnx: &[u8]) -> CompileError {
    match compile(onnx, &CompileOptions { inputs: 1, ..CompileOptions::default() }) {
        Ok(_) => panic!("the model was compiled"),
        Err(error) => error,
    }
}

/// The kinds of a plan's operations.
pub fn kinds(compiled: &Compiled) -> Vec<&str> {
    compiled.report.operations.iter().map(|operation| operation.kind.as_str()).collect()
}

/// A model changed by hand.
pub fn changed(onnx: &[u8], change: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    let mut model = ModelProto::decode(onnx).unwrap();
    change(&mut model);
    model.encode_to_vec()
}

pub fn node(op: &str, name: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: name.into(),
        input: inputs.iter().map(|i| String::from(*i)).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..AttributeProto::default()
    }
}

pub fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::String as i32,
        s: value.as_bytes().to_vec(),
        ..AttributeProto::default()
    }
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

pub fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// A model of these nodes, from `input` to `features`.
pub fn raw(input: &[i64], nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Vec<u8> {
    use tract_onnx::pb::{tensor_shape_proto::dimension::Value, type_proto};
    changed(&model([1, 1, 1], vec![Layer::Flatten]), |model| {
        let graph = model.graph.as_mut().unwrap();
        graph.node = nodes;
        graph.initializer = constants;
        let Some(type_proto::Value::TensorType(tensor)) = &mut graph.input[0].r#type.as_mut().unwrap().value
        else {
            panic!("no tensor")
        };
        let shape = tensor.shape.as_mut().unwrap();
        let dimension = shape.dim[0].clone();
        shape.dim = input
            .iter()
            .map(|length| {
                let mut dimension = dimension.clone();
                dimension.value = Some(match length {
                    0 => Value::DimParam("N".into()),
                    length => Value::DimValue(*length),
                });
                dimension
            })
            .collect();
    })
}
