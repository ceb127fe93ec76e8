//! The typed graph held against limits: shapes, work, and what tract accepts although it means nothing.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::nn::{Reduce, Softmax};
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

use crate::check::{MOST_ELEMENTS, MOST_VALUE};
use crate::front::{FrontError, MOST_WORK};
use crate::refusal::shown;

/// Refuses a model whose values are too large, that takes too long, or that has no meaning.
pub fn measure(model: &TypedModel) -> Result<(), FrontError> {
    let mut total = 0u64;
    for node in model.nodes() {
        shapes(node)?;
        let meaningless = |problem: String| FrontError::Meaningless { node: shown(&node.name), problem };
        meaning(model, node).map_err(meaningless)?;
        total = total.saturating_add(work(model, node));
    }
    if total > MOST_WORK { Err(FrontError::TooSlow(total)) } else { Ok(()) }
}

/// Every output's shape must be known and within limits.
pub fn shapes(node: &TypedNode) -> Result<(), FrontError> {
    for output in &node.outputs {
        // A constant without elements stands for an input that is left out.
        let (least, most) = if output.fact.konst.is_some() { (0, MOST_ELEMENTS) } else { (1, MOST_VALUE) };
        output
            .fact
            .shape
            .as_concrete()
            .map(|dims| dims.iter().fold(1usize, |product, dim| product.saturating_mul(*dim)))
            .filter(|elements| (least..=most).contains(elements))
            .ok_or_else(|| FrontError::Shape {
                node: shown(&node.name),
                shape: format!("{:?}", output.fact.shape),
            })?;
    }
    Ok(())
}

/// Multiply-accumulates, or comparisons and the like, of one node.
pub fn work(model: &TypedModel, node: &TypedNode) -> u64 {
    let outputs: u64 = node.outputs.iter().map(|output| elements(&output.fact)).fold(0, u64::saturating_add);
    outputs.saturating_mul(products(model, node))
}

/// Multiply-accumulates of a convolution or a product of matrices; other nodes have none.
pub fn macs(model: &TypedModel, node: &TypedNode) -> u64 {
    if node.op_is::<Conv>() || node.op_is::<EinSum>() { work(model, node) } else { 0 }
}

/// Products summed for one element of a node's output.
fn products(model: &TypedModel, node: &TypedNode) -> u64 {
    let taps = |spec: &PoolSpec| {
        spec.kernel_shape.iter().fold(1u64, |product, size| product.saturating_mul(*size as u64))
    };
    if let Some(conv) = node.op_as::<Conv>() {
        taps(&conv.pool_spec).saturating_mul((conv.pool_spec.input_channels / conv.group.max(1)) as u64)
    } else if let Some(pool) = node.op_as::<MaxPool>() {
        taps(&pool.pool_spec)
    } else if let Some(pool) = node.op_as::<SumPool>() {
        taps(&pool.pool_spec)
    } else if node.op_is::<EinSum>() {
        // No more than the elements of the smaller operand.
        let sizes = node.inputs.iter().filter_map(|input| model.outlet_fact(*input).ok()).map(elements);
        sizes.min().unwrap_or(1)
    } else {
        1
    }
}

fn elements(fact: &TypedFact) -> u64 {
    fact.shape.as_concrete().map_or(1, |dims| dims.iter().fold(1, |p: u64, d| p.saturating_mul(*d as u64)))
}

/// What ONNX forbids and tract lets pass.
fn meaning(model: &TypedModel, node: &TypedNode) -> Result<(), String> {
    let Some(input) = node.inputs.first().and_then(|input| model.outlet_fact(*input).ok()) else {
        return Ok(());
    };
    let Some(dims) = input.shape.as_concrete() else { return Ok(()) };
    let axes = if let Some(softmax) = node.op_as::<Softmax>() {
        &softmax.axes
    } else if let Some(reduce) = node.op_as::<Reduce>() {
        &reduce.axes
    } else {
        let spec = if let Some(conv) = node.op_as::<Conv>() {
            &conv.pool_spec
        } else if let Some(pool) = node.op_as::<MaxPool>() {
            &pool.pool_spec
        } else if let Some(pool) = node.op_as::<SumPool>() {
            &pool.pool_spec
        } else {
            return Ok(());
        };
        return window(spec, dims);
    };
    match axes.iter().find(|axis| **axis >= dims.len()) {
        Some(axis) => Err(format!("works along axis {axis} of a value of the shape {dims:?}")),
        None => Ok(()),
    }
}

/// The parts of a split must be all of it. The typed graph has slices in its place, so this is seen before.
pub fn parts(model: &InferenceModel) -> Result<(), FrontError> {
    let elements = |fact: &InferenceFact| {
        let dims = fact.shape.concretize()?;
        dims.iter().try_fold(1usize, |product, dim| product.checked_mul(dim.to_usize().ok()?))
    };
    for node in model.nodes().iter().filter(|node| node.op.name().starts_with("Split")) {
        let whole = node.inputs.first().and_then(|input| model.outlet_fact(*input).ok()).and_then(elements);
        let parts =
            node.outputs.iter().try_fold(0usize, |sum, output| sum.checked_add(elements(&output.fact)?));
        if let (Some(whole), Some(parts)) = (whole, parts)
            && whole != parts
        {
            let problem = format!("splits {whole} elements into parts of {parts} together");
            return Err(FrontError::Meaningless { node: shown(&node.name), problem });
        }
    }
    Ok(())
}

/// A window must fit what it moves over, padding included.
fn window(spec: &PoolSpec, dims: &[usize]) -> Result<(), String> {
    let shape = spec.data_format.shape(dims).map_err(|_| format!("reads the shape {dims:?}"))?;
    let lengths = shape.hw_dims();
    if lengths.len() != spec.kernel_shape.len() {
        return Err(format!("moves a window of {:?} over a value of the shape {dims:?}", spec.kernel_shape));
    }
    for (axis, length) in lengths.iter().enumerate() {
        let field = (spec.kernel_shape[axis].max(1) - 1).saturating_mul(spec.dilation(axis)) + 1;
        let padded = match &spec.padding {
            PaddingSpec::Explicit(before, after) | PaddingSpec::ExplicitOnnxPool(before, after, _) => {
                length + before.get(axis).unwrap_or(&0) + after.get(axis).unwrap_or(&0)
            }
            PaddingSpec::Valid => *length,
            // They pad as much as the window needs.
            PaddingSpec::SameUpper | PaddingSpec::SameLower => field,
        };
        if field > padded {
            return Err(format!("moves a window {field} long over {padded} values"));
        }
    }
    Ok(())
}
