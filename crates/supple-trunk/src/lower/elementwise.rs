//! Arithmetic with constants, and relu.

use supple_pack::op::Activation;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::{Add, Div, Max, Mul, Sub};

use super::draft::{Affine, Kind};
use super::tensor::Tensor;
use super::{Attempt, Lowering};

/// The operations that are known.
#[derive(Clone, Copy)]
enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

impl Lowering<'_> {
    pub(super) fn binary(&mut self, node: &TypedNode, operation: &TypedBinOp, dims: Vec<usize>) -> Attempt {
        let constant_slot = (0..2).find(|slot| self.constant(node, *slot).is_some());
        let Some((slot, (shape, values))) = constant_slot.and_then(|s| Some((s, self.constant(node, s)?)))
        else {
            return Err("joins two computed values; one of the two must be a constant".into());
        };
        let arithmetic = if operation.0.is::<Max>() {
            if values.iter().any(|value| *value != 0.0) {
                return Err("is a maximum with another number than 0; only relu is supported".into());
            }
            None
        } else if operation.0.is::<Add>() {
            Some(Arithmetic::Add)
        } else if operation.0.is::<Sub>() {
            Some(Arithmetic::Sub)
        } else if operation.0.is::<Mul>() {
            Some(Arithmetic::Mul)
        } else if operation.0.is::<Div>() && slot == 1 {
            Some(Arithmetic::Div)
        } else {
            return Err("not supported by plans".into());
        };
        let Some(tensor) = self.input(node, 1 - slot) else { return Ok(None) };
        if dims != tensor.dims {
            return Err(format!("stretches its input from {:?} to {dims:?}", tensor.dims));
        }
        let Some(arithmetic) = arithmetic else { return self.relu(node, tensor) };
        let constant = tensor.per_channel(&shape, &values)?;
        let affine = affine(arithmetic, slot == 0, constant);
        let mut tensor = self.scaled(tensor, &affine);
        tensor.exclusive &= self.read_once(node);
        Ok(Some(tensor))
    }

    fn relu(&mut self, node: &TypedNode, tensor: Tensor) -> Attempt {
        let mut tensor = self.settled(node, tensor)?;
        match self.draft.open_linear(tensor.value) {
            Some(linear) if tensor.exclusive => linear.activation = Activation::Relu,
            _ => {
                let input = (tensor.value, tensor.shape);
                if tensor.exclusive {
                    // In place: nobody else reads the value.
                    self.draft.steps.push(super::Step {
                        node: crate::refusal::shown(&node.name),
                        kind: Kind::Relu,
                        input,
                        output: input,
                    });
                } else {
                    tensor.value = self.push(node, Kind::Relu, input, tensor.shape);
                    tensor.exclusive = true;
                }
            }
        }
        tensor.exclusive &= self.read_once(node);
        Ok(Some(tensor))
    }
}

/// `constant_first` says that the constant stands on the left.
fn affine(arithmetic: Arithmetic, constant_first: bool, constant: Vec<f64>) -> Affine {
    let mut affine = Affine::identity(constant.len());
    match arithmetic {
        Arithmetic::Add => affine.shift = constant,
        Arithmetic::Sub if constant_first => {
            affine.scale.fill(-1.0);
            affine.shift = constant;
        }
        Arithmetic::Sub => affine.shift = constant.iter().map(|value| -value).collect(),
        Arithmetic::Mul => affine.scale = constant,
        Arithmetic::Div => affine.scale = constant.iter().map(|value| 1.0 / value).collect(),
    }
    affine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_as_scale_and_shift() {
        let of = |arithmetic, first| {
            let affine = affine(arithmetic, first, vec![4.0]);
            (affine.scale[0], affine.shift[0])
        };
        assert_eq!(of(Arithmetic::Add, false), (1.0, 4.0));
        assert_eq!(of(Arithmetic::Sub, false), (1.0, -4.0));
        assert_eq!(of(Arithmetic::Sub, true), (-1.0, 4.0));
        assert_eq!(of(Arithmetic::Mul, true), (4.0, 0.0));
        assert_eq!(of(Arithmetic::Div, false), (0.25, 0.0));
    }
}
