//! What the kernels of heads must give, number by number.

use super::LayerMut;
use super::descent::Descent;
use super::rows::Rows;

pub fn forward(weights: &[f32], bias: &[f32], inputs: &Rows, outputs: &mut [f32], relu: bool) {
    let length = inputs.length().max(1);
    for (sample, outputs) in outputs.chunks_exact_mut(bias.len().max(1)).enumerate() {
        for ((output, &bias), row) in outputs.iter_mut().zip(bias).zip(weights.chunks_exact(length)) {
            let sum =
                row.iter().enumerate().fold(bias, |sum, (j, weight)| sum + inputs.at(sample, j) * weight);
            *output = match relu {
                true => {
                    if sum > 0.0 {
                        sum
                    } else {
                        0.0
                    }
                }
                false => sum,
            };
        }
    }
}

pub fn descend(layer: &mut LayerMut, inputs: &Rows, deltas: &[f32], descent: &mut Descent) {
    let (outs, length, samples) = (layer.bias.len(), inputs.length(), inputs.samples());
    for out in 0..outs {
        let delta = |sample: usize| deltas.get(sample * outs + out).copied().unwrap_or(0.0);
        for index in 0..length {
            let gradient =
                (0..samples).fold(0.0, |sum, sample| sum + delta(sample) * inputs.at(sample, index));
            let at = out * length + index;
            let velocity = descent.velocity.as_mut().and_then(|velocity| velocity.weights.get_mut(at));
            if let Some(weight) = layer.weights.get_mut(at) {
                change(weight, gradient, descent.rates[0], descent.momentum, velocity);
            }
        }
        let gradient = (0..samples).fold(0.0, |sum, sample| sum + delta(sample));
        let velocity = descent.velocity.as_mut().and_then(|velocity| velocity.bias.get_mut(out));
        if let Some(bias) = layer.bias.get_mut(out) {
            change(bias, gradient, descent.rates[1], descent.momentum, velocity);
        }
    }
}

pub fn descend_and_pass(
    layer: &mut LayerMut,
    hidden: &mut [f32],
    units: usize,
    deltas: &[f32],
    gradients: &mut [f32],
    descent: &mut Descent,
) {
    let outs = layer.bias.len();
    for unit in 0..units {
        for (out, gradient) in gradients.iter_mut().enumerate().take(outs) {
            let column = hidden.iter().skip(unit).step_by(units.max(1));
            let deltas = deltas.iter().skip(out).step_by(outs.max(1));
            *gradient = deltas.zip(column).fold(0.0, |sum, (delta, x)| sum + delta * x);
        }
        let column = hidden.iter_mut().skip(unit).step_by(units.max(1));
        for (x, deltas) in column.zip(deltas.chunks_exact(outs.max(1))) {
            let weights = layer.weights.iter().skip(unit).step_by(units.max(1));
            let sum = weights.zip(deltas).fold(0.0, |sum, (weight, delta)| sum + weight * delta);
            *x = if *x > 0.0 { sum } else { 0.0 };
        }
        for (out, &gradient) in gradients.iter().enumerate().take(outs) {
            let at = out * units + unit;
            let velocity = descent.velocity.as_mut().and_then(|velocity| velocity.weights.get_mut(at));
            if let Some(weight) = layer.weights.get_mut(at) {
                change(weight, gradient, descent.rates[0], descent.momentum, velocity);
            }
        }
    }
    for (out, bias) in layer.bias.iter_mut().enumerate() {
        let deltas = deltas.iter().skip(out).step_by(outs.max(1));
        let gradient = deltas.fold(0.0, |sum, delta| sum + delta);
        let velocity = descent.velocity.as_mut().and_then(|velocity| velocity.bias.get_mut(out));
        change(bias, gradient, descent.rates[1], descent.momentum, velocity);
    }
}

fn change(value: &mut f32, gradient: f32, rate: f32, momentum: f32, velocity: Option<&mut f32>) {
    let by = match velocity {
        Some(velocity) => {
            *velocity = momentum * *velocity + gradient;
            *velocity
        }
        None => gradient,
    };
    *value -= rate * by;
}
