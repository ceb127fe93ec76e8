//! Independent random streams from one seed, so that a result does not depend on which thread drew first.

use rand::SeedableRng;
pub use rand_chacha::ChaCha8Rng;

/// What a stream is for. Streams of different purposes never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Starting weights.
    Initialisation = 1,
    /// Tasks of meta-training.
    Training = 2,
    /// Tasks of a validation run during training.
    Validation = 3,
    /// Episodes of an evaluation.
    Evaluation = 4,
    /// Generated data.
    Generation = 5,
    /// Random starts of baselines.
    Baseline = 6,
    /// Inputs that a trunk's ranges are measured on.
    Calibration = 7,
}

/// The stream for `purpose` at `index` (an iteration, an episode, …) and `part` (a task, a drawing, …).
pub fn stream(seed: u64, purpose: Purpose, index: u64, part: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    key[24..].copy_from_slice(&part.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn streams_differ_by_every_coordinate_and_repeat() {
        let first = |seed, purpose, index, part| stream(seed, purpose, index, part).random::<u64>();
        let base = first(1, Purpose::Training, 2, 3);
        assert_eq!(base, first(1, Purpose::Training, 2, 3));
        assert_ne!(base, first(2, Purpose::Training, 2, 3));
        assert_ne!(base, first(1, Purpose::Validation, 2, 3));
        assert_ne!(base, first(1, Purpose::Training, 3, 3));
        assert_ne!(base, first(1, Purpose::Training, 2, 4));
    }
}
