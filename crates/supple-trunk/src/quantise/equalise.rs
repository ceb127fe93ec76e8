//! Channels brought to like sizes before they share one scale.
//!
//! All channels of a value share the steps of one `i8`, so a channel a tenth as large as the largest keeps a tenth of
//! the steps. Where a value lies between linear layers, its channels may be scaled: the layer in front takes up the
//! factor and those behind its inverse, and with relu between them nothing else changes (Nagel et al., Data-free
//! quantization through weight equalization and bias correction, 2019). Small channels then cost the layers behind:
//! their weights get unlike. Which factors are best is estimated from what was seen of the values, and no factor at all
//! is one of the choices.

use supple_pack::op::{Activation, Function, Operation};

use super::calibrate::Seen;
use crate::lower::Lowered;
use crate::lower::draft::{Draft, Kind, Linear, Source, Step, ValueId, Weights};

/// A channel smaller than this part of the largest is scaled as if it were this large.
const SMALLEST: f64 = 1.0 / 64.0;
/// Quarters of exponents that are tried: roots of roots are the same on every machine, other powers may not be.
const QUARTERS: usize = 4;

/// Which input channel an output's taps see: those of output `o` see `span` channels, all outputs of a group the same.
#[derive(Debug, Clone, Copy)]
pub struct Reads {
    pub value: ValueId,
    group_outputs: usize,
    span: usize,
}

impl Reads {
    /// Of a linear step that sees its input's channels as they were written.
    pub fn of(step: &Step, draft: &Draft) -> Option<Self> {
        let [Source::Value(value, view)] = step.inputs[..] else { return None };
        let channels = usize::from(draft.values[value].shape.channels);
        let (outputs, span) = match &step.kind {
            Kind::Convolution { groups, weights, .. } => (weights.outputs(), channels / (*groups).max(1)),
            Kind::Depthwise { weights, .. } => (weights.outputs(), 1),
            // Pixels one after the other, however they are seen.
            Kind::Dense { weights } => (weights.outputs(), channels),
            _ => return None,
        };
        let same = view.channels == draft.values[value].shape.channels;
        if !same && !matches!(step.kind, Kind::Dense { .. }) {
            return None;
        }
        let groups = (channels / span.max(1)).max(1);
        Some(Self { value, group_outputs: (outputs / groups).max(1), span: span.max(1) })
    }

    /// The input channel of a tap.
    pub fn channel(&self, output: usize, tap: usize) -> usize {
        output / self.group_outputs * self.span + tap % self.span
    }
}

fn linear(step: &Step) -> Option<&Linear> {
    match &step.kind {
        Kind::Convolution { weights: Weights::Float(linear), .. }
        | Kind::Depthwise { weights: Weights::Float(linear), .. }
        | Kind::Dense { weights: Weights::Float(linear) } => Some(linear),
        _ => None,
    }
}

/// The draft with every channel scaled; a value without factors stays as it is.
pub fn apply(lowered: &Lowered, factors: &[Vec<f32>]) -> Lowered {
    let mut scaled = lowered.clone();
    let of = |value: ValueId, channel: usize| {
        factors.get(value).and_then(|factors| factors.get(channel)).map_or(1.0, |factor| f64::from(*factor))
    };
    for (step, from) in scaled.draft.steps.iter_mut().zip(&lowered.draft.steps) {
        let Some(reads) = Reads::of(from, &lowered.draft) else { continue };
        let (Kind::Convolution { weights: Weights::Float(linear), .. }
        | Kind::Depthwise { weights: Weights::Float(linear), .. }
        | Kind::Dense { weights: Weights::Float(linear) }) = &mut step.kind
        else {
            continue;
        };
        let row = linear.row().max(1);
        for (output, (weights, bias)) in
            linear.weights.chunks_exact_mut(row).zip(&mut linear.bias).enumerate()
        {
            let factor = of(step.output.0, output);
            *bias *= factor;
            for (tap, weight) in weights.iter_mut().enumerate() {
                *weight *= factor / of(reads.value, reads.channel(output, tap));
            }
        }
    }
    scaled
}

/// Whether these factors leave the features as they are: positive, none where a value must stay as it is, and the same for
/// values that must share them.
pub fn allowed(lowered: &Lowered, factors: &[Vec<f32>]) -> bool {
    let group = groups(lowered);
    let none = Vec::new();
    let of = |value: ValueId| factors.get(value).unwrap_or(&none);
    factors.len() <= group.len()
        && group.iter().enumerate().all(|(value, leader)| match leader {
            None => of(value).is_empty(),
            Some(leader) => {
                let channels = usize::from(lowered.draft.values[value].shape.channels);
                let own = of(value);
                own == of(*leader)
                    && (own.is_empty() || own.len() == channels)
                    && own.iter().all(|factor| factor.is_normal() && *factor > 0.0)
            }
        })
}

/// The factors of each value's channels; empty for a value that must stay as it is.
pub fn factors(lowered: &Lowered, seen: &[Seen]) -> Vec<Vec<f64>> {
    let draft = &lowered.draft;
    let group = groups(lowered);
    let layers: Vec<Layer> = draft.steps.iter().filter_map(|step| Layer::of(step, draft, seen)).collect();
    let mut factors = vec![Vec::new(); draft.values.len()];
    let mut leaders: Vec<ValueId> = group.iter().filter_map(|leader| *leader).collect();
    leaders.sort_unstable();
    leaders.dedup();
    for leader in leaders {
        let members: Vec<ValueId> = (0..group.len()).filter(|value| group[*value] == Some(leader)).collect();
        let behind: Vec<&Layer> =
            layers.iter().filter(|layer| members.contains(&layer.reads.value)).collect();
        if behind.is_empty() {
            continue;
        }
        let weight = downstream(draft, &members, &behind);
        let noise = |factors: &[f64]| -> f64 {
            let rounding = members.iter().zip(&weight).map(|(value, weight)| {
                let step = seen[*value].step(factors);
                let parts =
                    weight.iter().zip(factors).map(|(weight, factor)| weight * (step / factor).powi(2));
                parts.sum::<f64>()
            });
            rounding.sum::<f64>() + behind.iter().map(|layer| layer.noise(factors)).sum::<f64>()
        };
        let channels = usize::from(draft.values[leader].shape.channels);
        let mut best = (noise(&vec![1.0; channels]), Vec::new());
        for tried in candidates(channels, &members, &behind, seen) {
            let noise = noise(&tried);
            if noise < best.0 {
                best = (noise, tried);
            }
        }
        members.iter().for_each(|value| factors[*value] = best.1.clone());
    }
    factors
}

/// `size^-a · weights^b` for some `a` and `b`: sizes made alike, or the weights behind, or something between.
fn candidates(channels: usize, members: &[ValueId], behind: &[&Layer], seen: &[Seen]) -> Vec<Vec<f64>> {
    let part = |values: Vec<f64>| -> Vec<f64> {
        let largest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        values.iter().map(|value| (value / largest).max(SMALLEST)).collect()
    };
    // Of several values that share factors, the largest part of each channel counts.
    let mut sizes = vec![0.0f64; channels];
    for value in members {
        let own = part((0..channels).map(|channel| seen[*value].size(channel)).collect());
        sizes.iter_mut().zip(own).for_each(|(size, own)| *size = size.max(own));
    }
    let mut weights = vec![0.0f64; channels];
    for layer in behind {
        let own = part((0..channels).map(|channel| layer.largest_of(channel)).collect());
        weights.iter_mut().zip(own).for_each(|(weight, own)| *weight = weight.max(own));
    }
    let power = |value: f64, quarters: usize| {
        let root = value.sqrt().sqrt();
        (0..quarters).fold(1.0, |product, _| product * root)
    };
    let mut all = Vec::new();
    for a in 0..=QUARTERS {
        for b in 0..=QUARTERS {
            let factor = |channel: usize| power(weights[channel], b) / power(sizes[channel], a);
            all.push((0..channels).map(factor).collect());
        }
    }
    all
}

/// By member and channel, how much an error there adds to what the layers behind give.
fn downstream(draft: &Draft, members: &[ValueId], behind: &[&Layer]) -> Vec<Vec<f64>> {
    let channels = usize::from(draft.values[members[0]].shape.channels);
    let mut weight = vec![vec![0.0; channels]; members.len()];
    let place = |value: ValueId| members.iter().position(|member| *member == value);
    for layer in behind {
        let Some(at) = place(layer.reads.value) else { continue };
        weight[at].iter_mut().enumerate().for_each(|(channel, weight)| *weight += layer.energy_of(channel));
    }
    // What joins or pools members passes their errors on.
    for step in draft.steps.iter().rev().filter(|step| linear(step).is_none()) {
        let Some(to) = place(step.output.0) else { continue };
        for from in step.inputs.iter().filter_map(Source::value).filter_map(place) {
            let passed = weight[to].clone();
            weight[from].iter_mut().zip(passed).for_each(|(weight, passed)| *weight += passed);
        }
    }
    weight
}

/// A linear layer behind scaled channels, its errors as a part of its output.
struct Layer {
    reads: Reads,
    /// `[output][channel of its group]`: the largest weight, and the sum of squares.
    largest: Vec<Vec<f64>>,
    energy: Vec<Vec<f64>>,
    taps: f64,
    /// By input channel, the mean square.
    power: Vec<f64>,
    output: f64,
}

impl Layer {
    fn of(step: &Step, draft: &Draft, seen: &[Seen]) -> Option<Self> {
        let (linear, reads) = (linear(step)?, Reads::of(step, draft)?);
        let row = linear.row().max(1);
        let outputs = linear.weights.chunks_exact(row);
        let (mut largest, mut energy) = (Vec::new(), Vec::new());
        for weights in outputs {
            let (mut most, mut sum) = (vec![0.0f64; reads.span], vec![0.0; reads.span]);
            for (tap, weight) in weights.iter().enumerate() {
                most[tap % reads.span] = most[tap % reads.span].max(weight.abs());
                sum[tap % reads.span] += weight * weight;
            }
            largest.push(most);
            energy.push(sum);
        }
        let output = seen[step.output.0].power.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let power = seen[reads.value].power.clone();
        Some(Self { reads, largest, energy, taps: (row / reads.span) as f64, power, output })
    }

    /// Pairs of an output and a place in its row that see a channel.
    fn seeing(&self, channel: usize) -> impl Iterator<Item = (usize, usize)> {
        let (group, at) = (channel / self.reads.span, channel % self.reads.span);
        let first = group * self.reads.group_outputs;
        (first..(first + self.reads.group_outputs).min(self.largest.len())).map(move |output| (output, at))
    }

    fn largest_of(&self, channel: usize) -> f64 {
        self.seeing(channel).map(|(output, at)| self.largest[output][at]).fold(0.0, f64::max)
    }

    fn energy_of(&self, channel: usize) -> f64 {
        self.seeing(channel).map(|(output, at)| self.energy[output][at]).sum::<f64>() / self.output
    }

    /// What rounding the weights adds.
    fn noise(&self, factors: &[f64]) -> f64 {
        let outputs = self.largest.iter().enumerate().map(|(output, largest)| {
            let first = output / self.reads.group_outputs * self.reads.span;
            let (factors, power) = (&factors[first..], &self.power[first..]);
            let most = largest.iter().zip(factors).map(|(most, factor)| most / factor).fold(0.0, f64::max);
            let inputs: f64 =
                power.iter().zip(factors).take(self.reads.span).map(|(power, f)| power * f * f).sum();
            (most / 127.0).powi(2) * self.taps * inputs
        });
        outputs.sum::<f64>() / self.output
    }
}

/// By value, the first of those that must share its factors; none for a value that must stay as it is.
fn groups(lowered: &Lowered) -> Vec<Option<ValueId>> {
    let draft = &lowered.draft;
    let mut leader: Vec<ValueId> = (0..draft.values.len()).collect();
    let mut frozen = vec![false; draft.values.len()];
    frozen[lowered.input.0] = true;
    frozen[lowered.output.0] = true;
    fn find(leader: &[ValueId], mut value: ValueId) -> ValueId {
        while leader[value] != value {
            value = leader[value];
        }
        value
    }
    for step in &draft.steps {
        let output = step.output.0;
        let values: Vec<ValueId> = step.inputs.iter().filter_map(Source::value).collect();
        if let Some(linear) = linear(step) {
            // A limit is a number of its own: it would have to differ from channel to channel.
            frozen[output] |= matches!(linear.activation, Activation::Clip { .. });
            frozen[output] |= step.output.1.channels != draft.values[output].shape.channels;
            let reads = Reads::of(step, draft);
            values.iter().for_each(|value| frozen[*value] |= reads.is_none());
            continue;
        }
        let channels = |value: ValueId| draft.values[value].shape.channels;
        let alike = values.len() == step.inputs.len()
            && step.inputs.iter().all(|source| match source {
                Source::Value(value, view) => {
                    view.channels == channels(*value) && view.channels == step.output.1.channels
                }
                Source::Constant(_) => false,
            })
            && step.output.1.channels == channels(output);
        let same_size =
            || values.iter().all(|value| draft.values[*value].shape == draft.values[output].shape);
        let passes = match &step.kind {
            Kind::MaxPool { .. } | Kind::AveragePool { .. } | Kind::GlobalAverage { .. } => true,
            Kind::GlobalMaximum => true,
            Kind::Unary(Function::Activation(activation)) => !matches!(activation, Activation::Clip { .. }),
            Kind::Binary(Operation::Add | Operation::Subtract, activation) => {
                same_size() && !matches!(activation, Activation::Clip { .. })
            }
            _ => false,
        };
        for value in values {
            frozen[value] |= !(passes && alike);
            let (a, b) = (find(&leader, value), find(&leader, output));
            leader[a.max(b)] = a.min(b);
        }
        frozen[output] |= !(passes && alike);
    }
    let mut stays = vec![false; leader.len()];
    (0..leader.len()).filter(|value| frozen[*value]).for_each(|value| stays[find(&leader, value)] = true);
    (0..leader.len()).map(|value| find(&leader, value)).map(|own| (!stays[own]).then_some(own)).collect()
}

#[cfg(test)]
#[path = "equalise_tests.rs"]
mod tests;
