//! A trunk from elsewhere as the start of a training: the plan that its ONNX file compiles to, as blocks.

use std::path::{Path, PathBuf};

use supple_data::SampleShape;
use supple_meta::model::{Block, Pair};
use supple_meta::trainer::TrunkStart;
use supple_pack::op::{Activation, Function, Layer, OUTPUT_BLOCK, Op, Shape, Value, Window};
use supple_trunk::Compiled;

use crate::arguments::Patience;
use crate::compile::{ModelError, model};
use crate::files::{self, FileError};

/// Why a model is no start.
#[derive(Debug, thiserror::Error)]
pub enum OnnxStartError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was not compiled.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A plan that training has no block for.
    #[error(
        "{path}: operation {operation} ({problem}) has no counterpart in training: use the trunk frozen elsewhere, or another start"
    )]
    Operation {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        operation: usize,
        /// What it is.
        problem: &'static str,
    },
}

/// Reads a trunk.
pub fn start(path: &Path) -> Result<TrunkStart, OnnxStartError> {
    let onnx = files::read(path)?;
    let Compiled { parts, .. } = model(path, &onnx, "start".to_owned(), Patience::default())?;
    let shape = |Shape { height, width, channels }: Shape| SampleShape {
        height: height.into(),
        width: width.into(),
        channels: channels.into(),
    };
    let mut start = TrunkStart { input: shape(parts.input.shape), blocks: Vec::new(), values: Vec::new() };
    for (index, op) in parts.ops.iter().enumerate() {
        let refused =
            |problem| OnnxStartError::Operation { path: path.to_owned(), operation: index + 1, problem };
        let values = |at: u32, count: usize| parts.weights.get(at as usize..).and_then(|w| w.get(..count));
        match op {
            Op::Convolution { layer, window, groups: 1 } if window.dilation == [1, 1] => {
                let channels = usize::from(layer.output.shape.channels);
                let row = taps(window) * usize::from(layer.input.shape.channels);
                push(&mut start, values, (layer.weights, layer.bias), (channels, row))
                    .ok_or(refused("weights"))?;
                start.blocks.push(convolution(layer, window, false).map_err(refused)?);
            }
            Op::Depthwise { layer, window }
                if window.dilation == [1, 1] && layer.input.shape.channels == layer.output.shape.channels =>
            {
                let channels = usize::from(layer.output.shape.channels);
                // Tap after tap in a plan as in training.
                let weights = values(layer.weights, channels * taps(window)).ok_or(refused("weights"))?;
                let bias = values(layer.bias, channels).ok_or(refused("weights"))?;
                start.values.extend(weights.iter().chain(bias));
                start.blocks.push(convolution(layer, window, true).map_err(refused)?);
            }
            Op::Dense { layer } => {
                let dense = usize::from(layer.output.shape.channels);
                let row = shape(layer.input.shape).len();
                push(&mut start, values, (layer.weights, layer.bias), (dense, row))
                    .ok_or(refused("weights"))?;
                let relu = relu(layer).ok_or(refused("another activation than relu"))?;
                start.blocks.push(Block::Dense { dense, relu, batch_norm: false });
            }
            Op::MaxPool { input, output, window } => {
                if padding(input, output, window) != Some([0, 0]) || window.dilation != [1, 1] {
                    return Err(refused("a padded or dilated max pool"));
                }
                start.blocks.push(Block::MaxPool {
                    max_pool: pair(window.kernel),
                    stride: Some(pair(window.stride)),
                });
            }
            Op::GlobalAverage { .. } => start.blocks.push(Block::Mean { mean: true }),
            Op::Unary { function: Function::Activation(Activation::Relu), .. } => match start
                .blocks
                .last_mut()
            {
                Some(Block::Convolution { relu, .. } | Block::Dense { relu, .. }) if !*relu => *relu = true,
                _ => return Err(refused("a relu of its own")),
            },
            // Says how the next ones run, not what they do.
            Op::Rows { .. } => {}
            _ => return Err(refused("no layer that can be trained further")),
        }
    }
    Ok(start)
}

fn taps(window: &Window) -> usize {
    window.kernel.iter().map(|k| usize::from(*k)).product()
}

/// The block that a convolution of a plan is, or what it has that no block has.
fn convolution(layer: &Layer, window: &Window, depthwise: bool) -> Result<Block, &'static str> {
    let padding = padding(&layer.input, &layer.output, window).ok_or("padding that differs by side")?;
    Ok(Block::Convolution {
        channels: layer.output.shape.channels.into(),
        kernel: pair(window.kernel),
        stride: pair(window.stride),
        padding: Pair::Each(padding),
        relu: relu(layer).ok_or("another activation than relu")?,
        batch_norm: false,
        depthwise,
    })
}

fn relu(layer: &Layer) -> Option<bool> {
    match layer.epilogue.activation()? {
        Activation::None => Some(false),
        Activation::Relu => Some(true),
        Activation::Clip { .. } => None,
    }
}

fn pair(values: [u8; 2]) -> Pair {
    Pair::Each(values.map(usize::from))
}

/// The same on both sides of each axis, if that gives the output.
fn padding(input: &Value, output: &Value, window: &Window) -> Option<[usize; 2]> {
    let sizes = [(input.shape.height, output.shape.height), (input.shape.width, output.shape.width)];
    let mut padding = [0; 2];
    for (axis, (from, to)) in sizes.into_iter().enumerate() {
        let [kernel, stride, pad] =
            [window.kernel[axis], window.stride[axis], window.pad[axis]].map(usize::from);
        let size = (usize::from(from) + 2 * pad).checked_sub(kernel)? / stride + 1;
        if size != usize::from(to) {
            return None;
        }
        padding[axis] = pad;
    }
    Some(padding)
}

/// Weights come in blocks of outputs, see [`supple_pack::op`]; training has them column-major, `[outputs, row]`.
fn push<'w>(
    start: &mut TrunkStart,
    values: impl Fn(u32, usize) -> Option<&'w [f32]>,
    (weights, bias): (u32, u32),
    (outputs, row): (usize, usize),
) -> Option<()> {
    let blocked = values(weights, outputs.next_multiple_of(OUTPUT_BLOCK) * row)?;
    let bias = values(bias, outputs)?;
    let at = |output: usize, tap: usize| {
        blocked[(output / OUTPUT_BLOCK * row + tap) * OUTPUT_BLOCK + output % OUTPUT_BLOCK]
    };
    start.values.extend((0..row * outputs).map(|i| at(i % outputs, i / outputs)));
    start.values.extend(bias);
    Some(())
}
