//! A draft to the plan: values placed, weights rounded and packed, each operation described.

use supple_pack::op::{Op, Shape, Value};
use supple_pack::write::TrunkParts;

use crate::lower::Lowered;
use crate::lower::draft::{Draft, Kind, Linear, ValueId};
use crate::planner::{Lifetime, Placement, place};
use crate::report::{OperationReport, kind};
use crate::weights::{Blob, blocks};

/// Why a draft became no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// A number the format cannot hold.
    #[error("the plan's {what} is {value}, which a pack cannot hold: use fewer or smaller layers")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large.
        value: usize,
    },
}

/// A plan and what it costs.
pub struct Emitted {
    pub parts: TrunkParts,
    pub operations: Vec<OperationReport>,
    pub placement: Placement,
}

fn fit(what: &'static str, value: usize) -> Result<u32, EmitError> {
    u32::try_from(value).map_err(|_| EmitError::TooLarge { what, value })
}

/// Makes the plan. The same draft always gives the same plan.
pub fn emit(lowered: &Lowered, name: &str) -> Result<Emitted, EmitError> {
    let draft = &lowered.draft;
    let placement = place(&lifetimes(draft, lowered.input.0, lowered.output.0));
    let at = |(value, shape): (ValueId, Shape)| -> Result<Value, EmitError> {
        Ok(Value { offset: fit("arena", placement.offsets[value])?, shape })
    };
    let mut blob = Blob::default();
    let mut append = |linear: &Linear| -> Result<(u32, u32), EmitError> {
        let weights = blob.append(blocks(&linear.weights, linear.bias.len()));
        let bias = blob.append(linear.bias.iter().map(|bias| *bias as f32));
        Ok((fit("weights", weights)?, fit("weights", bias)?))
    };
    let mut ops = Vec::with_capacity(draft.steps.len());
    let mut operations = Vec::with_capacity(draft.steps.len());
    for step in &draft.steps {
        let (input, output) = (at(step.input)?, at(step.output)?);
        let op = match &step.kind {
            Kind::Conv2d { window, linear } => {
                let (weights, bias) = append(linear)?;
                Op::Conv2d { input, output, window: *window, weights, bias, activation: linear.activation }
            }
            Kind::Dense { linear } => {
                let (weights, bias) = append(linear)?;
                Op::Dense { input, output, weights, bias, activation: linear.activation }
            }
            Kind::MaxPool { window } => Op::MaxPool { input, output, window: *window },
            Kind::GlobalAveragePool => Op::GlobalAveragePool { input, output },
            Kind::Relu => Op::Relu { input, output },
        };
        operations.push(OperationReport {
            kind: kind(&op),
            node: step.node.clone(),
            input: input.shape,
            output: output.shape,
            macs: op.macs(),
            weight_bytes: op.weights().iter().flatten().map(|(_, count)| 4 * *count as usize).sum(),
        });
        ops.push(op);
    }
    let parts = TrunkParts {
        name: name.to_owned(),
        input: at(lowered.input)?,
        output: at(lowered.output)?,
        arena: fit("arena", placement.arena)?,
        ops,
        weights: blob.elements,
    };
    Ok(Emitted { parts, operations, placement })
}

/// Step 0 is the caller writing the input; step `i + 1` is operation `i`; the output is read after the last.
fn lifetimes(draft: &Draft, input: ValueId, output: ValueId) -> Vec<Lifetime> {
    let mut lifetimes: Vec<Lifetime> =
        draft.lengths.iter().map(|length| Lifetime { length: *length, first: usize::MAX, last: 0 }).collect();
    let mut touch = |value: ValueId, step: usize| {
        let lifetime = &mut lifetimes[value];
        lifetime.first = lifetime.first.min(step);
        lifetime.last = lifetime.last.max(step);
    };
    touch(input, 0);
    for (index, step) in draft.steps.iter().enumerate() {
        touch(step.input.0, index + 1);
        touch(step.output.0, index + 1);
    }
    touch(output, draft.steps.len() + 1);
    lifetimes
}
