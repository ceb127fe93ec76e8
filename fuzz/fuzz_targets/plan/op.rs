//! One operation more, and fields that are spoilt.

use arbitrary::{Result, Unstructured};
use supple_pack::op::{Epilogue, Function, Layer, Operand, Operation, Requantise, Rescale, Walk};
use supple_pack::{Activation, Element, Op, Shape, Value, Window};

use crate::generate::WEIGHTS;

/// The most words of a value.
pub const SLOT: usize = 64;
/// Values at once: as many as a group of operations that run row by row has.
pub const SLOTS: usize = 5;

/// At most 64 elements.
pub fn shape(u: &mut Unstructured) -> Result<Shape> {
    let (height, width) = (u.int_in_range(1..=5)?, u.int_in_range(1..=4)?);
    let channels = u.int_in_range(1..=3 * SLOT as u16 / (height * width) / 3)?.min(u.int_in_range(1..=17)?);
    Ok(Shape { height, width, channels })
}

/// Adds an operation on what the slots hold, or a group of them, and notes what is written.
pub fn add(u: &mut Unstructured, slots: &mut [Option<Value>; SLOTS], ops: &mut Vec<Op>) -> Result<()> {
    let filled = slots.iter().flatten().count();
    let at = u.choose_index(filled)?;
    let Some(input) = slots.iter().flatten().nth(at).copied() else { return Ok(()) };
    if u.ratio(1, 6)? {
        return group(u, input, slots, ops);
    }
    let other = free(u, &[input.offset])?;
    let in_place = u.ratio(1, 4)?;
    let op = one(u, input, if in_place { input.offset } else { other }, slots)?;
    if let (Op::Copy { .. }, Some(output)) = (&op, op.output()) {
        // What a copy does not write is not to be what was there by chance.
        ops.push(Op::Fill { output: *output, bits: u.arbitrary()? });
    }
    note(&op, slots);
    ops.push(op);
    Ok(())
}

/// Operations that run row by row, each in a slot of its own.
fn group(
    u: &mut Unstructured,
    input: Value,
    slots: &mut [Option<Value>; SLOTS],
    ops: &mut Vec<Op>,
) -> Result<()> {
    let count = u.int_in_range(2..=4)?;
    ops.push(Op::Rows { ops: count });
    let mut used = vec![input.offset];
    let mut value = input;
    for index in 0..count {
        let offset = free(u, &used)?;
        used.push(offset);
        let mut op = by_rows(u, value, offset)?;
        let output = op.values_mut().last();
        if let Some(output) = output {
            if index + 1 < count {
                output.rows = u.int_in_range(1..=output.shape.height)?;
            }
            value = *output;
        }
        ops.push(op);
    }
    // What lay in those slots is no more.
    slots
        .iter_mut()
        .filter(|slot| slot.is_some_and(|held| used[1..].contains(&held.offset)))
        .for_each(|slot| *slot = None);
    slots[value.offset as usize / SLOT] = Some(value);
    Ok(())
}

/// The start of a slot that is not one of these.
fn free(u: &mut Unstructured, used: &[u32]) -> Result<u32> {
    let first = u.choose_index(SLOTS)?;
    let all = (0..SLOTS).map(|step| ((first + step) % SLOTS * SLOT) as u32);
    Ok(all.into_iter().find(|offset| !used.contains(offset)).unwrap_or(0))
}

fn note(op: &Op, slots: &mut [Option<Value>; SLOTS]) {
    if let Some(output) = op.output() {
        slots[output.offset as usize / SLOT % SLOTS] = Some(*output);
    }
}

/// The way back to `f32`, in another slot.
pub fn to_float(u: &mut Unstructured, input: Value) -> Result<Op> {
    let output = Value::whole(free(u, &[input.offset])?, input.shape, Element::F32);
    Ok(Op::Dequantise { input, output, scale: number(u)?, zero: u.arbitrary()? })
}

fn by_rows(u: &mut Unstructured, input: Value, offset: u32) -> Result<Op> {
    let to = |shape, element| Value::whole(offset, shape, element);
    let same = to(input.shape, input.element);
    Ok(match (u.int_in_range(0..=4_u8)?, input.element) {
        (0, _) => convolution(u, input, offset)?,
        (1, _) => depthwise(u, input, offset)?,
        (2, _) => pool(u, input, offset)?,
        (3, Element::F32) => Op::Quantise {
            input,
            output: to(input.shape, Element::I8),
            inverse_scale: number(u)?,
            zero: u.arbitrary()?,
        },
        (3, Element::I8) => Op::Dequantise {
            input,
            output: to(input.shape, Element::F32),
            scale: number(u)?,
            zero: u.arbitrary()?,
        },
        (_, Element::F32) => Op::Unary { input, output: same, function: function(u)? },
        (_, Element::I8) => Op::Table { input, output: same, table: place(u)? },
    })
}

/// Any operation but a group; `offset` is the input's own for one that works in place.
fn one(u: &mut Unstructured, input: Value, offset: u32, slots: &[Option<Value>; SLOTS]) -> Result<Op> {
    let in_place = offset == input.offset;
    let elsewhere = if in_place { (offset + SLOT as u32) % (SLOTS * SLOT) as u32 } else { offset };
    let vector = |channels| Shape { height: 1, width: 1, channels };
    let same = Value::whole(offset, input.shape, input.element);
    let to = |shape| Value::whole(elsewhere, shape, input.element);
    Ok(match (u.int_in_range(0..=9_u8)?, input.element) {
        (0, _) => by_rows(u, input, elsewhere)?,
        (1, _) => {
            let output = to(vector(u.int_in_range(1..=9)?));
            Op::Dense { layer: layer(u, input, output)? }
        }
        (2, element) => {
            let output = to(vector(input.shape.channels));
            match u.arbitrary()? {
                true => Op::GlobalMaximum { input, output },
                false => {
                    let rescale = match element {
                        Element::F32 => None,
                        Element::I8 => Some((u.arbitrary()?, rescale(u)?)),
                    };
                    Op::GlobalAverage { input, output, rescale }
                }
            }
        }
        (3, _) => {
            let output = to(shape(u)?);
            let walk = walk(u, &input.shape, &output.shape)?;
            Op::Copy { input, output, walk }
        }
        (4 | 5, Element::F32) => {
            let (left, right) = operands(u, input, slots, elsewhere)?;
            let output = Value { offset: left_or(&left, same, elsewhere), ..same };
            let (operation, activation) = (operation(u)?, activation(u)?);
            Op::Binary { left, right, output, operation, activation }
        }
        (4, Element::I8) => {
            let (left, right) = operands(u, input, slots, elsewhere)?;
            let output = Value { offset: left_or(&left, same, elsewhere), ..same };
            let rescale = Rescale { multiplier: 1, ..rescale(u)? };
            let multipliers = [u.int_in_range(-(1 << 21)..=1 << 21)?, i32::from(u.arbitrary::<i16>()?)];
            Op::SumInt8 { left, right, output, zeros: u.arbitrary()?, multipliers, rescale }
        }
        (5, Element::I8) => {
            let (left, right) = operands(u, input, slots, elsewhere)?;
            let output = Value { offset: left_or(&left, same, elsewhere), ..same };
            Op::ProductInt8 { left, right, output, zeros: u.arbitrary()?, rescale: rescale(u)? }
        }
        (6, Element::F32) => Op::Softmax { input, output: same },
        (7, Element::F32) => Op::Unary { input, output: same, function: function(u)? },
        (6 | 7, Element::I8) => Op::Table { input, output: same, table: place(u)? },
        (8, _) => by_rows(u, input, elsewhere)?,
        _ => convolution(u, input, elsewhere)?,
    })
}

/// In place only where the left operand is the value itself.
fn left_or(left: &Operand, same: Value, elsewhere: u32) -> u32 {
    if matches!(left, Operand::Value(value) if value.same_place(&same)) { same.offset } else { elsewhere }
}

/// The input, and something that is repeated to its shape.
fn operands(
    u: &mut Unstructured,
    input: Value,
    slots: &[Option<Value>; SLOTS],
    output: u32,
) -> Result<(Operand, Operand)> {
    let spreads = |value: &&Value| {
        let fits = |from: u16, to: u16| from == to || from == 1;
        let (from, to) = (value.shape, input.shape);
        value.element == input.element
            && value.offset != output
            && fits(from.height, to.height)
            && fits(from.width, to.width)
            && fits(from.channels, to.channels)
    };
    let other = slots.iter().flatten().rfind(spreads).filter(|_| u.ratio(1, 2).unwrap_or_default());
    let other = match other {
        Some(value) => Operand::Value(*value),
        None => {
            let Shape { height, width, channels } = input.shape;
            let some = |length: u16, kept: bool| if kept { length } else { 1 };
            let kept: u8 = u.arbitrary()?;
            let shape = Shape {
                height: some(height, kept & 1 > 0),
                width: some(width, kept & 2 > 0),
                channels: some(channels, kept & 4 > 0),
            };
            Operand::Constant { at: place(u)?, shape }
        }
    };
    let input = Operand::Value(input);
    Ok(if u.arbitrary()? { (input, other) } else { (other, input) })
}

fn convolution(u: &mut Unstructured, input: Value, offset: u32) -> Result<Op> {
    let groups = *u.choose(&[1, 1, 1, 2, 3, input.shape.channels])?;
    let groups = if input.shape.channels.is_multiple_of(groups) { groups } else { 1 };
    let window = window(u)?;
    let channels = u.int_in_range(1..=9_u16)?.next_multiple_of(groups);
    let output = Value::whole(offset, windowed(u, &input.shape, &window, channels)?, input.element);
    Ok(Op::Convolution { layer: layer(u, input, output)?, window, groups })
}

fn depthwise(u: &mut Unstructured, input: Value, offset: u32) -> Result<Op> {
    let window = window(u)?;
    let times = if u.ratio(1, 4)? { 2 } else { 1 };
    let shape = windowed(u, &input.shape, &window, times * input.shape.channels)?;
    Ok(Op::Depthwise { layer: layer(u, input, Value::whole(offset, shape, input.element))?, window })
}

fn pool(u: &mut Unstructured, input: Value, offset: u32) -> Result<Op> {
    let window = window(u)?;
    let shape = windowed(u, &input.shape, &window, input.shape.channels)?;
    let output = Value::whole(offset, shape, input.element);
    Ok(match u.arbitrary()? {
        true => Op::MaxPool { input, output, window },
        false => {
            let any = if input.element == Element::I8 { u.arbitrary()? } else { 0 };
            let padding = if u.arbitrary()? { Some(any) } else { None };
            Op::AveragePool { input, output, window, padding }
        }
    })
}

fn window(u: &mut Unstructured) -> Result<Window> {
    let mut pair =
        |most: u8| -> Result<[u8; 2]> { Ok([u.int_in_range(1..=most)?, u.int_in_range(1..=most)?]) };
    let (kernel, stride, dilation) = (pair(3)?, pair(2)?, pair(2)?);
    let pad = [u.int_in_range(0..=kernel[0] - 1)?, u.int_in_range(0..=kernel[1] - 1)?];
    let dilation = if u.ratio(1, 3)? { dilation } else { [1, 1] };
    Ok(Window { kernel, stride, pad, dilation })
}

/// What a window leaves of a shape; as many rows and columns as fit in a slot.
fn windowed(u: &mut Unstructured, input: &Shape, window: &Window, channels: u16) -> Result<Shape> {
    let along = |length: u16, axis: usize| {
        let span = (u16::from(window.kernel[axis]) - 1) * u16::from(window.dilation[axis]) + 1;
        let room = (length + 2 * u16::from(window.pad[axis])).saturating_sub(span);
        room / u16::from(window.stride[axis]) + 1
    };
    let (height, width) = (along(input.height, 0), along(input.width, 1));
    // Fewer are allowed: what a window leaves below and to the right is not read.
    let channels = channels.min(SLOT as u16);
    let width = width.min(SLOT as u16 / channels).max(1);
    let height = height.min(SLOT as u16 / channels / width).max(1);
    let fewer = u.ratio(1, 8)?;
    Ok(Shape { height: if fewer { 1 } else { height }, width, channels })
}

fn layer(u: &mut Unstructured, input: Value, output: Value) -> Result<Layer> {
    let (weights, bias) = (place(u)? / 8, place(u)?);
    let epilogue = match input.element {
        Element::F32 => Epilogue::Float(activation(u)?),
        Element::I8 => {
            let Rescale { shift, output_zero, low, high, .. } = rescale(u)?;
            let (multipliers, input_zero) = (place(u)?, u.arbitrary()?);
            Epilogue::Int8(Requantise { multipliers, shift, input_zero, output_zero, low, high })
        }
    };
    Ok(Layer { input, output, weights, bias, epilogue })
}

fn rescale(u: &mut Unstructured) -> Result<Rescale> {
    let low: i8 = u.arbitrary()?;
    Ok(Rescale {
        multiplier: u.arbitrary()?,
        shift: u.int_in_range(1..=62)?,
        output_zero: u.arbitrary()?,
        low,
        high: u.int_in_range(low..=i8::MAX)?,
    })
}

/// Where constants begin, so that a few fit behind.
fn place(u: &mut Unstructured) -> Result<u32> {
    u.int_in_range(0..=WEIGHTS as u32 - 68)
}

fn walk(u: &mut Unstructured, from: &Shape, to: &Shape) -> Result<Walk> {
    let mut lengths = [1; 5];
    let (mut from_steps, mut to_steps) = ([0; 5], [0; 5]);
    // Loops, the innermost first, over what is left on both sides.
    let (mut left, mut right) = (from.elements() as u16, to.elements() as u16);
    let (mut read, mut written) = (1, 1);
    for loop_at in (0..5).rev() {
        let most = left.min(right);
        let length = u.int_in_range(1..=most)?;
        lengths[loop_at] = length;
        from_steps[loop_at] = read;
        to_steps[loop_at] = written;
        (left, right) = (left / length, right / length);
        (read, written) = (read * i32::from(length), written * i32::from(length));
        if u.ratio(1, 2)? {
            break;
        }
    }
    let mut walk = Walk { lengths, from: 0, from_steps, to: 0, to_steps };
    // Backwards along the innermost loop.
    if u.ratio(1, 4)? {
        walk.to = u32::from(lengths[4]) - 1;
        walk.to_steps[4] = -1;
    }
    if u.ratio(1, 4)? {
        walk.from_steps[u.choose_index(5)?] = 0;
    }
    Ok(walk)
}

fn activation(u: &mut Unstructured) -> Result<Activation> {
    Ok(match u.int_in_range(0..=2_u8)? {
        0 => Activation::None,
        1 => Activation::Relu,
        _ => {
            let low = number(u)?;
            Activation::Clip { low, high: low + 1.0 }
        }
    })
}

fn function(u: &mut Unstructured) -> Result<Function> {
    Ok(match u.int_in_range(0..=11_u8)? {
        0 => Function::Activation(activation(u)?),
        1 => Function::LeakyRelu { slope: number(u)? },
        2 => Function::Sigmoid,
        3 => Function::HardSigmoid { slope: number(u)?, offset: number(u)? },
        4 => Function::Tanh,
        5 => Function::HardSwish,
        6 => Function::Absolute,
        7 => Function::Exponential,
        8 => Function::Logarithm,
        9 => Function::SquareRoot,
        10 => Function::Reciprocal,
        _ => Function::ErrorFunction,
    })
}

fn operation(u: &mut Unstructured) -> Result<Operation> {
    use Operation::{Add, Divide, Maximum, Minimum, Multiply, Subtract};
    Ok(*u.choose(&[Add, Subtract, Multiply, Divide, Maximum, Minimum])?)
}

/// Mostly of an ordinary size; now and then any bits.
fn number(u: &mut Unstructured) -> Result<f32> {
    let bits: u16 = u.arbitrary()?;
    if bits % 8 == 0 { Ok(f32::from_bits(u.arbitrary()?)) } else { Ok(f32::from(bits) / 4096.0 - 8.0) }
}

/// Changes a field that the checks must look at.
pub fn spoil(u: &mut Unstructured, ops: &mut [Op]) -> Result<()> {
    if ops.is_empty() {
        return Ok(());
    }
    let at = u.choose_index(ops.len())?;
    let Some(op) = ops.get_mut(at) else { return Ok(()) };
    let any: u16 = u.arbitrary()?;
    match (op, u.int_in_range(0..=3_u8)?) {
        (Op::Copy { walk, .. }, 0 | 1) => {
            let step = i32::from(any as i8);
            match u.int_in_range(0..=4_u8)? {
                0 => walk.from = any.into(),
                1 => walk.to = any.into(),
                2 => walk.lengths[u.choose_index(5)?] = any % 70,
                3 => walk.from_steps[u.choose_index(5)?] = step,
                _ => walk.to_steps[u.choose_index(5)?] = step,
            }
        }
        (
            Op::Convolution { window, .. }
            | Op::Depthwise { window, .. }
            | Op::MaxPool { window, .. }
            | Op::AveragePool { window, .. },
            0 | 1,
        ) => {
            let fields = [&mut window.kernel, &mut window.stride, &mut window.pad, &mut window.dilation];
            let field = fields.into_iter().nth((any >> 12) as usize % 4);
            if let Some(field) = field {
                field[usize::from(any >> 8) % 2] = any as u8;
            }
        }
        (Op::Rows { ops }, _) => *ops = any as u8,
        (op, _) => {
            let count = op.values_mut().count();
            let chosen = u.choose_index(count.max(1))?;
            let Some(value) = op.values_mut().nth(chosen) else { return Ok(()) };
            match u.int_in_range(0..=6_u8)? {
                0 => value.offset = u32::from(any) % (SLOT * SLOTS) as u32,
                1 => value.rows = any % 8,
                2 => value.shape.height = any % 66,
                3 => value.shape.width = any % 66,
                4 => value.shape.channels = any % 66,
                5 => value.offset = u.arbitrary()?,
                _ => {
                    value.element = if value.element == Element::F32 { Element::I8 } else { Element::F32 };
                }
            }
        }
    }
    Ok(())
}
