//! An episode on the plan, in hexadecimal.

use std::error::Error;
use std::fmt::Write;

use supple_pack::Pack;
use supple_runtime::{HeadMemory, Learner, MemoryNeed, PlanTrunk};

/// Classes at most, and as many support samples and as many queries.
const WAY: usize = 5;

/// The inputs of a seed: a support sample of each class, then a query of each. A class has its stripes, under noise.
pub fn inputs(length: usize, seed: u32) -> impl Iterator<Item = Vec<f32>> {
    let mut state = seed;
    let mut number = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    let stripe = |at: usize, class: usize| if (at / 7) % WAY == class { 0.75 } else { 0.0 };
    let input = move |sample| (0..length).map(|at| 0.25 * number() + stripe(at, sample % WAY)).collect();
    (0..2 * WAY).map(input)
}

/// A line `name word word …` of bits.
pub fn line(name: &str, values: &[f32]) -> String {
    let mut line = name.to_owned();
    for value in values {
        let _ = write!(line, " {:08x}", value.to_bits());
    }
    line
}

/// Adapts the pack's first head to a generated episode: features, losses, weights, logits, a line each.
pub fn told(pack: &[u8], seed: u32) -> Result<Vec<String>, Box<dyn Error>> {
    let pack = Pack::parse(pack)?;
    let head = pack.heads().next().ok_or("the pack has no head: pack one with it")?;
    let need = MemoryNeed::of(&pack, Some(&head));
    let (mut arena, mut floats) = (vec![0.0; need.arena], vec![0.0; need.learner()]);
    let mut labels = vec![0; need.labels];
    let (way, steps) = (WAY.min(head.spec.capacity.into()), head.spec.steps.into());
    let mut trunk = PlanTrunk::new(&pack, &mut arena)?;
    let mut learner = Learner::new(head, HeadMemory { floats: &mut floats, labels: &mut labels })?;
    learner.begin(way)?;
    let mut lines = Vec::new();
    let length = trunk.input_mut().len();
    for (sample, input) in inputs(length, seed).enumerate() {
        trunk.input_mut().copy_from_slice(&input);
        trunk.run()?;
        lines.push(line(&format!("features.{sample}"), trunk.feature()));
        if sample < WAY {
            learner.push_support(trunk.feature(), sample % way)?;
        }
        if sample + 1 == WAY {
            lines.push(line("loss.before", &[learner.support_loss()?]));
            learner.adapt(steps)?;
            lines.push(line("loss.after", &[learner.support_loss()?]));
            lines.push(line("weights", learner.weights()));
            lines.push(line("biases", learner.bias()));
        }
        if sample >= WAY {
            lines.push(line(&format!("logits.{sample}"), learner.classify(trunk.feature())?));
        }
    }
    Ok(lines)
}
