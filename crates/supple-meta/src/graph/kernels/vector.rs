//! Products and loops in AVX2 and FMA where the machine has them; elsewhere the plain ones.
//!
//! A block of up to 16 rows and 6 columns (or 8 rows and 12 columns) of the result stays in registers while the
//! inner dimension runs by. The left factor is read where it lies, a transposed one is turned first; nothing else is
//! copied, since the matrices of few-shot learning fit the caches as they are.

use super::fused;
use super::product::{Call, multiply_plainly};

/// A product; see [`Call`].
pub fn multiply(call: &mut Call<f32>) {
    #[cfg(target_arch = "x86_64")]
    if has_vectors() {
        let (rows, inner, columns) = (call.rows, call.inner, call.columns);
        if rows == 0 || columns == 0 {
            return;
        }
        let reach = |rows: usize, row: usize, columns: usize, column: usize| {
            (rows - 1) * row + (columns - 1) * column + 1
        };
        assert!(inner > 0 && call.c.len() >= rows * columns);
        assert!(call.a.values.len() >= reach(rows, call.a.row, inner, call.a.column));
        assert!(call.b.values.len() >= reach(inner, call.b.row, columns, call.b.column));
        // SAFETY: the machine has AVX2 and FMA, and every element the product touches lies within its slice.
        unsafe { x86::multiply(call) };
        return;
    }
    multiply_plainly(call);
}

/// A loop; see [`fused::run`].
pub fn run_fused(call: fused::Call<f32>) {
    #[cfg(target_arch = "x86_64")]
    if has_vectors() {
        // SAFETY: the machine has AVX2 and FMA; the code itself is safe.
        unsafe { x86::run_fused(call) };
        return;
    }
    fused::run(call);
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has_vectors() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Call, fused};

    #[target_feature(enable = "avx2,fma")]
    pub fn run_fused(call: fused::Call<f32>) {
        fused::run(call);
    }

    /// Lanes of a vector.
    const LANES: usize = 8;

    /// # Safety
    /// Every element must lie within its slice.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn multiply(call: &mut Call<f32>) {
        let (rows, inner, columns) = (call.rows, call.inner, call.columns);
        let (mut a, mut step) = (call.a.values.as_ptr(), call.a.column);
        let (b, b_row, b_column) = (call.b.values.as_ptr(), call.b.row, call.b.column);
        let c = call.c.as_mut_ptr();
        let accumulate = call.accumulate;
        unsafe {
            if rows == 1 && call.a.column == 1 && b_row == 1 {
                for j in 0..columns {
                    let sum = dot(inner, a, b.add(j * b_column));
                    *c.add(j) = if accumulate { *c.add(j) + sum } else { sum };
                }
                return;
            }
            if rows == 1 && b_column == 1 {
                // A row lies in memory as a column does, and with columns of b as vectors no lane is idle.
                let block = Block {
                    inner,
                    step: b_row,
                    b: a,
                    b_row: call.a.column,
                    b_column: 0,
                    ldc: columns,
                    accumulate,
                };
                strip::<1, 1>(&block, columns, b, c);
                return;
            }
            if call.a.row != 1 && rows > 1 {
                let needed = rows * inner;
                if call.scratch.len() < needed {
                    call.scratch.resize(needed, 0.0);
                }
                turn(rows, inner, a, call.a.row, call.a.column, call.scratch.as_mut_ptr());
                a = call.scratch.as_ptr();
                step = rows;
            }
            let mut j = 0;
            while j < columns {
                let width = columns - j;
                let (b, c) = (b.add(j * b_column), c.add(j * rows));
                let block = Block { inner, step, b, b_row, b_column, ldc: rows, accumulate };
                j += if rows > LANES {
                    match width {
                        6.. => strip::<6, 6>(&block, rows, a, c),
                        4.. => strip::<4, 4>(&block, rows, a, c),
                        2.. => strip::<2, 2>(&block, rows, a, c),
                        _ => strip::<1, 1>(&block, rows, a, c),
                    }
                } else {
                    match width {
                        13 | 25.. => strip::<6, 13>(&block, rows, a, c),
                        12.. => strip::<6, 12>(&block, rows, a, c),
                        10.. => strip::<6, 10>(&block, rows, a, c),
                        8.. => strip::<6, 8>(&block, rows, a, c),
                        5.. => strip::<5, 5>(&block, rows, a, c),
                        3.. => strip::<3, 3>(&block, rows, a, c),
                        2.. => strip::<2, 2>(&block, rows, a, c),
                        _ => strip::<1, 1>(&block, rows, a, c),
                    }
                };
            }
        }
    }

    struct Block {
        inner: usize,
        step: usize,
        b: *const f32,
        b_row: usize,
        b_column: usize,
        ldc: usize,
        accumulate: bool,
    }

    /// All rows of `TWO` columns where two vectors of rows are left, of `ONE` columns where one is; gives the number
    /// of columns done, which must be the same for all rows: with more than 8 rows both are equal.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn strip<const TWO: usize, const ONE: usize>(
        block: &Block,
        rows: usize,
        a: *const f32,
        c: *mut f32,
    ) -> usize {
        unsafe {
            let mut i = 0;
            while i + 2 * LANES <= rows {
                panel::<2, TWO, false>(block, a.add(i), c.add(i), LANES);
                i += 2 * LANES;
            }
            let rest = rows - i;
            if rest > LANES {
                panel::<2, TWO, true>(block, a.add(i), c.add(i), rest - LANES);
            } else if rest == LANES {
                panel::<1, ONE, false>(block, a.add(i), c.add(i), LANES);
            } else if rest > 0 {
                panel::<1, ONE, true>(block, a.add(i), c.add(i), rest);
            }
            if rows > LANES { TWO } else { ONE }
        }
    }

    /// `V` vectors of rows by `N` columns; of the last vector only `last` lanes where it is `CUT`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn panel<const V: usize, const N: usize, const CUT: bool>(
        block: &Block,
        a: *const f32,
        c: *mut f32,
        last: usize,
    ) {
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(last as i32), lanes);
            let mut sums = [[_mm256_setzero_ps(); N]; V];
            let (mut a, mut b) = (a, block.b);
            for _ in 0..block.inner {
                let mut left = [_mm256_setzero_ps(); V];
                for (v, left) in left.iter_mut().enumerate() {
                    let from = a.add(v * LANES);
                    *left = if CUT && v == V - 1 {
                        _mm256_maskload_ps(from, mask)
                    } else {
                        _mm256_loadu_ps(from)
                    };
                }
                add_products(&mut sums, &left, b, block.b_column);
                a = a.add(block.step);
                b = b.add(block.b_row);
            }
            for n in 0..N {
                for (v, sums) in sums.iter().enumerate() {
                    let to = c.add(n * block.ldc + v * LANES);
                    if CUT && v == V - 1 {
                        let mut whole = [0.0f32; LANES];
                        _mm256_storeu_ps(whole.as_mut_ptr(), sums[n]);
                        for (lane, value) in whole.iter().enumerate().take(last) {
                            let to = to.add(lane);
                            *to = if block.accumulate { *to + value } else { *value };
                        }
                    } else if block.accumulate {
                        _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), sums[n]));
                    } else {
                        _mm256_storeu_ps(to, sums[n]);
                    }
                }
            }
        }
    }

    /// Adds the outer product of a column of a and a row of b.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn add_products<const V: usize, const N: usize>(
        sums: &mut [[__m256; N]; V],
        left: &[__m256; V],
        b: *const f32,
        b_column: usize,
    ) {
        unsafe {
            for n in 0..N {
                let right = _mm256_broadcast_ss(&*b.add(n * b_column));
                for (sums, left) in sums.iter_mut().zip(left) {
                    sums[n] = _mm256_fmadd_ps(*left, right, sums[n]);
                }
            }
        }
    }

    /// `to` becomes column-major.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn turn(rows: usize, columns: usize, from: *const f32, row: usize, column: usize, to: *mut f32) {
        unsafe {
            let mut j = 0;
            while column == 1 && j + LANES <= columns {
                let mut i = 0;
                while i + LANES <= rows {
                    turn_square(from.add(i * row + j), row, to.add(j * rows + i), rows);
                    i += LANES;
                }
                for i in i..rows {
                    for j in j..j + LANES {
                        *to.add(j * rows + i) = *from.add(i * row + j);
                    }
                }
                j += LANES;
            }
            for j in j..columns {
                for i in 0..rows {
                    *to.add(j * rows + i) = *from.add(i * row + j * column);
                }
            }
        }
    }

    /// 8 × 8 values.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn turn_square(from: *const f32, row: usize, to: *mut f32, column: usize) {
        unsafe {
            let r: [__m256; 8] = std::array::from_fn(|i| _mm256_loadu_ps(from.add(i * row)));
            let mut t = [_mm256_setzero_ps(); 8];
            for i in 0..4 {
                t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
                t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
            }
            let mut u = [_mm256_setzero_ps(); 8];
            for half in 0..2 {
                let t = &t[4 * half..];
                u[4 * half] = _mm256_shuffle_ps::<0x44>(t[0], t[2]);
                u[4 * half + 1] = _mm256_shuffle_ps::<0xEE>(t[0], t[2]);
                u[4 * half + 2] = _mm256_shuffle_ps::<0x44>(t[1], t[3]);
                u[4 * half + 3] = _mm256_shuffle_ps::<0xEE>(t[1], t[3]);
            }
            for i in 0..4 {
                _mm256_storeu_ps(to.add(i * column), _mm256_permute2f128_ps::<0x20>(u[i], u[i + 4]));
                _mm256_storeu_ps(to.add((i + 4) * column), _mm256_permute2f128_ps::<0x31>(u[i], u[i + 4]));
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn dot(length: usize, a: *const f32, b: *const f32) -> f32 {
        unsafe {
            let mut sums = [_mm256_setzero_ps(); 2];
            let mut k = 0;
            while k + 2 * LANES <= length {
                for (v, sum) in sums.iter_mut().enumerate() {
                    let at = k + v * LANES;
                    *sum = _mm256_fmadd_ps(_mm256_loadu_ps(a.add(at)), _mm256_loadu_ps(b.add(at)), *sum);
                }
                k += 2 * LANES;
            }
            if k + LANES <= length {
                sums[0] = _mm256_fmadd_ps(_mm256_loadu_ps(a.add(k)), _mm256_loadu_ps(b.add(k)), sums[0]);
                k += LANES;
            }
            let sum = _mm256_add_ps(sums[0], sums[1]);
            let half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
            let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
            let mut total = _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
            for k in k..length {
                total += *a.add(k) * *b.add(k);
            }
            total
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::kernels::product::Factor;

    /// Every size around the borders of blocks, every transposition, with guards around the result.
    #[test]
    fn every_size_and_transpose_agrees_with_the_definition() {
        let sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 23, 24, 25, 40];
        let value = |i: usize| ((i * 7 + 3) % 11) as f32 - 5.0;
        let mut scratch = Vec::new();
        for (m, k, n) in sizes.iter().flat_map(|m| sizes.iter().flat_map(move |k| sizes.map(|n| (*m, *k, n))))
        {
            let a: Vec<f32> = (0..m * k).map(value).collect();
            let b: Vec<f32> = (0..k * n).map(|i| value(i + 5)).collect();
            for (turn_a, turn_b, accumulate) in
                [(false, false, false), (false, true, true), (true, false, false), (true, true, true)]
            {
                let a = Factor::new(&a, if turn_a { k } else { m }, turn_a);
                let b = Factor::new(&b, if turn_b { n } else { k }, turn_b);
                let mut guarded = vec![7.0f32; m * n + 32];
                multiply(&mut Call {
                    rows: m,
                    inner: k,
                    columns: n,
                    a,
                    b,
                    c: &mut guarded[16..16 + m * n],
                    accumulate,
                    scratch: &mut scratch,
                });
                let at = |f: &Factor<f32>, i: usize, j: usize| f.values[i * f.row + j * f.column];
                for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                    let sum: f32 = (0..k).map(|l| at(&a, i, l) * at(&b, l, j)).sum();
                    let expected = if accumulate { 7.0 + sum } else { sum };
                    assert_eq!(guarded[16 + i + j * m], expected, "{m} × {k} × {n}, {turn_a} {turn_b}");
                }
                assert!(guarded[..16].iter().chain(&guarded[16 + m * n..]).all(|v| *v == 7.0));
            }
        }
    }
}
