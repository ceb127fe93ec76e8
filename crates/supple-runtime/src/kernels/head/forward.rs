//! A layer's outputs for many samples.

use super::rows::Rows;

/// `outputs[n] = bias + weights · inputs[n]`, and `if x > 0 { x } else { 0 }` of it where `relu`.
///
/// # Shapes
/// `weights` `[outs][length]`, `bias` `[outs]`, `inputs` `[samples][length]`, `outputs` `[samples][outs]`.
pub fn forward(weights: &[f32], bias: &[f32], inputs: &Rows, outputs: &mut [f32], relu: bool) {
    let length = inputs.length().max(1);
    for (sample, outputs) in outputs.chunks_exact_mut(bias.len().max(1)).enumerate() {
        for ((output, &bias), row) in outputs.iter_mut().zip(bias).zip(weights.chunks_exact(length)) {
            let sum =
                row.iter().enumerate().fold(bias, |sum, (j, weight)| sum + inputs.at(sample, j) * weight);
            *output = if relu && !(sum > 0.0) { 0.0 } else { sum };
        }
    }
}
