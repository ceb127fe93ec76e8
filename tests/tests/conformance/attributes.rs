//! Attributes of a node, and the constants it reads.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};

/// An attribute that is an integer.
pub fn int(node: &NodeProto, name: &str) -> Option<i64> {
    find(node, name).map(|attribute| attribute.i)
}

/// An attribute that is a list of integers.
pub fn ints(node: &NodeProto, name: &str) -> Option<Vec<i64>> {
    find(node, name).map(|attribute| attribute.ints.clone())
}

/// An attribute that is a word.
pub fn text<'n>(node: &'n NodeProto, name: &str) -> Option<&'n [u8]> {
    find(node, name).map(|attribute| &attribute.s[..])
}

/// Writes an integer.
pub fn set_int(node: &mut NodeProto, name: &str, value: i64) {
    let attribute =
        AttributeProto { r#type: AttributeType::Int as i32, i: value, ..AttributeProto::default() };
    set(node, name, attribute);
}

/// Writes a list of integers.
pub fn set_ints(node: &mut NodeProto, name: &str, values: Vec<i64>) {
    let attribute =
        AttributeProto { r#type: AttributeType::Ints as i32, ints: values, ..AttributeProto::default() };
    set(node, name, attribute);
}

fn find<'n>(node: &'n NodeProto, name: &str) -> Option<&'n AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn set(node: &mut NodeProto, name: &str, attribute: AttributeProto) {
    node.attribute.retain(|other| other.name != name);
    node.attribute.push(AttributeProto { name: name.into(), ..attribute });
}

/// The integers of a constant; `None` if it holds something else.
pub fn integers(tensor: &TensorProto) -> Option<Vec<i64>> {
    if tensor.data_type != DataType::Int64 as i32 {
        return None;
    }
    if tensor.int64_data.is_empty() {
        Some(tensor.raw_data.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    } else {
        Some(tensor.int64_data.clone())
    }
}

/// A constant of integers on one axis.
pub fn integer_tensor(name: &str, values: Vec<i64>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        int64_data: values,
        ..TensorProto::default()
    }
}
