//! Convolutions and dense layers, windows.

use supple_pack::op::{Layer, OUTPUT_BLOCK};
use supple_pack::{Activation, Op, Shape, Window};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::TractError;
use super::builder::Builder;

impl Builder<'_> {
    pub(super) fn convolution(
        &mut self,
        op: &Op,
        layer: &Layer,
        window: &Window,
        groups: u16,
        input: OutletId,
    ) -> Result<OutletId, TractError> {
        let spec = window_spec(window, &layer.input.shape, &layer.output.shape);
        self.blocked(op, layer, spec, usize::from(groups).max(1), input)
    }

    /// Over an image laid flat: a convolution whose kernel is the image.
    pub(super) fn dense(&mut self, op: &Op, layer: &Layer, input: OutletId) -> Result<OutletId, TractError> {
        let from = &layer.input.shape;
        let spec = PoolSpec {
            data_format: DataFormat::NHWC,
            kernel_shape: tvec!(from.height.into(), from.width.into()),
            padding: PaddingSpec::Valid,
            dilations: None,
            strides: None,
            input_channels: from.channels.into(),
            output_channels: layer.output.shape.channels.into(),
        };
        self.blocked(op, layer, spec, 1, input)
    }

    pub(super) fn depthwise(
        &mut self,
        op: &Op,
        layer: &Layer,
        window: &Window,
        input: OutletId,
    ) -> Result<OutletId, TractError> {
        let spec = window_spec(window, &layer.input.shape, &layer.output.shape);
        let (group, outputs) = (spec.input_channels, spec.output_channels);
        self.weighted(op, layer, spec, group, |output, _, tap| tap * outputs + output, input)
    }

    /// A convolution whose weights are stored in blocks of outputs.
    fn blocked(
        &mut self,
        op: &Op,
        layer: &Layer,
        spec: PoolSpec,
        group: usize,
        input: OutletId,
    ) -> Result<OutletId, TractError> {
        let (outputs, inputs) = (spec.output_channels / group, spec.input_channels / group);
        let places = blocked_place(outputs, inputs, spec.kernel_shape.iter().product());
        self.weighted(op, layer, spec, group, places, input)
    }

    /// A convolution with the weights, biases and activation of a layer. `place` says where the weight of an output,
    /// an input of its group and a tap is stored.
    fn weighted(
        &mut self,
        op: &Op,
        layer: &Layer,
        pool_spec: PoolSpec,
        group: usize,
        place: impl Fn(usize, usize, usize) -> usize,
        input: OutletId,
    ) -> Result<OutletId, TractError> {
        let [stored, bias] = [0, 1]
            .map(|part| op.constants()[part].map_or(&[][..], |part| self.part(part.at, part.count as usize)));
        let (outputs, inputs) = (pool_spec.output_channels, pool_spec.input_channels / group);
        let taps: usize = pool_spec.kernel_shape.iter().product();
        let kernel: Vec<f32> = (0..outputs * inputs * taps)
            .map(|i| place(i / taps / inputs, i / taps % inputs, i % taps))
            .filter_map(|place| stored.get(place).copied())
            .collect();
        let mut shape = vec![outputs, inputs];
        shape.extend(&pool_spec.kernel_shape);
        let kernel = self.constant("kernel", &shape, &kernel)?;
        let bias = self.constant("bias", &[outputs], bias)?;
        // Of the formats of kernels, the only one in which groups lie among the outputs.
        let conv = Conv { pool_spec, kernel_fmt: KernelFormat::OIHW, group, q_params: None };
        let outlet = self.wire("convolution", conv, &[input, kernel, bias])?;
        let outlet = self.cut(outlet, &layer.output)?;
        self.activation(layer.epilogue.activation().unwrap_or(Activation::None), outlet)
    }
}

/// What lies below and to the right of the input follows from the shapes. Where the output leaves out windows that
/// fit, it is cut afterwards.
pub(super) fn window_spec(window: &Window, from: &Shape, to: &Shape) -> PoolSpec {
    let sides = |shape: &Shape| [shape.height, shape.width].map(usize::from);
    let (input, output) = (sides(from), sides(to));
    let [kernel, stride, pad, dilation] = [window.kernel, window.stride, window.pad, window.dilation]
        .map(|pair| pair.into_iter().map(usize::from).collect::<TVec<usize>>());
    let after = (0..2).map(|axis| {
        let span = (kernel[axis] - 1) * dilation[axis] + 1;
        ((output[axis] - 1) * stride[axis] + span).saturating_sub(input[axis] + pad[axis])
    });
    let after = after.collect();
    PoolSpec {
        data_format: DataFormat::NHWC,
        kernel_shape: kernel,
        padding: PaddingSpec::Explicit(pad, after),
        dilations: Some(dilation),
        strides: Some(stride),
        input_channels: from.channels.into(),
        output_channels: to.channels.into(),
    }
}

/// Where a weight lies among `[groups][ceil(out / 8)][taps][in][8]`; `outputs` and `inputs` are a group's.
fn blocked_place(outputs: usize, inputs: usize, taps: usize) -> impl Fn(usize, usize, usize) -> usize {
    let blocks = outputs.div_ceil(OUTPUT_BLOCK);
    move |output, input, tap| {
        let (group, output) = (output / outputs, output % outputs);
        let (block, lane) = (group * blocks + output / OUTPUT_BLOCK, output % OUTPUT_BLOCK);
        ((block * taps + tap) * inputs + input) * OUTPUT_BLOCK + lane
    }
}

#[cfg(test)]
mod tests {
    use super::blocked_place;

    #[test]
    fn places_in_two_groups_of_nine_outputs() {
        // [groups 2][blocks 2][taps 3][inputs 5][8].
        let place = blocked_place(9, 5, 3);
        assert_eq!(place(0, 0, 0), 0);
        assert_eq!(place(7, 4, 2), (2 * 5 + 4) * 8 + 7);
        assert_eq!(place(8, 1, 0), 3 * 5 * 8 + 8);
        assert_eq!(place(9, 0, 1), 2 * 3 * 5 * 8 + 5 * 8);
    }
}
