//! tract's decluttered graph to a draft of the plan.

pub mod draft;
pub use window::POINT;
mod elementwise;
mod join;
mod matrix;
mod movement;
mod reduce;
pub mod tensor;
mod window;

use std::collections::HashMap;

use supple_pack::op::Shape;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::TypedConcat;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::identity::Identity;
use tract_onnx::tract_core::ops::nn::{Reduce, Softmax};
use tract_onnx::tract_core::ops::source::TypedSource;

use self::draft::{Affine, Draft, Kind, Linear, Source, Step, ValueId, Weights};
use self::tensor::{Tensor, image_order};
use crate::refusal::{Refusal, Refusals, shown};

/// A draft with its ends.
#[derive(Debug, Clone)]
pub struct Lowered {
    pub draft: Draft,
    pub input: (ValueId, Shape),
    pub output: (ValueId, Shape),
    /// The place in the model's input of each element of the plan's.
    pub input_order: Vec<u32>,
    /// The place in the model's output of each element of the plan's.
    pub feature_order: Vec<u32>,
}

/// Which axis of the model's input runs over channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// The second, as ONNX has it.
    ChannelFirst,
    /// The last, as TensorFlow has it.
    ChannelLast,
}

/// Why a graph was not lowered.
#[derive(Debug, PartialEq, Eq)]
pub enum LowerError {
    /// These nodes are in the way.
    Nodes(Refusals),
    /// What is wrong with the graph as a whole.
    Graph(String),
}

/// Lowers a graph, or names every node that is in the way.
///
/// Which axis of the input runs over channels is not written in a model. So both are tried, and that is taken which
/// needs fewer steps.
pub fn lower(model: &TypedModel) -> Result<Lowered, LowerError> {
    let first = lower_as(model, Layout::ChannelFirst);
    let last = lower_as(model, Layout::ChannelLast);
    match (first, last) {
        (Ok(first), Ok(last)) if last.draft.steps.len() < first.draft.steps.len() => Ok(last),
        (Err(_), Ok(last)) => Ok(last),
        (first, _) => first,
    }
}

fn lower_as(model: &TypedModel, layout: Layout) -> Result<Lowered, LowerError> {
    let order = model.eval_order().map_err(|error| LowerError::Graph(format!("has no order: {error:#}")))?;
    let mut lowering =
        Lowering { model, layout, draft: Draft::default(), tensors: HashMap::new(), readers: HashMap::new() };
    for id in &order {
        for input in &model.node(*id).inputs {
            *lowering.readers.entry(*input).or_default() += 1;
        }
    }
    for output in model.outputs.iter() {
        *lowering.readers.entry(*output).or_default() += 1;
    }
    let mut refused = Vec::new();
    let mut input = None;
    for id in &order {
        let node = model.node(*id);
        if node.outputs.iter().all(|output| output.fact.konst.is_some()) {
            continue;
        }
        match lowering.node(node) {
            Ok(Some(tensor)) => {
                if node.op_is::<TypedSource>() {
                    input = Some(tensor.clone());
                }
                lowering.tensors.insert(OutletId::new(*id, 0), tensor);
            }
            // Behind a refused node.
            Ok(None) => {}
            Err(reason) => refused.push(Refusal {
                node: shown(&node.name),
                operator: node.op.name().into_owned(),
                reason,
            }),
        }
    }
    if !refused.is_empty() {
        return Err(LowerError::Nodes(Refusals(refused)));
    }
    let input = input.ok_or_else(|| LowerError::Graph("does not read its input".into()))?;
    let (output, feature_order) = lowering.finish()?;
    let input_order = inverse(&input.order);
    Ok(Lowered {
        draft: lowering.draft,
        input: (input.value, input.shape),
        output,
        input_order,
        feature_order,
    })
}

/// The place of each number in a list that holds each number below its length once.
fn inverse(order: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; order.len()];
    for (element, place) in order.iter().enumerate() {
        inverse[*place as usize] = element as u32;
    }
    inverse
}

struct Lowering<'m> {
    model: &'m TypedModel,
    layout: Layout,
    draft: Draft,
    /// What was lowered so far.
    tensors: HashMap<OutletId, Tensor>,
    /// How often each outlet is read, by nodes or as the output.
    readers: HashMap<OutletId, usize>,
}

/// Attempts to lower one kind of node: `None` where its input was refused before.
type Attempt = Result<Option<Tensor>, String>;

impl Lowering<'_> {
    fn node(&mut self, node: &TypedNode) -> Attempt {
        if node.outputs.len() != 1 {
            return Err("has more than one output".into());
        }
        let fact = &node.outputs[0].fact;
        if fact.datum_type != f32::datum_type() {
            return Err(format!("computes {:?}; only f32 is supported", fact.datum_type));
        }
        let dims = fact.shape.as_concrete().ok_or("has a shape that is not fixed")?.to_vec();
        if node.op_is::<TypedSource>() {
            self.source(node, dims)
        } else if let Some(conv) = node.op_as::<Conv>() {
            self.convolution(node, conv, dims)
        } else if let Some(pool) = node.op_as::<MaxPool>() {
            self.max_pool(node, pool, dims)
        } else if let Some(pool) = node.op_as::<SumPool>() {
            self.sum_pool(node, pool, dims)
        } else if let Some(reduce) = node.op_as::<Reduce>() {
            self.reduce(node, reduce, dims)
        } else if let Some(softmax) = node.op_as::<Softmax>() {
            self.softmax(node, softmax, dims)
        } else if let Some(product) = node.op_as::<EinSum>() {
            self.matrix(node, product, dims)
        } else if let Some(operation) = node.op_as::<TypedBinOp>() {
            self.binary(node, operation, dims)
        } else if let Some(function) = node.op_as::<ElementWiseOp>() {
            self.elementwise(node, function)
        } else if let Some(change) = node.op_as::<AxisOp>() {
            self.change_axes(node, change, dims)
        } else if let Some(concat) = node.op_as::<TypedConcat>() {
            self.concat(node, concat, dims)
        } else if node.op_is::<Identity>() {
            self.alias(node, |tensor| Ok((tensor.dims.clone(), tensor.order.clone())))
        } else {
            self.moved(node, dims)
        }
    }

    fn source(&mut self, node: &TypedNode, dims: Vec<usize>) -> Attempt {
        let last = dims.len().saturating_sub(1);
        let image = match self.layout {
            _ if dims.is_empty() => Err(String::new()),
            Layout::ChannelFirst if dims.len() >= 2 => image_order(&dims, 1, 2..dims.len()),
            _ => image_order(&dims, last, 1.min(last)..last),
        };
        // Any other shape is a vector as far as a plan is concerned; what it is used for arranges it.
        let (shape, order) = match image {
            Ok(image) => image,
            Err(_) => {
                let length: usize = dims.iter().product();
                (draft::shape(1, 1, length)?, (0..length as u32).collect())
            }
        };
        let value = self.draft.value(shape);
        let exclusive = self.read_once(node);
        Ok(Some(Tensor { value, shape, dims, order, affine: None, affine_node: String::new(), exclusive }))
    }

    /// Whether the node's output is read exactly once.
    fn read_once(&self, node: &TypedNode) -> bool {
        self.readers.get(&OutletId::new(node.id, 0)) == Some(&1)
    }

    /// The tensor a node reads, unless it was refused. The last reader takes it: the lists of places are long.
    fn input(&mut self, node: &TypedNode, slot: usize) -> Option<Tensor> {
        let outlet = node.inputs.get(slot)?;
        if self.readers.get(outlet) == Some(&1) {
            self.tensors.remove(outlet)
        } else {
            self.tensors.get(outlet).cloned()
        }
    }

    /// A constant that a node reads, with its shape.
    fn constant(&self, node: &TypedNode, slot: usize) -> Option<(Vec<usize>, Vec<f32>)> {
        let outlet = node.inputs.get(slot)?;
        let constant = self.model.outlet_fact(*outlet).ok()?.konst.clone()?;
        let plain = constant.cast_to::<f32>().ok()?;
        let values = plain.to_plain_array_view::<f32>().ok()?.iter().copied().collect();
        Some((constant.shape().to_vec(), values))
    }

    /// Another view of the same value.
    fn alias(
        &mut self,
        node: &TypedNode,
        view: impl FnOnce(&Tensor) -> Result<(Vec<usize>, Vec<u32>), String>,
    ) -> Attempt {
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let (dims, order) = view(&tensor)?;
        let exclusive = tensor.exclusive && self.read_once(node);
        Ok(Some(Tensor { dims, order, exclusive, ..tensor }))
    }

    fn change_axes(&mut self, node: &TypedNode, change: &AxisOp, dims: Vec<usize>) -> Attempt {
        self.alias(node, |tensor| match change {
            AxisOp::Move(from, to) => {
                let mut permutation: Vec<usize> = (0..tensor.dims.len()).collect();
                let axis = permutation.remove(*from);
                permutation.insert(*to, axis);
                Ok(tensor.permuted(&permutation))
            }
            AxisOp::Add(_) | AxisOp::Rm(_) | AxisOp::Reshape(..) => Ok((dims, tensor.order.clone())),
        })
    }

    /// Appends a step that writes a new value.
    fn push(&mut self, node: &TypedNode, kind: Kind, inputs: Vec<Source>, output: Shape) -> ValueId {
        let value = self.draft.value(output);
        self.draft.steps.push(Step { node: shown(&node.name), kind, inputs, output: (value, output) });
        value
    }

    /// What a step just wrote, seen as a tensor whose elements lie at `order`.
    fn written(
        &self,
        node: &TypedNode,
        value: ValueId,
        shape: Shape,
        dims: Vec<usize>,
        order: Vec<u32>,
    ) -> Tensor {
        Tensor {
            value,
            shape,
            dims,
            order,
            affine: None,
            affine_node: String::new(),
            exclusive: self.read_once(node),
        }
    }

    /// Adds a scale and shift to a tensor: into the weights of the layer before it where that is possible,
    /// else for the next one to take up.
    fn scaled(&mut self, node: &TypedNode, mut tensor: Tensor, affine: &Affine) -> Tensor {
        if tensor.affine.is_none()
            && tensor.exclusive
            && let Some(linear) = self.draft.open_linear(tensor.value)
            && linear.bias.len() == affine.scale.len()
        {
            linear.fold_output(affine);
            return tensor;
        }
        let before = tensor.affine.take().unwrap_or_else(|| Affine::identity(tensor.channels()));
        let both = before.then(affine);
        tensor.affine = (!both.is_identity()).then_some(both);
        tensor.affine_node = shown(&node.name);
        tensor
    }

    /// The tensor with nothing left to be done to it: a remaining scale and shift become a depthwise convolution
    /// of one tap.
    fn settled(&mut self, node: &TypedNode, mut tensor: Tensor) -> Result<Tensor, String> {
        let Some(affine) = tensor.affine.take() else { return Ok(tensor) };
        let linear = finite(Linear::new(affine.scale, affine.shift))?;
        let kind = Kind::Depthwise { window: POINT, weights: Weights::Float(linear) };
        tensor.value = self.push(node, kind, vec![Source::Value(tensor.value, tensor.shape)], tensor.shape);
        // Named after the node that scales and shifts, not after the one that needs it done.
        if let Some(step) = self.draft.steps.last_mut() {
            step.node = std::mem::take(&mut tensor.affine_node);
        }
        // The new value has this reader alone.
        tensor.exclusive = true;
        Ok(tensor)
    }

    fn finish(&mut self) -> Result<((ValueId, Shape), Vec<u32>), LowerError> {
        let graph = |problem: &str| LowerError::Graph(problem.to_owned());
        let [outlet] = self.model.outputs[..] else { return Err(graph("has more than one output")) };
        let tensor = self.tensors.get(&outlet).cloned().ok_or(graph("does not depend on its input"))?;
        let node = self.model.node(outlet.node);
        let tensor = self.features(node, tensor).map_err(|reason| {
            let operator = node.op.name().into_owned();
            LowerError::Nodes(Refusals(vec![Refusal { node: shown(&node.name), operator, reason }]))
        })?;
        for step in &self.draft.steps {
            if let Kind::Convolution { weights, .. }
            | Kind::Depthwise { weights, .. }
            | Kind::Dense { weights } = &step.kind
                && let Weights::Float(linear) = weights
                && !linear.is_finite()
            {
                let problem = format!("has weights that are no finite numbers, about node `{}`", step.node);
                return Err(LowerError::Graph(problem));
            }
        }
        Ok(((tensor.value, tensor.shape), inverse(&tensor.order)))
    }

    /// The output as a value of its own.
    fn features(&mut self, node: &TypedNode, tensor: Tensor) -> Result<Tensor, String> {
        let tensor = self.settled(node, tensor)?;
        if tensor.is_whole() {
            return Ok(tensor);
        }
        let length = tensor.order.len();
        let vector = draft::shape(1, 1, length)?;
        self.arranged(node, tensor, vector, (0..length as u32).collect())
    }
}

fn finite(linear: Linear) -> Result<Linear, String> {
    if linear.is_finite() { Ok(linear) } else { Err("has weights that are no finite numbers".into()) }
}
