//! Runs some operations row by row, so that of the values between them only a few rows are held.

use supple_pack::Op;
use supple_pack::op::MOST_ROWS_OPS;

use super::op::run_rows;

/// Takes and runs the operations of one [`Op::Rows`]. Their decoded forms are by far the most that a run keeps on the
/// stack, so this is not inlined where there may be none.
#[inline(never)]
pub(super) fn run_group(
    ops: &mut impl Iterator<Item = Op>,
    count: u8,
    arena: &mut [f32],
    weights: &[f32],
) -> Option<()> {
    let mut group = [Op::Rows { ops: 0 }; MOST_ROWS_OPS];
    let group = group.get_mut(..count.into())?;
    for place in group.iter_mut() {
        *place = ops.next()?;
    }
    run_interleaved(group, arena, weights)
}

/// Runs operations of which each reads what the one before it writes.
///
/// Each asks the one before for the rows that its next row reads, and makes it once they are there. Rows that
/// nobody asks for are not made.
fn run_interleaved(ops: &[Op], arena: &mut [f32], weights: &[f32]) -> Option<()> {
    // The row that each makes next.
    let mut next = [0u16; MOST_ROWS_OPS];
    let last = ops.len().checked_sub(1)?;
    let mut at = last;
    loop {
        let op = ops.get(at)?;
        let y = *next.get(at)?;
        if at == last && y >= op.output()?.shape.height {
            return Some(());
        }
        if let Some(before) = at.checked_sub(1) {
            let [input, _] = op.inputs();
            let needed = op.rows_for(y, input?.shape.height);
            let made = next.get_mut(before)?;
            if *made < needed.end {
                *made = (*made).max(needed.start);
                at = before;
                continue;
            }
        }
        let after = y.saturating_add(1);
        run_rows(op, y..after, arena, weights)?;
        *next.get_mut(at)? = after;
        at = last.min(at + 1);
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
