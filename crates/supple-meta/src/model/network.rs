//! A chain of blocks.

use supple_data::SampleShape;

use super::block::{Block, BlockError, Geometry};
use super::normalisation;
use super::parameter::{Initial, Parameters};
use crate::graph::{Graph, Node, Part};

/// A block in its place.
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    /// As the recipe has it.
    pub block: Block,
    /// Its geometry.
    pub geometry: Geometry,
    /// The shape it reads.
    pub input: SampleShape,
    /// The shape it leaves.
    pub output: SampleShape,
    /// Index of its first parameter: weights, then scale and shift (with batch normalisation) or a bias.
    pub first_parameter: usize,
    /// How many parameters it has.
    pub parameters: usize,
}

/// A chain of blocks. Where the last leaves an image, its mean over the pixels is taken.
#[derive(Debug, Clone)]
pub struct Network {
    layers: Vec<Layer>,
    input: SampleShape,
    smooth: bool,
}

/// What batch normalisation goes by.
#[derive(Debug, Clone)]
pub enum Statistics {
    /// The batch's own.
    Batch,
    /// Fixed ones: mean and variance of each layer that has batch normalisation, each `[channels, 1]`.
    Fixed(Vec<(Node, Node)>),
}

/// The features of a batch.
#[derive(Debug, Clone)]
pub struct Forward {
    /// `[features, samples]`; or of an unfinished chain, `[channels, samples · pixels]`.
    pub output: Node,
    /// Mean and variance of the batch, of each layer that has batch normalisation; none when they were fixed.
    pub statistics: Vec<(Node, Node)>,
}

impl Network {
    /// A chain on inputs of a shape; its parameters are added to `parameters`.
    pub fn new(
        input: SampleShape,
        blocks: &[Block],
        parameters: &mut Parameters,
    ) -> Result<Self, BlockError> {
        if blocks.is_empty() {
            return Err(BlockError::Empty);
        }
        let mut layers = Vec::with_capacity(blocks.len());
        let mut shape = input;
        for (index, block) in blocks.iter().enumerate() {
            let number = index + 1;
            let (geometry, output) = block.on(shape, number)?;
            let first_parameter = parameters.list().len();
            let sizes = match (block, geometry) {
                (Block::Convolution { channels, depthwise: false, .. }, Geometry::Window(window)) => {
                    Some((*channels, window.patch(), window.patch()))
                }
                (Block::Convolution { channels, .. }, Geometry::Window(window)) => {
                    Some((*channels, window.taps(), window.taps()))
                }
                (Block::Dense { dense, .. }, _) => Some((*dense, shape.len(), shape.len())),
                _ => None,
            };
            if let Some((rows, columns, fan_in)) = sizes {
                // He et al. 2015 before a relu; without one, half the variance (LeCun et al. 1998).
                let gain = if block.relu() { 2.0 } else { 1.0 };
                let deviation = (gain / fan_in as f32).sqrt();
                parameters.push(format!("block{number}.weights"), rows, columns, Initial::Normal(deviation));
                if block.batch_norm() {
                    parameters.push(format!("block{number}.scale"), rows, 1, Initial::Constant(1.0));
                    parameters.push(format!("block{number}.shift"), rows, 1, Initial::Constant(0.0));
                } else {
                    parameters.push(format!("block{number}.bias"), rows, 1, Initial::Constant(0.0));
                }
            }
            let count = parameters.list().len() - first_parameter;
            layers.push(Layer {
                block: *block,
                geometry,
                input: shape,
                output,
                first_parameter,
                parameters: count,
            });
            shape = output;
        }
        Ok(Self { layers, input, smooth: false })
    }

    /// No blocks: inputs are features already.
    pub fn of_features(features: usize) -> Self {
        Self { layers: Vec::new(), input: SampleShape::vector(features), smooth: false }
    }

    /// Puts tanh in place of every relu: for comparing derivatives, which kinks would spoil. No device runs it.
    pub fn make_smooth(&mut self) {
        self.smooth = true;
    }

    /// Its blocks, first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The shape of an input.
    pub fn input(&self) -> SampleShape {
        self.input
    }

    /// Length of a feature vector.
    pub fn features(&self) -> usize {
        self.layers.last().map_or(self.input.channels, |layer| layer.output.channels)
    }

    /// Multiply-accumulates for one input, padding counted.
    pub fn macs(&self) -> usize {
        let of = |layer: &Layer| match (layer.block, layer.geometry) {
            (Block::Convolution { channels, depthwise, .. }, Geometry::Window(window)) => {
                let taps = if depthwise { window.taps() } else { window.patch() };
                window.positions() * channels * taps
            }
            (Block::Dense { dense, .. }, _) => dense * layer.input.len(),
            _ => 0,
        };
        self.layers.iter().map(of).sum()
    }

    /// Channels of each layer that has batch normalisation.
    pub fn normalised_channels(&self) -> Vec<usize> {
        let normalised = self.layers.iter().filter(|layer| layer.block.batch_norm());
        normalised.map(|layer| layer.output.channels).collect()
    }

    /// The features of a batch. `x` is `[channels, samples · pixels]`, `parameters` a node for each parameter.
    pub fn forward(
        &self,
        graph: &mut Graph,
        parameters: &[Node],
        x: Node,
        statistics: &Statistics,
    ) -> Forward {
        self.forward_part(graph, parameters, x, statistics, 0, self.layers.len())
    }

    /// The layers from `first` up to, without, `end`; `x` is what the layer before leaves.
    pub fn forward_part(
        &self,
        graph: &mut Graph,
        parameters: &[Node],
        x: Node,
        statistics: &Statistics,
        first: usize,
        end: usize,
    ) -> Forward {
        let mut used = self.layers[..first].iter().filter(|layer| layer.block.batch_norm()).count();
        let mut found = Vec::new();
        let mut x = x;
        for layer in &self.layers[first..end] {
            let own = &parameters[layer.first_parameter..layer.first_parameter + layer.parameters];
            let before = layer.input;
            x = match (layer.block, layer.geometry) {
                (Block::Convolution { depthwise: false, .. }, Geometry::Window(window)) => {
                    graph.convolution(window, Part::Output, x, own[0])
                }
                (Block::Convolution { .. }, Geometry::Window(window)) => {
                    graph.depthwise(window, Part::Output, x, own[0])
                }
                (Block::MaxPool { .. }, Geometry::Window(window)) => graph.max_pool(window, x),
                (Block::Mean { .. }, _) => mean_over_pixels(graph, x, before.height * before.width),
                _ => {
                    let (rows, columns) = graph.shape(x);
                    let flat = graph.reshape(x, before.len(), rows * columns / before.len());
                    graph.product(own[0], flat)
                }
            };
            if layer.block.batch_norm() {
                // With one column a step (`Learner::widen_batch_norm`), the first, unless a step's own was chosen.
                let (scale, shift) = (graph.columns(own[1], 0, 1), graph.columns(own[2], 0, 1));
                x = match statistics {
                    Statistics::Batch => {
                        let normalised = normalisation::of_batch(graph, x, scale, shift);
                        found.push((normalised.mean, normalised.variance));
                        normalised.output
                    }
                    Statistics::Fixed(all) => normalisation::by_fixed(graph, x, all[used], scale, shift),
                };
                used += 1;
            } else if own.len() == 2 {
                x = graph.add(x, own[1]);
            }
            if layer.block.relu() {
                x = if self.smooth { graph.tanh(x) } else { graph.relu(x) };
            }
        }
        if end == self.layers.len()
            && let Some(Layer { output: last, .. }) = self.layers.last()
        {
            x = mean_over_pixels(graph, x, last.height * last.width);
        }
        Forward { output: x, statistics: found }
    }
}

fn mean_over_pixels(graph: &mut Graph, x: Node, pixels: usize) -> Node {
    let sum = graph.sum_groups(x, pixels);
    graph.scale(sum, 1.0 / pixels as f64)
}
