//! Softmax and log-sum-exp over the rows of each column.

use super::scalar::Scalar;

fn largest<S: Scalar>(column: &[S]) -> S {
    column.iter().copied().fold(column[0], |a, b| if b > a { b } else { a })
}

/// `output` becomes the softmax of each column of `rows` values.
pub fn softmax<S: Scalar>(rows: usize, input: &[S], output: &mut [S]) {
    for (from, to) in input.chunks_exact(rows).zip(output.chunks_exact_mut(rows)) {
        let largest = largest(from);
        let mut sum = S::ZERO;
        for (to, from) in to.iter_mut().zip(from) {
            *to = (*from - largest).exponential();
            sum += *to;
        }
        let factor = S::one() / sum;
        to.iter_mut().for_each(|to| *to *= factor);
    }
}

/// One number a column.
pub fn log_sum_exp<S: Scalar>(rows: usize, input: &[S], output: &mut [S]) {
    for (from, to) in input.chunks_exact(rows).zip(output) {
        let largest = largest(from);
        let sum = from.iter().fold(S::ZERO, |sum, x| sum + (*x - largest).exponential());
        *to = largest + sum.ln();
    }
}
