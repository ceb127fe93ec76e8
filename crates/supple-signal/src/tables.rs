//! The quarter of a cosine that transform and Hann window share, made by the compiler.
//!
//! From integers: a library's sine differs between targets or computes with `f64`, which a device may not have.

/// Values of one turn.
pub const TURN: usize = 256;
const QUARTER: usize = TURN / 4;

/// A fixed-point 1.
const ONE: i128 = 1 << 60;
/// π, rounded down to 60 binary places.
const PI: i128 = 0x3243_F6A8_885A_308D;

/// cos(2πk / 256) for k up to a quarter of a turn, each the nearest `f32`.
static COSINES: [f32; QUARTER + 1] = cosines();

const fn cosines() -> [f32; QUARTER + 1] {
    let mut table = [0.0; QUARTER + 1];
    let mut k = 0;
    // The last is 0 exactly; the series would leave π's rounding there.
    while k < QUARTER {
        let angle = 2 * PI * k as i128 / TURN as i128;
        // 1 - a²/2! + a⁴/4! - …
        let mut term = ONE;
        let mut sum = 0;
        let mut order = 0;
        while term != 0 {
            sum += term;
            order += 2;
            term = -((((term * angle) >> 60) * angle) >> 60) / (order * (order - 1));
        }
        table[k] = sum as f32 / ONE as f32;
        k += 1;
    }
    table
}

/// cos(2πk / 256), for any k.
pub fn cosine(k: usize) -> f32 {
    let k = k % TURN;
    let k = if k > TURN / 2 { TURN - k } else { k };
    let (place, sign) = if k > QUARTER { (TURN / 2 - k, -1.0) } else { (k, 1.0) };
    // `place` is in the table; `get` lets the compiler see that nothing panics.
    sign * COSINES.get(place).copied().unwrap_or(0.0)
}

/// sin(2πk / 256), for any k.
pub fn sine(k: usize) -> f32 {
    cosine(k % TURN + 3 * QUARTER)
}

/// The Hann window of 256 values, periodic: 0 at `n` = 0, 1 in the middle.
pub fn hann(n: usize) -> f32 {
    0.5 - 0.5 * cosine(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_the_nearest() {
        for k in 0..3 * TURN {
            // This test alone may use f64: it is the reference.
            let angle = (k % TURN) as f64 * std::f64::consts::TAU / TURN as f64;
            let near = |value: f32, exact: f64| (f64::from(value) - exact).abs() <= 3.0e-8;
            assert!(near(cosine(k), angle.cos()), "cosine of {k}");
            assert!(near(sine(k), angle.sin()), "sine of {k}");
        }
        assert_eq!([cosine(0), cosine(64), cosine(128), cosine(192)], [1.0, 0.0, -1.0, 0.0]);
        assert_eq!([sine(0), sine(64), sine(128), sine(192)], [0.0, 1.0, 0.0, -1.0]);
        // The bits a device has in its flash.
        assert_eq!(COSINES[1].to_bits(), (std::f64::consts::TAU / 256.0).cos().to_bits_of_f32());
        assert_eq!(hann(0), 0.0);
        assert_eq!(hann(128), 1.0);
    }

    trait Rounded {
        fn to_bits_of_f32(self) -> u32;
    }

    impl Rounded for f64 {
        fn to_bits_of_f32(self) -> u32 {
            (self as f32).to_bits()
        }
    }
}
