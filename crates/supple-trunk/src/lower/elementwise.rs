//! Arithmetic with constants, and functions of one number.

use supple_pack::op::{Activation, Function, Operation};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{
    Abs, Add, Div, Erf, Exp, Ln, Max, Min, Mul, Neg, Pow, PowConst, Recip, Rsqrt, Sqrt, Square, Sub, Tanh,
};
use tract_onnx::tract_core::ops::nn::{HardSwish, LeakyRelu, Sigmoid, Silu};

use super::draft::{Affine, Kind, Source, ValueId, joined};
use super::tensor::Tensor;
use super::{Attempt, Lowering};

/// Which of a plan's operations one of tract's is.
fn known(operation: &TypedBinOp) -> Option<Operation> {
    let op = &operation.0;
    if op.is::<Add>() {
        Some(Operation::Add)
    } else if op.is::<Sub>() {
        Some(Operation::Subtract)
    } else if op.is::<Mul>() {
        Some(Operation::Multiply)
    } else if op.is::<Div>() {
        Some(Operation::Divide)
    } else if op.is::<Max>() {
        Some(Operation::Maximum)
    } else if op.is::<Min>() {
        Some(Operation::Minimum)
    } else {
        None
    }
}

impl Lowering<'_> {
    pub(super) fn binary(&mut self, node: &TypedNode, operation: &TypedBinOp, dims: Vec<usize>) -> Attempt {
        if operation.0.is::<Pow>() {
            return self.power(node, &dims);
        }
        let operation = known(operation).ok_or("not supported by plans")?;
        let constant_slot = (0..2).find(|slot| self.constant(node, *slot).is_some());
        let Some((slot, (shape, values))) = constant_slot.and_then(|s| Some((s, self.constant(node, s)?)))
        else {
            return self.joined(node, operation, dims);
        };
        let Some(tensor) = self.input(node, 1 - slot) else { return Ok(None) };
        if dims != tensor.dims {
            return self.with_constant(node, operation, tensor, (slot, &shape, &values), dims);
        }
        if let (Some(&constant), true) = (values.first(), values.iter().all(|value| *value == values[0])) {
            let bound = match operation {
                Operation::Maximum if constant == 0.0 => Some(Activation::Relu),
                Operation::Maximum => Some(Activation::Clip { low: constant, high: f32::INFINITY }),
                Operation::Minimum => Some(Activation::Clip { low: f32::NEG_INFINITY, high: constant }),
                _ => None,
            };
            if let Some(bound) = bound {
                return self.activated(node, tensor, bound);
            }
        }
        let affine = tensor
            .per_channel(&shape, &values)
            .ok()
            .and_then(|constant| affine(operation, slot == 0, constant));
        let Some(affine) = affine else {
            return self.with_constant(node, operation, tensor, (slot, &shape, &values), dims);
        };
        let mut tensor = self.scaled(node, tensor, &affine);
        tensor.exclusive &= self.read_once(node);
        Ok(Some(tensor))
    }

    /// Powers that have a function of their own.
    fn power(&mut self, node: &TypedNode, dims: &[usize]) -> Attempt {
        const OTHER: &str = "raises to another power than 2, 1/2 or -1";
        let (_, exponents) = self.constant(node, 1).ok_or(OTHER)?;
        let exponent = *exponents.first().ok_or(OTHER)?;
        if ![2.0, 0.5, -1.0].contains(&exponent) || exponents.iter().any(|other| *other != exponent) {
            return Err(OTHER.into());
        }
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        if tensor.dims != dims {
            return Err(format!("stretches its input from {:?} to {dims:?}", tensor.dims));
        }
        let tensor = self.settled(node, tensor)?;
        let mut tensor = if exponent == 2.0 {
            let value = tensor.value;
            self.multiplied(node, tensor, value)
        } else if exponent == 0.5 {
            self.unary(node, tensor, Function::SquareRoot)
        } else {
            self.unary(node, tensor, Function::Reciprocal)
        };
        tensor.exclusive &= self.read_once(node);
        Ok(Some(tensor))
    }

    /// The tensor times another value of its shape and order.
    fn multiplied(&mut self, node: &TypedNode, tensor: Tensor, by: ValueId) -> Tensor {
        let inputs = vec![Source::Value(tensor.value, tensor.shape), Source::Value(by, tensor.shape)];
        let kind = Kind::Binary(Operation::Multiply, Activation::None);
        let value = self.push(node, kind, inputs, tensor.shape);
        Tensor { value, exclusive: true, ..tensor }
    }

    /// Into the step before, where that is possible.
    fn activated(&mut self, node: &TypedNode, tensor: Tensor, activation: Activation) -> Attempt {
        let mut tensor = self.settled(node, tensor)?;
        match self.draft.activation(tensor.value) {
            Some(before) if tensor.exclusive => *before = joined(*before, activation),
            _ => tensor = self.unary(node, tensor, Function::Activation(activation)),
        }
        tensor.exclusive &= self.read_once(node);
        Ok(Some(tensor))
    }

    fn unary(&mut self, node: &TypedNode, mut tensor: Tensor, function: Function) -> Tensor {
        let input = vec![Source::Value(tensor.value, tensor.shape)];
        tensor.value = self.push(node, Kind::Unary(function), input, tensor.shape);
        tensor.exclusive = true;
        tensor
    }

    pub(super) fn elementwise(&mut self, node: &TypedNode, operation: &ElementWiseOp) -> Attempt {
        let op = &operation.0;
        let exponent = op.downcast_ref::<PowConst>().map(|power| power.exponent);
        let function = if op.is::<Sigmoid>() {
            Some(Function::Sigmoid)
        } else if op.is::<Tanh>() {
            Some(Function::Tanh)
        } else if op.is::<HardSwish>() {
            Some(Function::HardSwish)
        } else if let Some(leaky) = op.downcast_ref::<LeakyRelu>() {
            Some(Function::LeakyRelu { slope: leaky.alpha })
        } else if op.is::<Abs>() {
            Some(Function::Absolute)
        } else if op.is::<Exp>() {
            Some(Function::Exponential)
        } else if op.is::<Ln>() {
            Some(Function::Logarithm)
        } else if op.is::<Sqrt>() || exponent == Some(0.5) {
            Some(Function::SquareRoot)
        } else if op.is::<Erf>() {
            Some(Function::ErrorFunction)
        } else if op.is::<Recip>() || exponent == Some(-1.0) {
            Some(Function::Reciprocal)
        } else {
            None
        };
        let negated = op.is::<Neg>();
        let squared = op.is::<Square>() || exponent == Some(2.0);
        let (gated, inverse_root) = (op.is::<Silu>(), op.is::<Rsqrt>());
        if function.is_none() && !negated && !squared && !gated && !inverse_root {
            return self.moved(node, node.outputs[0].fact.shape.as_concrete().unwrap_or_default().to_vec());
        }
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let mut tensor = if negated {
            let channels = tensor.channels();
            let affine = Affine { scale: vec![-1.0; channels], shift: vec![0.0; channels] };
            self.scaled(node, tensor, &affine)
        } else {
            let tensor = self.settled(node, tensor)?;
            if let Some(function) = function {
                self.unary(node, tensor, function)
            } else if inverse_root {
                let root = self.unary(node, tensor, Function::SquareRoot);
                self.unary(node, root, Function::Reciprocal)
            } else {
                let value = tensor.value;
                let other =
                    if gated { self.unary(node, tensor.clone(), Function::Sigmoid).value } else { value };
                self.multiplied(node, tensor, other)
            }
        };
        tensor.exclusive &= self.read_once(node);
        Ok(Some(tensor))
    }
}

/// `constant_first` says that the constant stands on the left.
fn affine(operation: Operation, constant_first: bool, constant: Vec<f64>) -> Option<Affine> {
    let mut affine = Affine::identity(constant.len());
    match operation {
        Operation::Add => affine.shift = constant,
        Operation::Subtract if constant_first => {
            affine.scale.fill(-1.0);
            affine.shift = constant;
        }
        Operation::Subtract => affine.shift = constant.iter().map(|value| -value).collect(),
        Operation::Multiply => affine.scale = constant,
        Operation::Divide if !constant_first => {
            affine.scale = constant.iter().map(|value| 1.0 / value).collect();
        }
        Operation::Divide | Operation::Maximum | Operation::Minimum => return None,
    }
    Some(affine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_as_scale_and_shift() {
        let of = |operation, first| {
            let affine = affine(operation, first, vec![4.0])?;
            Some((affine.scale[0], affine.shift[0]))
        };
        assert_eq!(of(Operation::Add, false), Some((1.0, 4.0)));
        assert_eq!(of(Operation::Subtract, false), Some((1.0, -4.0)));
        assert_eq!(of(Operation::Subtract, true), Some((-1.0, 4.0)));
        assert_eq!(of(Operation::Multiply, true), Some((4.0, 0.0)));
        assert_eq!(of(Operation::Divide, false), Some((0.25, 0.0)));
        assert_eq!(of(Operation::Divide, true), None);
        assert_eq!(of(Operation::Maximum, false), None);
    }
}
