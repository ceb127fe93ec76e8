//! Which of ONNX's cases say something about a trunk: decided by rule, before anything is run.

use prost::Message;
use tract_onnx::pb::{ModelProto, NodeProto};

use super::attributes::{int, text};
use super::batch::{Way, rewrite};
use super::onnx::model::with_shape;
use super::onnx::tensor::Tensor;
use super::wheel::Case;

/// What trunks are made of. `Constant` only holds what another node reads.
const OPERATORS: &[&str] = &[
    "Abs",
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Elu",
    "Exp",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "MatMul",
    "MaxPool",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Selu",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tanh",
    "Transpose",
    "Unsqueeze",
    "Upsample",
];

/// Axes of an input: a batch and at least one more.
const AXES: std::ops::RangeInclusive<usize> = 2..=4;

/// Why a case is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Irrelevant {
    /// Not what trunks are made of.
    #[error("another operator")]
    Operator,
    /// The cases `…_expanded` say the same once more by way of functions.
    #[error("an operator's definition by others")]
    Definition,
    /// Statistics of the batch, or chance.
    #[error("training")]
    Training,
    /// Only the nearest neighbour is asked for.
    #[error("interpolation")]
    Interpolation,
    /// The first input or the first output is no tensor of `f32`.
    #[error("another type than f32")]
    Type,
    /// Not 2 to 4 axes for the input, 1 to 4 for the output, or no elements.
    #[error("neither vectors, signals nor images")]
    Shape,
    /// No sample could be run by itself.
    #[error("samples that are mixed, or a second factor that is no matrix")]
    Mixed,
}

/// A case to run.
pub struct Relevant {
    /// Its operators, joined by `+`.
    pub operator: String,
    /// How it was rewritten.
    pub way: Way,
    /// As it is, except that all inputs but the first are initialisers and only the first output is left.
    pub full: Vec<u8>,
    /// What the above is fed.
    pub input: Tensor,
    /// What it must give.
    pub output: Tensor,
    /// Rewritten for one sample.
    pub sample: Vec<u8>,
    /// The shape of one sample, with its batch of one.
    pub sample_shape: Vec<usize>,
}

impl Relevant {
    /// What the rewritten model is fed and what it must give, one after the other.
    pub fn samples(&self) -> Vec<(&[f32], &[f32])> {
        match self.way {
            Way::Sliced => self.input.slices().zip(self.output.slices()).collect(),
            Way::Whole => vec![(&self.input.values, &self.output.values)],
        }
    }
}

/// Makes a case ready to run, or says why it is left out.
pub fn relevant(name: &str, case: &Case) -> Result<Relevant, Irrelevant> {
    let graph = case.model.graph.as_ref().ok_or(Irrelevant::Operator)?;
    let known = |node: &NodeProto| {
        matches!(node.domain.as_str(), "" | "ai.onnx") && OPERATORS.contains(&node.op_type.as_str())
    };
    if !graph.node.iter().all(known) {
        return Err(Irrelevant::Operator);
    }
    if name.starts_with("node/") && (graph.node.len() != 1 || name.contains("_expanded")) {
        return Err(Irrelevant::Definition);
    }
    if graph.node.iter().any(trains) {
        return Err(Irrelevant::Training);
    }
    if graph.node.iter().any(interpolates) {
        return Err(Irrelevant::Interpolation);
    }
    let input = case.inputs.first().and_then(Tensor::read).ok_or(Irrelevant::Type)?;
    let output = Tensor::read(&case.output).ok_or(Irrelevant::Type)?;
    let full = one_input(case).ok_or(Irrelevant::Operator)?;
    if !AXES.contains(&input.shape.len()) || input.values.is_empty() || output.values.is_empty() {
        return Err(Irrelevant::Shape);
    }
    let (sample, way) = [Way::Sliced, Way::Whole]
        .into_iter()
        .find_map(|way| {
            let sample = rewrite(&full, input.shape.len(), input.shape[0], way)?;
            // Sliced outputs keep the batch in front.
            let kept = way == Way::Whole || output.shape.first() == input.shape.first();
            kept.then_some((sample, way))
        })
        .ok_or(Irrelevant::Mixed)?;
    let sample_shape = match way {
        Way::Sliced => [&[1], &input.shape[1..]].concat(),
        Way::Whole => [&[1], &input.shape[..]].concat(),
    };
    let output_axes = output.shape.len() + usize::from(way == Way::Whole);
    if !AXES.contains(&sample_shape.len()) || output_axes > *AXES.end() {
        return Err(Irrelevant::Shape);
    }
    let operators: Vec<&str> =
        graph.node.iter().map(|node| node.op_type.as_str()).filter(|name| *name != "Constant").collect();
    if operators.is_empty() {
        return Err(Irrelevant::Operator);
    }
    Ok(Relevant {
        operator: operators.join("+"),
        way,
        full: with_shape(full, &input.shape).encode_to_vec(),
        input,
        output,
        sample: with_shape(sample, &sample_shape).encode_to_vec(),
        sample_shape,
    })
}

fn trains(node: &NodeProto) -> bool {
    int(node, "training_mode") == Some(1) || node.op_type == "Dropout" && node.input.len() > 2
}

fn interpolates(node: &NodeProto) -> bool {
    matches!(node.op_type.as_str(), "Resize" | "Upsample")
        && text(node, "mode").is_some_and(|mode| mode != b"nearest")
}

/// The model with every input but the first as an initialiser, and only its first output.
fn one_input(case: &Case) -> Option<ModelProto> {
    let mut model = case.model.clone();
    let graph = model.graph.as_mut()?;
    let given: Vec<String> = graph.initializer.iter().map(|tensor| tensor.name.clone()).collect();
    graph.input.retain(|input| !given.contains(&input.name));
    if graph.input.len() != case.inputs.len() {
        return None;
    }
    for (input, stored) in graph.input.drain(1..).zip(&case.inputs[1..]) {
        let mut constant = stored.clone();
        constant.name = input.name;
        graph.initializer.push(constant);
    }
    let cut: Vec<String> = graph.output.drain(1..).map(|output| output.name).collect();
    let kept = graph.output.first()?.name.clone();
    for node in graph.node.iter_mut().filter(|node| node.op_type != "Split") {
        // Masks and indices may be left out, but the number of a split's outputs says how long each is.
        node.output.retain(|output| *output == kept || !cut.contains(output));
    }
    graph.value_info.clear();
    Some(model)
}
