//! The power spectrum of one frame of 256 values.
//!
//! A real transform through a complex one of half the length: even values are its real part, odd ones its imaginary
//! part, and the two spectra are told apart afterwards (Sorensen et al., Real-valued fast Fourier transform
//! algorithms, IEEE Trans. ASSP 35, 1987). Radix 2, decimation in time (Cooley and Tukey, 1965).

use crate::tables::{TURN, cosine, sine};

/// Values of a frame.
pub const FRAME: usize = TURN;
/// Points of the complex transform.
const HALF: usize = FRAME / 2;
/// An index modulo this stays in the arrays, where the compiler sees it.
const MASK: usize = HALF - 1;
const BITS: u32 = HALF.trailing_zeros();

/// Memory of a transform: 1024 bytes.
#[derive(Debug, Clone)]
pub struct Work {
    real: [f32; HALF],
    imaginary: [f32; HALF],
}

impl Work {
    /// Zeros.
    pub const fn new() -> Self {
        Self { real: [0.0; HALF], imaginary: [0.0; HALF] }
    }

    /// Puts value `n` of the frame where the transform expects it.
    pub fn set(&mut self, n: usize, value: f32) {
        let place = reversed((n / 2) & MASK) & MASK;
        if n.is_multiple_of(2) { self.real[place] = value } else { self.imaginary[place] = value }
    }

    /// Transforms in place. After this, [`power`](Self::power) answers.
    pub fn transform(&mut self) {
        let mut span = 1;
        while span < HALF {
            for start in (0..HALF).step_by(2 * span) {
                for offset in 0..span {
                    // Of 256 parts of a turn, as the table counts.
                    let turn = offset * (HALF / span);
                    let (c, s) = (cosine(turn), sine(turn));
                    let (a, b) = ((start + offset) & MASK, (start + offset + span) & MASK);
                    let real = self.real[b] * c + self.imaginary[b] * s;
                    let imaginary = self.imaginary[b] * c - self.real[b] * s;
                    self.real[b] = self.real[a] - real;
                    self.imaginary[b] = self.imaginary[a] - imaginary;
                    self.real[a] += real;
                    self.imaginary[a] += imaginary;
                }
            }
            span *= 2;
        }
    }

    /// Real and imaginary part of the frame's spectrum at `bin` (0 to 128; others wrap).
    pub fn bin(&self, bin: usize) -> (f32, f32) {
        let (near, far) = (bin & MASK, HALF.wrapping_sub(bin) & MASK);
        let even =
            (0.5 * (self.real[near] + self.real[far]), 0.5 * (self.imaginary[near] - self.imaginary[far]));
        let odd =
            (0.5 * (self.imaginary[near] + self.imaginary[far]), 0.5 * (self.real[far] - self.real[near]));
        let (c, s) = (cosine(bin), sine(bin));
        (even.0 + (odd.0 * c + odd.1 * s), even.1 + (odd.1 * c - odd.0 * s))
    }

    /// Squared magnitude of the frame's spectrum at `bin`.
    pub fn power(&self, bin: usize) -> f32 {
        let (real, imaginary) = self.bin(bin);
        real * real + imaginary * imaginary
    }
}

impl Default for Work {
    fn default() -> Self {
        Self::new()
    }
}

/// The lowest bits of a place in the other order.
fn reversed(place: usize) -> usize {
    ((place as u32).reverse_bits() >> (u32::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    fn spectrum(frame: &[f32; FRAME]) -> Work {
        let mut work = Work::new();
        // What was there before is overwritten.
        work.real.fill(7.0);
        frame.iter().enumerate().for_each(|(n, &value)| work.set(n, value));
        work.transform();
        work
    }

    #[test]
    fn is_the_discrete_transform() {
        let mut noise = Noise::new(1);
        let frame: [f32; FRAME] = core::array::from_fn(|_| noise.unit());
        let work = spectrum(&frame);
        for bin in 0..=HALF {
            // The definition, in f64 as a reference.
            let (mut real, mut imaginary) = (0.0f64, 0.0f64);
            for (n, &value) in frame.iter().enumerate() {
                let angle = std::f64::consts::TAU * (n * bin % FRAME) as f64 / FRAME as f64;
                real += f64::from(value) * angle.cos();
                imaginary -= f64::from(value) * angle.sin();
            }
            let (r, i) = work.bin(bin);
            assert!((f64::from(r) - real).abs() < 2e-5, "bin {bin}: {r} for {real}");
            assert!((f64::from(i) - imaginary).abs() < 2e-5, "bin {bin}: {i} for {imaginary}");
        }
    }

    #[test]
    fn an_impulse_is_flat_and_a_sine_is_one_line() {
        let mut frame = [0.0; FRAME];
        frame[0] = 1.0;
        let work = spectrum(&frame);
        assert!((0..=HALF).all(|bin| work.power(bin) == 1.0));
        // 1 kHz at 8 kHz: 32 turns a frame, amplitude 1, so 128 in its bin.
        let work = spectrum(&core::array::from_fn(|n| sine(32 * n)));
        assert!((work.power(32) - 16384.0).abs() < 0.1);
        assert!((0..=HALF).filter(|&bin| bin != 32).all(|bin| work.power(bin) < 1e-6));
    }

    #[test]
    fn any_index_is_answered() {
        let mut work = Work::default();
        work.set(usize::MAX, 1.0);
        work.transform();
        assert!(work.power(usize::MAX).is_finite());
    }
}
