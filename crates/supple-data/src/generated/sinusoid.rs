//! Sinusoids (Finn, Abbeel, Levine 2017): y = A sin(x − φ), the amplitude A within 0.1 and 5, the phase φ within 0 and
//! π, x within −5 and 5.

use rand::{Rng, RngExt};

/// A sinusoid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sinusoid {
    /// A.
    pub amplitude: f32,
    /// φ, radians.
    pub phase: f32,
}

impl Sinusoid {
    /// Draws one.
    pub fn draw(random: &mut impl Rng) -> Self {
        Self {
            amplitude: random.random_range(0.1..5.0),
            phase: random.random_range(0.0..core::f32::consts::PI),
        }
    }

    /// Its value at `x`.
    pub fn at(&self, x: f32) -> f32 {
        self.amplitude * libm::sinf(x - self.phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let sinusoid = Sinusoid { amplitude: 2.0, phase: 0.5 };
        // 2 sin 1 = 1.682942
        assert!((sinusoid.at(1.5) - 1.682_942).abs() < 1e-6);
        assert_eq!(sinusoid.at(0.5), 0.0);
    }
}
