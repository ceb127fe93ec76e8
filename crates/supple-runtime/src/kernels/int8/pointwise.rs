//! Sums and products of two values, `f32` to `i8` and back.

use supple_pack::op::Rescale;

use super::rescale;

/// The sum of two values: `(left − zeros[0]) · multipliers[0] + (right − zeros[1]) · multipliers[1]`, rescaled.
#[inline]
pub fn sum(left: i8, right: i8, zeros: [i8; 2], multipliers: [i32; 2], to: &Rescale) -> i8 {
    let [left, right] = less_zeros(left, right, zeros);
    let [by_left, by_right] = multipliers;
    rescale(left.wrapping_mul(by_left).wrapping_add(right.wrapping_mul(by_right)), to)
}

/// The product of two values: `(left − zeros[0]) · (right − zeros[1])`, rescaled.
#[inline]
pub fn product(left: i8, right: i8, zeros: [i8; 2], to: &Rescale) -> i8 {
    let [left, right] = less_zeros(left, right, zeros);
    rescale(left * right, to)
}

fn less_zeros(left: i8, right: i8, zeros: [i8; 2]) -> [i32; 2] {
    let [left_zero, right_zero] = zeros;
    [i32::from(left) - i32::from(left_zero), i32::from(right) - i32::from(right_zero)]
}

/// `clamp(floor(x · inverse_scale + 1/2) + zero, −128, 127)`, the product and the sum rounded to `f32`; NaN gives
/// `zero`.
#[inline]
pub fn quantise(x: f32, inverse_scale: f32, zero: i8) -> i8 {
    let raised = x * inverse_scale + 0.5;
    // Towards zero; what is huge is held within `i32`, NaN becomes 0.
    let whole = raised as i32;
    let floor = if whole as f32 > raised { whole.saturating_sub(1) } else { whole };
    floor.saturating_add(zero.into()).clamp(i8::MIN.into(), i8::MAX.into()) as i8
}

/// [`quantise`] of each element, from one slice to another of the same length.
#[inline]
pub fn quantise_each(from: &[f32], to: &mut [i8], inverse_scale: f32, zero: i8) {
    #[cfg(supple_fpu)]
    let (from, to) = {
        let ((fours, from), (to_fours, to)) = (from.as_chunks(), to.as_chunks_mut());
        crate::kernels::arm::quantise::quantise(fours, to_fours, inverse_scale, zero);
        (from, to)
    };
    for (to, from) in to.iter_mut().zip(from) {
        *to = quantise(*from, inverse_scale, zero);
    }
}

/// `scale · (q − zero)`.
#[inline]
pub fn dequantise(q: i8, scale: f32, zero: i8) -> f32 {
    scale * (i32::from(q) - i32::from(zero)) as f32
}
