//! Draws that training needs.

use rand::{Rng, RngExt};

/// A standard normal value (Box and Muller 1958).
pub fn normal(random: &mut impl Rng) -> f32 {
    let radius = (-2.0 * (1.0 - random.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * random.random::<f32>()).cos()
}
