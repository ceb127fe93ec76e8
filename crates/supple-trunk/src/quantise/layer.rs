//! A layer's weights in `i8`.

use supple_pack::op::Activation;

use super::LayerInt8;
use super::multiplier::fixed;
use crate::lower::draft::{Linear, Quantum};

/// The least and the most `i8` that an activation lets through.
pub fn limits(activation: Activation, output: Quantum) -> (i8, i8) {
    match activation {
        Activation::None => (i8::MIN, i8::MAX),
        Activation::Relu => (output.zero, i8::MAX),
        Activation::Clip { low, high } => (output.nearest(low), output.nearest(high)),
    }
}

/// Weights are symmetric, a scale for each output; a bias takes up what the input's zero adds, so that the kernel's
/// sum is over plain products. It also takes up what rounding the weights adds on average: `mean` is the mean of what
/// an output's tap reads.
pub fn layer(
    linear: &Linear,
    input: Quantum,
    output: Quantum,
    mean: impl Fn(usize, usize) -> f64,
) -> Result<LayerInt8, String> {
    let row = linear.row().max(1);
    let input_scale = f64::from(input.scale);
    let mut layer = LayerInt8 {
        weights: Vec::with_capacity(linear.weights.len()),
        bias: Vec::with_capacity(linear.bias.len()),
        multipliers: Vec::new(),
        shift: 1,
        input_zero: input.zero,
        output_zero: output.zero,
        low: 0,
        high: 0,
    };
    let mut factors = Vec::with_capacity(linear.bias.len());
    for (index, (weights, bias)) in linear.weights.chunks_exact(row).zip(&linear.bias).enumerate() {
        let largest = weights.iter().fold(0.0f64, |largest, weight| largest.max(weight.abs()));
        // An output whose bias dwarfs its weights must still hold the bias.
        let for_bias = bias.abs() / (input_scale * f64::from(1 << 30));
        let scale = (largest / 127.0).max(for_bias);
        let scale = if scale > 0.0 { scale } else { 1.0 };
        let quantised = weights.iter().map(|weight| (weight / scale).round().clamp(-127.0, 127.0) as i8);
        let start = layer.weights.len();
        layer.weights.extend(quantised);
        let own = &layer.weights[start..];
        let sum: i64 = own.iter().map(|weight| i64::from(*weight)).sum();
        let reach: i64 = own.iter().map(|weight| i64::from(weight.unsigned_abs()) * 128).sum();
        let lost = weights.iter().zip(own).enumerate();
        let lost = lost.map(|(tap, (weight, w))| (weight - scale * f64::from(*w)) * mean(index, tap));
        let bias = bias + lost.sum::<f64>();
        let bias = (bias / (scale * input_scale)).round() as i64 - i64::from(input.zero) * sum;
        if bias.abs() + reach > i64::from(i32::MAX) {
            return Err("sums up to more than an i32 holds".into());
        }
        layer.bias.push(bias as i32);
        factors.push(scale * input_scale / f64::from(output.scale));
    }
    let (multipliers, shift) =
        fixed(&factors, 31).ok_or("has outputs so much coarser than its products that no shift fits")?;
    let (low, high) = limits(linear.activation, output);
    Ok(LayerInt8 { multipliers, shift, low, high, ..layer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_by_hand() {
        let mut linear = Linear::new(vec![1.27, -0.635, 0.0, 0.254], vec![0.5, 0.0]);
        linear.activation = Activation::Relu;
        let input = Quantum { scale: 0.1, zero: -10 };
        let output = Quantum { scale: 0.05, zero: -128 };
        let layer = layer(&linear, input, output, |_, _| 0.0).unwrap();
        assert_eq!(layer.weights, [127, -64, 0, 127]);
        // 0.5 / (0.01 · 0.1) = 500, and 10 · (127 − 64); then 10 · 127.
        assert_eq!(layer.bias, [500 + 630, 1270]);
        // Factors 0.01 · 0.1 / 0.05 = 0.02 and 0.002 · 0.1 / 0.05 = 0.004.
        let factor = |m: i32| f64::from(m) / 2f64.powi(layer.shift.into());
        assert!((factor(layer.multipliers[0]) - 0.02).abs() < 1e-9);
        assert!((factor(layer.multipliers[1]) - 0.004).abs() < 1e-9);
        assert_eq!((layer.low, layer.high), (-128, 127));
        assert_eq!(limits(Activation::Clip { low: 0.0, high: 6.0 }, output), (-128, -8));
    }
}
