//! Writes a trunk as ONNX.
//!
//! One input `input` of shape `[1, C, H, W]`, one output `features` of shape `[1, F]`, operator set 13, weights
//! as little-endian raw data. The same model always gives the same bytes.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};

/// A chain of layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Name of the graph.
    pub name: String,
    /// Channels, height and width of the input.
    pub input: [usize; 3],
    /// First to last.
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// 2-d convolution.
    Conv2d {
        /// `[out][in][kernel_h][kernel_w]`.
        weights: Vec<f32>,
        /// `out` biases, if any.
        bias: Option<Vec<f32>>,
        /// Channels read.
        input_channels: usize,
        /// Channels written.
        output_channels: usize,
        /// Height and width of the kernel.
        kernel: [usize; 2],
        /// Vertical and horizontal stride.
        stride: [usize; 2],
        /// Zeros added above, to the left, below, to the right.
        padding: [usize; 4],
    },
    /// `(x - mean) / sqrt(variance + epsilon) * scale + shift`, a channel at a time.
    BatchNormalization {
        /// Per channel.
        scale: Vec<f32>,
        /// Per channel.
        shift: Vec<f32>,
        /// Per channel.
        mean: Vec<f32>,
        /// Per channel.
        variance: Vec<f32>,
        /// Added to the variance.
        epsilon: f32,
    },
    /// `max(x, 0)`.
    Relu,
    /// 2-d convolution in which each channel sees itself alone.
    Depthwise2d {
        /// `[channels][kernel_h][kernel_w]`.
        weights: Vec<f32>,
        /// `channels` biases.
        bias: Option<Vec<f32>>,
        /// Channels read and written.
        channels: usize,
        /// Height and width of the kernel.
        kernel: [usize; 2],
        /// Vertical and horizontal stride.
        stride: [usize; 2],
        /// Padding above, to the left, below, to the right.
        padding: [usize; 4],
    },
    /// Largest value under a window.
    MaxPool {
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Vertical and horizontal stride.
        stride: [usize; 2],
        /// Padding above, to the left, below, to the right.
        padding: [usize; 4],
    },
    /// Mean over height and width.
    GlobalAveragePool,
    /// The image as a vector, channel after channel.
    Flatten,
    /// Fully connected layer over a vector.
    Dense {
        /// `[out][in]`.
        weights: Vec<f32>,
        /// `out` biases.
        bias: Vec<f32>,
    },
}

/// Why a model cannot be written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExportError {
    /// No layers.
    #[error("a model needs at least one layer")]
    Empty,
    /// A vector's length does not follow from the shapes.
    #[error("layer {layer}: {what} must hold {expected} values, but holds {found}")]
    Length {
        /// Counted from 1.
        layer: usize,
        /// Which vector.
        what: &'static str,
        /// By the shapes.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// A stride, kernel or size that makes no sense here.
    #[error("layer {layer}: {problem}")]
    Layer {
        /// Counted from 1.
        layer: usize,
        /// What and how to mend it.
        problem: &'static str,
    },
    /// The last layer leaves an image.
    #[error("the last layer leaves an image of [{0}, {1}, {2}]: end with Flatten")]
    NotAVector(usize, usize, usize),
}

#[derive(Clone, Copy)]
enum Shape {
    Image([usize; 3]),
    Vector(usize),
}

/// The model as the bytes of an ONNX file.
pub fn to_onnx(model: &Model) -> Result<Vec<u8>, ExportError> {
    let mut graph = GraphProto { name: model.name.clone(), ..GraphProto::default() };
    let mut shape = Shape::Image(model.input);
    let mut value = String::from("input");
    for (index, layer) in model.layers.iter().enumerate() {
        let number = index + 1;
        shape = after(number, layer, shape)?;
        let output =
            if number == model.layers.len() { String::from("features") } else { format!("value_{number}") };
        let mut node = node_of(number, layer, &mut graph.initializer);
        node.input.insert(0, std::mem::replace(&mut value, output.clone()));
        node.output.push(output);
        graph.node.push(node);
    }
    let features = match shape {
        _ if model.layers.is_empty() => return Err(ExportError::Empty),
        Shape::Image([c, h, w]) => return Err(ExportError::NotAVector(c, h, w)),
        Shape::Vector(length) => length,
    };
    let [channels, height, width] = model.input;
    graph.input.push(value_info("input", &[1, channels, height, width]));
    graph.output.push(value_info("features", &[1, features]));
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
        producer_name: "supple".into(),
        graph: Some(graph),
        ..ModelProto::default()
    };
    Ok(model.encode_to_vec())
}

/// The shape after a layer, once its vectors and sizes are seen to fit.
fn after(layer: usize, spec: &Layer, before: Shape) -> Result<Shape, ExportError> {
    let length = |what, found: &[f32], expected| {
        let found = found.len();
        if found == expected { Ok(()) } else { Err(ExportError::Length { layer, what, expected, found }) }
    };
    let wrong = |problem| Err(ExportError::Layer { layer, problem });
    match (spec, before) {
        (
            Layer::Conv2d { weights, bias, input_channels, output_channels, kernel, stride, padding },
            Shape::Image([channels, height, width]),
        ) => {
            if *input_channels != channels {
                return wrong("input_channels differs from the channels of the layer before");
            }
            length("weights", weights, output_channels * channels * kernel[0] * kernel[1])?;
            if let Some(bias) = bias {
                length("bias", bias, *output_channels)?;
            }
            match slid([height, width], *kernel, *stride, *padding) {
                Some([height, width]) => Ok(Shape::Image([*output_channels, height, width])),
                None => wrong("stride and kernel must be at least 1 and the kernel fit the padded input"),
            }
        }
        (
            Layer::Depthwise2d { weights, bias, channels: own, kernel, stride, padding },
            Shape::Image([channels, height, width]),
        ) => {
            if *own != channels {
                return wrong("channels differ from the channels of the layer before");
            }
            length("weights", weights, channels * kernel[0] * kernel[1])?;
            if let Some(bias) = bias {
                length("bias", bias, channels)?;
            }
            match slid([height, width], *kernel, *stride, *padding) {
                Some([height, width]) => Ok(Shape::Image([channels, height, width])),
                None => wrong("stride and kernel must be at least 1 and the kernel fit the padded input"),
            }
        }
        (Layer::MaxPool { kernel, stride, padding }, Shape::Image([channels, height, width])) => {
            match slid([height, width], *kernel, *stride, *padding) {
                Some([height, width]) => Ok(Shape::Image([channels, height, width])),
                None => wrong("stride and kernel must be at least 1 and the kernel fit the padded input"),
            }
        }
        (Layer::BatchNormalization { scale, shift, mean, variance, .. }, Shape::Image([channels, ..])) => {
            length("scale", scale, channels)?;
            length("shift", shift, channels)?;
            length("mean", mean, channels)?;
            length("variance", variance, channels)?;
            Ok(before)
        }
        (Layer::Relu, _) => Ok(before),
        (Layer::GlobalAveragePool, Shape::Image([channels, ..])) => Ok(Shape::Image([channels, 1, 1])),
        (Layer::Flatten, Shape::Image([c, h, w])) => Ok(Shape::Vector(c * h * w)),
        (Layer::Flatten, Shape::Vector(_)) => Ok(before),
        (Layer::Dense { weights, bias }, Shape::Vector(inputs)) => {
            length("weights", weights, bias.len() * inputs)?;
            Ok(Shape::Vector(bias.len()))
        }
        (Layer::Dense { .. }, Shape::Image(_)) => wrong("Dense reads a vector: put Flatten before it"),
        (_, Shape::Vector(_)) => wrong("this layer reads an image, but the layer before gives a vector"),
    }
}

fn slid(size: [usize; 2], kernel: [usize; 2], stride: [usize; 2], padding: [usize; 4]) -> Option<[usize; 2]> {
    let along = |axis: usize| {
        let room = (size[axis] + padding[axis] + padding[axis + 2]).checked_sub(kernel[axis])?;
        (kernel[axis] > 0).then_some(room.checked_div(stride[axis])? + 1)
    };
    Some([along(0)?, along(1)?])
}

/// The node without its first input and its output; its weights go to `tensors`.
fn node_of(number: usize, layer: &Layer, tensors: &mut Vec<TensorProto>) -> NodeProto {
    let mut inputs = Vec::new();
    let mut constant = |what: &str, dims: &[usize], values: &[f32]| {
        let name = format!("layer_{number}_{what}");
        tensors.push(tensor(&name, dims, values));
        inputs.push(name);
    };
    let (op, attributes) = match layer {
        Layer::Conv2d { weights, bias, input_channels, output_channels, kernel, stride, padding } => {
            constant("weights", &[*output_channels, *input_channels, kernel[0], kernel[1]], weights);
            if let Some(bias) = bias {
                constant("bias", &[*output_channels], bias);
            }
            ("Conv", window(kernel, stride, padding))
        }
        Layer::Depthwise2d { weights, bias, channels, kernel, stride, padding } => {
            constant("weights", &[*channels, 1, kernel[0], kernel[1]], weights);
            if let Some(bias) = bias {
                constant("bias", &[*channels], bias);
            }
            let groups = AttributeProto { i: *channels as i64, ..attribute("group", AttributeType::Int) };
            ("Conv", [window(kernel, stride, padding), vec![groups]].concat())
        }
        Layer::BatchNormalization { scale, shift, mean, variance, epsilon } => {
            for (what, values) in [("scale", scale), ("shift", shift), ("mean", mean), ("variance", variance)]
            {
                constant(what, &[values.len()], values);
            }
            let epsilon = AttributeProto { f: *epsilon, ..attribute("epsilon", AttributeType::Float) };
            ("BatchNormalization", vec![epsilon])
        }
        Layer::Relu => ("Relu", vec![]),
        Layer::MaxPool { kernel, stride, padding } => ("MaxPool", window(kernel, stride, padding)),
        Layer::GlobalAveragePool => ("GlobalAveragePool", vec![]),
        Layer::Flatten => ("Flatten", vec![AttributeProto { i: 1, ..attribute("axis", AttributeType::Int) }]),
        Layer::Dense { weights, bias } => {
            constant("weights", &[bias.len(), weights.len() / bias.len().max(1)], weights);
            constant("bias", &[bias.len()], bias);
            ("Gemm", vec![AttributeProto { i: 1, ..attribute("transB", AttributeType::Int) }])
        }
    };
    NodeProto {
        input: inputs,
        name: format!("layer_{number}"),
        op_type: op.into(),
        attribute: attributes,
        ..NodeProto::default()
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: kind as i32, ..AttributeProto::default() }
}

fn window(kernel: &[usize; 2], stride: &[usize; 2], padding: &[usize; 4]) -> Vec<AttributeProto> {
    let ints = |name, values: &[usize]| AttributeProto {
        ints: values.iter().map(|v| *v as i64).collect(),
        ..attribute(name, AttributeType::Ints)
    };
    vec![ints("kernel_shape", kernel), ints("strides", stride), ints("pads", padding)]
}

fn tensor(name: &str, dims: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        dims: dims.iter().map(|d| *d as i64).collect(),
        data_type: DataType::Float as i32,
        name: name.into(),
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn value_info(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|d| Dimension { value: Some(dimension::Value::DimValue(*d as i64)), ..Dimension::default() })
        .collect();
    let tensor =
        type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv() -> Layer {
        Layer::Conv2d {
            weights: vec![1.0; 2 * 9],
            bias: None,
            input_channels: 1,
            output_channels: 2,
            kernel: [3, 3],
            stride: [2, 2],
            padding: [1, 1, 1, 1],
        }
    }

    #[test]
    fn bytes_are_deterministic_and_named() {
        let model = Model {
            name: "trunk".into(),
            input: [1, 5, 5],
            layers: vec![conv(), Layer::Relu, Layer::GlobalAveragePool, Layer::Flatten],
        };
        let bytes = to_onnx(&model).unwrap();
        assert_eq!(bytes, to_onnx(&model).unwrap());
        let graph = ModelProto::decode(&bytes[..]).unwrap().graph.unwrap();
        assert_eq!(graph.input[0].name, "input");
        assert_eq!(graph.output[0].name, "features");
        assert_eq!(graph.initializer[0].raw_data[..4], [0, 0, 128, 63]);
        assert_eq!(graph.node.len(), 4);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let with = |layers| to_onnx(&Model { name: String::new(), input: [1, 5, 5], layers });
        assert_eq!(with(vec![]), Err(ExportError::Empty));
        assert_eq!(with(vec![conv()]), Err(ExportError::NotAVector(2, 3, 3)));
        let short = Layer::Dense { weights: vec![0.0; 24], bias: vec![0.0] };
        assert_eq!(
            with(vec![Layer::Flatten, short]),
            Err(ExportError::Length { layer: 2, what: "weights", expected: 25, found: 24 })
        );
        let still = Layer::MaxPool { kernel: [2, 2], stride: [0, 1], padding: [0; 4] };
        assert!(matches!(with(vec![still]), Err(ExportError::Layer { layer: 1, .. })));
    }
}
