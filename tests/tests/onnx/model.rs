//! Inputs and outputs of a model.

use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value};
use tract_onnx::pb::{ModelProto, TensorShapeProto, ValueInfoProto, type_proto};

/// The model with the first input's shape written out, and none for its output: tract finds that one.
pub fn with_shape(mut model: ModelProto, shape: &[usize]) -> ModelProto {
    if let Some(graph) = &mut model.graph {
        if let Some(type_proto::Value::TensorType(tensor)) = graph
            .input
            .first_mut()
            .and_then(|input| input.r#type.as_mut())
            .and_then(|kind| kind.value.as_mut())
        {
            let dim = shape
                .iter()
                .map(|length| Dimension {
                    value: Some(Value::DimValue(*length as i64)),
                    ..Dimension::default()
                })
                .collect();
            tensor.shape = Some(TensorShapeProto { dim });
        }
        for output in &mut graph.output {
            *output = ValueInfoProto { name: output.name.clone(), ..ValueInfoProto::default() };
        }
    }
    model
}
