//! Two values joined element by element: residuals, gates, and constants that differ from place to place.

use supple_pack::op::{Activation, Operation, Shape};
use tract_onnx::prelude::*;

use super::draft::{Constant, Kind, Source, elements};
use super::tensor::{Tensor, offsets, strides};
use super::{Attempt, Lowering};

impl Lowering<'_> {
    /// A function of two computed values.
    pub(super) fn joined(&mut self, node: &TypedNode, operation: Operation, dims: Vec<usize>) -> Attempt {
        let (left, right) = (self.input(node, 0), self.input(node, 1));
        let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
        let left = self.settled(node, left)?;
        let right = self.settled(node, right)?;
        // The one that is not stretched says how the result lies.
        let left_leads = left.dims == dims && left.is_whole();
        let right_leads = right.dims == dims && right.is_whole();
        let (leader, other, swapped) =
            if left_leads || !right_leads { (left, right, false) } else { (right, left, true) };
        let leader = if left_leads || right_leads {
            leader
        } else {
            let (view, order) = self.natural(&dims)?;
            let spread = Tensor { order: leader.spread(&dims)?, dims: dims.clone(), ..leader };
            self.arranged(node, spread, view, order)?
        };
        let other = self.follower(node, &leader, other, &dims)?;
        let own = Source::Value(leader.value, leader.shape);
        let inputs = if swapped { vec![other, own] } else { vec![own, other] };
        let kind = Kind::Binary(operation, Activation::None);
        let value = self.push(node, kind, inputs, leader.shape);
        Ok(Some(self.written(node, value, leader.shape, dims, leader.order)))
    }

    /// A function of a computed value and a constant, which may stretch it.
    pub(super) fn with_constant(
        &mut self,
        node: &TypedNode,
        operation: Operation,
        tensor: Tensor,
        (slot, constant_dims, values): (usize, &[usize], &[f32]),
        dims: Vec<usize>,
    ) -> Attempt {
        let mut tensor = self.settled(node, tensor)?;
        if tensor.dims != dims || !tensor.is_whole() {
            let (view, order) = self.natural(&dims)?;
            let spread = Tensor { order: tensor.spread(&dims)?, dims: dims.clone(), ..tensor };
            tensor = self.arranged(node, spread, view, order)?;
        }
        let fits = constant_dims.len() == dims.len()
            && constant_dims.iter().zip(&dims).all(|(own, dim)| own == dim || *own == 1);
        if !fits {
            return Err(format!("a constant of the shape {constant_dims:?} does not fit {dims:?}"));
        }
        let steps = strides(constant_dims);
        let axes: Vec<(usize, usize)> = (0..dims.len())
            .map(|axis| (dims[axis], if constant_dims[axis] == 1 { 0 } else { steps[axis] }))
            .collect();
        // The constant in the order of the plan's value.
        let mut placed = vec![0.0; tensor.order.len()];
        for (place, from) in tensor.order.iter().zip(offsets(&axes)) {
            placed[*place as usize] = values[from];
        }
        let shape = reduced_shapes(tensor.shape)
            .find(|shape| {
                let at = reduced(tensor.shape, *shape);
                let mut seen = vec![None; elements(*shape)];
                placed.iter().enumerate().all(|(p, value)| *seen[at(p)].get_or_insert(*value) == *value)
            })
            .unwrap_or(tensor.shape);
        let at = reduced(tensor.shape, shape);
        let mut values = vec![0.0; elements(shape)];
        placed.iter().enumerate().for_each(|(p, value)| values[at(p)] = *value);
        if values.iter().any(|value| !value.is_finite()) {
            return Err("has a constant that is no finite number".into());
        }
        let constant = Source::Constant(Constant { shape, values, quantised: None });
        let own = Source::Value(tensor.value, tensor.shape);
        let inputs = if slot == 0 { vec![constant, own] } else { vec![own, constant] };
        let kind = Kind::Binary(operation, Activation::None);
        let value = self.push(node, kind, inputs, tensor.shape);
        Ok(Some(self.written(node, value, tensor.shape, dims, tensor.order)))
    }

    /// The other operand, repeated where it is 1 long, in the leader's order; copied into it where it must be.
    fn follower(
        &mut self,
        node: &TypedNode,
        leader: &Tensor,
        other: Tensor,
        dims: &[usize],
    ) -> Result<Source, String> {
        let spread = other.spread(dims)?;
        let held = elements(other.shape);
        let mut places = vec![0; spread.len()];
        for (own, from) in leader.order.iter().zip(&spread) {
            places[*own as usize] = *from as usize;
        }
        let shape = reduced_shapes(leader.shape).filter(|shape| elements(*shape) == held).find(|shape| {
            let at = reduced(leader.shape, *shape);
            places.iter().enumerate().all(|(p, from)| at(p) == *from)
        });
        if let Some(shape) = shape {
            return Ok(Source::Value(other.value, shape));
        }
        let other = Tensor { order: spread, dims: dims.to_vec(), ..other };
        let other = self.arranged(node, other, leader.shape, leader.order.clone())?;
        Ok(Source::Value(other.value, leader.shape))
    }
}

/// The shape with some of its dimensions set to 1, the smallest first.
fn reduced_shapes(shape: Shape) -> impl Iterator<Item = Shape> {
    (0..8_u8).map(move |kept| Shape {
        height: if kept & 4 != 0 { shape.height } else { 1 },
        width: if kept & 2 != 0 { shape.width } else { 1 },
        channels: if kept & 1 != 0 { shape.channels } else { 1 },
    })
}

/// Where in a reduced shape the element at a place of the whole one comes from.
fn reduced(whole: Shape, to: Shape) -> impl Fn(usize) -> usize {
    let (width, channels) = (usize::from(whole.width), usize::from(whole.channels));
    let keep = |dim: u16, at: usize| if dim == 1 { 0 } else { at };
    move |place| {
        let (y, x, c) = (place / channels / width, place / channels % width, place % channels);
        (keep(to.height, y) * usize::from(to.width) + keep(to.width, x)) * usize::from(to.channels)
            + keep(to.channels, c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduced_places() {
        let whole = Shape { height: 2, width: 3, channels: 4 };
        let at = |height, width, channels| reduced(whole, Shape { height, width, channels });
        // Element (1, 2, 3).
        assert_eq!(at(2, 3, 4)(23), 23);
        assert_eq!(at(1, 1, 4)(23), 3);
        assert_eq!(at(2, 3, 1)(23), 5);
        assert_eq!(at(1, 3, 1)(23), 2);
        assert_eq!(at(1, 1, 1)(23), 0);
        assert_eq!(reduced_shapes(whole).next(), Some(Shape { height: 1, width: 1, channels: 1 }));
    }
}
