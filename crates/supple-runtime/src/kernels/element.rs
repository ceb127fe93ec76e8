//! Functions of one number and of two.

use supple_pack::Activation;
use supple_pack::op::{Function, Operation};

/// `if x > 0 { x } else { 0 }`: the sign of zero is fixed, NaN becomes zero.
#[inline]
pub fn relu(x: f32) -> f32 {
    if x > 0.0 { x } else { 0.0 }
}

/// What is applied to an output before it is stored.
#[inline]
pub fn activate(x: f32, activation: Activation) -> f32 {
    match activation {
        Activation::None => x,
        Activation::Relu => relu(x),
        Activation::Clip { low, high } => clip(x, low, high),
    }
}

/// A NaN stays one.
#[inline]
fn clip(x: f32, low: f32, high: f32) -> f32 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// A function of one number, as [`Function`] defines it.
pub fn apply(function: &Function, x: f32) -> f32 {
    match *function {
        Function::Activation(activation) => activate(x, activation),
        Function::LeakyRelu { slope } => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
        Function::Sigmoid => 1.0 / (1.0 + libm::expf(-x)),
        Function::HardSigmoid { slope, offset } => hard_sigmoid(x, slope, offset),
        Function::Tanh => libm::tanhf(x),
        Function::HardSwish => x * hard_sigmoid(x, 1.0 / 6.0, 0.5),
        Function::Absolute => libm::fabsf(x),
        Function::Exponential => libm::expf(x),
        Function::Logarithm => libm::logf(x),
        Function::SquareRoot => libm::sqrtf(x),
        Function::Reciprocal => 1.0 / x,
        Function::ErrorFunction => libm::erff(x),
    }
}

#[inline]
fn hard_sigmoid(x: f32, slope: f32, offset: f32) -> f32 {
    clip(slope * x + offset, 0.0, 1.0)
}

/// A function of two numbers, as [`Operation`] defines it.
#[inline]
pub fn combine(operation: Operation, left: f32, right: f32) -> f32 {
    match operation {
        Operation::Add => left + right,
        Operation::Subtract => left - right,
        Operation::Multiply => left * right,
        Operation::Divide => left / right,
        Operation::Maximum if right > left => right,
        Operation::Minimum if right < left => right,
        Operation::Maximum | Operation::Minimum => left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relu_fixes_the_sign_of_zero() {
        assert_eq!(relu(-0.0).to_bits(), 0);
        assert_eq!(relu(f32::NAN).to_bits(), 0);
        assert_eq!(relu(-1.0).to_bits(), 0);
        assert_eq!(relu(2.5), 2.5);
    }

    #[test]
    fn functions_of_known_numbers() {
        let six = Function::Activation(Activation::Clip { low: 0.0, high: 6.0 });
        let slopes = Function::HardSigmoid { slope: 0.25, offset: 0.5 };
        let leaky = Function::LeakyRelu { slope: 0.125 };
        for (function, x, expected) in [
            (Function::Activation(Activation::None), -2.5, -2.5),
            (Function::Activation(Activation::Relu), -2.5, 0.0),
            (six, -1.0, 0.0),
            (six, 5.0, 5.0),
            (six, 7.0, 6.0),
            (leaky, 3.0, 3.0),
            (leaky, -8.0, -1.0),
            (Function::Sigmoid, 0.0, 0.5),
            (Function::Sigmoid, 1.0, 0.731_058_6),
            (Function::Sigmoid, -200.0, 0.0),
            (slopes, -3.0, 0.0),
            (slopes, 1.0, 0.75),
            (slopes, 9.0, 1.0),
            (Function::Tanh, 0.5, 0.462_117_16),
            (Function::HardSwish, 4.0, 4.0),
            (Function::HardSwish, -4.0, -0.0),
            (Function::HardSwish, 1.5, 1.125),
            (Function::Absolute, -3.0, 3.0),
            (Function::Exponential, 1.0, core::f32::consts::E),
            (Function::Logarithm, 10.0, core::f32::consts::LN_10),
            (Function::SquareRoot, 2.25, 1.5),
            (Function::Reciprocal, -4.0, -0.25),
            (Function::ErrorFunction, 0.5, 0.520_499_9),
        ] {
            let found = apply(&function, x);
            assert!((found - expected).abs() <= 1e-7 * expected.abs(), "{function:?} of {x}: {found}");
        }
    }

    #[test]
    fn a_nan_goes_through_all_but_relu() {
        let clip = Function::Activation(Activation::Clip { low: 0.0, high: 6.0 });
        let leaky = Function::LeakyRelu { slope: 0.1 };
        for function in [clip, leaky, Function::Sigmoid, Function::HardSwish, Function::Tanh] {
            assert!(apply(&function, f32::NAN).is_nan(), "{function:?}");
        }
    }

    #[test]
    fn functions_of_two_known_numbers() {
        for (operation, expected) in [
            (Operation::Add, 8.0),
            (Operation::Subtract, 4.0),
            (Operation::Multiply, 12.0),
            (Operation::Divide, 3.0),
            (Operation::Maximum, 6.0),
            (Operation::Minimum, 2.0),
        ] {
            assert_eq!(combine(operation, 6.0, 2.0), expected, "{operation:?}");
        }
        // Neither is greater: the left one stays.
        assert!(combine(Operation::Maximum, f32::NAN, 1.0).is_nan());
        assert_eq!(combine(Operation::Maximum, 1.0, f32::NAN), 1.0);
        assert_eq!(combine(Operation::Minimum, -0.0, 0.0).to_bits(), (-0.0f32).to_bits());
    }
}
