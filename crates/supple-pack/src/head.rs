//! What a pack says about a head.

use heapless::String;
use serde::{Deserialize, Serialize};

/// Names the trunk a head was meta-trained on: the first 16 bytes of the SHA-256 of the trunk's structure and
/// weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkHash(pub [u8; 16]);

/// What a head's classes are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelMeaning {
    /// New classes: labels carry no meaning from one episode to the next, and an episode of `way` classes starts from
    /// the first `way` rows.
    #[default]
    Fresh,
    /// A new domain: row `c` is class `c` of the data set and keeps its meaning; an episode starts from the rows of
    /// its classes.
    Kept,
}

/// A linear classification head: logits = W f + b, trained by gradient steps on the softmax cross-entropy.
///
/// Blobs are in the pack's weight section, offsets counted in `f32` elements.
///
/// The support loss of an episode with `way` classes and `n` samples is `way / n` times the sum of the samples'
/// cross-entropies, that is, the sum over classes when shots are equal. So one set of step sizes serves any
/// number of classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadSpec {
    /// What the head is for, e.g. `characters`.
    pub name: String<32>,
    /// The trunk whose features it was trained on.
    pub trunk: TrunkHash,
    /// Names the data it was trained on, all zero where nobody knows: an evaluation on the same data must name
    /// the part that was held back.
    pub data: [u8; 16],
    /// Length of a feature vector.
    pub features: u16,
    /// The largest number of classes, and the rows of the initialisation.
    pub capacity: u16,
    /// The largest number of support samples whose features are cached.
    pub max_support: u16,
    /// Learned initial weights, `[capacity][features]`.
    pub weights: u32,
    /// Learned initial biases, `[capacity]`.
    pub bias: u32,
    /// Number of gradient steps the head was trained for. Steps beyond reuse the last rates.
    pub steps: u16,
    /// Learned rates, `[steps][2]`: of the weights, of the biases.
    pub rates: u32,
    /// What the rows of the initialisation are.
    pub labels: LabelMeaning,
}
