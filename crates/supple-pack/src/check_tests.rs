//! Sound operations, and one fault at a time.

use super::*;
use crate::geometry::int8_runs;
use crate::op::{Operation, Requantise};

fn shape(height: u16, width: u16, channels: u16) -> Shape {
    Shape { height, width, channels }
}

fn value(offset: u32, height: u16, width: u16, channels: u16) -> Value {
    Value::whole(offset, shape(height, width, channels), Element::F32)
}

fn bytes(offset: u32, height: u16, width: u16, channels: u16) -> Value {
    Value { element: Element::I8, ..value(offset, height, width, channels) }
}

const WINDOW: Window = Window { kernel: [3, 3], stride: [2, 2], pad: [1, 1], dilation: [1, 1] };
const ONE: Window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
const RESCALE: Rescale = Rescale { multiplier: 1, shift: 5, output_zero: 0, low: -128, high: 127 };

fn layer(input: Value, output: Value) -> Layer {
    let epilogue = Epilogue::Float(Activation::Relu);
    Layer { input, output, weights: 0, bias: 144, epilogue }
}

/// 8 × 8 × 2 to 4 × 4 × 3: 128 and 48 words of the arena, 8 · 9 · 2 and 3 weights.
fn convolution() -> Op {
    Op::Convolution { layer: layer(value(0, 8, 8, 2), value(128, 4, 4, 3)), window: WINDOW, groups: 1 }
}

/// The same, with its layer or window changed.
fn changed(change: impl FnOnce(&mut Layer, &mut Window, &mut u16)) -> Op {
    let mut op = convolution();
    if let Op::Convolution { layer, window, groups } = &mut op {
        change(layer, window, groups);
    }
    op
}

fn check_in(op: &Op, arena: u32, weights: usize) -> Result<u64, PlanError> {
    op.check(&Limits { arena, weights: &[0.5; 1000][..weights] }, false)
}

fn check(op: &Op) -> Result<u64, PlanError> {
    check_in(op, 176, 147)
}

fn requantise(shift: u8, low: i8, high: i8) -> Epilogue {
    Epilogue::Int8(Requantise { multipliers: 60, shift, input_zero: 0, output_zero: 0, low, high })
}

/// 4 × 4 × 5 to 4 × 4 × 6 at 1 × 1.
fn int8(epilogue: Epilogue) -> Op {
    let (input, output) = (bytes(0, 4, 4, 5), bytes(20, 4, 4, 6));
    Op::Convolution { layer: Layer { input, output, weights: 0, bias: 20, epilogue }, window: ONE, groups: 1 }
}

#[test]
fn sound_layers_pass_and_their_work_is_counted() {
    assert_eq!(check(&convolution()), Ok(4 * 4 * 3 * 9 * 2));
    let found = convolution().constants().map(|part| part.map(|part| (part.at, part.count)));
    assert_eq!(found, [Some((0, 8 * 9 * 2)), Some((144, 3)), None]);
    let grouped = changed(|layer, _, groups| {
        layer.output.shape.channels = 4;
        *groups = 2;
    });
    assert_eq!(check_in(&grouped, 192, 148), Ok(4 * 4 * 4 * 9));
    assert_eq!(grouped.constants()[0].map(|part| part.count), Some(2 * 8 * 9));
    let deep = Op::Depthwise {
        layer: Layer { bias: 36, ..layer(value(0, 8, 8, 2), value(128, 4, 4, 4)) },
        window: WINDOW,
    };
    assert_eq!(check_in(&deep, 192, 40), Ok(4 * 4 * 4 * 9));
    assert_eq!(check_in(&deep, 192, 39), Err(PlanError::OutsideWeights { offset: 36 }));
}

#[test]
fn int8_weights_are_counted_in_runs_of_four() {
    let op = int8(requantise(20, -128, 127));
    // Six outputs fill two blocks, five inputs two groups.
    assert_eq!(op.constants()[0].map(|part| part.count), Some(8 * 8));
    assert_eq!(check_in(&op, 44, 66), Ok(4 * 4 * 6 * 5));
    assert_eq!(check_in(&op, 44, 65), Err(PlanError::OutsideWeights { offset: 60 }));
    assert_eq!(check_in(&op, 43, 66), Err(PlanError::OutsideArena { offset: 20 }));
    // A kernel row is one run, unless its taps lie apart.
    assert_eq!(int8_runs(&WINDOW, 1, 5), (1, 15));
    assert_eq!(int8_runs(&WINDOW, 5, 1), (3, 1));
    assert_eq!(int8_runs(&Window { dilation: [1, 2], ..WINDOW }, 1, 5), (3, 5));
}

#[test]
fn places_outside_are_found() {
    assert_eq!(check_in(&convolution(), 175, 147), Err(PlanError::OutsideArena { offset: 128 }));
    assert_eq!(check_in(&convolution(), 176, 146), Err(PlanError::OutsideWeights { offset: 144 }));
    let far = changed(|layer, _, _| layer.input.offset = u32::MAX);
    assert_eq!(check(&far), Err(PlanError::OutsideArena { offset: u32::MAX }));
    let far = changed(|layer, _, _| layer.weights = u32::MAX);
    assert_eq!(check(&far), Err(PlanError::OutsideWeights { offset: u32::MAX }));
}

#[test]
fn shapes_that_cannot_be_are_found() {
    let empty = changed(|layer, _, _| layer.input = value(0, 0, 8, 2));
    assert_eq!(check(&empty), Err(PlanError::Shape { height: 0, width: 8, channels: 2 }));
    let huge = changed(|layer, _, _| layer.output = value(0, 4096, 4096, 2));
    assert_eq!(check(&huge), Err(PlanError::Shape { height: 4096, width: 4096, channels: 2 }));
    for broken in [
        changed(|_, window, _| window.kernel[0] = 0),
        changed(|_, window, _| window.stride[1] = 0),
        changed(|_, window, _| window.dilation[0] = 0),
        changed(|_, _, groups| *groups = 0),
        changed(|_, _, groups| *groups = 2),
        Op::Depthwise { layer: layer(value(0, 8, 8, 2), value(128, 4, 4, 3)), window: WINDOW },
        Op::Dense { layer: layer(value(0, 2, 2, 2), value(8, 1, 2, 2)) },
        Op::GlobalAverage { input: value(0, 2, 2, 2), output: value(8, 1, 1, 3), rescale: None },
        Op::GlobalMaximum { input: value(0, 2, 2, 2), output: value(8, 2, 1, 2) },
        Op::Softmax { input: value(0, 2, 2, 2), output: value(8, 2, 1, 4) },
        Op::Unary { input: value(0, 2, 1, 2), output: value(8, 1, 2, 2), function: Function::Tanh },
        Op::MaxPool { input: value(0, 4, 4, 2), output: value(32, 2, 2, 3), window: WINDOW },
    ] {
        assert_eq!(check(&broken), Err(PlanError::Geometry), "{broken:?}");
    }
}

#[test]
fn every_window_of_a_pool_sees_something() {
    let pool = |side: u16, pad: u8| {
        let window = Window { pad: [pad; 2], ..WINDOW };
        Op::MaxPool { input: value(0, 8, 8, 2), output: value(128, side, side, 2), window }
    };
    assert!(check_in(&pool(4, 2), 200, 0).is_ok());
    // The first window ends before the first row; the last begins behind the last.
    assert_eq!(check_in(&pool(4, 3), 200, 0), Err(PlanError::Geometry));
    assert!(check_in(&pool(5, 1), 200, 0).is_ok());
    assert_eq!(check_in(&pool(6, 1), 200, 0), Err(PlanError::Geometry));
    // Taps two apart may all miss a single row, where the window does not.
    let apart = Window { kernel: [2, 1], stride: [1, 1], pad: [1, 0], dilation: [2, 1] };
    let op = Op::MaxPool { input: value(0, 1, 8, 1), output: value(8, 1, 8, 1), window: apart };
    assert_eq!(check(&op), Err(PlanError::Geometry));
}

#[test]
fn only_what_works_element_by_element_may_be_in_place() {
    let at = value(0, 2, 2, 2);
    let unary = |output| Op::Unary { input: at, output, function: Function::Tanh };
    assert!(check(&unary(at)).is_ok());
    assert!(check(&Op::Softmax { input: at, output: at }).is_ok());
    assert_eq!(check(&unary(value(1, 2, 2, 2))), Err(PlanError::Overlap));
    assert_eq!(check(&Op::MaxPool { input: at, output: at, window: ONE }), Err(PlanError::Overlap));
    assert_eq!(check(&changed(|layer, _, _| layer.output.offset = 127)), Err(PlanError::Overlap));
    let quantised = Op::Quantise { input: at, output: bytes(0, 2, 2, 2), inverse_scale: 1.0, zero: 0 };
    assert_eq!(check(&quantised), Err(PlanError::Overlap));
    let sum = |left, right, output| Op::Binary {
        left: Operand::Value(left),
        right: Operand::Value(right),
        output,
        operation: Operation::Add,
        activation: Activation::None,
    };
    assert!(check(&sum(at, at, at)).is_ok());
    assert!(check(&sum(value(8, 2, 2, 2), at, at)).is_ok());
    assert_eq!(check(&sum(value(1, 2, 2, 2), at, at)), Err(PlanError::Overlap));
    // A side that is repeated would be overwritten before it is read again.
    assert_eq!(check(&sum(value(0, 1, 1, 2), value(8, 2, 2, 2), at)), Err(PlanError::Overlap));
}

#[test]
fn operands_that_do_not_spread_are_found() {
    let sum = |from: Shape, at: u32| Op::Binary {
        left: Operand::Value(value(0, 2, 3, 4)),
        right: Operand::Constant { at, shape: from },
        output: value(24, 2, 3, 4),
        operation: Operation::Divide,
        activation: Activation::None,
    };
    for from in [shape(1, 1, 1), shape(2, 1, 4), shape(1, 3, 1), shape(2, 3, 4)] {
        assert!(check(&sum(from, 0)).is_ok(), "{from:?}");
    }
    for from in [shape(2, 3, 2), shape(0, 1, 1), shape(4, 3, 4), shape(2, 3, 5)] {
        assert_eq!(check(&sum(from, 0)), Err(PlanError::Geometry), "{from:?}");
    }
    assert_eq!(check(&sum(shape(1, 3, 4), 136)), Err(PlanError::OutsideWeights { offset: 136 }));
}

#[test]
fn elements_of_the_wrong_kind_are_found() {
    let float = |input, output| Op::Convolution { layer: layer(input, output), window: ONE, groups: 1 };
    let (f32s, i8s) = (value(0, 2, 2, 2), bytes(8, 2, 2, 2));
    let side = Operand::Value;
    for broken in [
        float(f32s, i8s),
        changed(|layer, _, _| layer.epilogue = requantise(5, 0, 0)),
        Op::MaxPool { input: f32s, output: i8s, window: ONE },
        Op::AveragePool { input: f32s, output: value(8, 2, 2, 2), window: ONE, padding: Some(1) },
        Op::GlobalAverage { input: f32s, output: value(8, 1, 1, 2), rescale: Some((0, RESCALE)) },
        Op::GlobalAverage { input: i8s, output: bytes(0, 1, 1, 2), rescale: None },
        Op::Unary { input: i8s, output: i8s, function: Function::Tanh },
        Op::Softmax { input: i8s, output: i8s },
        Op::Table { input: f32s, output: f32s, table: 0 },
        Op::Quantise { input: i8s, output: f32s, inverse_scale: 1.0, zero: 0 },
        Op::Dequantise { input: f32s, output: i8s, scale: 1.0, zero: 0 },
        Op::ProductInt8 { left: side(f32s), right: side(i8s), output: i8s, zeros: [0; 2], rescale: RESCALE },
    ] {
        assert_eq!(check(&broken), Err(PlanError::Element), "{broken:?}");
    }
    let zeros = Op::AveragePool { input: f32s, output: value(8, 2, 2, 2), window: ONE, padding: Some(0) };
    assert!(check(&zeros).is_ok());
}

#[test]
fn parameters_out_of_range_are_found() {
    let clip = |low, high| Activation::Clip { low, high };
    let at = value(0, 2, 2, 2);
    let i8s = bytes(8, 2, 2, 2);
    let sum = |multipliers, rescale| {
        let side = Operand::Value(i8s);
        Op::SumInt8 { left: side, right: side, output: i8s, zeros: [0; 2], multipliers, rescale }
    };
    let product = |rescale| {
        let side = Operand::Value(i8s);
        Op::ProductInt8 { left: side, right: side, output: i8s, zeros: [0; 2], rescale }
    };
    let average =
        |rescale| Op::GlobalAverage { input: i8s, output: bytes(0, 1, 1, 2), rescale: Some((0, rescale)) };
    for sound in [
        sum([1 << 21, -(1 << 21)], RESCALE),
        product(Rescale { shift: 62, ..RESCALE }),
        average(Rescale { shift: 1, low: 5, high: 5, ..RESCALE }),
        int8(requantise(62, 0, 0)),
    ] {
        assert!(check(&sound).is_ok(), "{sound:?}");
    }
    for broken in [
        changed(|layer, _, _| layer.epilogue = Epilogue::Float(clip(1.0, 0.0))),
        changed(|layer, _, _| layer.epilogue = Epilogue::Float(clip(f32::NAN, 0.0))),
        Op::Unary { input: at, output: at, function: Function::Activation(clip(0.0, f32::NAN)) },
        int8(requantise(0, -128, 127)),
        int8(requantise(63, -128, 127)),
        int8(requantise(5, 1, 0)),
        sum([(1 << 21) + 1, 0], RESCALE),
        sum([0, i32::MIN], RESCALE),
        sum([1, 1], Rescale { multiplier: 2, ..RESCALE }),
        sum([1, 1], Rescale { shift: 0, ..RESCALE }),
        product(Rescale { low: 1, high: -1, ..RESCALE }),
        average(Rescale { shift: 63, ..RESCALE }),
        Op::Quantise { input: at, output: i8s, inverse_scale: f32::INFINITY, zero: 0 },
        Op::Dequantise { input: i8s, output: at, scale: f32::NAN, zero: 0 },
    ] {
        assert_eq!(check(&broken), Err(PlanError::Parameter), "{broken:?}");
    }
}

#[test]
fn weights_that_are_no_numbers_are_found_where_they_are_numbers() {
    let mut weights = [0.5; 147];
    weights[146] = f32::NAN;
    let limits = Limits { arena: 176, weights: &weights };
    assert_eq!(convolution().check(&limits, false), Err(PlanError::NotFinite { offset: 144 }));
    weights[146] = 0.5;
    weights[3] = f32::INFINITY;
    let limits = Limits { arena: 176, weights: &weights };
    assert_eq!(convolution().check(&limits, false), Err(PlanError::NotFinite { offset: 0 }));
    // Whole numbers and bytes may have any bits.
    let limits = Limits { arena: 176, weights: &[f32::NAN; 147] };
    assert!(int8(requantise(5, 0, 1)).check(&limits, false).is_ok());
}

#[test]
fn a_walk_stays_within_both_values() {
    let walk = Walk {
        lengths: [1, 1, 2, 3, 4],
        from: 0,
        from_steps: [0, 0, 12, 4, 1],
        to: 0,
        to_steps: [9, 9, 12, 4, 1],
    };
    let copy = |walk| Op::Copy { input: value(0, 2, 3, 4), output: value(24, 2, 3, 4), walk };
    assert!(check(&copy(walk)).is_ok());
    // Backwards through both, in the same bounds.
    let back = Walk { from: 23, from_steps: [0, 0, -12, -4, -1], ..walk };
    assert!(check(&copy(back)).is_ok());
    for broken in [
        Walk { from: 1, ..walk },
        Walk { to: 1, ..walk },
        Walk { from: 22, ..back },
        Walk { from_steps: [0, 0, 12, 4, -1], ..walk },
        Walk { to_steps: [0, 0, 12, 8, 1], ..walk },
        Walk { lengths: [1, 1, 2, 3, 0], ..walk },
        Walk { lengths: [2, 1, 2, 3, 4], from_steps: [1, 0, 12, 4, 1], ..walk },
        Walk { from_steps: [0, 0, i32::MAX, i32::MIN, 1], ..walk },
        Walk { from: u32::MAX, ..walk },
        Walk { lengths: [u16::MAX; 5], from_steps: [i32::MIN; 5], ..walk },
    ] {
        assert_eq!(check(&copy(broken)), Err(PlanError::Geometry), "{broken:?}");
    }
    // It may stand still; what it then moves is work.
    let endless = Walk { lengths: [u16::MAX; 5], from_steps: [0; 5], to_steps: [0; 5], ..walk };
    assert_eq!(check(&copy(endless)), Err(PlanError::Endless));
}

#[test]
fn work_adds_up_to_a_limit() {
    assert_eq!(add_work(1, 2), Ok(3));
    assert_eq!(add_work(MOST_WORK, 1), Err(PlanError::Endless));
    assert_eq!(add_work(u64::MAX, 1), Err(PlanError::Endless));
    let window = Window { kernel: [255, 255], stride: [1, 1], pad: [255, 255], dilation: [1, 1] };
    let op = Op::MaxPool { input: value(0, 1024, 1024, 4), output: value(1 << 22, 1024, 1024, 4), window };
    assert_eq!(check_in(&op, 1 << 23, 0), Err(PlanError::Geometry));
    let window = Window { pad: [254, 254], ..window };
    let op = Op::MaxPool { input: value(0, 1024, 1024, 4), output: value(1 << 22, 1024, 1024, 4), window };
    assert_eq!(check_in(&op, 1 << 23, 0), Err(PlanError::Endless));
}

/// Values of 8, 8 and 4 rows of 4 × 1; the first window is 3 rows high, the second 2.
fn chain(rows: u16) -> [Op; 2] {
    let (input, output) = (value(0, 8, 4, 1), value(48, 4, 4, 1));
    let between = Value { rows, ..value(32, 8, 4, 1) };
    let window = Window { stride: [1, 1], ..WINDOW };
    let deep = Layer { bias: 9, ..layer(input, between) };
    let pooled = Window { kernel: [2, 1], stride: [2, 1], ..ONE };
    [Op::Depthwise { layer: deep, window }, Op::MaxPool { input: between, output, window: pooled }]
}

fn group(ops: &[Op]) -> Result<(), PlanError> {
    let mut group = Group::of(ops.len() as u8);
    let limits = Limits { arena: 64, weights: &[0.5; 10] };
    for op in ops {
        assert!(group.is_open());
        op.check(&limits, true)?;
        group.take(op)?;
    }
    assert!(!group.is_open());
    Ok(())
}

#[test]
fn operations_by_rows_hand_their_values_on() {
    assert_eq!(group(&chain(2)), Ok(()));
    assert_eq!(group(&chain(4)), Ok(()));
    // One row where two are read at once.
    assert_eq!(group(&chain(1)), Err(PlanError::Rows));
    let changed = |change: fn(&mut Value)| {
        let [first, mut second] = chain(2);
        if let Op::MaxPool { input, .. } = &mut second {
            change(input);
        }
        group(&[first, second])
    };
    assert_eq!(changed(|input| input.offset += 1), Err(PlanError::Rows));
    assert_eq!(changed(|input| input.rows = 3), Err(PlanError::Rows));
    assert_eq!(changed(|input| input.shape = shape(8, 2, 2)), Err(PlanError::Geometry));
    assert_eq!(changed(|input| *input = value(32, 4, 4, 1)), Err(PlanError::Geometry));
    // What is read first and written last is whole.
    let [first, mut second] = chain(2);
    if let Op::MaxPool { output, .. } = &mut second {
        output.rows = 2;
    }
    assert_eq!(group(&[first, second]), Err(PlanError::Rows));
    let [mut first, second] = chain(2);
    if let Op::Depthwise { layer, .. } = &mut first {
        layer.input.rows = 7;
    }
    assert_eq!(group(&[first, second]), Err(PlanError::Rows));
}

#[test]
fn values_of_operations_by_rows_lie_apart() {
    // The output over the first input, of which rows are still to be read.
    let [first, mut second] = chain(2);
    if let Op::MaxPool { output, .. } = &mut second {
        output.offset = 16;
    }
    assert_eq!(group(&[first, second]), Err(PlanError::Overlap));
}

#[test]
fn what_runs_by_rows_is_named() {
    let limits = Limits { arena: 64, weights: &[0.5; 10] };
    for (ops, expected) in [(1, false), (2, true), (4, true), (5, false)] {
        assert_eq!(Op::Rows { ops }.check(&limits, false).is_ok(), expected, "{ops}");
    }
    assert_eq!(Op::Rows { ops: 2 }.check(&limits, true), Err(PlanError::Rows));
    // A part of a value outside, an operation that needs all of its input, and one in place.
    assert_eq!(chain(2)[0].check(&limits, false), Err(PlanError::Rows));
    assert_eq!(chain(2)[1].check(&limits, false), Err(PlanError::Rows));
    let (from, to) = (value(0, 2, 2, 2), value(8, 2, 2, 2));
    assert_eq!(Op::Softmax { input: from, output: to }.check(&limits, true), Err(PlanError::Rows));
    let unary = |output| Op::Unary { input: from, output, function: Function::Tanh };
    assert_eq!(unary(from).check(&limits, true), Err(PlanError::Overlap));
    assert!(unary(to).check(&limits, true).is_ok());
    for rows in [0, 3] {
        let part = unary(Value { rows, ..to });
        assert_eq!(part.check(&limits, true), Err(PlanError::Rows), "{rows}");
    }
}

#[test]
fn a_row_reads_the_rows_under_its_window() {
    let [first, second] = chain(2);
    let rows = |op: &Op| (0..4).map(|row| op.window().unwrap().rows_for(row, 8)).collect::<Vec<_>>();
    assert_eq!(rows(&first), [0..2, 0..3, 1..4, 2..5]);
    assert_eq!(rows(&second), [0..2, 2..4, 4..6, 6..8]);
    assert_eq!((first.rows_read(), second.rows_read()), (3, 2));
    let apart = Window { kernel: [3, 1], stride: [1, 1], pad: [5, 0], dilation: [2, 1] };
    let deep = Op::Depthwise { layer: layer(value(0, 8, 4, 1), value(32, 8, 4, 1)), window: apart };
    assert_eq!(deep.rows_read(), 5);
    // The first window ends above the first row, those far below begin behind the last.
    assert_eq!((apart.rows_for(0, 8), apart.rows_for(2, 8), apart.rows_for(9, 8)), (0..0, 0..2, 4..8));
    assert!(apart.rows_for(u16::MAX, 8).is_empty());
    let unary = Op::Unary { input: value(0, 2, 2, 2), output: value(8, 2, 2, 2), function: Function::Tanh };
    assert_eq!((unary.window(), unary.rows_read(), Window::ONE.rows_for(1, 2)), (None, 1, 1..2));
}
