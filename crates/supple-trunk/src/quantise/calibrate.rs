//! Runs a plan on calibration inputs and keeps, of every value, the range that it takes.

use serde::{Deserialize, Serialize};
use supple_pack::op::{Element, Op, Value};
use supple_pack::read::Pack;
use supple_pack::write::{AlignedBytes, pack};
use supple_runtime::PlanTrunk;

use super::QuantiseError;
use super::ranges::{Histogram, Range, RangeChoice};
use crate::emit::emit;
use crate::lower::Lowered;
use crate::lower::draft::ValueId;
use crate::schedule::Schedule;

/// The ranges of a trunk's values: what quantising it needs to know of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranges {
    /// How they were chosen.
    pub choice: RangeChoice,
    /// On how many inputs.
    pub inputs: usize,
    /// In the order in which values are written; the first is the input.
    pub values: Vec<Range>,
}

/// Runs a plan in which every value has a place of its own, and shows them all.
pub struct Observed {
    bytes: AlignedBytes,
    /// By operation, the value that it writes.
    written: Vec<ValueId>,
    input: ValueId,
    arena: usize,
}

impl Observed {
    /// Prepares a draft.
    pub fn new(lowered: &Lowered) -> Result<Self, QuantiseError> {
        let schedule = Schedule::apart(lowered);
        let emitted = emit(lowered, &schedule, "observed")?;
        let bytes = AlignedBytes::copy_of(&pack(&emitted.parts, &[])?);
        let written = lowered.draft.steps.iter().map(|step| step.output.0).collect();
        Ok(Self { bytes, written, input: lowered.input.0, arena: schedule.arena })
    }

    /// Runs it on inputs in the plan's order; `see` is given each value once it is whole, in real numbers.
    pub fn run<'i>(
        &self,
        inputs: impl IntoIterator<Item = &'i [f32]>,
        quantum: impl Fn(ValueId) -> Option<crate::lower::draft::Quantum>,
        mut see: impl FnMut(usize, ValueId, &[f32]),
    ) -> Result<(), QuantiseError> {
        let pack = Pack::parse(&self.bytes)?;
        let mut arena = vec![0.0; self.arena];
        let mut plan = PlanTrunk::new(&pack, &mut arena)?;
        let expected = plan.input_mut().len();
        let mut numbers = Vec::new();
        for (index, input) in inputs.into_iter().enumerate() {
            if input.len() != expected || input.iter().any(|value| !value.is_finite()) {
                return Err(QuantiseError::Input { index, expected, found: input.len() });
            }
            see(index, self.input, input);
            plan.run_observed(input, |at, op: &Op, arena: &[f32]| {
                let value = self.written[at];
                // Of several writes to one value, the last shows it whole.
                let last = self.written.iter().rposition(|other| *other == value) == Some(at);
                if let (Some(output), true) = (op.output(), last) {
                    numbers.clear();
                    read(output, arena, quantum(value), &mut numbers);
                    see(index, value, &numbers);
                }
            })?;
        }
        Ok(())
    }
}

fn read(value: &Value, arena: &[f32], quantum: Option<crate::lower::draft::Quantum>, into: &mut Vec<f32>) {
    let words = &arena[value.offset as usize..][..value.words() as usize];
    match (value.element, quantum) {
        (Element::I8, Some(quantum)) => {
            let bytes = words.iter().flat_map(|word| word.to_bits().to_le_bytes());
            let numbers = bytes.take(value.elements()).map(|byte| quantum.number(byte.cast_signed()));
            into.extend(numbers);
        }
        _ => into.extend(words),
    }
}

/// Calibrates on inputs in the plan's order.
pub fn calibrate(
    lowered: &Lowered,
    inputs: &[Vec<f32>],
    choice: RangeChoice,
) -> Result<Ranges, QuantiseError> {
    if inputs.is_empty() {
        return Err(QuantiseError::NoInputs);
    }
    if let RangeChoice::Percentile(percent) = choice
        && !(50.0..=100.0).contains(&percent)
    {
        return Err(QuantiseError::Percentile(percent));
    }
    let observed = Observed::new(lowered)?;
    let each = || inputs.iter().map(Vec::as_slice);
    let mut ranges = vec![Range::EMPTY; lowered.draft.values.len()];
    observed.run(
        each(),
        |_| None,
        |_, value, numbers| {
            let seen =
                numbers.iter().fold(Range::EMPTY, |range, x| range.joined(Range { low: *x, high: *x }));
            ranges[value] = ranges[value].joined(seen);
        },
    )?;
    if let Some(value) = ranges.iter().position(|range| !(range.high - range.low).is_finite()) {
        let unused = ranges[value] == Range::EMPTY;
        if !unused {
            return Err(QuantiseError::NotFinite);
        }
        ranges[value] = Range { low: 0.0, high: 0.0 };
    }
    if choice != RangeChoice::MinMax {
        let mut histograms: Vec<Histogram> = ranges.iter().map(|range| Histogram::over(*range)).collect();
        observed.run(
            each(),
            |_| None,
            |_, value, numbers| {
                numbers.iter().for_each(|x| histograms[value].add(*x));
            },
        )?;
        ranges = histograms.iter().map(|histogram| histogram.choose(choice)).collect();
    }
    Ok(Ranges { choice, inputs: inputs.len(), values: ranges })
}
