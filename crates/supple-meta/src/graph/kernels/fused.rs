//! Loops over matrices of one shape: many element-wise operations, and sums, in one pass.
//!
//! A loop goes tile by tile, a tile being as many columns as stay in the first cache. On a tile the instructions run
//! one after the other over short vectors, so values that only the loop needs never leave that cache.

use super::scalar::{self, Scalar};
use crate::graph::op::{Binary, Unary};

/// Values of a tile.
const TILE: usize = 1024;
/// The most operands of a loop.
pub const MOST_STREAMS: usize = 32;

/// How an operand meets the loop's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Has the shape.
    Full,
    /// One column, the same for all.
    Column,
    /// One value a column.
    Row,
    /// One number.
    Number,
}

/// Where an instruction reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An operand of the loop.
    Stream(usize),
    /// What an instruction before has left in a slot.
    Slot(usize),
    /// What an instruction before has left in a result.
    Output(usize),
}

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Of the first source.
    Unary(Unary),
    /// Of both.
    Binary(Binary),
    /// The first source.
    Copy,
    /// Sums of the first source over rows.
    SumRows,
    /// Sums of the first source over columns.
    SumColumns,
}

/// Where an instruction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A slot, for instructions to come.
    Slot(usize),
    /// A result.
    Output(usize),
}

/// One operation on a tile.
#[derive(Debug, Clone, Copy)]
pub struct Instruction {
    /// What.
    pub code: Code,
    /// First source.
    pub a: Source,
    /// Second source, where there is one.
    pub b: Source,
    /// Where to.
    pub to: Target,
}

/// A loop.
#[derive(Debug, Clone, Default)]
pub struct Loop {
    /// Rows of the shape.
    pub rows: usize,
    /// Columns of the shape.
    pub columns: usize,
    /// Operands; one that is broadcast has a slot to be spread out in.
    pub streams: Vec<(Kind, usize)>,
    /// In order.
    pub instructions: Vec<Instruction>,
    /// Slots that streams and instructions use.
    pub slots: usize,
}

/// A loop with its operands.
#[derive(Debug)]
pub struct Call<'a, S> {
    /// What to do.
    pub plan: &'a Loop,
    /// Values of the operands.
    pub streams: &'a [&'a [S]],
    /// Places of the results.
    pub outputs: &'a mut [Vec<S>],
    /// Space for slots.
    pub slots: &'a mut Vec<Vec<S>>,
}

#[inline(always)]
fn sum<S: Scalar>(values: &[S]) -> S {
    let mut sums = [S::ZERO; 8];
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += *value);
    }
    let total = sums.iter().fold(S::ZERO, |a, b| a + *b);
    rest.iter().fold(total, |a, b| a + *b)
}

/// Runs a loop.
#[inline(always)]
pub fn run<S: Scalar>(call: Call<S>) {
    let Call { plan, streams, outputs, slots } = call;
    let (rows, columns) = (plan.rows, plan.columns);
    let tile = (TILE / rows).clamp(1, columns.max(1));
    while slots.len() < plan.slots {
        slots.push(Vec::new());
    }
    for slot in slots.iter_mut().take(plan.slots) {
        if slot.len() < tile * rows {
            slot.resize(tile * rows, S::ZERO);
        }
    }
    for ((kind, slot), values) in plan.streams.iter().zip(streams) {
        match kind {
            Kind::Column => {
                let spread = &mut slots[*slot][..tile * rows];
                spread[..rows].copy_from_slice(&values[..rows]);
                // What is there is copied behind itself, so that few copies do.
                let mut done = rows;
                while done < spread.len() {
                    let more = done.min(spread.len() - done);
                    spread.copy_within(..more, done);
                    done += more;
                }
            }
            Kind::Number => slots[*slot][..tile * rows].fill(values[0]),
            Kind::Full | Kind::Row => {}
        }
    }
    for first in (0..columns).step_by(tile) {
        let count = tile.min(columns - first);
        let (start, length) = (first * rows, count * rows);
        for ((kind, slot), values) in plan.streams.iter().zip(streams) {
            if *kind == Kind::Row {
                let spread = slots[*slot][..length].chunks_exact_mut(rows);
                spread.zip(&values[first..]).for_each(|(to, value)| to.fill(*value));
            }
        }
        for instruction in &plan.instructions {
            let mut target = match instruction.to {
                Target::Slot(slot) => std::mem::take(&mut slots[slot]),
                Target::Output(output) => std::mem::take(&mut outputs[output]),
            };
            {
                let source = |source: Source| -> &[S] {
                    match source {
                        Source::Stream(stream) => match plan.streams[stream] {
                            (Kind::Full, _) => &streams[stream][start..start + length],
                            (_, slot) => &slots[slot][..length],
                        },
                        Source::Slot(slot) => &slots[slot][..length],
                        Source::Output(output) => &outputs[output][start..start + length],
                    }
                };
                let a = source(instruction.a);
                match instruction.code {
                    Code::SumColumns if rows == 1 => {
                        let before = if first == 0 { S::ZERO } else { target[0] };
                        target[0] = before + sum(a);
                    }
                    Code::SumColumns => {
                        let target = &mut target[..rows];
                        if first == 0 {
                            target.fill(S::ZERO);
                        }
                        for column in a.chunks_exact(rows) {
                            target.iter_mut().zip(column).for_each(|(to, from)| *to += *from);
                        }
                    }
                    Code::SumRows => {
                        for (to, column) in target[first..].iter_mut().zip(a.chunks_exact(rows)) {
                            *to = sum(column);
                        }
                    }
                    code => {
                        let to = match instruction.to {
                            Target::Slot(_) => &mut target[..length],
                            Target::Output(_) => &mut target[start..start + length],
                        };
                        match code {
                            Code::Unary(unary) => map_unary(unary, a, to),
                            Code::Binary(binary) => map_binary(binary, a, source(instruction.b), to),
                            _ => to.copy_from_slice(a),
                        }
                    }
                }
            }
            match instruction.to {
                Target::Slot(slot) => slots[slot] = target,
                Target::Output(output) => outputs[output] = target,
            }
        }
    }
}

#[inline(always)]
fn map<S: Scalar>(a: &[S], to: &mut [S], f: impl Fn(S) -> S) {
    to.iter_mut().zip(a).for_each(|(to, a)| *to = f(*a));
}

#[inline(always)]
fn map2<S: Scalar>(a: &[S], b: &[S], to: &mut [S], f: impl Fn(S, S) -> S) {
    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = f(*a, *b));
}

/// One arm an operation, so that each becomes a loop of its own.
#[inline(always)]
fn map_unary<S: Scalar>(unary: Unary, a: &[S], to: &mut [S]) {
    match unary {
        Unary::Scale(factor) => {
            let factor = S::of(factor.0);
            map(a, to, |x| x * factor);
        }
        Unary::Shift(offset) => {
            let offset = S::of(offset.0);
            map(a, to, |x| x + offset);
        }
        Unary::Relu => map(a, to, |x| scalar::unary(Unary::Relu, x)),
        Unary::Step => map(a, to, |x| scalar::unary(Unary::Step, x)),
        Unary::Sigmoid => map(a, to, |x| scalar::unary(Unary::Sigmoid, x)),
        Unary::Exponential => map(a, to, |x| scalar::unary(Unary::Exponential, x)),
        Unary::InverseSquareRoot => map(a, to, |x| scalar::unary(Unary::InverseSquareRoot, x)),
        other => map(a, to, |x| scalar::unary(other, x)),
    }
}

#[inline(always)]
fn map_binary<S: Scalar>(binary: Binary, a: &[S], b: &[S], to: &mut [S]) {
    match binary {
        Binary::Add => map2(a, b, to, |a, b| a + b),
        Binary::Subtract => map2(a, b, to, |a, b| a - b),
        Binary::Multiply => map2(a, b, to, |a, b| a * b),
        Binary::Divide => map2(a, b, to, |a, b| a / b),
    }
}
