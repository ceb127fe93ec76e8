//! Runs some operations row by row, so that of the values between them only a few rows are held.

use supple_pack::op::{Epilogue, Function, Layer, MOST_ROWS_OPS};
use supple_pack::{Op, Value, Window};

use super::op::run_rows;

/// What is kept of an operation while its group runs. Decoding it again for each row would take longer than some rows,
/// and whole operations are too large to be kept on a device's stack; what they read is known from the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Kept {
    output: Value,
    window: Window,
    work: Work,
}

/// What an operation of a group does; its fields are those of the [`Op`].
#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    Convolution { weights: u32, bias: u32, epilogue: Epilogue, groups: u16 },
    Depthwise { weights: u32, bias: u32, epilogue: Epilogue },
    MaxPool,
    AveragePool { padding: Option<i8> },
    Unary { function: Function },
    Quantise { inverse_scale: f32, zero: i8 },
    Dequantise { scale: f32, zero: i8 },
    Table { table: u32 },
}

// No array on the stack is larger than 256 bytes.
const _: () = assert!(size_of::<[Option<Kept>; MOST_ROWS_OPS]>() <= 256);

impl Kept {
    /// `None` for an operation that does not work by rows.
    #[inline(never)]
    fn of(op: &Op) -> Option<Self> {
        let work = match *op {
            Op::Convolution { layer: Layer { weights, bias, epilogue, .. }, groups, .. } => {
                Work::Convolution { weights, bias, epilogue, groups }
            }
            Op::Depthwise { layer: Layer { weights, bias, epilogue, .. }, .. } => {
                Work::Depthwise { weights, bias, epilogue }
            }
            Op::MaxPool { .. } => Work::MaxPool,
            Op::AveragePool { padding, .. } => Work::AveragePool { padding },
            Op::Unary { function, .. } => Work::Unary { function },
            Op::Quantise { inverse_scale, zero, .. } => Work::Quantise { inverse_scale, zero },
            Op::Dequantise { scale, zero, .. } => Work::Dequantise { scale, zero },
            Op::Table { table, .. } => Work::Table { table },
            _ => return None,
        };
        Some(Self { output: *op.output()?, window: op.window().copied().unwrap_or(Window::ONE), work })
    }

    /// The operation, whose input is the output of the one before it.
    #[inline(never)]
    fn op(&self, input: Value) -> Op {
        let Self { output, window, work } = *self;
        match work {
            Work::Convolution { weights, bias, epilogue, groups } => {
                let layer = Layer { input, output, weights, bias, epilogue };
                Op::Convolution { layer, window, groups }
            }
            Work::Depthwise { weights, bias, epilogue } => {
                Op::Depthwise { layer: Layer { input, output, weights, bias, epilogue }, window }
            }
            Work::MaxPool => Op::MaxPool { input, output, window },
            Work::AveragePool { padding } => Op::AveragePool { input, output, window, padding },
            Work::Unary { function } => Op::Unary { input, output, function },
            Work::Quantise { inverse_scale, zero } => Op::Quantise { input, output, inverse_scale, zero },
            Work::Dequantise { scale, zero } => Op::Dequantise { input, output, scale, zero },
            Work::Table { table } => Op::Table { input, output, table },
        }
    }
}

/// Takes and runs the operations of one [`Op::Rows`]. What it keeps of them is by far the most that a run keeps on the
/// stack, so this is not inlined where there may be none.
#[inline(never)]
pub(super) fn run_group(
    ops: &mut impl Iterator<Item = Op>,
    count: u8,
    arena: &mut [f32],
    weights: &[f32],
) -> Option<()> {
    let mut group = [None; MOST_ROWS_OPS];
    let first = keep(ops, group.get_mut(..count.into())?)?;
    run_interleaved(first, &group, usize::from(count).checked_sub(1)?, arena, weights)
}

/// Keeps the next operations, as many as there are places; gives what the first one reads.
#[inline(never)]
fn keep(ops: &mut impl Iterator<Item = Op>, group: &mut [Option<Kept>]) -> Option<Value> {
    let mut first = None;
    for place in group {
        let op = ops.next()?;
        let [input, _] = op.inputs();
        first = first.or(input.copied());
        *place = Kept::of(&op);
    }
    first
}

/// Runs operations of which each reads what the one before it writes.
///
/// Each asks the one before for the rows that its next row reads, and makes it once they are there. Rows that
/// nobody asks for are not made.
#[inline(never)]
fn run_interleaved(
    first: Value,
    group: &[Option<Kept>],
    last: usize,
    arena: &mut [f32],
    weights: &[f32],
) -> Option<()> {
    // The row that each makes next.
    let mut next = [0u16; MOST_ROWS_OPS];
    let mut at = last;
    loop {
        let kept = group.get(at)?.as_ref()?;
        let y = *next.get(at)?;
        if at == last && y >= kept.output.shape.height {
            return Some(());
        }
        let mut input = first;
        if let Some(before) = at.checked_sub(1) {
            input = group.get(before)?.as_ref()?.output;
            let needed = kept.window.rows_for(y, input.shape.height);
            let made = next.get_mut(before)?;
            if *made < needed.end {
                *made = (*made).max(needed.start);
                at = before;
                continue;
            }
        }
        let after = y.saturating_add(1);
        run_rows(&kept.op(input), y..after, arena, weights)?;
        *next.get_mut(at)? = after;
        at = last.min(at + 1);
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
