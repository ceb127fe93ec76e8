//! Moving values: transposes, rows, paddings, sums of groups of columns.

use super::scalar::Scalar;

/// Tile of a transpose: fits the first cache in both directions.
const TILE: usize = 16;

/// `output` becomes the transpose of a matrix of `rows` rows.
pub fn transpose<S: Scalar>(rows: usize, input: &[S], output: &mut [S]) {
    let columns = input.len() / rows;
    for first in (0..columns).step_by(TILE) {
        for top in (0..rows).step_by(TILE) {
            for j in first..(first + TILE).min(columns) {
                for i in top..(top + TILE).min(rows) {
                    output[i * columns + j] = input[j * rows + i];
                }
            }
        }
    }
}

/// Rows from `first` of a matrix of `rows` rows, as many as `count`.
pub fn rows<S: Scalar>(rows: usize, first: usize, count: usize, input: &[S], output: &mut [S]) {
    for (from, to) in input.chunks_exact(rows).zip(output.chunks_exact_mut(count)) {
        to.copy_from_slice(&from[first..first + count]);
    }
}

/// A matrix of `count` rows as the rows from `first` of one of `rows`, zero elsewhere.
pub fn pad_rows<S: Scalar>(rows: usize, first: usize, count: usize, input: &[S], output: &mut [S]) {
    output.fill(S::ZERO);
    for (from, to) in input.chunks_exact(count).zip(output.chunks_exact_mut(rows)) {
        to[first..first + count].copy_from_slice(from);
    }
}

/// Zero columns before and after.
pub fn pad_columns<S: Scalar>(rows: usize, first: usize, input: &[S], output: &mut [S]) {
    let start = first * rows;
    let end = start + input.len();
    output[..start].fill(S::ZERO);
    output[start..end].copy_from_slice(input);
    output[end..].fill(S::ZERO);
}

/// Sums of `count` consecutive columns.
pub fn sum_groups<S: Scalar>(rows: usize, count: usize, input: &[S], output: &mut [S]) {
    for (group, to) in input.chunks_exact(rows * count).zip(output.chunks_exact_mut(rows)) {
        to.fill(S::ZERO);
        for column in group.chunks_exact(rows) {
            to.iter_mut().zip(column).for_each(|(to, from)| *to += *from);
        }
    }
}

/// Each column `count` times.
pub fn repeat_columns<S: Scalar>(rows: usize, count: usize, input: &[S], output: &mut [S]) {
    for (from, group) in input.chunks_exact(rows).zip(output.chunks_exact_mut(rows * count)) {
        group.chunks_exact_mut(rows).for_each(|to| to.copy_from_slice(from));
    }
}
