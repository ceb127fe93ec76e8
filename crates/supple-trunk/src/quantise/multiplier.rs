//! Real factors as integers and a shift.

/// `factor` is about `multiplier · 2^−shift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    pub multiplier: i32,
    pub shift: u8,
}

/// Factors of one common shift, the largest with as many `bits` as asked for. `None` where no shift from 1 to 62
/// does.
pub fn fixed(factors: &[f64], bits: i32) -> Option<(Vec<i32>, u8)> {
    let largest = factors.iter().fold(0.0f64, |largest, factor| largest.max(factor.abs()));
    if !largest.is_finite() {
        return None;
    }
    // The exponent from the bits: a logarithm might be rounded differently elsewhere.
    let exponent = if largest == 0.0 { 0 } else { exponent(largest) };
    let shift = (bits - 1 - exponent).min(62);
    if shift < 1 {
        return None;
    }
    let power = f64::from_bits(((1023 + shift) as u64) << 52);
    let multipliers = factors.iter().map(|factor| (factor * power).round());
    let limit = f64::from(i32::MAX);
    multipliers
        .map(|multiplier| (multiplier.abs() <= limit).then_some(multiplier as i32))
        .collect::<Option<Vec<i32>>>()
        .map(|multipliers| (multipliers, shift as u8))
}

/// One factor.
pub fn fixed_one(factor: f64) -> Option<Fixed> {
    let (multipliers, shift) = fixed(&[factor], 31)?;
    Some(Fixed { multiplier: multipliers[0], shift })
}

/// The `e` of `1 ≤ x · 2^−e < 2`.
fn exponent(x: f64) -> i32 {
    ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_by_hand() {
        assert_eq!(fixed_one(0.5), Some(Fixed { multiplier: 1 << 30, shift: 31 }));
        assert_eq!(fixed_one(1.0), Some(Fixed { multiplier: 1 << 30, shift: 30 }));
        assert_eq!(fixed_one(0.1), Some(Fixed { multiplier: 1_717_986_918, shift: 34 }));
        assert_eq!(fixed(&[0.5, -0.25, 0.0], 21), Some((vec![1 << 20, -(1 << 19), 0], 21)));
        assert_eq!(fixed_one(f64::INFINITY), None);
        assert_eq!(fixed_one(1e12), None);
        // Rounded up to a power of two, it still fits.
        assert!(fixed_one(1.0 - 1e-12).is_none_or(|fixed| fixed.multiplier > 1 << 30));
        assert_eq!(fixed_one(0.0), Some(Fixed { multiplier: 0, shift: 30 }));
    }
}
