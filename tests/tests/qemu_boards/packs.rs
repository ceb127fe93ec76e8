//! The packs that every board runs.

use supple_pack::head::{HeadTask, LabelMeaning, Start};
use supple_pack::op::{Epilogue, Layer, Requantise};
use supple_pack::write::{HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Activation, Element, Op, Shape, Value, Window};

use super::{NUMBERS, SAMPLES, WAY};

const HIDDEN: usize = 6;

/// Numbers that only this sequence has, for the test needs any but the same everywhere.
pub struct Numbers(pub u32);

impl Numbers {
    fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// Within ±1.
    fn float(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.float()).collect()
    }
}

fn value(offset: u32, side: u16, channels: u16, element: Element) -> Value {
    Value::whole(offset, Shape { height: side, width: side, channels }, element)
}

/// A convolution in `f32` and one in `i8`: 8 × 8 to 32 features.
pub fn convolutions() -> TrunkParts {
    let mut numbers = Numbers(0x9e37_79b9);
    let mut weights = numbers.floats(72 + 8);
    // 2 blocks of 4 outputs, 3 rows of 24 inputs: 576 weights within ±8, 4 to a word.
    weights.extend((0..144).map(|_| {
        let bytes = numbers.bits().to_le_bytes().map(|byte| (byte as i8 / 16) as u8);
        f32::from_bits(u32::from_le_bytes(bytes))
    }));
    weights.extend((0..8).map(|_| f32::from_bits(numbers.bits() & 0x3ff)));
    weights.extend((0..8).map(|_| f32::from_bits(0x4000 + (numbers.bits() & 0x3fff))));
    let image = value(0, 8, 1, Element::F32);
    let first = value(64, 4, 8, Element::F32);
    let quantised = value(192, 4, 8, Element::I8);
    let second = value(224, 2, 8, Element::I8);
    let output = value(232, 2, 8, Element::F32);
    let window = Window { kernel: [3, 3], stride: [2, 2], pad: [1, 1], dilation: [1, 1] };
    let relu = Epilogue::Float(Activation::Relu);
    let requantise = Epilogue::Int8(Requantise {
        multipliers: 232,
        shift: 20,
        input_zero: -3,
        output_zero: 5,
        low: -128,
        high: 127,
    });
    let layer = |input, output, weights, bias, epilogue| Layer { input, output, weights, bias, epilogue };
    let ops = vec![
        Op::Convolution { layer: layer(image, first, 0, 72, relu), window, groups: 1 },
        Op::Quantise { input: first, output: quantised, inverse_scale: 40.0, zero: -3 },
        Op::Convolution { layer: layer(quantised, second, 80, 224, requantise), window, groups: 1 },
        Op::Dequantise { input: second, output, scale: 0.0173, zero: 5 },
    ];
    TrunkParts { name: "boards".to_owned(), input: image, output, arena: 264, ops, weights }
}

/// A trunk of no operations: its input is the feature vector.
pub fn nothing() -> TrunkParts {
    let features =
        Value::whole(0, Shape { height: 1, width: 1, channels: super::FEATURES as u16 }, Element::F32);
    TrunkParts {
        name: "features".to_owned(),
        input: features,
        output: features,
        arena: super::FEATURES as u32,
        ops: Vec::new(),
        weights: Vec::new(),
    }
}

/// Three heads of as many kinds on one trunk: linear for classes; with a hidden layer, from prototypes, with momentum;
/// for numbers.
pub fn packed(trunk: &TrunkParts, cache: Element) -> Vec<u8> {
    let mut numbers = Numbers(0x1234_5678);
    let mut head = |name: &str, hidden: usize, outputs: usize, task: HeadTask| {
        let inputs = if hidden == 0 { super::FEATURES } else { hidden };
        let count = hidden * (super::FEATURES + 1) + outputs * (inputs + 1);
        let layers = if hidden == 0 { 1 } else { 2 };
        HeadParts {
            name: name.to_owned(),
            trunk: trunk_hash(trunk),
            data: [0; 16],
            hidden: hidden as u16,
            capacity: outputs as u16,
            max_support: SAMPLES as u16,
            cache,
            task,
            start: Start::Learned,
            momentum: 0.0,
            parameters: numbers.floats(count),
            rates: [[0.11, 0.23], [0.07, 0.13]].map(|rates| vec![rates; layers]).to_vec(),
        }
    };
    let classes = head("classes", 0, WAY + 1, HeadTask::Classes(LabelMeaning::Fresh));
    let hidden = HeadParts {
        start: Start::Prototypes { temperature: 0.4 },
        momentum: 0.6,
        ..head("hidden", HIDDEN, WAY, HeadTask::Classes(LabelMeaning::Kept))
    };
    let numbers = head("numbers", 0, NUMBERS, HeadTask::Numbers);
    pack(trunk, &[classes, hidden, numbers]).expect("a sound pack")
}
