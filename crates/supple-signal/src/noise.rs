//! Reproducible noise for tests, the same as the reference values were computed from.

/// A linear congruential generator (Numerical Recipes' constants).
pub struct Noise(u32);

impl Noise {
    /// From a seed.
    pub fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// Any value.
    pub fn sample(&mut self) -> i16 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) as i16
    }

    /// Between -1 and 1.
    pub fn unit(&mut self) -> f32 {
        f32::from(self.sample()) / 32768.0
    }
}
