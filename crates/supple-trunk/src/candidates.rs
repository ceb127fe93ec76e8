//! Where a model could be cut: every tensor it computes, with what the part up to there costs.

use tract_onnx::prelude::*;

use crate::check::{Survey, survey};
use crate::compile::{CompileError, lowered};
use crate::front::{FrontError, guarded, typed};
use crate::measure::{macs, measure, shapes};

/// A tensor that a model computes from its input.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Candidate {
    /// Its name: what `CompileOptions::output` takes.
    pub tensor: String,
    /// The node that gives it.
    pub node: String,
    /// That node's operator.
    pub operator: String,
    /// Its shape; empty where that is not known.
    pub shape: Vec<usize>,
    /// Its elements; 0 where they are not known.
    pub elements: usize,
    /// Multiply-accumulates up to here.
    pub macs: u64,
    /// Bytes of the numbers stored up to here, before anything is folded.
    pub parameter_bytes: u64,
    /// Why the model cannot be cut here, where it cannot.
    pub problem: Option<String>,
}

/// Every tensor that a model computes, in its order, whether or not the model compiles.
///
/// A candidate without a problem was lowered; that its plan agrees with the model is seen when it is compiled.
pub fn candidates(onnx: &[u8]) -> Result<Vec<Candidate>, FrontError> {
    let survey = survey(onnx)?;
    let mut candidates: Vec<Candidate> = survey
        .tensors
        .iter()
        .map(|tensor| Candidate {
            tensor: tensor.name.clone(),
            node: tensor.node.clone(),
            operator: tensor.operator.clone(),
            shape: Vec::new(),
            elements: 0,
            macs: 0,
            parameter_bytes: 0,
            problem: tensor.problem.clone(),
        })
        .collect();
    let Some((model, places)) = longest(&survey, &mut candidates) else { return Ok(candidates) };
    for (outlet, place) in model.outputs.iter().zip(places) {
        let part = part(&model, *outlet);
        let candidate = &mut candidates[place];
        let fact = &model.nodes()[outlet.node].outputs[outlet.slot].fact;
        candidate.shape = fact.shape.as_concrete().unwrap_or_default().to_vec();
        candidate.elements = candidate.shape.iter().product();
        candidate.macs = part.iter().map(|node| macs(&model, &model.nodes()[*node])).sum();
        candidate.parameter_bytes = survey.parameter_bytes(place);
        candidate.problem = compiles(&model, *outlet).err();
    }
    Ok(candidates)
}

/// The typed graph of as many of the sound tensors as tract can read, as outputs, with their places. The first
/// one that it cannot read and those behind it are given their problem.
fn longest(survey: &Survey, candidates: &mut [Candidate]) -> Option<(TypedModel, Vec<usize>)> {
    let sound = survey.tensors.iter().filter(|tensor| tensor.problem.is_none()).count();
    let read = |count: usize| {
        let (proto, places) = survey.first(count);
        typed(&proto).map(|model| (model, places))
    };
    let mut error = match read(sound) {
        Ok(all) => return Some(all),
        Err(error) => error,
    };
    // A part of what can be read can be read too, so halving finds how far it goes.
    let (mut can, mut cannot, mut best) = (0, sound, None);
    while cannot - can > 1 {
        let middle = can + (cannot - can) / 2;
        match read(middle) {
            Ok(model) => (can, best) = (middle, Some(model)),
            Err(why) => (cannot, error) = (middle, why),
        }
    }
    let behind = candidates.iter_mut().filter(|candidate| candidate.problem.is_none()).skip(can);
    behind.for_each(|candidate| candidate.problem = Some(error.to_string()));
    best
}

/// The nodes that an outlet needs.
fn part(model: &TypedModel, outlet: OutletId) -> Vec<usize> {
    let mut needed = vec![false; model.nodes().len()];
    let mut open = vec![outlet.node];
    let mut part = Vec::new();
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut needed[node], true) {
            part.push(node);
            open.extend(model.nodes()[node].inputs.iter().map(|input| input.node));
        }
    }
    part
}

/// Whether the model can be lowered up to an outlet.
fn compiles(model: &TypedModel, outlet: OutletId) -> Result<(), String> {
    shapes(&model.nodes()[outlet.node]).map_err(|error| error.to_string())?;
    let part = guarded("simplify", || {
        let mut part = model.clone();
        part.outputs = vec![outlet];
        part.compact()?;
        Ok(part)
    })
    .and_then(|part| {
        guarded("measure", || Ok(measure(&part)))??;
        Ok(part)
    })
    .map_err(|error| error.to_string())?;
    match lowered(&part) {
        Ok(_) => Ok(()),
        Err(CompileError::Graph(problem)) => Err(format!("the part up to here {problem}")),
        Err(CompileError::Unsupported(refusals)) => Err(refusals.0.first().map_or_else(
            || "cannot be lowered".to_owned(),
            |refusal| format!("needs node `{}` ({}): {}", refusal.node, refusal.operator, refusal.reason),
        )),
        Err(error) => Err(error.to_string()),
    }
}
