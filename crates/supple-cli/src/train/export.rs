//! A training's state as an ONNX trunk and a head.

use std::ops::Range;

use supple_meta::head_file::{Answers, HeadFile, HeadStart, trunk_digest};
use supple_meta::model::network::Layer as TrunkLayer;
use supple_meta::model::normalisation::EPSILON;
use supple_meta::model::{Block, HeadShape, Network, Parameters, block::Geometry};
use supple_meta::multitask::batch::TargetScale;
use supple_meta::multitask::model::TaskHead;
use supple_meta::multitask::{MultiTaskTrainer, TaskHeadRecipe};
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
    let (learner, recipe) = (trainer.learner(), trainer.recipe());
    let answers = match (trainer.is_regression(), recipe.task.kind) {
        (true, _) => Answers::Numbers,
        (false, Kind::NewClasses) => Answers::NewClasses,
        (false, Kind::NewDomain) => Answers::KeptClasses,
    };
    Some(HeadFile {
        name: recipe.head.name.clone(),
        trunk: trunk_digest(onnx),
        data: trainer.set().fingerprint(),
        answers,
        hidden: u16::try_from(learner.head.hidden).ok()?,
        capacity: u16::try_from(learner.head.outputs).ok()?,
        max_support: u16::try_from(recipe.head.max_support).ok()?,
        cache: recipe.head.cache,
        start: trainer.head_start(),
        momentum: trainer.algorithm().momentum() as f32,
        parameters: layers(&learner.parameters, learner.head_range(), &trainer.state().learned),
        rates,
        plan,
    })
}

/// The heads of a joint training that shares one trunk. Steps are plain ones of the recipe's size from the trained
/// values; outputs are in the labels' unit.
pub fn joint_heads(trainer: &MultiTaskTrainer, onnx: &[u8]) -> Vec<HeadFile> {
    let (model, recipe) = (trainer.model(), trainer.recipe());
    if model.trunks.len() != 1 {
        return Vec::new();
    }
    let head = |(task, (head, own)): (usize, (&TaskHead, &TaskHeadRecipe))| {
        let classifies = head.loss.classifies();
        let mut parameters = layers(&model.parameters, model.head_range(task), &trainer.state().parameters);
        if !classifies {
            restore(&mut parameters, head.shape, trainer.target_scale(task));
        }
        let rate = own.inner_learning_rate as f32;
        Some(HeadFile {
            name: head.task.clone(),
            trunk: trunk_digest(onnx),
            data: trainer.set().fingerprint(),
            answers: if classifies { Answers::KeptClasses } else { Answers::Numbers },
            hidden: u16::try_from(head.shape.hidden).ok()?,
            capacity: u16::try_from(head.shape.outputs).ok()?,
            max_support: recipe.device.max_support,
            cache: recipe.device.cache,
            start: HeadStart::Learned,
            momentum: 0.0,
            parameters,
            rates: vec![vec![[rate; 2]; head.shape.parameters() / 2]; own.steps.into()],
            plan: None,
        })
    };
    model.heads.iter().zip(&recipe.heads).enumerate().filter_map(head).collect()
}

/// The layers of a head, weights by rows. Training has them by columns.
fn layers(parameters: &Parameters, of_head: Range<usize>, values: &[f32]) -> Vec<f32> {
    let mut all = Vec::new();
    for index in of_head {
        let parameter = parameters.get(index);
        let columns = &values[parameter.range()];
        let at = |place: usize| place % parameter.columns * parameter.rows + place / parameter.columns;
        all.extend((0..columns.len()).map(|place| columns[at(place)]));
    }
    all
}

/// Makes the scale of the labels part of a head's last layer. The size of a step stays right: errors, and what a step
/// is to change, both grow by the deviation.
fn restore(parameters: &mut [f32], shape: HeadShape, scale: &TargetScale) {
    let inputs = if shape.hidden > 0 { shape.hidden } else { shape.features };
    let last = parameters.len() - shape.outputs * (inputs + 1);
    let (weights, bias) = parameters[last..].split_at_mut(shape.outputs * inputs);
    for (output, (row, bias)) in weights.chunks_exact_mut(inputs).zip(bias).enumerate() {
        row.iter_mut().for_each(|weight| *weight *= scale.deviation[output]);
        *bias = scale.restore(output, *bias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_written_by_rows_and_in_the_labels_unit() {
        let shape = HeadShape { features: 3, hidden: 2, outputs: 2 };
        let mut parameters = Parameters::default();
        let first = shape.add("head", &mut parameters);
        let values: Vec<f32> = (0..14).map(|value| value as f32).collect();
        let mut found = layers(&parameters, first..first + 4, &values);
        // [2 rows, 3 columns] by columns; a bias of 2; [2, 2]; a bias of 2.
        assert_eq!(found, [0., 2., 4., 1., 3., 5., 6., 7., 8., 10., 9., 11., 12., 13.]);
        restore(&mut found, shape, &TargetScale { mean: vec![100.0, 1.0], deviation: vec![10.0, 2.0] });
        assert_eq!(found, [0., 2., 4., 1., 3., 5., 6., 7., 80., 100., 18., 22., 220., 27.]);
    }
}
