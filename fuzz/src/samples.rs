//! Small sound packs.

use supple_pack::head::{HeadTask, LabelMeaning, Start};
use supple_pack::op::{Epilogue, Function, Layer, Operand, Operation, Requantise, Rescale, Walk};
use supple_pack::write::{HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Activation, Element, Op, Shape, Value, Window};

/// Weights of every sample: enough for any of its operations.
const WEIGHTS: usize = 96;

/// Packs that hold, together, every operation and every kind of head.
pub fn packs() -> Vec<Vec<u8>> {
    let mut packs: Vec<_> = plans().into_iter().map(|ops| sample(ops, &[])).collect();
    let heads = heads();
    packs.extend(heads.iter().map(|head| sample(Vec::new(), std::slice::from_ref(head))));
    packs.push(sample(Vec::new(), &heads[..2]));
    packs.push(learning());
    packs
}

/// A dense layer of four features, and behind it the two kinds of heads, to be learned.
pub fn learning() -> Vec<u8> {
    let (input, feature) = (float(0, 1, 1, 4), float(4, 1, 1, 4));
    let layer = Layer { input, output: feature, weights: 0, bias: 40, epilogue: relu() };
    sample(vec![Op::Dense { layer }], &heads()[..2])
}

fn sample(ops: Vec<Op>, heads: &[HeadParts]) -> Vec<u8> {
    let output = ops.last().and_then(Op::output).copied();
    let trunk = TrunkParts {
        name: "t".to_owned(),
        input: float(0, 1, 1, 4),
        output: output.filter(|value| value.element == Element::F32).unwrap_or(float(0, 1, 1, 4)),
        arena: 128,
        ops,
        weights: (0..WEIGHTS).map(|at| at as f32 / 32.0 - 1.0).collect(),
    };
    let hash = trunk_hash(&trunk);
    let heads: Vec<_> = heads.iter().map(|head| HeadParts { trunk: hash, ..head.clone() }).collect();
    pack(&trunk, &heads).expect("a sample is sound")
}

/// Heads on four features.
fn heads() -> Vec<HeadParts> {
    let linear = HeadParts {
        name: "linear".to_owned(),
        trunk: supple_pack::TrunkHash([0; 16]),
        data: [0; 16],
        hidden: 0,
        capacity: 3,
        max_support: 4,
        cache: Element::F32,
        task: HeadTask::Classes(LabelMeaning::Fresh),
        start: Start::Prototypes { temperature: 0.5 },
        momentum: 0.5,
        parameters: vec![0.25; 15],
        rates: vec![vec![[0.1, 0.2]]; 2],
    };
    let numbers = HeadParts {
        name: "numbers".to_owned(),
        hidden: 2,
        capacity: 2,
        task: HeadTask::Numbers,
        start: Start::Learned,
        momentum: 0.0,
        parameters: vec![-0.5; 16],
        rates: vec![vec![[0.1, 0.2]; 2]],
        ..linear.clone()
    };
    let rounded = HeadParts { name: "rounded".to_owned(), cache: Element::I8, ..numbers.clone() };
    let kept = HeadParts { task: HeadTask::Classes(LabelMeaning::Kept), ..linear.clone() };
    vec![linear, numbers, rounded, kept]
}

fn plans() -> Vec<Vec<Op>> {
    let (image, other) = (float(0, 2, 2, 2), float(8, 2, 2, 2));
    let (small, less) = (int8(16, 2, 2, 2), int8(20, 2, 2, 2));
    let vector = float(30, 1, 1, 2);
    let window = Window { kernel: [2, 2], stride: [1, 1], pad: [1, 1], dilation: [1, 1] };
    let layer = |input, output, epilogue| Layer { input, output, weights: 0, bias: 64, epilogue };
    let requantise =
        Requantise { multipliers: 72, shift: 20, input_zero: 1, output_zero: -1, low: -128, high: 127 };
    let rescale = Rescale { multiplier: 1, shift: 2, output_zero: 3, low: -128, high: 127 };
    let function = Function::Activation(Activation::Clip { low: 0.0, high: 6.0 });
    let constant = Operand::Constant { at: 4, shape: Shape { height: 1, width: 1, channels: 2 } };
    let walk = Walk {
        lengths: [1, 1, 2, 2, 2],
        from: 0,
        from_steps: [0, 0, 4, 2, 1],
        to: 4,
        to_steps: [0, 0, -4, 2, 1],
    };
    let (left, right) = (Operand::Value(small), Operand::Value(less));
    let held = Value { rows: 2, ..float(64, 3, 2, 2) };
    vec![
        vec![
            Op::Convolution { layer: layer(image, other, relu()), window, groups: 2 },
            Op::Depthwise { layer: layer(other, image, relu()), window },
            Op::Dense { layer: layer(image, vector, relu()) },
        ],
        vec![
            Op::MaxPool { input: image, output: other, window },
            Op::AveragePool { input: other, output: image, window, padding: None },
            Op::GlobalAverage { input: image, output: vector, rescale: None },
            Op::GlobalMaximum { input: image, output: vector },
        ],
        vec![
            Op::Unary { input: image, output: image, function },
            Op::Binary {
                left: Operand::Value(image),
                right: constant,
                output: other,
                operation: Operation::Divide,
                activation: Activation::Relu,
            },
            Op::Softmax { input: other, output: other },
            Op::Copy { input: image, output: other, walk },
            Op::Fill { output: vector, bits: 0x3f80_0000 },
        ],
        vec![
            Op::Quantise { input: image, output: small, inverse_scale: 32.0, zero: -3 },
            Op::Convolution { layer: layer(small, less, Epilogue::Int8(requantise)), window, groups: 1 },
            Op::SumInt8 { left, right, output: small, zeros: [1, 2], multipliers: [9, -9], rescale },
            Op::ProductInt8 { left, right, output: less, zeros: [1, 2], rescale },
            Op::Table { input: less, output: small, table: 8 },
            Op::Dequantise { input: small, output: image, scale: 0.5, zero: -3 },
        ],
        vec![
            Op::Rows { ops: 2 },
            Op::Convolution { layer: layer(image, held, relu()), window, groups: 1 },
            Op::MaxPool {
                input: held,
                output: other,
                window: Window { pad: [0, 0], stride: [1, 1], ..window },
            },
        ],
    ]
}

fn relu() -> Epilogue {
    Epilogue::Float(Activation::Relu)
}

fn float(offset: u32, height: u16, width: u16, channels: u16) -> Value {
    Value::whole(offset, Shape { height, width, channels }, Element::F32)
}

fn int8(offset: u32, height: u16, width: u16, channels: u16) -> Value {
    Value::whole(offset, Shape { height, width, channels }, Element::I8)
}
