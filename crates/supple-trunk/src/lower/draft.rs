//! A plan before its numbers are rounded and its values placed.
//!
//! Every value is written once; only a run of [`Kind::Fill`] and [`Kind::Copy`] steps may write parts of the same
//! value. What may share memory is for the planner to say.

use supple_pack::op::{Activation, Element, Function, Operation, Shape, Walk, Window};

use crate::quantise::LayerInt8;

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
    /// `[out][row]`, a row being `[kernel_h][kernel_w][in]`, `in` the channels of the output's group, or `[in]`.
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

    pub fn row(&self) -> usize {
        self.weights.len() / self.bias.len().max(1)
    }

    /// Takes up what is done to the outputs.
    pub fn fold_output(&mut self, affine: &Affine) {
        let row = self.row().max(1);
        for (output, weights) in self.weights.chunks_exact_mut(row).enumerate() {
            weights.iter_mut().for_each(|w| *w *= affine.scale[output]);
            self.bias[output] = self.bias[output] * affine.scale[output] + affine.shift[output];
        }
    }

    /// Takes up what is done to the inputs. `channel` gives the input channel of an output's tap. Right only where
    /// every output sees every tap: a tap in the padding is zero, not the shift.
    pub fn fold_input(&mut self, affine: &Affine, channel: impl Fn(usize, usize) -> usize) {
        let row = self.row().max(1);
        for (output, (weights, bias)) in self.weights.chunks_exact_mut(row).zip(&mut self.bias).enumerate() {
            for (tap, weight) in weights.iter_mut().enumerate() {
                let channel = channel(output, tap);
                *bias += *weight * affine.shift[channel];
                *weight *= affine.scale[channel];
            }
        }
    }

    /// Whether all are finite once rounded.
    pub fn is_finite(&self) -> bool {
        self.weights.iter().chain(&self.bias).all(|value| (*value as f32).is_finite())
    }
}

/// Weights in one of the two arithmetics.
#[derive(Debug, Clone, PartialEq)]
pub enum Weights {
    Float(Linear),
    Int8(LayerInt8),
}

impl Weights {
    pub fn outputs(&self) -> usize {
        match self {
            Self::Float(linear) => linear.bias.len(),
            Self::Int8(layer) => layer.bias.len(),
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Convolution { window: Window, groups: usize, weights: Weights },
    Depthwise { window: Window, weights: Weights },
    Dense { weights: Weights },
    MaxPool { window: Window },
    AveragePool { window: Window, count_padding: bool },
    GlobalAverage { rescale: Option<crate::quantise::Rescaling> },
    GlobalMaximum,
    Unary(Function),
    Binary(Operation, Activation),
    SumInt8(crate::quantise::SumInt8),
    ProductInt8(crate::quantise::ProductInt8),
    Softmax,
    Copy(Walk),
    Fill(f32),
    Quantise,
    Dequantise,
    Table(Box<[i8; 256]>),
}

/// A value by its place in [`Draft::values`].
pub type ValueId = usize;

/// How an `i8` stands for a real number: `scale · (q − zero)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantum {
    pub scale: f32,
    pub zero: i8,
}

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueInfo {
    pub shape: Shape,
    pub element: Element,
    /// For `i8`.
    pub quantum: Option<Quantum>,
}

/// A constant operand.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    pub shape: Shape,
    pub values: Vec<f32>,
    /// As they are stored, once quantised.
    pub quantised: Option<(Vec<i8>, Quantum)>,
}

/// What a step reads. A value may be seen in another shape than it was written in, of as many elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Value(ValueId, Shape),
    Constant(Constant),
}

impl Source {
    /// The value, if it is one.
    pub fn value(&self) -> Option<ValueId> {
        match self {
            Self::Value(value, _) => Some(*value),
            Self::Constant(_) => None,
        }
    }
}

/// One operation of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The node it comes from.
    pub node: String,
    pub kind: Kind,
    pub inputs: Vec<Source>,
    /// The value written, and in which shape.
    pub output: (ValueId, Shape),
}

/// The operations in order, and the values between them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    pub values: Vec<ValueInfo>,
    pub steps: Vec<Step>,
}

impl Draft {
    /// A new `f32` value.
    pub fn value(&mut self, shape: Shape) -> ValueId {
        self.values.push(ValueInfo { shape, element: Element::F32, quantum: None });
        self.values.len() - 1
    }

    fn writer(&mut self, value: ValueId) -> Option<&mut Step> {
        self.steps.iter_mut().rev().find(|step| step.output.0 == value)
    }

    /// The step that wrote a value, if it is linear and still without an activation.
    pub fn open_linear(&mut self, value: ValueId) -> Option<&mut Linear> {
        match &mut self.writer(value)?.kind {
            Kind::Convolution { weights: Weights::Float(linear), .. }
            | Kind::Depthwise { weights: Weights::Float(linear), .. }
            | Kind::Dense { weights: Weights::Float(linear) }
                if linear.activation == Activation::None =>
            {
                Some(linear)
            }
            _ => None,
        }
    }

    /// The activation that the step which wrote a value applies last, if it can apply one.
    pub fn activation(&mut self, value: ValueId) -> Option<&mut Activation> {
        match &mut self.writer(value)?.kind {
            Kind::Convolution { weights: Weights::Float(linear), .. }
            | Kind::Depthwise { weights: Weights::Float(linear), .. }
            | Kind::Dense { weights: Weights::Float(linear) } => Some(&mut linear.activation),
            Kind::Binary(_, activation) | Kind::Unary(Function::Activation(activation)) => Some(activation),
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

/// One activation after another, if a plan knows such a one.
pub fn joined(first: Activation, then: Activation) -> Activation {
    let interval = |activation| match activation {
        Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Clip { low, high } => (low, high),
    };
    let ((low, high), (least, most)) = (interval(first), interval(then));
    let within = |value: f32| value.max(least).min(most);
    match (within(low), within(high)) {
        (f32::NEG_INFINITY, f32::INFINITY) => Activation::None,
        (0.0, f32::INFINITY) => Activation::Relu,
        (low, high) => Activation::Clip { low, high },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_and_shifts_fold_into_weights() {
        let affine = Affine { scale: vec![2.0, 3.0], shift: vec![0.5, -1.0] };
        // Two outputs, one tap of two channels.
        let mut linear = Linear::new(vec![1.0, 2.0, 3.0, 4.0], vec![10.0, 20.0]);
        linear.fold_input(&affine, |_, tap| tap);
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

    #[test]
    fn activations_join() {
        let clip = |low, high| Activation::Clip { low, high };
        let most = clip(f32::NEG_INFINITY, 6.0);
        assert_eq!(joined(Activation::None, Activation::Relu), Activation::Relu);
        assert_eq!(joined(Activation::Relu, most), clip(0.0, 6.0));
        assert_eq!(joined(most, Activation::Relu), clip(0.0, 6.0));
        assert_eq!(joined(clip(0.0, 6.0), clip(-1.0, 3.0)), clip(0.0, 3.0));
        assert_eq!(joined(clip(-1.0, 1.0), clip(2.0, 3.0)), clip(2.0, 2.0));
    }
}
