//! The graph as a whole: one input, one output, every name defined before it is read.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{
    GraphProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension::Value as DimensionValue, type_proto,
};

use super::{MOST_ELEMENTS, MOST_NODES, MOST_VALUE, node, tensor};
use crate::refusal::{Refusal, Refusals, shown};

/// Largest dimension: a plan keeps them in 16 bits.
const MOST_DIMENSION: i64 = u16::MAX as i64;
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
    /// Nodes that cannot be compiled.
    #[error("the model has nodes that cannot be compiled:\n{0}")]
    Unsupported(Refusals),
}

fn graph_error(problem: String) -> CheckError {
    CheckError::Graph(problem)
}

fn limit(what: &'static str, found: usize, most: usize, unit: &'static str) -> Result<(), CheckError> {
    if found > most { Err(CheckError::TooLarge { what, found, most, unit }) } else { Ok(()) }
}

pub fn check(graph: GraphProto) -> Result<GraphProto, CheckError> {
    limit("graph", graph.node.len(), MOST_NODES, "nodes")?;
    limit("constants", graph.initializer.len(), MOST_CONSTANTS, "constants")?;
    if !graph.sparse_initializer.is_empty() {
        return Err(graph_error("sparse constants are not supported: store them as dense ones".into()));
    }
    let (initializer, mut elements) = constants(graph.initializer)?;
    // Which names are known so far, and whether each is a constant.
    let mut known: HashMap<String, bool> = initializer.iter().map(|t| (t.name.clone(), true)).collect();
    let input = input(&graph.input, &known)?;
    known.insert(input.name.clone(), false);

    let mut nodes = Vec::with_capacity(graph.node.len());
    let mut refused = Vec::new();
    let mut names = HashSet::new();
    for raw in &graph.node {
        let mut on_constants = true;
        for name in raw.input.iter().filter(|name| !name.is_empty()) {
            // Values of refused nodes are known too: one bad node must not hide the next.
            let constant = known.get(name).ok_or_else(|| {
                graph_error(format!(
                    "node `{}` reads `{}`, which no input, constant or node before it gives",
                    shown(node::name(raw)),
                    shown(name)
                ))
            })?;
            on_constants &= constant;
        }
        let checked = node::check(raw, on_constants);
        for output in raw.output.iter().filter(|output| !output.is_empty()) {
            if known.insert(output.clone(), on_constants && checked.is_ok()).is_some() {
                return Err(graph_error(format!("two values are called `{}`", shown(output))));
            }
        }
        match checked {
            Ok((mut checked, held)) => {
                elements += held;
                // tract needs names that differ; a name is only for messages.
                if !names.insert(checked.name.clone()) {
                    checked.name = checked.output[0].clone();
                    names.insert(checked.name.clone());
                }
                nodes.push(checked);
            }
            Err(reason) => {
                refused.push(Refusal { node: shown(node::name(raw)), operator: shown(&raw.op_type), reason })
            }
        }
    }
    if !refused.is_empty() {
        return Err(CheckError::Unsupported(Refusals(refused)));
    }
    limit("constants", elements, MOST_ELEMENTS, "elements")?;
    let [output] = &graph.output[..] else {
        return Err(graph_error(format!(
            "there are {} outputs; a trunk has one, its features",
            graph.output.len()
        )));
    };
    if known.get(&output.name) != Some(&false) {
        return Err(graph_error(format!(
            "the output `{}` does not depend on the input",
            shown(&output.name)
        )));
    }
    Ok(GraphProto {
        node: nodes,
        name: String::from("trunk"),
        initializer,
        input: vec![input],
        output: vec![ValueInfoProto { name: output.name.clone(), ..ValueInfoProto::default() }],
        ..GraphProto::default()
    })
}

fn constants(raw: Vec<TensorProto>) -> Result<(Vec<TensorProto>, usize), CheckError> {
    let mut checked = Vec::with_capacity(raw.len());
    let mut names = HashSet::new();
    let mut total = 0;
    for mut constant in raw {
        let name = std::mem::take(&mut constant.name);
        if name.is_empty() || !names.insert(name.clone()) {
            return Err(graph_error(format!(
                "two constants are called `{}`, or one has no name",
                shown(&name)
            )));
        }
        let (constant, elements) = tensor::check(constant, name.clone())
            .map_err(|problem| CheckError::Constant { name: shown(&name), problem })?;
        total += elements;
        checked.push(constant);
    }
    Ok((checked, total))
}

/// The one input that is no constant, with a batch of one.
fn input(inputs: &[ValueInfoProto], known: &HashMap<String, bool>) -> Result<ValueInfoProto, CheckError> {
    let fed: Vec<_> = inputs.iter().filter(|input| !known.contains_key(&input.name)).collect();
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
    if !(2..=4).contains(&dimensions.len()) || input.name.is_empty() {
        return Err(problem(format!(
            "has {} axes, but must be [1, C], [1, C, T] or [1, C, H, W]",
            dimensions.len()
        )));
    }
    let mut dims = vec![1];
    // A device runs one sample at a time; a symbolic batch is taken as 1.
    if dimensions[0].is_some_and(|batch| batch != 1) {
        return Err(problem("must have a batch of 1 or a symbolic one".into()));
    }
    for (axis, dimension) in dimensions.iter().enumerate().skip(1) {
        match dimension {
            Some(length) if *length <= MOST_DIMENSION => dims.push(*length),
            Some(length) => {
                return Err(problem(format!("is {length} long on axis {axis}, at most {MOST_DIMENSION}")));
            }
            None => return Err(problem(format!("must have a fixed length on axis {axis}"))),
        }
    }
    let elements = dims.iter().product::<i64>() as usize;
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
