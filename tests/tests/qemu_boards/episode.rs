//! What is done on every board and on the twin.

use supple_link::host::Label;

use super::{NUMBERS, SAMPLES, STEPS, WAY};

/// Whether the head was adapted, and the bits of the losses before and after.
pub type Outcome = (bool, u32, u32);

/// A device, emulated or on the host.
pub trait Device {
    fn select(&mut self, head: usize);
    fn begin(&mut self, way: usize);
    fn clear(&mut self);
    /// Caches an input's features, without a label, and gives them.
    fn sample(&mut self, input: &[f32]) -> Vec<f32>;
    /// Of the selected head.
    fn label(&mut self, sample: usize, label: Label, held_back: bool);
    fn step(&mut self);
    fn adapt(&mut self, steps: usize) -> Outcome;
    /// Of the last sample.
    fn outputs(&mut self) -> Vec<f32>;
    fn enrol(&mut self) -> usize;
    fn forget(&mut self, class: usize);
    /// All of the selected head's numbers.
    fn numbers(&mut self) -> Vec<f32>;
}

/// What is compared, in bits.
#[derive(Debug, Default, PartialEq)]
pub struct Bits {
    /// Of each sample.
    pub features: Vec<Vec<u32>>,
    /// Of the last sample, by head: before the first step and after each.
    pub outputs: [Vec<Vec<u32>>; 3],
    /// Of each head, after the steps.
    pub heads: [Vec<u32>; 3],
    /// Of adaptations with a class more, with samples held back, and with a class less.
    pub outcomes: Vec<Outcome>,
    /// The first head at the end.
    pub last: Vec<u32>,
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Three heads learn from the same samples: the first from all, the second from all but one, the third from every
/// other. Then the first enrols a class, adapts, forgets a class and adapts again.
pub fn run(device: &mut impl Device, inputs: &[Vec<f32>]) -> Bits {
    let mut bits_of = Bits::default();
    for head in 0..3 {
        device.select(head);
        device.begin(if head == 2 { NUMBERS } else { WAY });
    }
    device.clear();
    bits_of.features = inputs.iter().map(|input| bits(&device.sample(input))).collect();
    let targets: Vec<[f32; NUMBERS]> =
        (0..SAMPLES).map(|sample| [sample as f32 / 4.0, 1.0 - sample as f32 / 3.0]).collect();
    for head in 0..3 {
        device.select(head);
        for (sample, numbers) in targets.iter().enumerate() {
            let label = match head {
                0 => Label::Class((sample % WAY) as u16),
                1 if sample > 0 => Label::Class((sample % WAY) as u16),
                2 if sample % 2 == 0 => Label::Numbers(numbers),
                _ => Label::None,
            };
            device.label(sample, label, false);
        }
        bits_of.outputs[head].push(bits(&device.outputs()));
        for _ in 0..STEPS {
            device.step();
            bits_of.outputs[head].push(bits(&device.outputs()));
        }
        bits_of.heads[head] = bits(&device.numbers());
    }
    device.select(0);
    let class = device.enrol();
    device.label(0, Label::Class(class as u16), false);
    bits_of.outcomes.push(device.adapt(2));
    device.label(1, Label::Class(1), true);
    bits_of.outcomes.push(device.adapt(1));
    device.forget(0);
    bits_of.outcomes.push(device.adapt(2));
    bits_of.last = bits(&device.numbers());
    bits_of
}
