//! Row by row gives what one after the other gives, in less memory; and what nobody would write does no harm.

use proptest::prelude::*;
use supple_pack::write::{AlignedBytes, TrunkParts, pack};
use supple_pack::{Element, Op, Pack, Shape, Value, Window};

use super::Kept;
use crate::trunk::PlanTrunk;
use crate::trunk::random::Random;

fn parts(input: Value, output: Value, ops: Vec<Op>, weights: &[f32], arena: u32) -> TrunkParts {
    TrunkParts { name: "random".to_owned(), input, output, arena, ops, weights: weights.to_vec() }
}

/// The bits of what a plan gives; any NaN is the same. `None` where the pack is refused.
fn run(parts: &TrunkParts, fill: f32, input: impl Fn(usize) -> f32) -> Option<Vec<u32>> {
    let bytes = AlignedBytes::copy_of(&pack(parts, &[]).ok()?);
    let pack = Pack::parse(&bytes).expect("written");
    let mut arena = vec![fill; parts.arena as usize];
    let mut trunk = PlanTrunk::new(&pack, &mut arena).expect("room");
    trunk.input_mut().iter_mut().enumerate().for_each(|(i, x)| *x = input(i));
    let feature = trunk.run().expect("what was read runs");
    Some(feature.iter().map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }).collect())
}

/// The output along one axis, now and then with something beyond.
fn length(random: &mut Random, input: u16, window: &Window, axis: usize, beyond: bool) -> u16 {
    let span = (u16::from(window.kernel[axis]) - 1) * u16::from(window.dilation[axis]) + 1;
    let padded = input + 2 * u16::from(window.pad[axis]);
    let more = u16::from(beyond && random.chance(4));
    padded.saturating_sub(span) / u16::from(window.stride[axis]) + 1 + more
}

/// One operation that works by rows, with its output's shape and element; nothing is placed yet.
fn by_rows(random: &mut Random, input: Value) -> Op {
    let mut window = random.window();
    let pool = random.chance(3);
    if pool {
        window.pad = [0, 1].map(|axis| window.pad[axis].min(window.kernel[axis] - 1));
    }
    let size = [input.shape.height, input.shape.width];
    let [height, width] = [0, 1].map(|axis| length(random, size[axis], &window, axis, !pool));
    let with = |channels: u16| Value::whole(0, Shape { height, width, channels }, input.element);
    let channels = input.shape.channels;
    if pool {
        let (output, padding) = (with(channels), [None, Some(0)][usize::from(random.chance(2))]);
        return if random.chance(2) {
            Op::MaxPool { input, output, window }
        } else {
            Op::AveragePool { input, output, window, padding }
        };
    }
    match random.bits() % 5 {
        0 => {
            let outputs = random.within(1, 9);
            Op::Convolution { layer: random.layer(input, with(outputs)), window, groups: 1 }
        }
        1 => {
            let output = with(channels * random.within(1, 2));
            Op::Convolution { layer: random.layer(input, output), window, groups: channels }
        }
        2 => {
            let output = with(channels * random.within(1, 2));
            Op::Depthwise { layer: random.layer(input, output), window }
        }
        3 if input.element == Element::F32 => Op::Unary { input, output: input, function: random.function() },
        3 => Op::Table { input, output: input, table: random.bits() % 1000 },
        _ => {
            let element = if input.element == Element::F32 { Element::I8 } else { Element::F32 };
            random.conversion(input, Value { element, ..input })
        }
    }
}

/// Places the output of one operation and the input of the next.
fn place(op: &mut Op, input: Value, at: &mut u32, rows: u16) -> Value {
    let mut values = op.values_mut();
    *values.next().expect("an input") = input;
    let output = values.next().expect("an output");
    *output = Value { offset: *at, rows, ..*output };
    *at += output.words() as u32;
    *output
}

/// A chain, whole or row by row with as few rows as may be, between a whole input and a whole output of floats.
fn chain(ops: &[Op], input: Value, by_rows: bool, weights: &[f32]) -> TrunkParts {
    let mut at = input.words() as u32;
    let mut last = input;
    let mut placed = Vec::new();
    if by_rows {
        placed.push(Op::Rows { ops: ops.len() as u8 });
    }
    for (index, op) in ops.iter().enumerate() {
        let mut op = *op;
        let height = op.output().expect("an output").shape.height;
        let rows = match ops.get(index + 1) {
            Some(next) if by_rows => next.rows_read().min(height.into()) as u16,
            _ => height,
        };
        last = place(&mut op, last, &mut at, rows);
        placed.push(op);
    }
    if last.element == Element::I8 {
        let output = Value { element: Element::F32, offset: at, ..last };
        placed.push(Op::Dequantise { input: last, output, scale: 0.5, zero: 3 });
        at += output.words() as u32;
        last = output;
    }
    parts(input, last, placed, weights, at)
}

#[test]
fn what_is_kept_of_an_operation_is_all_but_its_input() {
    let mut random = Random::new(7);
    let input = Value::whole(0, Shape { height: 5, width: 4, channels: 3 }, Element::F32);
    let mut kept = 0;
    for _ in 0..1000 {
        let op = random.op(500);
        assert_eq!(Kept::of(&op).is_some(), op.works_by_rows(), "{op:?}");
        if let Some(found) = Kept::of(&op) {
            let mut moved = op;
            *moved.values_mut().next().expect("an input") = input;
            // Debug, for a scale may be no number.
            assert_eq!(format!("{:?}", found.op(input)), format!("{moved:?}"));
            kept += 1;
        }
    }
    assert!(kept > 300, "{kept}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn row_by_row_is_one_after_the_other(seed: u64) {
        let mut random = Random::new(seed);
        let weights = random.weights();
        let shape = Shape { height: random.within(1, 14), width: random.within(1, 7), channels: random.within(1, 5) };
        let input = Value::whole(0, shape, Element::F32);
        let (mut ops, mut last) = (Vec::new(), input);
        for _ in 0..random.within(2, 4) {
            let op = by_rows(&mut random, last);
            last = *op.output().expect("an output");
            ops.push(op);
        }
        let numbers = |i: usize| (i * 7919 % 1000) as f32 / 250.0 - 2.0;
        let whole = chain(&ops, input, false, &weights);
        let Some(expected) = run(&whole, 0.0, numbers) else {
            // A pool whose last window lies outside.
            return Err(TestCaseError::reject("refused"));
        };
        let rows = chain(&ops, input, true, &weights);
        prop_assert!(rows.arena <= whole.arena);
        // What the arena held before is no part of the result.
        for fill in [0.0, f32::NAN, 1e30] {
            let found = run(&rows, fill, numbers);
            prop_assert_eq!(found.as_ref(), Some(&expected), "{:?}", rows.ops);
        }
    }

    #[test]
    fn what_is_read_runs_without_a_panic(seed: u64) {
        const ARENA: u32 = 800;
        let mut random = Random::new(seed);
        let weights = random.weights();
        let vector = |offset| {
            Value::whole(offset, Shape { height: 1, width: 1, channels: 64 }, Element::F32)
        };
        let plan = |ops: Vec<Op>| parts(vector(0), vector(ARENA - 64), ops, &weights, ARENA);
        let mut ops = Vec::new();
        for _ in 0..24 {
            let op = random.op(ARENA);
            if pack(&plan(vec![op]), &[]).is_ok() {
                ops.push(op);
            }
        }
        let numbers = |i: usize| [0.5, -1e30, f32::NAN, f32::INFINITY, -0.0, 3.0, 1e-40][i % 7];
        prop_assert!(run(&plan(ops), f32::NAN, numbers).is_some());
    }

    #[test]
    fn damaged_chains_are_refused_or_run(seed: u64) {
        let mut random = Random::new(seed);
        let weights = random.weights();
        let shape = Shape { height: random.within(1, 14), width: random.within(1, 7), channels: random.within(1, 5) };
        let input = Value::whole(0, shape, Element::F32);
        let (mut ops, mut last) = (Vec::new(), input);
        for _ in 0..random.within(2, 4) {
            let op = by_rows(&mut random, last);
            last = *op.output().expect("an output");
            ops.push(op);
        }
        let mut parts = chain(&ops, input, true, &weights);
        for op in &mut parts.ops {
            let Some(before) = op.output().copied() else { continue };
            for value in op.values_mut() {
                match random.bits() % 30 {
                    0 => value.rows = random.within(0, 6),
                    1 => value.offset = random.bits() % parts.arena,
                    2 => value.shape.height = random.within(0, 20),
                    3 => value.shape.width = random.bits() as u16,
                    4 => value.rows = value.shape.height,
                    5 => *value = before,
                    _ => {}
                }
            }
        }
        run(&parts, 0.0, |i| i as f32);
    }
}
