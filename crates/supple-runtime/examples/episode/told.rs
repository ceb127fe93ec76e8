//! An episode on the plan, in hexadecimal.

use std::error::Error;
use std::fmt::Write;

use supple_pack::Pack;
use supple_runtime::{HeadMemory, Label, Learner, MemoryNeed, PlanTrunk, SupportCache, Use};

/// Classes, and as many support samples: the first inputs. The rest are queries.
pub const WAY: usize = 5;

/// A line `name word word …` of bits.
pub fn line(name: &str, values: &[f32]) -> String {
    let mut line = name.to_owned();
    for value in values {
        let _ = write!(line, " {:08x}", value.to_bits());
    }
    line
}

/// Adapts the pack's first head to an episode: features, losses, weights, logits, a line each.
pub fn told(pack: &[u8], inputs: &[f32]) -> Result<Vec<String>, Box<dyn Error>> {
    let pack = Pack::parse(pack)?;
    let head = pack.heads().next().ok_or("the pack has no head: pack one with it")?;
    let need = MemoryNeed::of_head(&head.spec);
    let (mut floats, mut labels) = (vec![0.0; need.learner()], vec![0; need.labels]);
    let (mut arena, mut support) = (vec![0.0; pack.trunk().arena as usize], vec![0.0; need.support()]);
    let mut support = SupportCache::new(&head.spec, &mut support)?;
    let steps = head.spec.steps.into();
    let mut trunk = PlanTrunk::new(&pack, &mut arena)?;
    let mut learner = Learner::new(head, HeadMemory { floats: &mut floats, labels: &mut labels })?;
    learner.begin(WAY)?;
    let mut lines = Vec::new();
    let length = trunk.input_mut().len();
    for (sample, input) in inputs.chunks_exact(length).enumerate() {
        trunk.input_mut().copy_from_slice(input);
        trunk.run()?;
        lines.push(line(&format!("features.{sample}"), trunk.feature()));
        if sample < WAY {
            let cached = support.push(trunk.feature())?;
            learner.label(cached, Label::Class(sample), Use::Support)?;
        }
        if sample + 1 == WAY {
            lines.push(line("loss.before", &[learner.support_loss(&mut support)?]));
            learner.adapt(&mut support, steps)?;
            lines.push(line("loss.after", &[learner.support_loss(&mut support)?]));
            lines.push(line("head", &learner.parameters().concat()));
        }
        if sample >= WAY {
            lines.push(line(&format!("logits.{sample}"), learner.outputs(trunk.feature())?));
        }
    }
    Ok(lines)
}
