//! A plan before its numbers are rounded and its values placed.

use supple_pack::op::{Activation, Shape, Window};

/// A scale and a shift for each channel, kept in `f64` until the weights are rounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    pub scale: Vec<f64>,
    pub shift: Vec<f64>,
}

impl Affine {
    pub fn identity(channels: usize) -> Self {
        Self { scale: vec![1.0; channels], shift: vec![0.0; channels] }
    }

    /// First `self`, then `next`.
    pub fn then(mut self, next: &Self) -> Self {
        let own = self.scale.iter_mut().zip(&mut self.shift);
        for ((scale, shift), (by, add)) in own.zip(next.scale.iter().zip(&next.shift)) {
            *scale *= by;
            *shift = *shift * by + add;
        }
        self
    }

    /// Whether it changes nothing that `f32` could show: `n` times the rounded `1 / n` counts as one.
    pub fn is_identity(&self) -> bool {
        let near = |scale: &f64| (scale - 1.0).abs() <= f64::from(f32::EPSILON);
        self.scale.iter().all(near) && self.shift.iter().all(|shift| *shift == 0.0)
    }
}

/// Weights of a convolution or a dense layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// `[out][row]`, a row being `[kernel_h][kernel_w][in]` or `[in]`.
    pub weights: Vec<f64>,
    /// One for each output.
    pub bias: Vec<f64>,
    pub activation: Activation,
}

impl Linear {
    /// Without an activation.
    pub fn new(weights: Vec<f64>, bias: Vec<f64>) -> Self {
        Self { weights, bias, activation: Activation::None }
    }

    fn row(&self) -> usize {
        self.weights.len() / self.bias.len().max(1)
    }

    /// Takes up what is done to the outputs.
    pub fn fold_output(&mut self, affine: &Affine) {
        let row = self.row();
        for (output, weights) in self.weights.chunks_exact_mut(row).enumerate() {
            weights.iter_mut().for_each(|w| *w *= affine.scale[output]);
            self.bias[output] = self.bias[output] * affine.scale[output] + affine.shift[output];
        }
    }

    /// Takes up what is done to the inputs. Right only where every output sees every tap: a tap in the padding
    /// is zero, not the shift.
    pub fn fold_input(&mut self, affine: &Affine) {
        let (row, channels) = (self.row(), affine.scale.len());
        for (weights, bias) in self.weights.chunks_exact_mut(row).zip(&mut self.bias) {
            for (tap, weight) in weights.iter_mut().enumerate() {
                *bias += *weight * affine.shift[tap % channels];
                *weight *= affine.scale[tap % channels];
            }
        }
    }

    /// Whether all are finite once rounded.
    pub fn is_finite(&self) -> bool {
        self.weights.iter().chain(&self.bias).all(|value| (*value as f32).is_finite())
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Conv2d { window: Window, linear: Linear },
    Dense { linear: Linear },
    MaxPool { window: Window },
    GlobalAveragePool,
    Relu,
}

/// A value by its place in [`Draft::lengths`].
pub type ValueId = usize;

/// One operation of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The node it comes from.
    pub node: String,
    pub kind: Kind,
    pub input: (ValueId, Shape),
    pub output: (ValueId, Shape),
}

/// The operations in order, and the values between them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    /// Elements of each value.
    pub lengths: Vec<usize>,
    pub steps: Vec<Step>,
}

impl Draft {
    /// A new value.
    pub fn value(&mut self, shape: Shape) -> ValueId {
        self.lengths.push(elements(shape));
        self.lengths.len() - 1
    }

    /// The step that wrote a value, if it is linear and still without an activation.
    pub fn open_linear(&mut self, value: ValueId) -> Option<&mut Linear> {
        match &mut self.steps.iter_mut().rev().find(|step| step.output.0 == value)?.kind {
            Kind::Conv2d { linear, .. } | Kind::Dense { linear } if linear.activation == Activation::None => {
                Some(linear)
            }
            _ => None,
        }
    }
}

/// Number of elements; a shape made by [`shape`] never overflows.
pub fn elements(shape: Shape) -> usize {
    usize::from(shape.height) * usize::from(shape.width) * usize::from(shape.channels)
}

/// A shape, if a plan can hold it.
pub fn shape(height: usize, width: usize, channels: usize) -> Result<Shape, String> {
    let fit = |value: usize| {
        u16::try_from(value).ok().filter(|v| *v > 0).ok_or_else(|| {
            format!("a plan holds dimensions of 1 to {}, not {height} x {width} x {channels}", u16::MAX)
        })
    };
    Ok(Shape { height: fit(height)?, width: fit(width)?, channels: fit(channels)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_and_shifts_fold_into_weights() {
        let affine = Affine { scale: vec![2.0, 3.0], shift: vec![0.5, -1.0] };
        // Two outputs, one tap of two channels.
        let mut linear = Linear::new(vec![1.0, 2.0, 3.0, 4.0], vec![10.0, 20.0]);
        linear.fold_input(&affine);
        assert_eq!(linear.weights, [2.0, 6.0, 6.0, 12.0]);
        assert_eq!(linear.bias, [10.0 + 0.5 - 2.0, 20.0 + 1.5 - 4.0]);
        linear.fold_output(&affine);
        assert_eq!(linear.weights, [4.0, 12.0, 18.0, 36.0]);
        assert_eq!(linear.bias, [17.5, 51.5]);
        assert_eq!(affine.clone().then(&affine), Affine { scale: vec![4.0, 9.0], shift: vec![1.5, -4.0] });
    }

    #[test]
    fn a_rounded_reciprocal_times_its_number_is_one() {
        let mut affine = Affine::identity(1);
        affine.scale[0] = 49.0 * f64::from(1.0f32 / 49.0);
        assert!(affine.scale[0] != 1.0 && affine.is_identity());
    }
}
