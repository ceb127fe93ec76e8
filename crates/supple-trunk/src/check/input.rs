//! The input of a model.

use tract_onnx::pb::{
    TensorShapeProto, TypeProto, ValueInfoProto, tensor_proto::DataType, tensor_shape_proto::Dimension,
    tensor_shape_proto::dimension::Value as DimensionValue, type_proto,
};

use super::MOST_VALUE;
use super::graph::{CheckError, graph_error, limit};
use crate::refusal::shown;

/// Largest dimension: a plan keeps them in 16 bits.
const MOST_DIMENSION: i64 = u16::MAX as i64;

/// Most axes of an input.
const MOST_INPUT_AXES: usize = 5;

/// The one input that is no constant, with a batch of one.
pub fn check(inputs: &[ValueInfoProto], stored: impl Fn(&str) -> bool) -> Result<ValueInfoProto, CheckError> {
    let fed: Vec<_> = inputs.iter().filter(|input| !stored(&input.name)).collect();
    let [input] = fed[..] else {
        return Err(graph_error(format!("there are {} inputs; a trunk has one", fed.len())));
    };
    let problem = |text: String| graph_error(format!("input `{}` {text}", shown(&input.name)));
    let Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), .. }) = &input.r#type else {
        return Err(problem("has no type".into()));
    };
    if tensor.elem_type != DataType::Float as i32 {
        return Err(problem("must be FLOAT".into()));
    }
    let dimensions: Vec<Option<i64>> = tensor
        .shape
        .iter()
        .flat_map(|shape| &shape.dim)
        .map(|dimension| match dimension.value {
            Some(DimensionValue::DimValue(value)) if value > 0 => Some(value),
            _ => None,
        })
        .collect();
    if !(1..=MOST_INPUT_AXES).contains(&dimensions.len()) || input.name.is_empty() {
        return Err(problem(format!(
            "has {} axes, but must have 1 to {MOST_INPUT_AXES}, such as [1, C], [1, C, T] or [1, C, H, W]",
            dimensions.len()
        )));
    }
    let mut dims = Vec::new();
    // A device runs one sample at a time; a symbolic batch is taken as 1. One axis alone is the sample itself.
    if dimensions.len() > 1 {
        if dimensions[0].is_some_and(|batch| batch != 1) {
            return Err(problem("must have a batch of 1 or a symbolic one".into()));
        }
        dims.push(1);
    }
    for (axis, dimension) in dimensions.iter().enumerate().skip(dims.len()) {
        match dimension {
            Some(length) if *length <= MOST_DIMENSION => dims.push(*length),
            Some(length) => {
                return Err(problem(format!("is {length} long on axis {axis}, at most {MOST_DIMENSION}")));
            }
            None => return Err(problem(format!("must have a fixed length on axis {axis}"))),
        }
    }
    let elements = dims.iter().fold(1usize, |product, length| product.saturating_mul(*length as usize));
    limit("input", elements, MOST_VALUE, "elements")?;
    let dim = dims
        .iter()
        .map(|length| Dimension { value: Some(DimensionValue::DimValue(*length)), ..Dimension::default() })
        .collect();
    let tensor =
        type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    Ok(ValueInfoProto {
        name: input.name.clone(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    })
}
