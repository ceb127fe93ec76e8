//! The graph as a whole: one input, one output, every name defined before it is read.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

use super::constant::Constant;
use super::node::{self, Surroundings};
use super::{MOST_ELEMENTS, MOST_NODES, OWN_NAMES, input, tensor};
use crate::refusal::{Refusal, Refusals, shown};

/// Most constants.
const MOST_CONSTANTS: usize = 4 * MOST_NODES;

/// Why a model is refused before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Beyond a limit.
    #[error("the model's {what}: {found} {unit}, at most {most} are read")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much may be.
        most: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// No protobuf, or not of this kind.
    #[error("this is no ONNX model ({0}); was the file cut short?")]
    NotOnnx(String),
    /// Nothing to compile.
    #[error("the model holds no graph; is this an ONNX file?")]
    NoGraph,
    /// Not said which operators it uses.
    #[error("the model names no ONNX operator set: export it again with opset_version=17")]
    NoOperatorSet,
    /// Too old or too new.
    #[error("operator set {0} is not supported; use one of {sets:?}, best 17", sets = super::OPERATOR_SETS)]
    OperatorSet(i64),
    /// Functions inside the model.
    #[error("the model holds {0} local functions, which are not supported: inline them when exporting")]
    LocalFunctions(usize),
    /// A constant that does not hold what it says.
    #[error("constant `{name}` {problem}")]
    Constant {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// Names, order or number of inputs and outputs.
    #[error("the model's graph: {0}")]
    Graph(String),
    /// No one output to compile, and none was chosen.
    #[error(
        "the model has {count} outputs ({names}); a trunk has one, its features: choose one with --output NAME",
        names = quoted(names)
    )]
    Outputs {
        /// How many there are.
        count: usize,
        /// The first of them.
        names: Vec<String>,
    },
    /// The chosen output is not there.
    #[error(
        "the model has no tensor `{name}`; near it: {near}. `supple inspect` lists them all",
        near = quoted(near)
    )]
    NoSuchTensor {
        /// The name asked for.
        name: String,
        /// Names that look like it.
        near: Vec<String>,
    },
    /// The chosen output is an input or a constant.
    #[error(
        "the output `{0}` is the model's input or a constant, so there is nothing to compute; choose a node's output"
    )]
    NotComputed(String),
    /// Nodes that cannot be compiled.
    #[error("the model has nodes that cannot be compiled:\n{0}")]
    Unsupported(Refusals),
}

/// Names for a message.
fn quoted(names: &[String]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

pub fn graph_error(problem: String) -> CheckError {
    CheckError::Graph(problem)
}

pub fn limit(what: &'static str, found: usize, most: usize, unit: &'static str) -> Result<(), CheckError> {
    if found > most { Err(CheckError::TooLarge { what, found, most, unit }) } else { Ok(()) }
}

/// A graph cut to one output, rebuilt.
pub fn check(graph: GraphProto, set: i64) -> Result<GraphProto, CheckError> {
    limit("graph", graph.node.len(), MOST_NODES, "nodes")?;
    let output = graph.output.first().map(|output| output.name.clone()).unwrap_or_default();
    let walk = walk(graph, set)?;
    if !walk.refused.is_empty() {
        return Err(CheckError::Unsupported(Refusals(walk.refused)));
    }
    if walk.values.get(&output).is_none_or(|value| value.constant.is_some()) {
        return Err(graph_error(format!("the output `{}` does not depend on the input", shown(&output))));
    }
    Ok(rebuilt(walk.nodes, walk.stored, walk.input, vec![output]))
}

/// A graph of what was checked, with the constants its nodes read.
pub fn rebuilt(
    node: Vec<NodeProto>,
    mut initializer: Vec<TensorProto>,
    input: ValueInfoProto,
    outputs: Vec<String>,
) -> GraphProto {
    let read: HashSet<&str> = node.iter().flat_map(|node| &node.input).map(String::as_str).collect();
    initializer.retain(|constant| read.contains(constant.name.as_str()));
    GraphProto {
        node,
        name: String::from("trunk"),
        initializer,
        input: vec![input],
        output: outputs
            .into_iter()
            .map(|name| ValueInfoProto { name, ..ValueInfoProto::default() })
            .collect(),
        ..GraphProto::default()
    }
}

/// What is known of a value.
pub struct Value {
    /// Where it is one.
    pub constant: Option<Constant>,
    /// The refused node that it needs, if it needs one.
    pub behind: Option<usize>,
}

/// A graph's nodes, each looked at once.
pub struct Walk {
    /// Those that passed, rebuilt.
    pub nodes: Vec<NodeProto>,
    /// The constants, rebuilt.
    pub stored: Vec<TensorProto>,
    pub input: ValueInfoProto,
    pub values: HashMap<String, Value>,
    pub refused: Vec<Refusal>,
}

/// Looks at every node; an error is something that makes the graph as a whole meaningless.
pub fn walk(graph: GraphProto, set: i64) -> Result<Walk, CheckError> {
    limit("constants", graph.initializer.len(), MOST_CONSTANTS, "constants")?;
    if !graph.sparse_initializer.is_empty() {
        return Err(graph_error("sparse constants are not supported: store them as dense ones".into()));
    }
    let mut values = HashMap::new();
    let (mut stored, mut elements) = constants(graph.initializer, &mut values)?;
    // A wrong input must not hide what else stands in the way.
    let mut refused: Vec<Refusal> = Vec::new();
    let input = match input::check(&graph.input, |name| values.contains_key(name)) {
        Ok(input) => {
            values.insert(input.name.clone(), Value { constant: None, behind: None });
            input
        }
        Err(CheckError::Graph(reason)) => {
            let fed = graph.input.iter().map(|input| input.name.clone());
            let fed: Vec<String> = fed.filter(|name| !values.contains_key(name)).collect();
            if fed.is_empty() {
                return Err(graph_error(reason));
            }
            let node = fed.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
            refused.push(Refusal { node, operator: "graph input".into(), reason });
            for name in fed {
                values.entry(name).or_insert(Value { constant: None, behind: Some(0) });
            }
            ValueInfoProto::default()
        }
        Err(other) => return Err(other),
    };

    let outputs = graph.output.iter().map(|output| &output.name);
    let read: HashSet<&str> =
        graph.node.iter().flat_map(|node| &node.input).chain(outputs).map(String::as_str).collect();
    let mut nodes = Vec::with_capacity(graph.node.len());
    let mut names = HashSet::new();
    for raw in &graph.node {
        let mut inputs = Vec::with_capacity(raw.input.len());
        let mut behind = None;
        for name in &raw.input {
            if name.is_empty() {
                inputs.push(None);
                continue;
            }
            // Values of refused nodes are known too: one bad node must not hide the next.
            let value = values.get(name).ok_or_else(|| {
                graph_error(format!(
                    "node `{}` reads `{}`, which no input, constant or node before it gives",
                    shown(node::name(raw)),
                    shown(name)
                ))
            })?;
            inputs.push(value.constant.as_ref());
            behind = behind.or(value.behind);
        }
        let checked = node::check(raw, &Surroundings { set, inputs: &inputs, read: &read });
        let mut constant = None;
        match checked {
            Ok(checked) => {
                elements += checked.elements;
                stored.extend(checked.stored);
                constant = checked.constant;
                if let Some(mut node) = checked.node {
                    // tract needs names that differ; a name is only for messages.
                    if !names.insert(node.name.clone()) {
                        node.name = node.output[0].clone();
                        names.insert(node.name.clone());
                    }
                    nodes.push(node);
                }
            }
            Err(reason) => {
                behind = Some(refused.len());
                let (node, operator) = (shown(node::name(raw)), shown(&raw.op_type));
                refused.push(Refusal { node, operator, reason });
            }
        }
        for output in raw.output.iter().filter(|output| !output.is_empty()) {
            own_name(output)?;
            let value = Value { constant: constant.clone(), behind };
            if values.insert(output.clone(), value).is_some() {
                return Err(graph_error(format!("two values are called `{}`", shown(output))));
            }
        }
    }
    limit("constants", elements, MOST_ELEMENTS, "elements")?;
    Ok(Walk { nodes, stored, input, values, refused })
}

fn own_name(name: &str) -> Result<(), CheckError> {
    if name.starts_with(OWN_NAMES) {
        return Err(graph_error(format!(
            "a value is called `{}`: names that begin with `{OWN_NAMES}` are the compiler's own; rename it",
            shown(name)
        )));
    }
    Ok(())
}

fn constants(
    raw: Vec<TensorProto>,
    values: &mut HashMap<String, Value>,
) -> Result<(Vec<TensorProto>, usize), CheckError> {
    let mut checked = Vec::with_capacity(raw.len());
    let mut total = 0;
    for mut constant in raw {
        let name = std::mem::take(&mut constant.name);
        own_name(&name)?;
        let (constant, elements) = tensor::check(constant, name.clone())
            .map_err(|problem| CheckError::Constant { name: shown(&name), problem })?;
        let known = Value { constant: Some(Constant::of(&constant, elements)), behind: None };
        if name.is_empty() || values.insert(name.clone(), known).is_some() {
            return Err(graph_error(format!(
                "two constants are called `{}`, or one has no name",
                shown(&name)
            )));
        }
        total += elements;
        checked.push(constant);
    }
    Ok((checked, total))
}
