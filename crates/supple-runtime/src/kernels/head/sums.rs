//! Sums of products, several side by side, so that a number loaded serves several of them.

#[cfg(supple_fpu)]
pub use crate::kernels::arm::head::{four_by_four, four_by_one};
#[cfg(not(supple_fpu))]
pub use portable::{four_by_four, four_by_one};

/// Rows of numbers, `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// From the first row's first number on.
    pub values: &'a [f32],
    /// From a row to the next.
    pub stride: usize,
}

impl<'a> Grid<'a> {
    /// From a number of the first row on.
    pub fn from(&self, at: usize) -> Self {
        Self { values: self.values.get(at..).unwrap_or_default(), ..*self }
    }

    /// The rows from one on.
    pub fn below(&self, row: usize) -> Self {
        self.from(row * self.stride)
    }

    /// The first numbers of the first row.
    pub fn row(&self, columns: usize) -> &'a [f32] {
        self.values.get(..columns).unwrap_or_default()
    }

    /// Whether four rows have so many numbers.
    #[cfg(supple_fpu)]
    pub fn holds_four(&self, columns: usize) -> bool {
        let length = self.values.len();
        // Once neither is longer than the slice, the sum cannot overflow: a slice has at most 2^29 floats.
        self.stride <= length && columns <= length && 3 * self.stride + columns <= length
    }

    /// Whether so many rows have so many numbers.
    #[cfg(supple_fpu)]
    pub fn holds(&self, rows: usize, columns: usize) -> bool {
        let before = rows.saturating_sub(1).saturating_mul(self.stride);
        self.values.len() >= before.saturating_add(columns)
    }
}

/// A sum of products, in the order of the numbers.
#[inline(never)]
pub fn add_products(sum: f32, weights: &[f32], inputs: &[f32]) -> f32 {
    weights.iter().zip(inputs).fold(sum, |sum, (weight, x)| sum + weight * x)
}

/// Where there are no sixteen registers for floats, or the compiler shares them out.
#[cfg(not(supple_fpu))]
mod portable {
    use super::Grid;

    /// The outputs of four samples, four each: `bias + weights · inputs`, or what they are already in the place of a bias.
    ///
    /// # Shapes
    /// `weights` and `inputs` `[4][columns]`, `bias` `[4]`, `outputs` four rows of four, `outs` apart.
    pub fn four_by_four(
        weights: Grid,
        inputs: Grid,
        columns: usize,
        bias: Option<&[f32]>,
        outputs: &mut [f32],
        outs: usize,
    ) {
        let start = bias.map(|values| Grid { values, stride: 1 });
        for (sample, outputs) in outputs.chunks_mut(outs.max(1)).take(4).enumerate() {
            four_by_one(weights, inputs.below(sample).row(columns), columns, start, outputs, 1);
        }
    }

    /// Four outputs, `stride` apart: `start + rows · row`, or what they are already in the place of a start.
    ///
    /// # Shapes
    /// `rows` `[4][columns]`, `row` `[columns]`, `start` `[4][1]`.
    pub fn four_by_one(
        rows: Grid,
        row: &[f32],
        columns: usize,
        start: Option<Grid>,
        outputs: &mut [f32],
        stride: usize,
    ) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| rows.below(at).row(columns));
        let from = start.unwrap_or(Grid { values: outputs, stride });
        let mut sums = [0, 1, 2, 3].map(|at| from.below(at).values.first().copied().unwrap_or(0.0));
        for ((((x, a), b), c), d) in row.iter().zip(a).zip(b).zip(c).zip(d) {
            sums[0] += x * a;
            sums[1] += x * b;
            sums[2] += x * c;
            sums[3] += x * d;
        }
        outputs.iter_mut().step_by(stride.max(1)).zip(sums).for_each(|(output, sum)| *output = sum);
    }
}
