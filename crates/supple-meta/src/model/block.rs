//! Blocks of a trunk, as a recipe names them.

use serde::{Deserialize, Serialize};
use supple_data::SampleShape;

use crate::graph::Window;

/// A number for both axes, or one each: height, then width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Pair {
    /// For both axes.
    Both(usize),
    /// Height and width.
    Each([usize; 2]),
}

impl Pair {
    /// Height and width. A single number leaves the axis of a signal, whose height is 1, at `neutral`.
    fn along(self, height: usize, neutral: usize) -> [usize; 2] {
        match self {
            Self::Both(value) if height == 1 => [neutral, value],
            Self::Both(value) => [value, value],
            Self::Each(pair) => pair,
        }
    }
}

/// One block of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum Block {
    /// A convolution, batch normalisation, relu.
    Convolution {
        /// Output channels.
        channels: usize,
        /// Height and width of the kernel. A single number is the length along a signal.
        kernel: Pair,
        /// Stride.
        #[serde(default = "one")]
        stride: Pair,
        /// Padding on every side.
        #[serde(default = "zero")]
        padding: Pair,
        /// Whether a relu ends the block.
        #[serde(default = "yes")]
        relu: bool,
        /// Whether batch normalisation follows the convolution; otherwise a bias is added.
        #[serde(default = "yes")]
        batch_norm: bool,
        /// Whether each channel has a kernel of its own; `channels` must be those of the input.
        #[serde(default)]
        depthwise: bool,
    },
    /// A fully connected layer over all values.
    Dense {
        /// Outputs.
        dense: usize,
        /// Whether a relu ends the block.
        #[serde(default = "yes")]
        relu: bool,
        /// Whether batch normalisation follows the layer; otherwise a bias is added.
        #[serde(default)]
        batch_norm: bool,
    },
    /// The largest value under each window.
    MaxPool {
        /// Height and width of the window.
        max_pool: Pair,
        /// Stride; by default the window's size.
        #[serde(default)]
        stride: Option<Pair>,
    },
    /// The mean over all pixels.
    Mean {
        /// Must be true.
        mean: bool,
    },
}

fn one() -> Pair {
    Pair::Both(1)
}
fn zero() -> Pair {
    Pair::Both(0)
}
fn yes() -> bool {
    true
}

/// Why blocks make no trunk.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BlockError {
    /// There is none.
    #[error("a trunk needs at least one block")]
    Empty,
    /// A number is zero or beyond any small board.
    #[error("block {block} of the trunk: {what} must be within {least}..={most}, but is {value}")]
    OutOfRange {
        /// Counted from 1.
        block: usize,
        /// The key.
        what: &'static str,
        /// Allowed from.
        least: usize,
        /// Allowed to.
        most: usize,
        /// As given.
        value: usize,
    },
    /// The kernel does not fit.
    #[error(
        "block {block} of the trunk: a kernel of {kernel:?} does not fit an input of {input:?} with padding {padding:?}"
    )]
    KernelTooLarge {
        /// Counted from 1.
        block: usize,
        /// As given.
        kernel: [usize; 2],
        /// Height and width of the block's input.
        input: [usize; 2],
        /// As given.
        padding: [usize; 2],
    },
    /// A depthwise block changes the number of channels.
    #[error(
        "block {block} of the trunk: a depthwise convolution keeps the {input} channels of its input, not {channels}"
    )]
    Depthwise {
        /// Counted from 1.
        block: usize,
        /// Of the input.
        input: usize,
        /// As given.
        channels: usize,
    },
}

/// What a block does to a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geometry {
    /// A window over images.
    Window(Window),
    /// All values of an image.
    Whole,
}

impl Block {
    /// Its geometry on an input, and the shape it leaves. `number` is counted from 1.
    pub fn on(&self, input: SampleShape, number: usize) -> Result<(Geometry, SampleShape), BlockError> {
        match *self {
            Self::Convolution { channels, kernel, stride, padding, depthwise, .. } => {
                let pairs = (
                    kernel.along(input.height, 1),
                    stride.along(input.height, 1),
                    padding.along(input.height, 0),
                );
                in_range(number, "channels", channels, 1, 1024)?;
                if depthwise && channels != input.channels {
                    return Err(BlockError::Depthwise { block: number, input: input.channels, channels });
                }
                let window = window(input, pairs, number)?;
                let [height, width] = window.output();
                Ok((Geometry::Window(window), SampleShape { height, width, channels }))
            }
            Self::MaxPool { max_pool, stride } => {
                let kernel = max_pool.along(input.height, 1);
                let stride = stride.map_or(kernel, |stride| stride.along(input.height, 1));
                let window = window(input, (kernel, stride, [0, 0]), number)?;
                let [height, width] = window.output();
                Ok((Geometry::Window(window), SampleShape { height, width, channels: input.channels }))
            }
            Self::Dense { dense, .. } => {
                in_range(number, "dense", dense, 1, 4096)?;
                Ok((Geometry::Whole, SampleShape::vector(dense)))
            }
            Self::Mean { .. } => Ok((Geometry::Whole, SampleShape::vector(input.channels))),
        }
    }

    /// Whether batch normalisation is part of it.
    pub fn batch_norm(&self) -> bool {
        matches!(self, Self::Convolution { batch_norm: true, .. } | Self::Dense { batch_norm: true, .. })
    }

    /// Whether a relu ends it.
    pub fn relu(&self) -> bool {
        matches!(self, Self::Convolution { relu: true, .. } | Self::Dense { relu: true, .. })
    }
}

fn in_range(
    block: usize,
    what: &'static str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<(), BlockError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(BlockError::OutOfRange { block, what, least, most, value })
    }
}

fn window(
    input: SampleShape,
    (kernel, stride, padding): ([usize; 2], [usize; 2], [usize; 2]),
    block: usize,
) -> Result<Window, BlockError> {
    let size = [input.height, input.width];
    for axis in 0..2 {
        in_range(block, "kernel", kernel[axis], 1, 64)?;
        in_range(block, "stride", stride[axis], 1, 64)?;
        in_range(block, "padding", padding[axis], 0, kernel[axis] - 1)?;
        if size[axis] + 2 * padding[axis] < kernel[axis] {
            return Err(BlockError::KernelTooLarge { block, kernel, input: size, padding });
        }
    }
    Ok(Window { input: size, channels: input.channels, kernel, stride, padding })
}
