//! A training's state as an ONNX trunk and a head.

use supple_meta::head_file::{HeadFile, trunk_digest};
use supple_meta::model::network::Layer as TrunkLayer;
use supple_meta::model::normalisation::EPSILON;
use supple_meta::model::{Block, Network, Parameters, block::Geometry};
use supple_meta::recipe::Kind;
use supple_meta::standardise::Standardise;
use supple_meta::trainer::Trainer;
use supple_trunk::{Layer, Model, to_onnx};

/// Why a training cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The trunk cannot be written as ONNX.
    #[error(transparent)]
    Onnx(#[from] supple_trunk::ExportError),
}

/// A trained trunk.
#[derive(Debug, Clone, Copy)]
pub struct TrunkView<'a> {
    /// Its blocks.
    pub network: &'a Network,
    /// The parameters that the blocks refer to.
    pub parameters: &'a Parameters,
    /// Their values; more may follow.
    pub values: &'a [f32],
    /// Fixed statistics of batch normalisation: layer after layer mean, then variance.
    pub statistics: &'a [f32],
    /// What inputs go through first.
    pub standardise: Option<&'a Standardise>,
}

impl<'a> TrunkView<'a> {
    /// Of a meta-training.
    pub fn of(trainer: &'a Trainer) -> Self {
        Self {
            network: &trainer.learner().network,
            parameters: &trainer.learner().parameters,
            values: &trainer.state().learned,
            statistics: &trainer.state().statistics,
            standardise: trainer.standardise(),
        }
    }
}

/// The trunk as the bytes of an ONNX file, batch normalisation with its fixed statistics.
pub fn trunk(view: &TrunkView) -> Result<Vec<u8>, ExportError> {
    let network = view.network;
    let input = network.input();
    let mut layers = Vec::new();
    let mut statistics = view.statistics;
    let mut vector = false;
    for (index, layer) in network.layers().iter().enumerate() {
        let standardise = view.standardise.filter(|_| index == 0);
        push(&mut layers, view, layer, &mut statistics, &mut vector, standardise);
    }
    if !vector {
        layers.extend([Layer::GlobalAveragePool, Layer::Flatten]);
    }
    let input = [input.channels, input.height, input.width];
    Ok(to_onnx(&Model { name: "trunk".to_owned(), input, layers })?)
}

fn push(
    layers: &mut Vec<Layer>,
    view: &TrunkView,
    layer: &TrunkLayer,
    statistics: &mut &[f32],
    vector: &mut bool,
    standardise: Option<&Standardise>,
) {
    let values = |index: usize| &view.values[view.parameters.get(layer.first_parameter + index).range()];
    let (inputs, outputs) = (layer.input, layer.output.channels);
    let mut normalise = |weights: &mut Vec<f32>, bias: &mut Vec<f32>| {
        let Some((mean, rest)) = statistics.split_at_checked(outputs) else { return };
        let (variance, rest) = rest.split_at(outputs);
        *statistics = rest;
        // Of a dense layer, batch normalisation becomes part of the weights.
        let columns = weights.len() / outputs;
        for out in 0..outputs {
            let factor = values(1)[out] / (variance[out] + EPSILON as f32).sqrt();
            weights[out * columns..][..columns].iter_mut().for_each(|w| *w *= factor);
            bias[out] = (bias[out] - mean[out]) * factor + values(2)[out];
        }
    };
    match (layer.block, layer.geometry) {
        (Block::Convolution { depthwise, .. }, Geometry::Window(window)) => {
            let taps = window.taps();
            let batch_norm = layer.block.batch_norm();
            let bias = (!batch_norm).then(|| values(1).to_vec());
            let (kernel, stride) = (window.kernel, window.stride);
            let padding = [window.padding[0], window.padding[1], window.padding[0], window.padding[1]];
            layers.push(if depthwise {
                // Ours lie [kernel row][kernel column][channel], ONNX wants the channel first.
                let ordered = (0..outputs * taps).map(|i| values(0)[i % taps * outputs + i / taps]);
                Layer::Depthwise2d {
                    weights: ordered.collect(),
                    bias,
                    channels: outputs,
                    kernel,
                    stride,
                    padding,
                }
            } else {
                // Ours lie [kernel row][kernel column][in][out], ONNX wants [out][in][kernel row][kernel column].
                let at =
                    |out: usize, input: usize, tap: usize| (tap * inputs.channels + input) * outputs + out;
                let ordered = (0..outputs * inputs.channels * taps).map(|i| {
                    values(0)[at(i / (inputs.channels * taps), i / taps % inputs.channels, i % taps)]
                });
                Layer::Conv2d {
                    weights: ordered.collect(),
                    bias,
                    input_channels: inputs.channels,
                    output_channels: outputs,
                    kernel,
                    stride,
                    padding,
                }
            });
            if batch_norm {
                let (mean, rest) = statistics.split_at(outputs);
                let (variance, rest) = rest.split_at(outputs);
                *statistics = rest;
                layers.push(Layer::BatchNormalization {
                    scale: values(1).to_vec(),
                    shift: values(2).to_vec(),
                    mean: mean.to_vec(),
                    variance: variance.to_vec(),
                    epsilon: EPSILON as f32,
                });
            }
        }
        (Block::MaxPool { .. }, Geometry::Window(window)) => {
            layers.push(Layer::MaxPool { kernel: window.kernel, stride: window.stride, padding: [0; 4] });
        }
        (Block::Mean { .. }, _) => {
            layers.extend([Layer::GlobalAveragePool, Layer::Flatten]);
            *vector = true;
        }
        _ => {
            if !*vector {
                layers.push(Layer::Flatten);
                *vector = true;
            }
            let (pixels, length) = (inputs.height * inputs.width, inputs.len());
            // Ours read pixel after pixel, ONNX's flat images channel after channel.
            let from = |column: usize| column % pixels * inputs.channels + column / pixels;
            let mut weights: Vec<f32> =
                (0..outputs * length).map(|i| values(0)[from(i % length) * outputs + i / length]).collect();
            let mut bias = if layer.block.batch_norm() { vec![0.0; outputs] } else { values(1).to_vec() };
            if let Some(Standardise { mean, factor }) = standardise {
                for (out, bias) in bias.iter_mut().enumerate() {
                    for (column, weight) in weights[out * length..][..length].iter_mut().enumerate() {
                        let channel = column / pixels;
                        *weight *= factor[channel];
                        *bias -= *weight * mean[channel];
                    }
                }
            }
            if layer.block.batch_norm() {
                normalise(&mut weights, &mut bias);
            }
            layers.push(Layer::Dense { weights, bias });
        }
    }
    if layer.block.relu() {
        layers.push(Layer::Relu);
    }
}

/// The head, tied to the trunk's file, the plan if it is quantised, and the data; none where no device could adapt it.
pub fn head(trainer: &Trainer, onnx: &[u8], plan: Option<[u8; 16]>) -> Option<HeadFile> {
    if !trainer.recipe().head.on_device {
        return None;
    }
    let rates = trainer.head_rates()?;
    let (learner, learned) = (trainer.learner(), &trainer.state().learned);
    let head = &trainer.recipe().head;
    let range = learner.head_range();
    let (weights, bias) = (learner.parameters.get(range.start), learner.parameters.get(range.start + 1));
    let columns = &learned[weights.range()];
    // A recipe's check keeps both within 16 bits.
    let short = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    Some(HeadFile {
        name: head.name.clone(),
        trunk: trunk_digest(onnx),
        data: trainer.set().fingerprint(),
        capacity: short(head.capacity),
        max_support: short(head.max_support),
        weights: (0..weights.len())
            .map(|i| columns[i % weights.columns * weights.rows + i / weights.columns])
            .collect(),
        bias: learned[bias.range()].to_vec(),
        rates,
        plan,
        labels_keep_meaning: trainer.recipe().task.kind == Kind::NewDomain,
    })
}
