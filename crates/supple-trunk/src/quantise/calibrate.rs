//! Runs a plan on calibration inputs and keeps, of every value, the range that it takes.

use serde::{Deserialize, Serialize};
use supple_pack::op::{Element, Op, Value};
use supple_pack::read::Pack;
use supple_pack::write::{AlignedBytes, pack};
use supple_runtime::PlanTrunk;

use super::ranges::{Histogram, Range, RangeChoice};
use super::{QuantiseError, equalise};
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
    /// In the order in which values are written; the first is the input. Those of the scaled values.
    pub values: Vec<Range>,
    /// By value and channel, what it is multiplied by before it is quantised; empty where by nothing.
    pub factors: Vec<Vec<f32>>,
    /// By value and channel, the mean of what it was after that.
    pub means: Vec<Vec<f32>>,
}

/// What was seen of a value, by channel.
#[derive(Debug, Clone)]
pub struct Seen {
    ranges: Vec<Range>,
    /// Means, once all was seen.
    pub mean: Vec<f64>,
    /// Mean squares.
    pub power: Vec<f64>,
    count: f64,
}

impl Seen {
    fn nothing(channels: usize) -> Self {
        let zeros = vec![0.0; channels];
        Self { ranges: vec![Range::EMPTY; channels], mean: zeros.clone(), power: zeros, count: 0.0 }
    }

    fn add(&mut self, numbers: &[f32]) {
        let channels = self.ranges.len().max(1);
        for pixel in numbers.chunks_exact(channels) {
            for (channel, x) in pixel.iter().enumerate() {
                self.ranges[channel] = self.ranges[channel].joined(Range { low: *x, high: *x });
                self.mean[channel] += f64::from(*x);
                self.power[channel] += f64::from(*x).powi(2);
            }
        }
        self.count += (numbers.len() / channels) as f64;
    }

    fn finish(&mut self) {
        let count = self.count.max(1.0);
        self.mean.iter_mut().chain(&mut self.power).for_each(|sum| *sum /= count);
    }

    /// The largest magnitude of a channel.
    pub fn size(&self, channel: usize) -> f64 {
        let range = self.ranges[channel];
        f64::from(range.low.abs().max(range.high.abs()))
    }

    /// The step of an `i8` that holds all channels, each times its factor.
    pub fn step(&self, factors: &[f64]) -> f64 {
        let scaled =
            |of: fn(&Range) -> f32| self.ranges.iter().map(of).zip(factors).map(|(x, f)| f64::from(x) * f);
        let (low, high) =
            (scaled(|range| range.low).fold(0.0, f64::min), scaled(|range| range.high).fold(0.0, f64::max));
        (high - low) / 255.0
    }
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
    let mut seen: Vec<Seen> =
        lowered.draft.values.iter().map(|value| Seen::nothing(value.shape.channels.into())).collect();
    let each = || inputs.iter().map(Vec::as_slice);
    Observed::new(lowered)?.run(each(), |_| None, |_, value, numbers| seen[value].add(numbers))?;
    seen.iter_mut().for_each(Seen::finish);
    let finite = |seen: &Seen| seen.power.iter().all(|power| power.is_finite());
    if !seen.iter().all(finite) {
        return Err(QuantiseError::NotFinite);
    }
    let factors: Vec<Vec<f32>> = equalise::factors(lowered, &seen)
        .into_iter()
        .map(|own| own.into_iter().map(|factor| factor as f32).collect())
        .collect();
    let lowered = &equalise::apply(lowered, &factors);
    let mean = |(seen, factors): (Seen, &Vec<f32>)| -> Vec<f32> {
        let factors = factors.iter().copied().chain(std::iter::repeat(1.0));
        seen.mean.iter().zip(factors).map(|(mean, factor)| (mean * f64::from(factor)) as f32).collect()
    };
    let means = seen.into_iter().zip(&factors).map(mean).collect();
    let observed = Observed::new(lowered)?;
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
    Ok(Ranges { choice, inputs: inputs.len(), values: ranges, factors, means })
}
