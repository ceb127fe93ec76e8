//! An episode on a device, told as `told.rs` of the runtime's example tells it on the plan.

use supple_data::render::Orientation;
use supple_data::{INPUT_LENGTH, glyphs};
use supple_link::host::{Client, LinkError, Transport};
use supple_link::message::Adaptation;

use super::told::{WAY, line};

/// Drawings of five generated characters, one of each to learn from and one of each to ask for.
pub fn inputs(seed: u64) -> Vec<f32> {
    let set = glyphs::generate_sized(seed, 1, WAY..=WAY);
    let mut inputs = vec![0.0; 2 * WAY * INPUT_LENGTH];
    for (sample, input) in inputs.chunks_exact_mut(INPUT_LENGTH).enumerate() {
        let character = &set.characters()[sample % WAY];
        let drawing = character.drawings.start + sample / WAY;
        set.render(drawing, Orientation::UPRIGHT, input);
    }
    inputs
}

/// Adapts the device's first head to an episode: features, losses, weights, logits, a line each.
pub fn on<T: Transport>(device: &mut Client<T>, inputs: &[f32]) -> Result<Vec<String>, LinkError> {
    let facts = device.info()?.pack.map_err(LinkError::Device)?;
    device.begin(WAY as u16)?;
    let mut lines = Vec::new();
    for (sample, input) in inputs.chunks_exact(facts.input as usize).enumerate() {
        device.input(input)?;
        device.features()?;
        lines.push(line(&format!("features.{sample}"), &device.read_features()?));
        if sample < WAY {
            device.push_support(sample as u16)?;
        }
        if sample + 1 == WAY {
            let (Adaptation::Adapted { before, after } | Adaptation::Refused { before, after }) =
                device.adapt(facts.steps)?.outcome;
            lines.push(line("loss.before", &[before]));
            lines.push(line("loss.after", &[after]));
            lines.push(line("head", &device.read_head()?));
        }
        if sample >= WAY {
            lines.push(line(&format!("logits.{sample}"), &device.logits()?));
        }
    }
    Ok(lines)
}
