//! Matrix products on nalgebra over plain slices, with free transposes.
//!
//! All matrices are column-major. nalgebra's `gemm` takes any strides, so a transpose costs nothing. Where a
//! dimension is 5 or less, nalgebra 0.35 leaves its blocked kernel for one that takes the length of a strided
//! column for its number of rows and writes past the end; such products are computed here.

use nalgebra::{DMatrixView, DMatrixViewMut, RealField};

/// `f32` for training, `f64` for checking gradients.
pub trait Real: RealField + Copy {
    /// The nearest value.
    fn of(value: f64) -> Self {
        nalgebra::convert(value)
    }

    /// Of a count.
    fn of_count(count: usize) -> Self {
        Self::of(count as f64)
    }
}

impl Real for f32 {}
impl Real for f64 {}

/// A matrix to read.
#[derive(Clone, Copy)]
pub struct Operand<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    strides: (usize, usize),
}

impl<'a, T: Real> Operand<'a, T> {
    /// `rows` × `columns`, column-major.
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Self { values, rows, columns, strides: (1, rows) }
    }

    /// The transpose.
    pub fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, strides: (self.strides.1, self.strides.0), ..self }
    }

    fn view(&self) -> DMatrixView<'a, T, nalgebra::Dyn, nalgebra::Dyn> {
        DMatrixView::from_slice_with_strides(
            self.values,
            self.rows,
            self.columns,
            self.strides.0,
            self.strides.1,
        )
    }
}

/// `output = scale · output + left · right`; `output` is column-major.
pub fn multiply_into<T: Real>(output: &mut [T], scale: T, left: Operand<T>, right: Operand<T>) {
    assert_eq!(left.columns, right.rows);
    assert_eq!(output.len(), left.rows * right.columns);
    if left.rows.min(left.columns).min(right.columns) <= SMALL_DIMENSION {
        multiply_small(output, scale, left, right);
        return;
    }
    DMatrixViewMut::from_slice(output, left.rows, right.columns).gemm(
        T::one(),
        &left.view(),
        &right.view(),
        scale,
    );
}

/// Up to here nalgebra does not use its blocked kernel.
const SMALL_DIMENSION: usize = 5;

fn multiply_small<T: Real>(output: &mut [T], scale: T, left: Operand<T>, right: Operand<T>) {
    for (j, column) in output.chunks_exact_mut(left.rows).enumerate() {
        if scale.is_zero() {
            column.fill(T::zero());
        } else {
            column.iter_mut().for_each(|value| *value *= scale);
        }
        for k in 0..left.columns {
            let factor = right.values[k * right.strides.0 + j * right.strides.1];
            let start = k * left.strides.1;
            for (value, part) in column.iter_mut().zip(left.values[start..].iter().step_by(left.strides.0)) {
                *value += *part * factor;
            }
        }
    }
}

/// `left · right`, column-major.
pub fn multiply<T: Real>(left: Operand<T>, right: Operand<T>) -> Vec<T> {
    let mut output = vec![T::zero(); left.rows * right.columns];
    multiply_into(&mut output, T::zero(), left, right);
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every size around the border between the two kernels, every transposition, with guards around the output.
    #[test]
    fn no_size_and_no_transpose_writes_outside() {
        for (m, k, n) in (1..9).flat_map(|m| (1..9).flat_map(move |k| (1..9).map(move |n| (m, k, n)))) {
            let a: Vec<f32> = (0..m * k).map(|i| i as f32).collect();
            let b: Vec<f32> = (0..k * n).map(|i| 1.0 + i as f32).collect();
            for (turn_a, turn_b) in [(false, false), (false, true), (true, false), (true, true)] {
                let left = if turn_a { Operand::new(&a, k, m).transposed() } else { Operand::new(&a, m, k) };
                let right = if turn_b { Operand::new(&b, n, k).transposed() } else { Operand::new(&b, k, n) };
                let mut guarded = vec![7.0f32; m * n + 32];
                multiply_into(&mut guarded[16..16 + m * n], 0.0, left, right);
                let at = |o: &Operand<f32>, i: usize, j: usize| o.values[i * o.strides.0 + j * o.strides.1];
                for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                    let expected: f32 = (0..k).map(|l| at(&left, i, l) * at(&right, l, j)).sum();
                    assert_eq!(guarded[16 + i + j * m], expected, "{m} × {k} × {n}");
                }
                assert!(guarded[..16].iter().chain(&guarded[16 + m * n..]).all(|v| *v == 7.0));
            }
        }
    }

    #[test]
    fn products_with_transposes() {
        // A = [1 3 5; 2 4 6], B = [1 0; 2 1; 0 3]
        let a = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let b = [1.0f32, 2.0, 0.0, 0.0, 1.0, 3.0];
        let (left, right) = (Operand::new(&a, 2, 3), Operand::new(&b, 3, 2));
        assert_eq!(multiply(left, right), [7.0, 10.0, 18.0, 22.0]);
        let product = multiply(right.transposed(), left.transposed());
        assert_eq!(product, [7.0, 18.0, 10.0, 22.0]);
        let mut sum = vec![1.0f32; 4];
        multiply_into(&mut sum, 2.0, left, right);
        assert_eq!(sum, [9.0, 12.0, 20.0, 24.0]);
    }
}
