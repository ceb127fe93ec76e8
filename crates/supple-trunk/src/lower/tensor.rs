//! A tensor of tract's graph as a view of a value of the plan.
//!
//! tract's tensors are channel first, lose their batch axis somewhere in the middle, are reshaped, transposed
//! and sliced. None of that moves data in a plan. So each tensor keeps, for each of its elements in row-major
//! order, the place of that element in the plan's NHWC value. Reshapes leave this list as it is, a transpose
//! permutes it, a slice shortens it; and an operation asks of the list only what it needs: is this an image,
//! which axis runs over channels, in which order do a dense layer's weights come.

use std::ops::Range;

use supple_pack::op::Shape;

use super::draft::{Affine, ValueId, elements, shape};

/// See the module.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// The plan's value.
    pub value: ValueId,
    /// Its shape.
    pub shape: Shape,
    /// The tensor's shape in tract.
    pub dims: Vec<usize>,
    /// Where each of the tensor's elements lies in the value.
    pub order: Vec<u32>,
    /// What is still to be done to each channel of the value.
    pub affine: Option<Affine>,
    /// The node that asked for it last.
    pub affine_node: String,
    /// Whether nothing else reads the value.
    pub exclusive: bool,
}

/// Number of elements before each axis moves on by one.
pub fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// The order of an image whose axes are not NHWC, and its shape. `space` are no axes (a vector), one (a signal)
/// or two; all other axes must be 1 long.
pub fn image_order(dims: &[usize], channel: usize, space: Range<usize>) -> Result<(Shape, Vec<u32>), String> {
    let steps = strides(dims);
    let (rows, columns) = match space.len() {
        0 => ((1, 0), (1, 0)),
        1 => ((1, 0), (dims[space.start], steps[space.start])),
        2 => ((dims[space.start], steps[space.start]), (dims[space.start + 1], steps[space.start + 1])),
        more => return Err(format!("{more} axes in space are not supported; use one or two")),
    };
    let view = shape(rows.0, columns.0, dims[channel])?;
    if elements(view) != dims.iter().product::<usize>() {
        return Err(format!("a batch of one is supported, not the shape {dims:?}"));
    }
    let mut order = vec![0; elements(view)];
    let mut place = 0;
    for y in 0..rows.0 {
        for x in 0..columns.0 {
            for c in 0..dims[channel] {
                order[y * rows.1 + x * columns.1 + c * steps[channel]] = place;
                place += 1;
            }
        }
    }
    Ok((view, order))
}

impl Tensor {
    /// Channels of the value.
    pub fn channels(&self) -> usize {
        usize::from(self.shape.channels)
    }

    /// Whether it shows every element of the value once.
    pub fn is_whole(&self) -> bool {
        let mut seen = vec![false; elements(self.shape)];
        self.order.len() == seen.len()
            && self.order.iter().all(|place| !std::mem::replace(&mut seen[*place as usize], true))
    }

    /// The tensor repeated along the axes in which it is 1 long, to the shape `dims`.
    pub fn spread(&self, dims: &[usize]) -> Result<Vec<u32>, String> {
        let fits = self.dims.len() == dims.len()
            && self.dims.iter().zip(dims).all(|(own, dim)| own == dim || *own == 1);
        if !fits {
            return Err(format!("stretches {:?} to {dims:?}", self.dims));
        }
        let steps = strides(&self.dims);
        let axes: Vec<(usize, usize)> = (0..dims.len())
            .map(|axis| (dims[axis], if self.dims[axis] == 1 { 0 } else { steps[axis] }))
            .collect();
        Ok(offsets(&axes).into_iter().map(|from| self.order[from]).collect())
    }

    /// The value's shape as the image that an operation with these axes reads, if it is one.
    pub fn as_image(&self, channel: usize, space: Range<usize>) -> Result<Shape, String> {
        let (view, order) = image_order(&self.dims, channel, space)?;
        let same_channels = self.affine.is_none() || view.channels == self.shape.channels;
        if elements(view) == elements(self.shape) && order == self.order && same_channels {
            Ok(view)
        } else {
            Err("its input was reshaped or transposed so that it is no channel-first image any more".into())
        }
    }

    /// The tensor with its axes in another order; `permutation[i]` is the old place of axis `i`.
    pub fn permuted(&self, permutation: &[usize]) -> (Vec<usize>, Vec<u32>) {
        let old = strides(&self.dims);
        let dims: Vec<usize> = permutation.iter().map(|axis| self.dims[*axis]).collect();
        let axes: Vec<(usize, usize)> =
            permutation.iter().map(|axis| (self.dims[*axis], old[*axis])).collect();
        let order = offsets(&axes).into_iter().map(|from| self.order[from]).collect();
        (dims, order)
    }

    /// A constant that broadcasts over this tensor, as one number for each channel of the value.
    pub fn per_channel(&self, constant_dims: &[usize], values: &[f32]) -> Result<Vec<f64>, String> {
        if constant_dims.len() != self.dims.len()
            || constant_dims.iter().zip(&self.dims).any(|(own, dim)| *own != 1 && own != dim)
        {
            return Err(format!("a constant of the shape {constant_dims:?} does not fit {:?}", self.dims));
        }
        let steps = strides(constant_dims);
        let axes: Vec<(usize, usize)> = (0..self.dims.len())
            .map(|axis| (self.dims[axis], if constant_dims[axis] == 1 { 0 } else { steps[axis] }))
            .collect();
        let mut channels = vec![None; self.channels()];
        for (place, from) in self.order.iter().zip(offsets(&axes)) {
            let channel = *place as usize % channels.len();
            let value = values[from];
            if *channels[channel].get_or_insert(value) != value {
                return Err("its constant differs from position to position; one number for each channel \
                            is supported"
                    .into());
            }
        }
        // A channel of which the tensor holds nothing: any number will do.
        Ok(channels.into_iter().map(|value| f64::from(value.unwrap_or(0.0))).collect())
    }
}

/// Row-major walk over axes of `(length, step)`: the offset of each element.
pub fn offsets(axes: &[(usize, usize)]) -> Vec<usize> {
    let mut offsets = vec![0];
    for (length, step) in axes {
        offsets =
            offsets.iter().flat_map(|base| (0..*length).map(move |index| base + index * step)).collect();
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(channels: usize, height: usize, width: usize) -> Tensor {
        let dims = vec![1, channels, height, width];
        let (shape, order) = image_order(&dims, 1, 2..4).unwrap();
        Tensor { value: 0, shape, dims, order, affine: None, affine_node: String::new(), exclusive: true }
    }

    #[test]
    fn channel_first_lies_in_nhwc() {
        // Two channels of 1 x 3: the value holds them pixel by pixel.
        assert_eq!(image(2, 1, 3).order, [0, 2, 4, 1, 3, 5]);
    }

    #[test]
    fn reshapes_and_transposes_are_seen_through() {
        let tensor = image(2, 2, 3);
        let (dims, order) = tensor.permuted(&[0, 2, 3, 1]);
        assert_eq!(dims, [1, 2, 3, 2]);
        assert_eq!(order, (0..12).collect::<Vec<u32>>());
        let last = Tensor { dims, order, ..tensor.clone() };
        assert!(last.as_image(3, 1..3).is_ok());
        assert!(last.as_image(1, 2..4).is_err());
        let one = Tensor { dims: vec![1, 2, 1, 1], order: vec![0, 1], ..tensor };
        assert_eq!(one.spread(&[1, 2, 1, 2]).unwrap(), [0, 0, 1, 1]);
        assert!(one.spread(&[1, 3, 1, 2]).is_err());
    }

    #[test]
    fn constants_must_be_one_number_a_channel() {
        let tensor = image(2, 1, 3);
        assert_eq!(tensor.per_channel(&[1, 2, 1, 1], &[5.0, 7.0]), Ok(vec![5.0, 7.0]));
        assert_eq!(tensor.per_channel(&[1, 1, 1, 1], &[5.0]), Ok(vec![5.0, 5.0]));
        assert!(tensor.per_channel(&[1, 1, 1, 3], &[5.0, 6.0, 7.0]).is_err());
        assert!(tensor.per_channel(&[2], &[5.0, 6.0]).is_err());
    }
}
