//! Sums, means, maxima and softmax over any axes.
//!
//! A plan's pools run over rows and columns. But a value is only memory: seen as `[outer][reduced][inner]`, with
//! the reduced axes as columns and the inner ones as channels, any reduction is a pool.

use supple_pack::op::Shape;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, Softmax, SoftmaxKind};

use super::draft::{Affine, Kind, Source, shape};
use super::tensor::Tensor;
use super::window::columns;
use super::{Attempt, Lowering};

/// The most positions that one window may cover along a row.
const MOST_COLUMNS: usize = u8::MAX as usize;

/// A value seen as `[outer][reduced][inner]`.
struct View {
    tensor: Tensor,
    outer: usize,
    reduced: usize,
    inner: usize,
}

impl Lowering<'_> {
    pub(super) fn reduce(&mut self, node: &TypedNode, reduce: &Reduce, dims: Vec<usize>) -> Attempt {
        let largest = match reduce.reducer {
            Reducer::Sum => false,
            Reducer::Max => true,
            _ => {
                return Err(format!("reduces by {:?}; sums, means and maxima are supported", reduce.reducer));
            }
        };
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        // The mean of what is scaled and shifted by channels is the scaled and shifted mean.
        let view = self.outer_and_inner(node, tensor, &reduce.axes)?;
        let View { tensor, outer, reduced, inner } = view;
        let global = outer == 1;
        let (input, output, kind) = if global {
            let kind = if largest { Kind::GlobalMaximum } else { Kind::GlobalAverage { rescale: None } };
            (folded(reduced, inner)?, shape(1, 1, inner)?, kind)
        } else if reduced <= MOST_COLUMNS {
            let window = columns(reduced as u8);
            let kind = if largest {
                Kind::MaxPool { window }
            } else {
                Kind::AveragePool { window, count_padding: false }
            };
            (shape(outer, reduced, inner)?, shape(outer, 1, inner)?, kind)
        } else {
            return Err(format!(
                "reduces {reduced} elements within others; at most {MOST_COLUMNS} are supported"
            ));
        };
        let value = self.push(node, kind, vec![Source::Value(tensor.value, input)], output);
        // The kept axes lie in the model's order.
        let order = (0..(outer * inner) as u32).collect();
        let tensor = self.written(node, value, output, dims, order);
        if largest {
            return Ok(Some(tensor));
        }
        let channels = tensor.channels();
        let factor = Affine { scale: vec![reduced as f64; channels], shift: vec![0.0; channels] };
        Ok(Some(self.scaled(node, tensor, &factor)))
    }

    pub(super) fn softmax(&mut self, node: &TypedNode, softmax: &Softmax, dims: Vec<usize>) -> Attempt {
        if matches!(softmax.kind, SoftmaxKind::LogSoftmax) {
            return Err("is a logarithm of a softmax; cut the model before it with --output".into());
        }
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let tensor = self.settled(node, tensor)?;
        let kept: Vec<usize> = (0..tensor.dims.len()).filter(|axis| !softmax.axes.contains(axis)).collect();
        let axes: Vec<usize> = kept.iter().chain(&*softmax.axes).copied().collect();
        let length: usize = softmax.axes.iter().map(|axis| tensor.dims[*axis]).product();
        let positions = tensor.order.len() / length.max(1);
        let view = shape(1, positions, length)?;
        let tensor = self.in_order_of(node, tensor, &axes, view)?;
        let value = self.push(node, Kind::Softmax, vec![Source::Value(tensor.value, view)], view);
        let order = tensor.order;
        Ok(Some(self.written(node, value, view, dims, order)))
    }

    /// Finds a view in which the reduced axes lie between the others, copying where there is none.
    fn outer_and_inner(&mut self, node: &TypedNode, tensor: Tensor, axes: &[usize]) -> Result<View, String> {
        let tensor = self.settled(node, tensor)?;
        let size = |axes: &[usize]| axes.iter().map(|axis| tensor.dims[*axis]).product::<usize>();
        let kept: Vec<usize> = (0..tensor.dims.len()).filter(|axis| !axes.contains(axis)).collect();
        let reduced = size(axes);
        let whole = tensor.is_whole();
        for split in 0..=kept.len() {
            let (outer, inner) = kept.split_at(split);
            let order: Vec<usize> = outer.iter().chain(axes).chain(inner).copied().collect();
            let (_, places) = tensor.permuted(&order);
            let (outer, inner) = (size(outer), size(inner));
            let in_order = places.iter().enumerate().all(|(at, place)| at == *place as usize);
            // Channels last, as images lie, with the kept axes after the others in whatever order.
            if whole && (in_order || split == 0 && image_like(&places, reduced, inner)) {
                return Ok(View { tensor, outer, reduced, inner });
            }
        }
        let inner = size(&kept);
        let order: Vec<usize> = axes.iter().chain(&kept).copied().collect();
        let tensor = self.in_order_of(node, tensor, &order, folded(reduced, inner)?)?;
        Ok(View { tensor, outer: 1, reduced, inner })
    }

    /// The tensor with its elements lying in the order of these axes.
    fn in_order_of(
        &mut self,
        node: &TypedNode,
        tensor: Tensor,
        axes: &[usize],
        view: Shape,
    ) -> Result<Tensor, String> {
        let dims: Vec<usize> = axes.iter().map(|axis| tensor.dims[*axis]).collect();
        let order = order_of(axes, &dims);
        self.arranged(node, tensor, view, order)
    }
}

/// Whether `[reduced][kept]`, in whatever order the reduced ones come, has the kept elements side by side.
fn image_like(places: &[u32], reduced: usize, kept: usize) -> bool {
    places.len() == reduced * kept
        && places.chunks(kept.max(1)).all(|row| {
            row.iter().enumerate().all(|(channel, place)| *place as usize % kept.max(1) == channel)
        })
}

/// `positions` of `channels` as an image, its sides within what a plan holds.
fn folded(positions: usize, channels: usize) -> Result<Shape, String> {
    let most = usize::from(u16::MAX);
    let height =
        (1..=positions).find(|height| positions.is_multiple_of(*height) && positions / height <= most);
    let height = height.unwrap_or(1);
    shape(height, positions / height, channels)
}

/// Where each element lies, in the order of the sorted axes, when memory follows `axes` of these lengths.
fn order_of(axes: &[usize], dims: &[usize]) -> Vec<u32> {
    let mut sorted: Vec<usize> = (0..axes.len()).collect();
    sorted.sort_by_key(|at| axes[*at]);
    let steps = super::tensor::strides(dims);
    let walk: Vec<(usize, usize)> = sorted.iter().map(|at| (dims[*at], steps[*at])).collect();
    super::tensor::offsets(&walk).into_iter().map(|place| place as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::super::inverse;
    use super::*;

    #[test]
    fn axes_in_another_order() {
        // Memory is [axis 1: 3][axis 0: 2].
        assert_eq!(order_of(&[1, 0], &[3, 2]), [0, 2, 4, 1, 3, 5]);
        assert_eq!(inverse(&order_of(&[1, 0], &[3, 2])), [0, 3, 1, 4, 2, 5]);
        assert_eq!(folded(70_000, 3).unwrap(), Shape { height: 2, width: 35_000, channels: 3 });
    }
}
