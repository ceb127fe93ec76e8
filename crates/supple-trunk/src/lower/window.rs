//! Convolutions and poolings.

use std::ops::Range;

use supple_pack::op::{Shape, Window};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PoolSpec, SumPool};

use super::draft::{Affine, Kind, Linear, Source, Weights, shape};
use super::tensor::{Tensor, image_order, offsets, strides};
use super::{Attempt, Lowering, finite};

/// The window of a single position.
pub const POINT: Window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };

/// The window of so many columns, which covers each once.
pub fn columns(count: u8) -> Window {
    Window { kernel: [1, count], stride: [1, count], ..POINT }
}

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

impl Geometry {
    /// A pool of nothing has no value.
    fn every_window_has_a_tap(&self) -> Result<(), String> {
        for axis in 0..2 {
            let of = |pair: [u8; 2]| usize::from(pair[axis]);
            let window = &self.window;
            let has_tap = |at: usize| {
                let start = at * of(window.stride);
                (0..of(window.kernel)).any(|tap| {
                    let place = start + tap * of(window.dilation);
                    (of(window.pad)..of(window.pad) + self.input[axis]).contains(&place)
                })
            };
            if !(0..self.output[axis]).all(has_tap) {
                return Err("has windows that lie in the padding alone: use less padding".into());
            }
        }
        Ok(())
    }
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
    let input = two(data.hw_dims(), 1).ok_or(IN_SPACE)?;
    let kernel = two(&spec.kernel_shape, 1).ok_or(IN_SPACE)?;
    let stride = two(&spec.strides(), 1).ok_or(IN_SPACE)?;
    let dilation = two(&spec.dilations(), 1).ok_or(IN_SPACE)?;
    let padded = spec.computed_padding(data.hw_dims());
    let before = two(&padded.iter().map(|axis| axis.pad_before).collect::<Vec<_>>(), 0).ok_or(IN_SPACE)?;
    let after = two(&padded.iter().map(|axis| axis.pad_after).collect::<Vec<_>>(), 0).ok_or(IN_SPACE)?;
    let output = two(&padded.iter().map(|axis| axis.convoluted).collect::<Vec<_>>(), 1).ok_or(IN_SPACE)?;
    let mut inside = true;
    for axis in 0..2 {
        let reach = (kernel[axis].max(1) - 1).saturating_mul(dilation[axis]).saturating_add(1);
        if stride[axis] == 0
            || dilation[axis] == 0
            || output[axis] == 0
            || reach > input[axis] + before[axis] + after[axis]
        {
            return Err(format!(
                "its kernel {kernel:?} with stride {stride:?} does not fit its input {input:?}"
            ));
        }
        inside &= before[axis] == 0 && (output[axis] - 1) * stride[axis] + reach <= input[axis];
    }
    let window = Window {
        kernel: bytes("a kernel", kernel)?,
        stride: bytes("a stride", stride)?,
        pad: bytes("a padding", before)?,
        dilation: bytes("a dilation", dilation)?,
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
        if conv.q_params.is_some() {
            return Err("is quantised: export the model before quantisation".into());
        }
        let (Some((kernel_dims, kernel)), Some((_, bias))) = (self.constant(node, 1), self.constant(node, 2))
        else {
            return Err("has weights or biases that are no constants".into());
        };
        let weights = kernel_rows(conv.kernel_fmt, &kernel_dims, &kernel)?;
        let (outputs, inputs, groups) = (conv.output_channels(), conv.input_channels(), conv.group);
        let bias: Vec<f64> = match bias[..] {
            [one] => vec![f64::from(one); outputs],
            _ => bias.iter().map(|value| f64::from(*value)).collect(),
        };
        if outputs == 0 || bias.len() != outputs {
            return Err(format!("has {} biases for {outputs} outputs", bias.len()));
        }
        if groups == 0 || !outputs.is_multiple_of(groups) || !inputs.is_multiple_of(groups) {
            return Err(format!("has {groups} groups of {inputs} inputs and {outputs} outputs"));
        }
        let mut linear = finite(Linear::new(weights, bias))?;
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let geometry = geometry(&conv.pool_spec, &tensor.dims)?;
        let (mut tensor, view) = self.image(node, tensor, &geometry)?;
        let (per_group, outputs_per_group) = (inputs / groups, outputs / groups);
        if linear.row()
            != per_group * usize::from(geometry.window.kernel[0]) * usize::from(geometry.window.kernel[1])
        {
            return Err("has a kernel of another size than its weights".into());
        }
        if let Some(affine) = tensor.affine.take_if(|affine| geometry.inside || unshifted(affine)) {
            linear
                .fold_input(&affine, |output, tap| output / outputs_per_group * per_group + tap % per_group);
            linear = finite(linear)?;
        }
        // What is left over a padded window becomes a step of its own.
        let tensor = self.settled(node, tensor)?;
        let weights = Weights::Float(linear);
        let window = geometry.window;
        let kind = if groups == inputs && groups > 1 {
            Kind::Depthwise { window, weights }
        } else {
            Kind::Convolution { window, groups, weights }
        };
        self.windowed(node, kind, &tensor, view, &geometry, outputs, dims)
    }

    pub(super) fn max_pool(&mut self, node: &TypedNode, pool: &MaxPool, dims: Vec<usize>) -> Attempt {
        if pool.with_index_outputs.is_some() {
            return Err("gives indices, which is not supported".into());
        }
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let geometry = geometry(&pool.pool_spec, &tensor.dims)?;
        geometry.every_window_has_a_tap()?;
        let tensor = self.settled(node, tensor)?;
        let (tensor, view) = self.image(node, tensor, &geometry)?;
        let channels = usize::from(view.channels);
        let kind = Kind::MaxPool { window: geometry.window };
        self.windowed(node, kind, &tensor, view, &geometry, channels, dims)
    }

    /// The tensor as the image that a window slides over: as it lies, or copied so.
    fn image(
        &mut self,
        node: &TypedNode,
        tensor: Tensor,
        geometry: &Geometry,
    ) -> Result<(Tensor, Shape), String> {
        if let Ok(view) = tensor.as_image(geometry.channel, geometry.space.clone()) {
            return Ok((tensor, view));
        }
        let (view, order) = image_order(&tensor.dims, geometry.channel, geometry.space.clone())?;
        Ok((self.arranged(node, tensor, view, order)?, view))
    }

    fn windowed(
        &mut self,
        node: &TypedNode,
        kind: Kind,
        tensor: &Tensor,
        view: Shape,
        geometry: &Geometry,
        channels: usize,
        dims: Vec<usize>,
    ) -> Attempt {
        let (output, order) = image_order(&dims, geometry.channel, geometry.space.clone())?;
        if output != shape(geometry.output[0], geometry.output[1], channels)? {
            return Err(format!("should give {output:?}, but its window gives {:?}", geometry.output));
        }
        let value = self.push(node, kind, vec![Source::Value(tensor.value, view)], output);
        Ok(Some(self.written(node, value, output, dims, order)))
    }

    /// A mean, or a sum, which is the mean times the number of taps.
    pub(super) fn sum_pool(&mut self, node: &TypedNode, pool: &SumPool, dims: Vec<usize>) -> Attempt {
        let Some(tensor) = self.input(node, 0) else { return Ok(None) };
        let geometry = geometry(&pool.pool_spec, &tensor.dims)?;
        geometry.every_window_has_a_tap()?;
        let tensor = self.settled(node, tensor)?;
        let (tensor, view) = self.image(node, tensor, &geometry)?;
        let window = geometry.window;
        let whole =
            geometry.output == [1, 1] && window.kernel.map(usize::from) == geometry.input && geometry.inside;
        let kind = if whole {
            Kind::GlobalAverage { rescale: None }
        } else {
            Kind::AveragePool { window, count_padding: pool.count_include_pad || !pool.normalize }
        };
        let channels = usize::from(view.channels);
        let averaged = self.windowed(node, kind, &tensor, view, &geometry, channels, dims)?;
        if pool.normalize {
            return Ok(averaged);
        }
        let Some(averaged) = averaged else { return Ok(None) };
        let taps = f64::from(window.kernel[0]) * f64::from(window.kernel[1]);
        let factor = Affine { scale: vec![taps; channels], shift: vec![0.0; channels] };
        Ok(Some(self.scaled(node, averaged, &factor)))
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
