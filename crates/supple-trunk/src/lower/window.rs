//! Convolutions, poolings and the mean over space.

use std::ops::Range;

use supple_pack::op::{Shape, Window};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

use super::draft::{Affine, Kind, Linear, elements, shape};
use super::tensor::{Tensor, image_order, offsets, strides};
use super::{Attempt, Lowering, finite};

/// The window of a single position.
pub const POINT: Window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0] };

/// Where a window op finds channels and space, and how it slides.
struct Geometry {
    channel: usize,
    space: Range<usize>,
    window: Window,
    /// Height and width of input and output.
    input: [usize; 2],
    output: [usize; 2],
    /// Whether every tap of every position lies inside the input.
    inside: bool,
}

/// A signal is an image of height 1.
fn two<T: Copy>(values: &[T], one: T) -> Option<[T; 2]> {
    match values {
        [width] => Some([one, *width]),
        [height, width] => Some([*height, *width]),
        _ => None,
    }
}

fn byte(what: &str, value: usize) -> Result<u8, String> {
    u8::try_from(value).map_err(|_| format!("{what} of {value} is beyond the {} a plan can hold", u8::MAX))
}

fn bytes(what: &str, values: [usize; 2]) -> Result<[u8; 2], String> {
    Ok([byte(what, values[0])?, byte(what, values[1])?])
}

/// Reads how a convolution or pooling slides over its input of the shape `dims`.
fn geometry(spec: &PoolSpec, dims: &[usize]) -> Result<Geometry, String> {
    const IN_SPACE: &str = "slides along more than two axes, which is not supported";
    let data = spec.data_format.shape(dims.to_vec()).map_err(|error| format!("{error:#}"))?;
    if spec.dilations().iter().any(|dilation| *dilation != 1) {
        return Err("is dilated, which is not supported".into());
    }
    let input = two(data.hw_dims(), 1).ok_or(IN_SPACE)?;
    let kernel = two(&spec.kernel_shape, 1).ok_or(IN_SPACE)?;
    let stride = two(&spec.strides(), 1).ok_or(IN_SPACE)?;
    let padded = spec.computed_padding(data.hw_dims());
    let before = two(&padded.iter().map(|axis| axis.pad_before).collect::<Vec<_>>(), 0).ok_or(IN_SPACE)?;
    let after = two(&padded.iter().map(|axis| axis.pad_after).collect::<Vec<_>>(), 0).ok_or(IN_SPACE)?;
    let output = two(&padded.iter().map(|axis| axis.convoluted).collect::<Vec<_>>(), 1).ok_or(IN_SPACE)?;
    let mut inside = true;
    for axis in 0..2 {
        if stride[axis] == 0 || output[axis] == 0 || kernel[axis] > input[axis] + before[axis] + after[axis] {
            return Err(format!(
                "its kernel {kernel:?} with stride {stride:?} does not fit its input {input:?}"
            ));
        }
        let last = (output[axis] - 1) * stride[axis];
        if before[axis] >= kernel[axis] || last >= input[axis] + before[axis] {
            return Err("has windows that lie in the padding alone: use less padding".into());
        }
        inside &= before[axis] == 0 && last + kernel[axis] <= input[axis];
    }
    let window = Window {
        kernel: bytes("a kernel", kernel)?,
        stride: bytes("a stride", stride)?,
        pad: bytes("a padding", before)?,
    };
    Ok(Geometry { channel: data.c_axis(), space: data.hw_axes(), window, input, output, inside })
}

/// A kernel as `[out][kernel_h][kernel_w][in]`.
fn kernel_rows(format: KernelFormat, dims: &[usize], values: &[f32]) -> Result<Vec<f64>, String> {
    let steps = strides(dims);
    let last = dims.len().wrapping_sub(1);
    let (out, input, space) = match format {
        KernelFormat::OIHW => (0, 1, 2..dims.len()),
        KernelFormat::HWIO => (last, last.wrapping_sub(1), 0..last.saturating_sub(1)),
        KernelFormat::OHWI => (0, last, 1..last),
    };
    if !(1..=2).contains(&space.len()) || dims.len() < 3 {
        return Err("slides along more than two axes, which is not supported".into());
    }
    let axes: Vec<(usize, usize)> =
        std::iter::once(out).chain(space).chain([input]).map(|axis| (dims[axis], steps[axis])).collect();
    Ok(offsets(&axes).into_iter().map(|from| f64::from(values[from])).collect())
}

impl Lowering<'_> {
    pub(super) fn convolution(&mut self, node: &TypedNode, conv: &Conv, dims: Vec<usize>) -> Attempt {
        if conv.group != 1 {
            return Err(format!("has {} groups; one is supported", conv.group));
        }
        if conv.q_params.is_some() {
            return Err("is quantised: export the model before quantisation".into());
        }
        let (Some((kernel_dims, kernel)), Some((_, bias))) = (self.constant(node, 1), self.constant(node, 2))
        else {
            return Err("has weights or biases that are no constants".into());
        };
        let weights = kernel_rows(conv.kernel_fmt, &kernel_dims, &kernel)?;
        let outputs = conv.output_channels();
        let bias: Vec<f64> = match bias[..] {
            [one] => vec![f64::from(one); outputs],
            _ => bias.iter().map(|value| f64::from(*value)).collect(),
        };
        if outputs == 0 || bias.len() != outputs {
            return Err(format!("has {} biases for {outputs} outputs", bias.len()));
        }
        let mut linear = finite(Linear::new(weights, bias))?;
        let Some(mut tensor) = self.input(node, 0) else { return Ok(None) };
        let geometry = geometry(&conv.pool_spec, &tensor.dims)?;
        tensor.as_image(geometry.channel, geometry.space.clone())?;
        if let Some(affine) = tensor.affine.take_if(|affine| geometry.inside || unshifted(affine)) {
            linear.fold_input(&affine);
            linear = finite(linear)?;
        }
        // What is left over a padded window becomes a step of its own.
        let tensor = self.settled(node, tensor)?;
        let kind = Kind::Conv2d { window: geometry.window, linear };
        self.windowed(node, kind, &tensor, &geometry, outputs, dims)
    }

    pub(super) fn max_pool(&mut self, node: &TypedNode, pool: &MaxPool, dims: Vec<usize>) -> Attempt {
        if pool.with_index_outputs.is_some() {
            return Err("gives indices, which is not supported".into());
        }
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let geometry = geometry(&pool.pool_spec, &tensor.dims)?;
        tensor.as_image(geometry.channel, geometry.space.clone())?;
        let tensor = self.settled(node, tensor)?;
        let channels = tensor.dims[geometry.channel];
        self.windowed(node, Kind::MaxPool { window: geometry.window }, &tensor, &geometry, channels, dims)
    }

    fn windowed(
        &mut self,
        node: &TypedNode,
        kind: Kind,
        tensor: &Tensor,
        geometry: &Geometry,
        channels: usize,
        dims: Vec<usize>,
    ) -> Attempt {
        let view = tensor.as_image(geometry.channel, geometry.space.clone())?;
        let (output, order) = image_order(&dims, geometry.channel, geometry.space.clone())?;
        if output != shape(geometry.output[0], geometry.output[1], channels)? {
            return Err(format!("should give {output:?}, but its window gives {:?}", geometry.output));
        }
        let value = self.push(node, kind, (tensor.value, view), output);
        Ok(Some(self.written(node, value, output, dims, order)))
    }

    /// An average over the whole image; any other window is refused.
    pub(super) fn sum_pool(&mut self, node: &TypedNode, pool: &SumPool, dims: Vec<usize>) -> Attempt {
        const WHOLE: &str = "averages a part of the image at a time; only the whole image is supported";
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let geometry = geometry(&pool.pool_spec, &tensor.dims)?;
        let kernel = geometry.window.kernel.map(usize::from);
        if geometry.output != [1, 1] || kernel != geometry.input || !geometry.inside {
            return Err(WHOLE.into());
        }
        tensor.as_image(geometry.channel, geometry.space)?;
        let count = (kernel[0] * kernel[1]) as f64;
        self.mean(node, tensor, dims, if pool.normalize { 1.0 } else { count })
    }

    /// A sum over height and width. tract divides it by their product in a node of its own.
    pub(super) fn reduce(&mut self, node: &TypedNode, reduce: &Reduce, dims: Vec<usize>) -> Attempt {
        if reduce.reducer != Reducer::Sum {
            return Err(format!("reduces by {:?}; sums and means are supported", reduce.reducer));
        }
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let (kept, summed): (Vec<usize>, Vec<usize>) =
            (0..tensor.dims.len()).partition(|axis| !reduce.axes.contains(axis));
        let (_, order) = tensor.permuted(&kept.iter().chain(&summed).copied().collect::<Vec<_>>());
        let channels = tensor.channels();
        let count: usize = summed.iter().map(|axis| tensor.dims[*axis]).product();
        let sums_channels = |(channel, places): (usize, &[u32])| {
            places.iter().all(|place| *place as usize % channels == channel)
        };
        if count * channels != elements(tensor.shape) || !order.chunks(count).enumerate().all(sums_channels) {
            return Err("sums over other axes than height and width".into());
        }
        self.mean(node, tensor, dims, count as f64)
    }

    /// The mean of each channel, and what it is still to be multiplied by. Scales and shifts pass through.
    fn mean(&mut self, node: &TypedNode, mut tensor: Tensor, dims: Vec<usize>, times: f64) -> Attempt {
        let before = tensor.affine.take();
        let output = Shape { height: 1, width: 1, channels: tensor.shape.channels };
        let value = self.push(node, Kind::GlobalAveragePool, (tensor.value, tensor.shape), output);
        let order = (0..u32::from(output.channels)).collect();
        let tensor = Tensor { affine: before, ..self.written(node, value, output, dims, order) };
        let channels = tensor.channels();
        let factor = Affine { scale: vec![times; channels], shift: vec![0.0; channels] };
        Ok(Some(self.scaled(tensor, &factor)))
    }
}

fn unshifted(affine: &Affine) -> bool {
    affine.shift.iter().all(|shift| *shift == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_of_every_format_give_the_same_rows() {
        // Two outputs, one row of two columns, three inputs: the value is 100 out + 10 column + in.
        let expected: Vec<f64> = vec![0., 1., 2., 10., 11., 12., 100., 101., 102., 110., 111., 112.];
        let oihw = [0., 10., 1., 11., 2., 12., 100., 110., 101., 111., 102., 112.];
        let hwio = [0., 100., 1., 101., 2., 102., 10., 110., 11., 111., 12., 112.];
        let ohwi: Vec<f32> = expected.iter().map(|v| *v as f32).collect();
        assert_eq!(kernel_rows(KernelFormat::OIHW, &[2, 3, 1, 2], &oihw).unwrap(), expected);
        assert_eq!(kernel_rows(KernelFormat::HWIO, &[1, 2, 3, 2], &hwio).unwrap(), expected);
        assert_eq!(kernel_rows(KernelFormat::OHWI, &[2, 1, 2, 3], &ohwi).unwrap(), expected);
        assert!(kernel_rows(KernelFormat::OIHW, &[2, 3], &[0.0; 6]).is_err());
    }
}
