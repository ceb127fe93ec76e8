//! What outputs differ by from labels and targets.

use crate::kernels::softmax::softmax;

/// Turns the logits of a sample of class `label` into `scale · (probabilities − one-hot)`; without a label, into zeros.
pub fn class_deltas(logits: &mut [f32], label: Option<usize>, scale: f32) {
    let Some(label) = label else { return logits.fill(0.0) };
    softmax(logits);
    if let Some(probability) = logits.get_mut(label) {
        *probability -= 1.0;
    }
    logits.iter_mut().for_each(|value| *value *= scale);
}

/// Turns a sample's outputs into `scale · (output − target)`; without targets, into zeros.
pub fn number_deltas(outputs: &mut [f32], targets: Option<&[f32]>, scale: f32) {
    let Some(targets) = targets else { return outputs.fill(0.0) };
    outputs.iter_mut().zip(targets).for_each(|(output, target)| *output = (*output - target) * scale);
}
