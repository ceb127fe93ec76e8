//! Elements that are moved, left out, repeated or joined, but not computed with.

use supple_pack::op::{Activation, Operation, Shape, Walk};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::TypedConcat;

use super::draft::{Constant, Kind, Source, ValueId, elements, shape};
use super::tensor::{Tensor, image_order, strides};
use super::{Attempt, Lowering, Step};
use crate::refusal::shown;

/// Most elements that are followed one by one through an operator of which nothing is known.
const MOST_FOLLOWED: usize = 1 << 22;
/// Most copies that one operator may become.
const MOST_COPIES: usize = 64;

const NO_ORDER: &str = "moves elements in an order that no few loops follow: enlarge by whole factors with \
                        coordinate_transformation_mode=asymmetric, pad by a constant or along one axis at a time";

/// Where an element of a moved tensor comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Origin {
    Element(u32),
    Constant(f32),
}

impl Lowering<'_> {
    /// Any operator that only moves elements: found out by running it on labels.
    pub(super) fn moved(&mut self, node: &TypedNode, dims: Vec<usize>) -> Attempt {
        const UNKNOWN: &str = "not supported by plans";
        let computed: Vec<usize> =
            (0..node.inputs.len()).filter(|slot| self.constant_tensor(node, *slot).is_none()).collect();
        let [slot] = computed[..] else { return Err(UNKNOWN.into()) };
        let Some(tensor) = self.input(node, slot) else { return Ok(None) };
        if tensor.order.len() > MOST_FOLLOWED || dims.iter().product::<usize>() > MOST_FOLLOWED {
            return Err(UNKNOWN.into());
        }
        let origins = self.origins(node, slot, &tensor.dims).ok_or(UNKNOWN)?;
        self.assembled(node, tensor, &origins, dims).map(Some)
    }

    fn constant_tensor(&self, node: &TypedNode, slot: usize) -> Option<Arc<Tensor_>> {
        self.model.outlet_fact(*node.inputs.get(slot)?).ok()?.konst.clone()
    }

    /// Runs the node on two sets of labels. Where both runs give the label of the same element, the element was
    /// moved there; where both give the same number, it is a constant; anything else was computed.
    fn origins(&self, node: &TypedNode, slot: usize, dims: &[usize]) -> Option<Vec<Origin>> {
        let count: usize = dims.iter().product();
        // Neither whole nor positive in both: no rounding, clipping or sign passes for a move.
        let first: Vec<f32> = (0..count).map(|i| i as f32 + 0.25).collect();
        let second: Vec<f32> = (0..count).map(|i| -0.25 - ((i * 7919 + 13) % count.max(1)) as f32).collect();
        let run = |labels: &[f32]| -> Option<Vec<f32>> {
            let mut model = TypedModel::default();
            let mut inputs: TVec<OutletId> = tvec!();
            for index in 0..node.inputs.len() {
                inputs.push(if index == slot {
                    model.add_source("labels", f32::fact(dims)).ok()?
                } else {
                    model.add_const(format!("constant{index}"), self.constant_tensor(node, index)?).ok()?
                });
            }
            let outlets = model.wire_node("moves", node.op.clone(), &inputs).ok()?;
            model.select_output_outlets(&outlets).ok()?;
            let tensor = Tensor_::from_shape(dims, labels).ok()?;
            let outputs = model.into_runnable().ok()?.run(tvec!(tensor.into())).ok()?;
            Some(outputs[0].to_plain_array_view::<f32>().ok()?.iter().copied().collect())
        };
        let (one, two) = (run(&first)?, run(&second)?);
        let origin = |(a, b): (f32, f32)| {
            let element = (a - 0.25) as usize;
            if a >= 0.0 && first.get(element) == Some(&a) && second.get(element) == Some(&b) {
                return Some(Origin::Element(element as u32));
            }
            (a == b).then_some(Origin::Constant(a))
        };
        one.into_iter().zip(two).map(origin).collect()
    }

    /// A tensor whose elements come from another's, or are one constant.
    fn assembled(
        &mut self,
        node: &TypedNode,
        tensor: Tensor,
        origins: &[Origin],
        dims: Vec<usize>,
    ) -> Result<Tensor, String> {
        let constants: Vec<f32> = origins
            .iter()
            .filter_map(|origin| if let Origin::Constant(value) = origin { Some(*value) } else { None })
            .collect();
        let Some(&constant) = constants.first() else {
            let order = origins.iter().filter_map(|origin| match origin {
                Origin::Element(element) => Some(tensor.order[*element as usize]),
                Origin::Constant(_) => None,
            });
            let order = order.collect();
            let exclusive = tensor.exclusive && self.read_once(node);
            return Ok(Tensor { dims, order, exclusive, ..tensor });
        };
        if constants.iter().any(|value| *value != constant) {
            return Err("fills in several different constants, which is not supported".into());
        }
        let tensor = self.settled(node, tensor)?;
        let (view, order) = self.natural(&dims)?;
        let value = self.draft.value(view);
        self.write(node, Kind::Fill(constant), vec![], (value, view));
        let mut pairs = Vec::with_capacity(origins.len());
        for (origin, to) in origins.iter().zip(&order) {
            if let Origin::Element(element) = origin {
                pairs.push((*to, tensor.order[*element as usize]));
            }
        }
        self.copy(node, &tensor, pairs, (value, view))?;
        Ok(self.written(node, value, view, dims, order))
    }

    pub(super) fn concat(&mut self, node: &TypedNode, concat: &TypedConcat, dims: Vec<usize>) -> Attempt {
        let (view, order) = self.natural(&dims)?;
        let steps = strides(&dims);
        let mut parts = Vec::with_capacity(node.inputs.len());
        for slot in 0..node.inputs.len() {
            let part = match self.constant(node, slot) {
                Some((dims, values)) => self.held(node, dims, values)?,
                None => {
                    let Some(tensor) = self.input(node, slot) else { return Ok(None) };
                    self.settled(node, tensor)?
                }
            };
            parts.push(part);
        }
        let value = self.draft.value(view);
        let mut start = 0;
        for part in parts {
            let axes: Vec<(usize, usize)> = part.dims.iter().copied().zip(steps.iter().copied()).collect();
            let first = start * steps[concat.axis];
            let pairs = super::tensor::offsets(&axes)
                .into_iter()
                .zip(&part.order)
                .map(|(to, from)| (order[first + to], *from))
                .collect();
            start += part.dims[concat.axis];
            self.copy(node, &part, pairs, (value, view))?;
        }
        Ok(Some(self.written(node, value, view, dims, order)))
    }

    /// A constant as a value: zeros to which it is added.
    fn held(&mut self, node: &TypedNode, dims: Vec<usize>, values: Vec<f32>) -> Result<Tensor, String> {
        if values.iter().any(|value| !value.is_finite()) {
            return Err("has a constant that is no finite number".into());
        }
        let view = shape(1, 1, values.len())?;
        let zeros = self.draft.value(view);
        self.write(node, Kind::Fill(0.0), vec![], (zeros, view));
        let constant = Source::Constant(Constant { shape: view, values, quantised: None });
        let inputs = vec![Source::Value(zeros, view), constant];
        let value = self.push(node, Kind::Binary(Operation::Add, Activation::None), inputs, view);
        let order = (0..elements(view) as u32).collect();
        Ok(Tensor {
            value,
            shape: view,
            dims,
            order,
            affine: None,
            affine_node: String::new(),
            exclusive: true,
        })
    }

    /// How a tensor of this shape is best laid out where nothing says so: as the image that the model's layout
    /// would have, else as it is.
    pub(super) fn natural(&self, dims: &[usize]) -> Result<(Shape, Vec<u32>), String> {
        // tract drops the batch axis where it can.
        let channel = match (self.layout, dims.len()) {
            (super::Layout::ChannelLast, rank) if rank >= 1 => rank - 1,
            (_, rank) if rank >= 2 && dims[0] == 1 => 1,
            (_, 3) => 0,
            (_, rank) => rank.saturating_sub(1),
        };
        let space: Vec<usize> =
            (0..dims.len()).filter(|axis| *axis != channel && !(dims[*axis] == 1 && *axis == 0)).collect();
        let adjacent = space.windows(2).all(|pair| pair[1] == pair[0] + 1);
        if !dims.is_empty() && space.len() <= 2 && adjacent {
            let first = space.first().copied().unwrap_or(0);
            if let Ok(image) = image_order(dims, channel, first..first + space.len()) {
                return Ok(image);
            }
        }
        let length: usize = dims.iter().product();
        Ok((shape(1, 1, length)?, (0..length as u32).collect()))
    }

    /// The tensor with its elements at the places of `order` in a value of the shape `view`: as it is, or copied.
    pub(super) fn arranged(
        &mut self,
        node: &TypedNode,
        tensor: Tensor,
        view: Shape,
        order: Vec<u32>,
    ) -> Result<Tensor, String> {
        let tensor = self.settled(node, tensor)?;
        if tensor.order == order && elements(tensor.shape) == elements(view) {
            return Ok(Tensor { shape: view, ..tensor });
        }
        let value = self.draft.value(view);
        let pairs = order.iter().copied().zip(tensor.order.iter().copied()).collect();
        self.copy(node, &tensor, pairs, (value, view))?;
        Ok(Tensor { value, shape: view, order, exclusive: true, ..tensor })
    }

    /// Copies elements: `pairs` of the place written and the place read.
    fn copy(
        &mut self,
        node: &TypedNode,
        from: &Tensor,
        mut pairs: Vec<(u32, u32)>,
        to: (ValueId, Shape),
    ) -> Result<(), String> {
        pairs.sort_unstable();
        for walk in walks(&pairs).ok_or(NO_ORDER)? {
            self.write(node, Kind::Copy(walk), vec![Source::Value(from.value, from.shape)], to);
        }
        Ok(())
    }

    fn write(&mut self, node: &TypedNode, kind: Kind, inputs: Vec<Source>, output: (ValueId, Shape)) {
        self.draft.steps.push(Step { node: shown(&node.name), kind, inputs, output });
    }
}

/// Nested loops that visit these pairs of places in their order; several, where one nest does not.
fn walks(pairs: &[(u32, u32)]) -> Option<Vec<Walk>> {
    if let Some(walk) = walk(pairs) {
        return Some(vec![walk]);
    }
    // Cut where the steps change, as long as the pieces are few.
    let mut found = Vec::new();
    let mut rest = pairs;
    while !rest.is_empty() {
        let mut length = rest.len();
        let piece = loop {
            match walk(&rest[..length]) {
                Some(walk) => break walk,
                None => length = shorter(rest, length)?,
            }
        };
        found.push(piece);
        if found.len() > MOST_COPIES {
            return None;
        }
        rest = &rest[length..];
    }
    Some(found)
}

/// A shorter stretch to try: up to the last place where the step changes.
fn shorter(pairs: &[(u32, u32)], length: usize) -> Option<usize> {
    let step = |at: usize| {
        let (a, b) = (pairs[at - 1], pairs[at]);
        (i64::from(b.0) - i64::from(a.0), i64::from(b.1) - i64::from(a.1))
    };
    // Two pairs always make a walk.
    (2..length).rev().find(|at| *at < 3 || step(*at) != step(*at - 1))
}

fn walk(pairs: &[(u32, u32)]) -> Option<Walk> {
    let mut heads: Vec<(i64, i64)> = pairs.iter().map(|(to, from)| ((*to).into(), (*from).into())).collect();
    let first = *pairs.first()?;
    let mut loops: Vec<(u16, i64, i64)> = Vec::new();
    while heads.len() > 1 {
        let step = (heads[1].0 - heads[0].0, heads[1].1 - heads[0].1);
        let follows = |pair: &[(i64, i64)]| (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1) == step;
        let longest = 1 + heads.windows(2).take_while(|pair| follows(pair)).count();
        let fits = |length: &usize| {
            heads.len().is_multiple_of(*length)
                && u16::try_from(*length).is_ok()
                && heads.chunks(*length).all(|block| block.windows(2).all(follows))
        };
        let length = (2..=longest).rev().find(fits)?;
        loops.push((length as u16, step.0, step.1));
        heads = heads.into_iter().step_by(length).collect();
        if loops.len() > 5 {
            return None;
        }
    }
    let mut walk = Walk { lengths: [1; 5], from: first.1, from_steps: [0; 5], to: first.0, to_steps: [0; 5] };
    for (index, (length, to, from)) in loops.into_iter().enumerate() {
        let at = 4_usize.checked_sub(index)?;
        walk.lengths[at] = length;
        walk.to_steps[at] = i32::try_from(to).ok()?;
        walk.from_steps[at] = i32::try_from(from).ok()?;
    }
    Some(walk)
}

/// tract's own tensor; this crate's is a view.
type Tensor_ = tract_onnx::prelude::Tensor;

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(walk: &Walk, pairs: &mut Vec<(u32, u32)>) {
        let mut places = vec![(i64::from(walk.to), i64::from(walk.from))];
        for (axis, length) in walk.lengths.iter().enumerate() {
            let (to, from) = (i64::from(walk.to_steps[axis]), i64::from(walk.from_steps[axis]));
            places = places
                .iter()
                .flat_map(|(a, b)| (0..i64::from(*length)).map(move |i| (a + i * to, b + i * from)))
                .collect();
        }
        pairs.extend(places.into_iter().map(|(to, from)| (to as u32, from as u32)));
    }

    fn one(pairs: &[(u32, u32)]) -> Walk {
        let found = walks(pairs).unwrap();
        assert_eq!(found.len(), 1);
        found[0]
    }

    #[test]
    fn transposes_repeats_and_slices_are_one_walk() {
        let transpose: Vec<(u32, u32)> = (0..12).map(|to| (to, to % 4 * 3 + to / 4)).collect();
        assert_eq!(one(&transpose).lengths, [1, 1, 1, 3, 4]);
        let twice: Vec<(u32, u32)> = (0..24).map(|to| (to, to / 12 * 3 + to % 6 / 2)).collect();
        assert_eq!(one(&twice).lengths, [1, 2, 2, 3, 2]);
        let backwards = [(0, 3), (1, 2), (2, 1)];
        assert_eq!(one(&backwards).from_steps[4], -1);
        assert_eq!(one(&[(5, 7)]).lengths, [1; 5]);
    }

    #[test]
    fn a_reflection_is_a_few_walks() {
        let from = [2, 1, 0, 1, 2, 3, 2, 1];
        let pairs: Vec<(u32, u32)> = (0..8).zip(from).collect();
        let found = walks(&pairs).unwrap();
        assert!(found.len() <= 4);
        let mut again = Vec::new();
        found.iter().for_each(|walk| moved(walk, &mut again));
        assert_eq!(again, pairs);
    }

    #[test]
    fn disorder_is_refused() {
        let pairs: Vec<(u32, u32)> = (0..1000u32).map(|to| (to, to.pow(2) % 1009 * 7919 % 1009)).collect();
        assert!(walks(&pairs).is_none());
    }
}
