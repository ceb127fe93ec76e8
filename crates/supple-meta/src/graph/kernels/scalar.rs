//! Numbers that a program computes with.

use crate::graph::op::{Binary, Unary};
use crate::matrix::Real;

/// `f32` for training, `f64` for checking gradients.
pub trait Scalar: Real {
    /// Zero.
    const ZERO: Self;
    /// `e^x`; for `f32` within 2 units in the last place over its range, without a branch.
    fn exponential(self) -> Self;
    /// Product of matrices by [`super::product::Call`]'s terms.
    fn multiply(call: &mut super::product::Call<Self>);
    /// Runs a loop with the machine's widest vectors.
    fn run_fused(call: super::fused::Call<Self>);
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn exponential(self) -> Self {
        // exp(x) = 2^n · exp(r), |r| ≤ ln 2 / 2, by the minimax polynomial of Cephes' expf.
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        let x = if self > 88.0 { 88.0 } else { self };
        let x = if x < -87.0 { -87.0 } else { x };
        let n = (x * std::f32::consts::LOG2_E + 12_582_912.0) - 12_582_912.0;
        let r = (x - n * LN2_HIGH) - n * LN2_LOW;
        let p = 1.987_569_1e-4;
        let p = p * r + 1.398_2e-3;
        let p = p * r + 8.333_452e-3;
        let p = p * r + 4.166_579_6e-2;
        let p = p * r + 1.666_666_5e-1;
        let p = p * r + 0.5;
        let y = p * r * r + r + 1.0;
        // A NaN stays one: the comparisons above are false for it, and it goes through the polynomial.
        y * f32::from_bits(((n as i32 + 127) << 23) as u32)
    }

    fn multiply(call: &mut super::product::Call<Self>) {
        super::vector::multiply(call);
    }

    fn run_fused(call: super::fused::Call<Self>) {
        super::vector::run_fused(call);
    }
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;

    fn exponential(self) -> Self {
        self.exp()
    }

    fn multiply(call: &mut super::product::Call<Self>) {
        super::product::multiply_plainly(call);
    }

    fn run_fused(call: super::fused::Call<Self>) {
        super::fused::run(call);
    }
}

/// An element-wise operation on one number.
#[inline(always)]
pub fn unary<S: Scalar>(unary: Unary, x: S) -> S {
    let zero = S::ZERO;
    let one = S::one();
    match unary {
        Unary::Scale(factor) => x * S::of(factor.0),
        Unary::Shift(offset) => x + S::of(offset.0),
        Unary::Relu => {
            if x > zero {
                x
            } else {
                zero
            }
        }
        Unary::Step => {
            if x > zero {
                one
            } else {
                zero
            }
        }
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => one / (one + (-x).exponential()),
        Unary::Exponential => x.exponential(),
        Unary::Logarithm => x.ln(),
        Unary::SquareRoot => x.sqrt(),
        Unary::InverseSquareRoot => one / x.sqrt(),
        Unary::Absolute => x.abs(),
        Unary::Sign => {
            if x > zero {
                one
            } else if x < zero {
                -one
            } else {
                zero
            }
        }
        Unary::Huber(limit) => {
            let limit = S::of(limit.0);
            let half = S::of(0.5);
            if x.abs() <= limit { half * x * x } else { limit * (x.abs() - half * limit) }
        }
        Unary::Clamp(limit) => {
            let limit = S::of(limit.0);
            if x > limit {
                limit
            } else if x < -limit {
                -limit
            } else {
                x
            }
        }
        Unary::Inside(limit) => {
            if x.abs() < S::of(limit.0) {
                one
            } else {
                zero
            }
        }
    }
}

/// An element-wise operation on two numbers.
#[inline(always)]
pub fn binary<S: Scalar>(binary: Binary, a: S, b: S) -> S {
    match binary {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_exponential_is_as_good_as_the_long_one() {
        for i in -8600..8700 {
            let x = i as f32 * 0.01;
            let (short, long) = (x.exponential(), f64::from(x).exp());
            assert!((f64::from(short) - long).abs() <= 2.5e-7 * long, "{x}: {short} and {long}");
        }
        assert_eq!(0f32.exponential(), 1.0);
        assert!(f32::NAN.exponential().is_nan());
        assert!((-1e30f32).exponential() < 1e-37);
    }
}
