//! A training's state as an ONNX trunk and a head.

use supple_data::Drawings;
use supple_data::render::INPUT_SIDE;
use supple_meta::head_file::{HeadFile, trunk_digest};
use supple_meta::trainer::Trainer;
use supple_meta::trunk::batch_norm::EPSILON;
use supple_trunk::{ExportError, Layer, Model, to_onnx};

/// The trunk as the bytes of an ONNX file, batch normalisation with its fixed statistics.
pub fn trunk(trainer: &Trainer) -> Result<Vec<u8>, ExportError> {
    let state = trainer.state();
    let parameters = trainer.layout().trunk(&state.learned);
    let mut layers = Vec::new();
    for (block, statistics) in trainer.trunk().blocks().iter().zip(&state.statistics) {
        let geometry = &block.convolution;
        let (weights, scale, shift) = block.parameters(parameters);
        let (inputs, outputs, side) = (geometry.input_channels, geometry.output_channels, geometry.kernel);
        // Ours lie [kernel row][kernel column][in][out], ONNX wants [out][in][kernel row][kernel column].
        let at = |out: usize, input: usize, tap: usize| (tap * inputs + input) * outputs + out;
        let taps = side * side;
        let ordered = (0..outputs * inputs * taps)
            .map(|i| weights[at(i / (inputs * taps), i / taps % inputs, i % taps)]);
        layers.push(Layer::Conv2d {
            weights: ordered.collect(),
            bias: None,
            input_channels: inputs,
            output_channels: outputs,
            kernel: [side; 2],
            stride: [geometry.stride; 2],
            padding: [geometry.padding; 4],
        });
        layers.push(Layer::BatchNormalization {
            scale: scale.to_vec(),
            shift: shift.to_vec(),
            mean: statistics.mean.clone(),
            variance: statistics.variance.clone(),
            epsilon: EPSILON as f32,
        });
        if block.relu {
            layers.push(Layer::Relu);
        }
    }
    layers.extend([Layer::GlobalAveragePool, Layer::Flatten]);
    to_onnx(&Model { name: "trunk".to_owned(), input: [1, INPUT_SIDE, INPUT_SIDE], layers })
}

/// The head, tied to the trunk's file and the data.
pub fn head(trainer: &Trainer, set: &Drawings, onnx: &[u8]) -> HeadFile {
    let (layout, learned) = (trainer.layout(), &trainer.state().learned);
    let head = &trainer.recipe().head;
    // A recipe's check keeps both within 16 bits.
    let short = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    HeadFile {
        name: head.name.clone(),
        trunk: trunk_digest(onnx),
        data: set.fingerprint(),
        capacity: short(head.capacity),
        max_support: short(head.max_support),
        weights: layout.head_weights(learned).to_vec(),
        bias: layout.head_bias(learned).to_vec(),
        rates: layout.rates(learned).iter().map(|rates| [rates.weights, rates.bias]).collect(),
    }
}
