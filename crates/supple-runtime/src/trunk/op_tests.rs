//! Each operation by hand, as a plan of its own.

use supple_pack::op::{Epilogue, Function, Layer, Operand, Operation, Walk};
use supple_pack::write::{AlignedBytes, TrunkParts, pack};
use supple_pack::{Activation, Element, Op, Pack, Shape, Value, Window};

use crate::trunk::PlanTrunk;

fn value(offset: u32, height: u16, width: u16, channels: u16) -> Value {
    Value::whole(offset, Shape { height, width, channels }, Element::F32)
}

/// Runs operations from the first one's input to the last one's output.
fn run(ops: &[Op], weights: &[f32], values: &[f32]) -> Vec<f32> {
    let input = value(0, 1, 1, values.len() as u16);
    let output = *ops.last().unwrap().output().unwrap();
    let parts = TrunkParts {
        name: "one".to_owned(),
        input,
        output,
        arena: 64,
        ops: ops.to_vec(),
        weights: weights.to_vec(),
    };
    let bytes = AlignedBytes::copy_of(&pack(&parts, &[]).unwrap());
    let pack = Pack::parse(&bytes).unwrap();
    let mut arena = [-7.0; 64];
    let mut trunk = PlanTrunk::new(&pack, &mut arena).unwrap();
    trunk.run_observed(values, |_, _, _| {}).unwrap().to_vec()
}

const WINDOW: Window = Window { kernel: [2, 2], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };

fn layer(input: Value, output: Value, bias: u32) -> Layer {
    Layer { input, output, weights: 0, bias, epilogue: Epilogue::Float(Activation::Relu) }
}

#[test]
fn depthwise() {
    let layer = layer(value(0, 2, 2, 2), value(8, 1, 1, 2), 8);
    let weights = [1.0, 0.5, 2.0, 0.25, 3.0, -1.0, 4.0, 1.0, 100.0, -200.0];
    let input = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0];
    // 100 + 1 + 4 + 9 + 16; −200 + 5 + 5 − 30 + 40 is below zero.
    assert_eq!(run(&[Op::Depthwise { layer, window: WINDOW }], &weights, &input), [130.0, 0.0]);
}

#[test]
fn average_pools() {
    let (input, output) = (value(0, 2, 2, 1), value(8, 2, 2, 1));
    let window = Window { pad: [1, 1], ..WINDOW };
    let values = [2.0, 4.0, 6.0, 8.0];
    let pool = |padding| run(&[Op::AveragePool { input, output, window, padding }], &[], &values);
    assert_eq!(pool(None), [2.0, 3.0, 4.0, 5.0]);
    assert_eq!(pool(Some(0)), [0.5, 1.5, 2.0, 5.0]);
}

#[test]
fn the_largest_of_all() {
    let op = Op::GlobalMaximum { input: value(0, 2, 2, 2), output: value(8, 1, 1, 2) };
    assert_eq!(run(&[op], &[], &[1.0, -8.0, 5.0, -7.0, 3.0, -9.0, 2.0, -6.5]), [5.0, -6.5]);
}

#[test]
fn a_function_in_place_and_apart() {
    let function = Function::LeakyRelu { slope: 0.5 };
    for at in [0, 4] {
        let op = Op::Unary { input: value(0, 2, 2, 1), output: value(at, 2, 2, 1), function };
        assert_eq!(run(&[op], &[], &[-2.0, 2.0, -4.0, 0.0]), [-1.0, 2.0, -2.0, 0.0]);
    }
}

fn binary(left: Operand, right: Operand, output: Value, operation: Operation) -> Op {
    Op::Binary { left, right, output, operation, activation: Activation::Clip { low: -9.0, high: 90.0 } }
}

#[test]
fn two_values_and_constants() {
    let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let (at, side) = (value(0, 2, 2, 2), Operand::Value);
    let whole = side(at);
    let channels = Operand::Constant { at: 0, shape: Shape { height: 1, width: 1, channels: 2 } };
    let rows = Operand::Constant { at: 2, shape: Shape { height: 2, width: 1, channels: 1 } };
    let weights = [10.0, 100.0, 1.0, -1.0];
    for output in [at, value(8, 2, 2, 2)] {
        let found = |left, right, operation| run(&[binary(left, right, output, operation)], &weights, &image);
        assert_eq!(found(whole, whole, Operation::Add), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
        assert_eq!(
            found(whole, channels, Operation::Multiply),
            [10.0, 90.0, 30.0, 90.0, 50.0, 90.0, 70.0, 90.0]
        );
        assert_eq!(found(channels, whole, Operation::Subtract), [9.0, 90.0, 7.0, 90.0, 5.0, 90.0, 3.0, 90.0]);
        assert_eq!(found(whole, rows, Operation::Divide), [1.0, 2.0, 3.0, 4.0, -5.0, -6.0, -7.0, -8.0]);
        assert_eq!(found(rows, whole, Operation::Minimum), [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0]);
        assert_eq!(found(whole, rows, Operation::Maximum), image);
    }
    // A gate of channels, computed into the arena, times the image.
    let gate = Op::GlobalMaximum { input: at, output: value(20, 1, 1, 2) };
    let gated = binary(side(value(20, 1, 1, 2)), whole, at, Operation::Multiply);
    assert_eq!(run(&[gate, gated], &[], &image), [7.0, 16.0, 21.0, 32.0, 35.0, 48.0, 49.0, 64.0]);
}

#[test]
fn probabilities_of_each_position() {
    for at in [0, 4] {
        let op = Op::Softmax { input: value(0, 1, 2, 2), output: value(at, 1, 2, 2) };
        let found = run(&[op], &[], &[3.0, 3.0, 1e30, -1e30]);
        assert_eq!(found, [0.5, 0.5, 1.0, 0.0]);
    }
}

#[test]
fn what_a_copy_does_not_write_stays() {
    let output = value(4, 1, 2, 3);
    let walk = Walk {
        lengths: [1, 1, 1, 2, 2],
        from: 0,
        from_steps: [0, 0, 0, 2, 1],
        to: 1,
        to_steps: [0, 0, 0, 3, 1],
    };
    let copy = Op::Copy { input: value(0, 1, 2, 2), output, walk };
    let fill = Op::Fill { output, bits: 0.5f32.to_bits() };
    assert_eq!(run(&[fill, copy], &[], &[1.0, 2.0, 3.0, 4.0]), [0.5, 1.0, 2.0, 0.5, 3.0, 4.0]);
}

#[test]
fn bytes_are_moved_and_looked_up() {
    let bytes = |offset, channels| Value { element: Element::I8, ..value(offset, 1, 1, channels) };
    // A table that takes 1 off, its 256 entries in 64 words.
    let table: Vec<u8> = (0..=255).map(|q: u8| q.wrapping_sub(128).wrapping_sub(1)).collect();
    let words = table.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    let walk = Walk {
        lengths: [1, 1, 1, 1, 3],
        from: 0,
        from_steps: [0, 0, 0, 0, 1],
        to: 2,
        to_steps: [0, 0, 0, 0, -1],
    };
    let floats = Op::Fill { output: value(12, 1, 1, 5), bits: 0 };
    let ops = [
        Op::Fill { output: bytes(8, 5), bits: 0xffff_ff80 },
        Op::Fill { output: bytes(10, 3), bits: 5 },
        Op::Table { input: bytes(10, 3), output: bytes(10, 3), table: 0 },
        Op::Copy { input: bytes(10, 3), output: bytes(8, 5), walk },
        Op::Table { input: bytes(8, 5), output: bytes(4, 5), table: 0 },
        floats,
    ];
    let mut seen = Vec::new();
    let parts = TrunkParts {
        name: "bytes".to_owned(),
        input: value(0, 1, 1, 1),
        output: value(12, 1, 1, 5),
        arena: 20,
        ops: ops.to_vec(),
        weights: words.collect(),
    };
    let packed = AlignedBytes::copy_of(&pack(&parts, &[]).unwrap());
    let pack = Pack::parse(&packed).unwrap();
    let mut arena = [0.0; 20];
    let mut trunk = PlanTrunk::new(&pack, &mut arena).unwrap();
    trunk
        .run_observed(&[0.0], |index, op, arena| {
            assert_eq!(*op, ops[index]);
            seen.push(bytemuck::cast_slice::<f32, i8>(arena)[16..48].to_vec());
        })
        .unwrap();
    // From byte 16 on: what the second table writes; from 32 on at 16: five bytes; at 24: three.
    let last = seen.last().unwrap();
    assert_eq!(&last[16..21], [4, 4, 4, -128, -128]);
    assert_eq!(&last[..8], [3, 3, 3, 127, 127, 0, 0, 0]);
    assert_eq!(&last[24..28], [4, 4, 4, 0]);
    assert_eq!(seen.len(), ops.len());
}
