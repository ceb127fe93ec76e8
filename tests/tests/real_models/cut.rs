//! A model up to one of its values, for tract; the compiler is given the value's name.

use std::collections::HashSet;

use prost::Message;
use tract_onnx::pb::{ModelProto, ValueInfoProto, tensor_shape_proto::dimension::Value, type_proto};

/// The model with this value as its only output and without the nodes that it does not hang on.
pub fn cut(model: &ModelProto, output: &str) -> Vec<u8> {
    let mut model = model.clone();
    let Some(graph) = &mut model.graph else { return model.encode_to_vec() };
    let mut wanted = HashSet::from([output.to_owned()]);
    // Nodes stand in the order they run, so from behind each is met after all that read it.
    let mut kept: Vec<_> = std::mem::take(&mut graph.node)
        .into_iter()
        .rev()
        .filter(|node| {
            let needed = node.output.iter().any(|name| wanted.contains(name));
            if needed {
                wanted.extend(node.input.iter().cloned());
            }
            needed
        })
        .collect();
    kept.reverse();
    graph.node = kept;
    graph.initializer.retain(|constant| wanted.contains(&constant.name));
    graph.input.retain(|input| wanted.contains(&input.name));
    graph.output = vec![ValueInfoProto { name: output.into(), ..ValueInfoProto::default() }];
    model.encode_to_vec()
}

/// The shape of a model's first input that no initialiser gives; an axis without a length is taken as 1.
pub fn input_shape(model: &ModelProto) -> Vec<usize> {
    let graph = model.graph.as_ref();
    let given: HashSet<&String> =
        graph.iter().flat_map(|graph| &graph.initializer).map(|constant| &constant.name).collect();
    let inputs = graph.iter().flat_map(|graph| &graph.input);
    let first = inputs.into_iter().find(|input| !given.contains(&input.name));
    match first.and_then(|input| input.r#type.as_ref()).and_then(|kind| kind.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => tensor
            .shape
            .iter()
            .flat_map(|shape| &shape.dim)
            .map(|dimension| match dimension.value {
                Some(Value::DimValue(length)) => usize::try_from(length).unwrap_or(1),
                _ => 1,
            })
            .collect(),
        _ => Vec::new(),
    }
}
