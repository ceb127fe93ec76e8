//! Every kind of operation against the plan.

use supple_pack::op::{Epilogue, Function, Layer, Operand, Operation, Walk};
use supple_pack::write::{AlignedBytes, TrunkParts, pack};
use supple_pack::{Activation, Element, Op, Pack, Shape, Value, Window};

use super::*;
use crate::trunk::PlanTrunk;
use crate::trunk::plan::tests::{parts, value};

/// Numbers of −1 to 1 that follow from their index.
fn number(index: usize) -> f32 {
    let mixed = (index as u32 + 1).wrapping_mul(0x9e37_79b9);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
    (mixed >> 8) as f32 / 8_388_608.0 - 1.0
}

/// The operations as a trunk, all numbers among its weights.
fn trunk(input: Value, output: Value, mut ops: Vec<Op>) -> TrunkParts {
    let mut weights = Vec::new();
    for op in &mut ops {
        let counts = op.constants().map(|part| part.map_or(0, |part| part.count as usize));
        let mut places = counts.map(|count| {
            let at = weights.len();
            weights.extend((at + 902..at + 902 + count).map(number));
            at as u32
        });
        match op {
            Op::Convolution { layer, .. } | Op::Depthwise { layer, .. } | Op::Dense { layer } => {
                [layer.weights, layer.bias, _] = places;
            }
            Op::Binary { left, right, .. } => {
                for (side, place) in [left, right].into_iter().zip(&mut places) {
                    if let Operand::Constant { at, .. } = side {
                        *at = *place;
                    }
                }
            }
            _ => {}
        }
    }
    let values = ops.iter().flat_map(|op| op.inputs().into_iter().flatten().chain(op.output()));
    let arena = values.chain([&input, &output]).map(|value| value.offset + value.words() as u32).max();
    TrunkParts { name: "trial".to_owned(), input, output, arena: arena.unwrap(), ops, weights }
}

/// Both give the same, to some parts in a million. `shift` is added to inputs of −1 to 1.
fn agrees_shifted(parts: &TrunkParts, shift: f32) {
    let bytes = AlignedBytes::copy_of(&pack(parts, &[]).unwrap());
    let pack = Pack::parse(&bytes).unwrap();
    let mut arena = vec![f32::NAN; pack.trunk().arena as usize];
    let mut plan = PlanTrunk::new(&pack, &mut arena).unwrap();
    let mut tract = TractTrunk::new(&pack).unwrap();
    let mut silent = true;
    for first in [5, 77, 201, 333] {
        let input: Vec<f32> = (first..first + plan.input_length()).map(|i| number(i) + shift).collect();
        let (mut expected, mut found) =
            (vec![0.0; plan.feature_length()], vec![f32::NAN; plan.feature_length()]);
        plan.features(&input, &mut expected).unwrap();
        tract.features(&input, &mut found).unwrap();
        tract.input_mut().copy_from_slice(&input);
        assert_eq!(tract.run().unwrap(), found);
        assert_eq!(tract.feature(), found);
        tract.feature_mut().fill(7.0);
        assert!(tract.feature().iter().all(|&x| x == 7.0));
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() <= 1e-5 * expected.abs().max(1.0),
                "{found} {expected} {:?}",
                parts.ops
            );
        }
        silent &= expected.iter().all(|&x| x == 0.0);
    }
    assert!(!silent, "{:?}", parts.ops);
}

fn agrees(parts: &TrunkParts) {
    agrees_shifted(parts, 0.0);
}

/// An operation from an input at 0 to an output right behind it.
fn one(from: [u16; 3], to: [u16; 3], op: impl Fn(Value, Value) -> Op) -> TrunkParts {
    let input = value(0, from[0], from[1], from[2]);
    let output = value(input.elements() as u32, to[0], to[1], to[2]);
    trunk(input, output, vec![op(input, output)])
}

fn layer(input: Value, output: Value, activation: Activation) -> Layer {
    Layer { input, output, weights: 0, bias: 0, epilogue: Epilogue::Float(activation) }
}

const CLIP: Activation = Activation::Clip { low: -0.5, high: 0.75 };

fn windows() -> [([u16; 3], [u16; 2], Window); 6] {
    let window = |kernel, stride, pad, dilation| Window { kernel, stride, pad, dilation };
    [
        ([5, 7, 6], [3, 4], window([3, 3], [2, 2], [1, 1], [1, 1])),
        ([1, 20, 6], [1, 8], window([1, 5], [1, 2], [0, 0], [1, 1])),
        ([6, 6, 6], [6, 4], window([5, 3], [1, 1], [2, 1], [1, 2])),
        ([7, 9, 6], [3, 4], window([3, 2], [2, 2], [2, 0], [2, 3])),
        // Windows that fit are left out.
        ([8, 8, 6], [2, 5], window([2, 2], [1, 1], [0, 0], [1, 1])),
        // Much of the last windows lies outside.
        ([4, 4, 6], [3, 3], window([4, 3], [2, 2], [1, 1], [1, 1])),
    ]
}

#[test]
fn gives_the_features_of_the_plan() {
    let bytes = AlignedBytes::copy_of(&pack(&parts(), &[]).unwrap());
    let pack = Pack::parse(&bytes).unwrap();
    let mut tract = TractTrunk::new(&pack).unwrap();
    assert!(matches!(tract.features(&[0.0; 3], &mut [0.0; 2]), Err(TractError::Length { got: 3, .. })));
    let mut found = [9.0; 2];
    tract.features(&[1.0, 2.0, 3.0, 4.0], &mut found).unwrap();
    assert_eq!(found, [14.5, -6.75]);
}

#[test]
fn convolutions_and_dense_layers() {
    for (from, [height, width], window) in windows() {
        for (groups, outputs, activation) in
            [(1, 10, Activation::None), (2, 18, Activation::Relu), (3, 3, CLIP), (6, 6, CLIP)]
        {
            agrees(&one(from, [height, width, outputs], |input, output| Op::Convolution {
                layer: layer(input, output, activation),
                window,
                groups,
            }));
        }
        for outputs in [6, 18] {
            agrees(&one(from, [height, width, outputs], |input, output| Op::Depthwise {
                layer: layer(input, output, Activation::None),
                window,
            }));
        }
        agrees(&one(from, [1, 1, 11], |input, output| Op::Dense { layer: layer(input, output, CLIP) }));
    }
}

#[test]
fn pools() {
    for (from, [height, width], window) in windows() {
        let to = [height, width, from[2]];
        agrees(&one(from, to, |input, output| Op::MaxPool { input, output, window }));
        for padding in [None, Some(0)] {
            agrees(&one(from, to, |input, output| Op::AveragePool { input, output, window, padding }));
        }
        let to = [1, 1, from[2]];
        agrees(&one(from, to, |input, output| Op::GlobalAverage { input, output, rescale: None }));
        agrees(&one(from, to, |input, output| Op::GlobalMaximum { input, output }));
    }
}

#[test]
fn functions_of_one_number() {
    for (function, shift) in [
        (Function::Activation(Activation::Relu), 0.0),
        (Function::Activation(CLIP), 0.0),
        (Function::LeakyRelu { slope: 0.1 }, 0.0),
        (Function::Sigmoid, 0.5),
        (Function::HardSigmoid { slope: 1.0, offset: 0.4 }, 0.0),
        (Function::Tanh, 0.0),
        (Function::HardSwish, -2.5),
        (Function::HardSwish, 2.5),
        (Function::Absolute, 0.0),
        (Function::Exponential, 1.0),
        (Function::Logarithm, 1.1),
        (Function::SquareRoot, 1.1),
        (Function::Reciprocal, 1.5),
        (Function::ErrorFunction, 1.5),
    ] {
        let shape = [2, 3, 5];
        agrees_shifted(&one(shape, shape, |input, output| Op::Unary { input, output, function }), shift);
        agrees_shifted(
            &one(shape, shape, |input, _| Op::Unary { input, output: input, function }).in_place(),
            shift,
        );
    }
    agrees(&one([2, 3, 5], [2, 3, 5], |input, output| Op::Softmax { input, output }));
}

trait InPlace {
    fn in_place(self) -> Self;
}

impl InPlace for TrunkParts {
    fn in_place(mut self) -> Self {
        self.output = self.input;
        self
    }
}

#[test]
fn functions_of_two_values() {
    use Operation::{Add, Divide, Maximum, Minimum, Multiply, Subtract};
    let constant =
        |height, width, channels| Operand::Constant { at: 0, shape: Shape { height, width, channels } };
    for operation in [Add, Subtract, Multiply, Divide, Maximum, Minimum] {
        for activation in [Activation::None, Activation::Relu, CLIP] {
            for other in [constant(2, 3, 4), constant(1, 1, 4), constant(2, 1, 1), constant(1, 1, 1)] {
                let binary = |left, right, output| Op::Binary { left, right, output, operation, activation };
                let whole = [2, 3, 4];
                agrees(&one(whole, whole, |input, output| binary(Operand::Value(input), other, output)));
                agrees(&one(whole, whole, |input, output| binary(other, Operand::Value(input), output)));
                // Both are repeated, each its own way or the same.
                for row in [[2, 1, 4], [1, 1, 4], [1, 3, 1]] {
                    agrees(&one(row, whole, |input, output| binary(Operand::Value(input), other, output)));
                }
            }
        }
    }
}

#[test]
fn copies() {
    // 2 × 3 × 4 transposed to 4 × 3 × 2, backwards.
    let walk = Walk {
        lengths: [1, 1, 2, 3, 4],
        from: 23,
        from_steps: [0, 0, -12, -4, -1],
        to: 0,
        to_steps: [0, 0, 1, 2, 6],
    };
    agrees(&one([2, 3, 4], [4, 3, 2], |input, output| Op::Copy { input, output, walk }));
    // Channels 4 to 6 of an output of 7, after channels 0 to 3 of a fill; an element is written over by another.
    let input = value(0, 2, 2, 3);
    let output = value(12, 2, 2, 7);
    let walk = Walk {
        lengths: [1, 1, 1, 4, 3],
        from: 0,
        from_steps: [0, 0, 0, 3, 1],
        to: 4,
        to_steps: [0, 0, 0, 7, 1],
    };
    let fill = Op::Fill { output, bits: 1.5_f32.to_bits() };
    let copy = Op::Copy { input, output, walk };
    let over = Op::Copy {
        input,
        output,
        walk: Walk { lengths: [1, 1, 1, 2, 3], to: 9, to_steps: [0, 0, 0, 0, 1], ..walk },
    };
    agrees(&trunk(input, output, vec![fill, copy, over]));
    // Two values side by side in every pixel, with nothing there before.
    let relu = value(40, 2, 2, 3);
    let joined = value(60, 2, 2, 6);
    let walk = Walk { to: 0, to_steps: [0, 0, 0, 6, 1], ..walk };
    let function = Function::Activation(Activation::Relu);
    let ops = vec![
        Op::Unary { input, output: relu, function },
        Op::Copy { input, output: joined, walk },
        Op::Copy { input: relu, output: joined, walk: Walk { to: 3, ..walk } },
    ];
    agrees(&trunk(input, joined, ops));
    // One behind the other: each copy is a value of its own.
    let whole = Walk { lengths: [1, 1, 1, 1, 12], from: 0, from_steps: [1; 5], to: 0, to_steps: [1; 5] };
    let joined = value(60, 4, 2, 3);
    let ops = vec![
        Op::Unary { input, output: relu, function },
        Op::Copy { input, output: joined, walk: Walk { to: 12, ..whole } },
        Op::Copy { input: relu, output: joined, walk: whole },
    ];
    agrees(&trunk(input, joined, ops));
}

#[test]
fn values_written_and_read_in_parts() {
    let input = value(0, 2, 2, 3);
    let tanh = |input, output| Op::Unary { input, output, function: Function::Tanh };
    // The last two rows of six, read as one with what lies behind.
    let ops =
        vec![tanh(input, value(12, 2, 2, 3)), tanh(value(6, 3, 1, 3), value(24, 1, 1, 9).of_shape(3, 1, 3))];
    agrees(&trunk(input, value(20, 1, 1, 13), ops));
    // The middle of a value is written over.
    let ops = vec![tanh(value(0, 1, 1, 3), value(5, 1, 1, 3))];
    agrees(&trunk(input, input, ops));
}

trait OfShape {
    fn of_shape(self, height: u16, width: u16, channels: u16) -> Self;
}

impl OfShape for Value {
    fn of_shape(self, height: u16, width: u16, channels: u16) -> Self {
        value(self.offset, height, width, channels)
    }
}

#[test]
fn operations_by_rows() {
    let window = Window { kernel: [3, 3], stride: [1, 1], pad: [1, 1], dilation: [1, 1] };
    let input = value(0, 6, 5, 2);
    // Rings of three rows and of one, of which the second is what a reader by place would take for the first.
    let ring = |offset, rows, channels| Value { rows, ..value(offset, 6, 5, channels) };
    let (first, second) = (ring(60, 3, 4), ring(120, 1, 4));
    let output = value(140, 6, 5, 3);
    let ops = vec![
        Op::Rows { ops: 3 },
        Op::Convolution { layer: layer(input, first, Activation::Relu), window, groups: 1 },
        Op::Depthwise { layer: layer(first, second, CLIP), window },
        Op::Convolution {
            layer: layer(second, output, Activation::None),
            window: Window { kernel: [1, 1], pad: [0, 0], ..window },
            groups: 1,
        },
        Op::Binary {
            left: Operand::Value(output),
            right: Operand::Constant { at: 0, shape: output.shape },
            output,
            operation: Operation::Add,
            activation: Activation::None,
        },
        Op::Rows { ops: 2 },
        Op::Unary {
            input: output,
            output: Value { rows: 1, ..value(60, 6, 5, 3) },
            function: Function::Tanh,
        },
        Op::MaxPool {
            input: Value { rows: 1, ..value(60, 6, 5, 3) },
            output: value(0, 3, 5, 3),
            window: Window { kernel: [1, 2], stride: [2, 1], pad: [0, 0], dilation: [1, 1] },
        },
    ];
    agrees(&trunk(input, value(0, 3, 5, 3), ops));
}

#[test]
fn what_tract_does_not_run_is_refused() {
    let input = value(0, 1, 1, 8);
    let bytes = Value { element: Element::I8, ..value(8, 1, 1, 8) };
    let ops = vec![
        Op::Unary { input, output: input, function: Function::Tanh },
        Op::Quantise { input, output: bytes, inverse_scale: 4.0, zero: 1 },
        Op::Dequantise { input: bytes, output: input, scale: 0.25, zero: 1 },
    ];
    let refused = |parts: &TrunkParts| {
        let bytes = AlignedBytes::copy_of(&pack(parts, &[]).unwrap());
        TractTrunk::new(&Pack::parse(&bytes).unwrap()).err().unwrap()
    };
    let error = refused(&trunk(input, input, ops));
    assert!(matches!(error, TractError::Unsupported { operation: "f32 to i8", index: 1 }), "{error}");
    assert_eq!(
        error.to_string(),
        "tract does not run this trunk: operation 1 (f32 to i8) computes with i8; run it by its plan"
    );
    // Reads two elements that nothing wrote.
    let ops = vec![
        Op::Unary { input, output: value(10, 1, 1, 8), function: Function::Tanh },
        Op::Unary { input: value(8, 1, 1, 10), output: value(20, 1, 1, 10), function: Function::Tanh },
    ];
    assert!(matches!(refused(&trunk(input, input, ops)), TractError::Dangling(1)));
    // A ring of rows took the place of a part of what is read afterwards.
    let (image, ring) = (value(0, 2, 1, 4), Value { rows: 1, ..value(22, 2, 1, 4) });
    let tanh = |input, output| Op::Unary { input, output, function: Function::Tanh };
    let ops = vec![
        tanh(image, value(20, 2, 1, 4)),
        Op::Rows { ops: 2 },
        tanh(image, ring),
        tanh(ring, value(30, 2, 1, 4)),
        tanh(value(20, 2, 1, 4), value(40, 2, 1, 4)),
    ];
    assert!(matches!(refused(&trunk(image, image, ops)), TractError::Dangling(4)));
}
