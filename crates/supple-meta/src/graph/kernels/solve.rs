//! Linear systems with a symmetric positive definite matrix, by nalgebra's Cholesky decomposition.

use nalgebra::DMatrix;

use super::scalar::Scalar;

/// `output` becomes X of A X = B, A being `[rows, rows]`; not a number where A is not positive definite.
pub fn solve<S: Scalar>(rows: usize, a: &[S], b: &[S], output: &mut [S]) {
    let right = DMatrix::from_column_slice(rows, b.len() / rows, b);
    match DMatrix::from_column_slice(rows, rows, a).cholesky() {
        Some(decomposed) => output.copy_from_slice(decomposed.solve(&right).as_slice()),
        None => output.fill(S::of(f64::NAN)),
    }
}
