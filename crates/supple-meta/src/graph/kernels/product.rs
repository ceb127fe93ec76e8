//! Matrix products over slices: `c = a · b` or `c += a · b`, c being column-major, a and b with any strides.

use super::scalar::Scalar;
use crate::matrix::{Operand, multiply_into};

/// A matrix to read: where its element (i, j) lies.
#[derive(Debug, Clone, Copy)]
pub struct Factor<'a, S> {
    /// From its element (0, 0) on.
    pub values: &'a [S],
    /// Distance from row to row.
    pub row: usize,
    /// Distance from column to column.
    pub column: usize,
}

impl<'a, S> Factor<'a, S> {
    /// A column-major matrix of so many rows, or its transpose.
    pub fn new(values: &'a [S], rows: usize, transposed: bool) -> Self {
        if transposed { Self { values, row: rows, column: 1 } } else { Self { values, row: 1, column: rows } }
    }
}

/// A product to compute.
#[derive(Debug)]
pub struct Call<'a, S> {
    /// Rows of a and c.
    pub rows: usize,
    /// Columns of a, rows of b.
    pub inner: usize,
    /// Columns of b and c.
    pub columns: usize,
    /// The left factor.
    pub a: Factor<'a, S>,
    /// The right factor.
    pub b: Factor<'a, S>,
    /// `[rows, columns]`, column-major.
    pub c: &'a mut [S],
    /// Whether to add to c.
    pub accumulate: bool,
    /// Space to transpose into.
    pub scratch: &'a mut Vec<S>,
}

/// Without vectors of our own: nalgebra's product.
pub fn multiply_plainly<S: Scalar>(call: &mut Call<S>) {
    let operand = |factor: &Factor<'_, S>, rows: usize, columns: usize| -> Vec<S> {
        let element = |i: usize, j: usize| factor.values[i * factor.row + j * factor.column];
        (0..rows * columns).map(|at| element(at % rows, at / rows)).collect()
    };
    let (rows, inner, columns) = (call.rows, call.inner, call.columns);
    let scale = if call.accumulate { S::one() } else { S::ZERO };
    let contiguous = |factor: &Factor<'_, S>, rows: usize, columns: usize| {
        (factor.row == 1 && factor.column == rows) || (factor.column == 1 && factor.row == columns)
    };
    let (copy_a, copy_b);
    let a = if contiguous(&call.a, rows, inner) {
        strided(&call.a, rows, inner)
    } else {
        copy_a = operand(&call.a, rows, inner);
        Operand::new(&copy_a, rows, inner)
    };
    let b = if contiguous(&call.b, inner, columns) {
        strided(&call.b, inner, columns)
    } else {
        copy_b = operand(&call.b, inner, columns);
        Operand::new(&copy_b, inner, columns)
    };
    multiply_into(&mut call.c[..rows * columns], scale, a, b);
}

fn strided<'a, S: Scalar>(factor: &Factor<'a, S>, rows: usize, columns: usize) -> Operand<'a, S> {
    let values = &factor.values[..rows * columns];
    if factor.row == 1 && factor.column == rows {
        Operand::new(values, rows, columns)
    } else {
        Operand::new(values, columns, rows).transposed()
    }
}
