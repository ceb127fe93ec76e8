//! A whole model looked at, whether or not it compiles: which tensors it could be cut at.

use std::collections::HashSet;

use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
};

use super::graph::{self, rebuilt as rebuilt_graph, walk};
use super::{CheckError, MOST_NODES, node};
use crate::refusal::shown;

/// A tensor that is computed from the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// The node that gives it.
    pub node: String,
    /// That node's operator.
    pub operator: String,
    /// Why it cannot be had, where it cannot.
    pub problem: Option<String>,
}

/// What a model computes.
pub struct Survey {
    /// In the model's order.
    pub tensors: Vec<Tensor>,
    nodes: Vec<NodeProto>,
    stored: Vec<TensorProto>,
    input: ValueInfoProto,
    set: i64,
}

impl Survey {
    /// The checked model whose outputs are the first `count` tensors that can be had, with their places in
    /// `tensors`.
    pub fn first(&self, count: usize) -> (ModelProto, Vec<usize>) {
        let sound = |(_, tensor): &(usize, &Tensor)| tensor.problem.is_none();
        let places: Vec<usize> =
            self.tensors.iter().enumerate().filter(sound).map(|(place, _)| place).take(count).collect();
        let outputs: Vec<String> = places.iter().map(|place| self.tensors[*place].name.clone()).collect();
        let (mut nodes, _) = self.needed(&outputs);
        nodes.reverse();
        let nodes = nodes.into_iter().cloned().collect();
        let graph = rebuilt_graph(nodes, self.stored.clone(), self.input.clone(), outputs);
        (super::rebuilt(graph, self.set), places)
    }

    /// Bytes of the numbers stored for a tensor, shapes left out.
    pub fn parameter_bytes(&self, place: usize) -> u64 {
        let (_, names) = self.needed(std::slice::from_ref(&self.tensors[place].name));
        let needed = self.stored.iter().filter(|constant| {
            constant.data_type == DataType::Float as i32 && names.contains(constant.name.as_str())
        });
        needed.map(|constant| constant.raw_data.len() as u64).sum()
    }

    /// The nodes that tensors need, last first, and all names that those nodes read.
    fn needed<'s>(&'s self, outputs: &'s [String]) -> (Vec<&'s NodeProto>, HashSet<&'s str>) {
        let mut names: HashSet<&str> = outputs.iter().map(String::as_str).collect();
        let mut nodes = Vec::new();
        for node in self.nodes.iter().rev() {
            if node.output.iter().any(|output| names.contains(output.as_str())) {
                names.extend(node.input.iter().map(String::as_str));
                nodes.push(node);
            }
        }
        (nodes, names)
    }
}

/// Looks at a model's first nodes.
pub fn survey(onnx: &[u8]) -> Result<Survey, CheckError> {
    let (mut graph, set) = super::decode(onnx)?;
    graph.node.truncate(MOST_NODES);
    let raw = std::mem::take(&mut graph.node);
    let walk = walk(GraphProto { node: raw.clone(), ..graph }, set)?;
    let mut tensors = Vec::new();
    let mut given: HashSet<&str> = HashSet::new();
    given.extend(walk.nodes.iter().flat_map(|node| &node.output).map(String::as_str));
    for node in &raw {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            let Some(value) = walk.values.get(name).filter(|value| value.constant.is_none()) else {
                continue;
            };
            let problem = match value.behind.and_then(|index| walk.refused.get(index)) {
                Some(refusal) => {
                    Some(format!("needs node `{}` ({}): {}", refusal.node, refusal.operator, refusal.reason))
                }
                // A mask or an index that nothing reads.
                None if !given.contains(name.as_str()) => continue,
                None => None,
            };
            tensors.push(Tensor {
                name: name.clone(),
                node: shown(node::name(node)),
                operator: shown(&node.op_type),
                problem,
            });
        }
    }
    if tensors.is_empty() {
        return Err(graph::graph_error("nothing is computed from the input".into()));
    }
    let nodes = walk.nodes;
    Ok(Survey { tensors, nodes, stored: walk.stored, input: walk.input, set })
}
