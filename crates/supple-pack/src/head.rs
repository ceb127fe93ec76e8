//! What a pack says about a head.

use heapless::String;
use serde::{Deserialize, Serialize};

use crate::op::Element;

/// The most outputs of a head: two bits of a class number are left to whoever stores labels in 16 bits.
pub const MOST_OUTPUTS: u16 = 0x3fff;
/// The most heads of one pack.
pub const MOST_HEADS: u16 = 64;

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

/// What a head predicts, and the loss that its steps make smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeadTask {
    /// One of several classes. The loss of an episode with `way` classes and `n` support samples is `way / n` times
    /// the sum of the samples' softmax cross-entropies, that is, the sum over classes when shots are equal. So one
    /// set of step sizes serves any number of classes.
    Classes(LabelMeaning),
    /// Numbers. The loss is the mean, over samples and numbers, of the squared error.
    Numbers,
}

/// Where an adaptation starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Start {
    /// From the learned parameters.
    Learned,
    /// The last layer starts from prototypes: where `μ` is the mean of a class's support samples as that layer sees
    /// them, from weights `2τμ` and bias `−τ|μ|²`, so that logits are the negative squared distances, scaled, but
    /// for what all classes share. A hidden layer starts from its learned parameters, and so do classes without
    /// support samples.
    Prototypes {
        /// The scale `τ`.
        temperature: f32,
    },
}

/// A head: one linear layer, or a hidden layer with relu (`if x > 0 { x } else { 0 }`) and a linear one behind it.
///
/// Numbers are in the pack's weight section, offsets counted in `f32` elements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadSpec {
    /// What the head is for, e.g. `characters`. The heads of a pack have different names.
    pub name: String<32>,
    /// The trunk whose features it was trained on.
    pub trunk: TrunkHash,
    /// Names the data it was trained on, all zero where nobody knows: an evaluation on the same data must name
    /// the part that was held back.
    pub data: [u8; 16],
    /// Length of a feature vector.
    pub features: u16,
    /// Units of the hidden layer; 0 for a head without one.
    pub hidden: u16,
    /// The largest number of classes, and the rows of the last layer; or the numbers predicted.
    pub capacity: u16,
    /// The largest number of support samples whose features are cached, the same for all heads of a pack.
    pub max_support: u16,
    /// How support features are cached, the same for all heads of a pack: as they are, or in `i8` with a scale for
    /// each sample.
    pub cache: Element,
    /// What it predicts.
    pub task: HeadTask,
    /// Where an adaptation starts.
    pub start: Start,
    /// Share of a parameter's velocity that a step keeps, at least 0 and below 1; 0 is plain gradient descent.
    pub momentum: f32,
    /// Learned initial parameters, layer after layer, the hidden one first: weights `[outputs][inputs]`, then biases
    /// `[outputs]`.
    pub parameters: u32,
    /// Number of gradient steps the head was trained for. Steps beyond reuse the last rates.
    pub steps: u16,
    /// Learned rates, `[steps][layers][2]`: of the weights, of the biases.
    pub rates: u32,
}

impl HeadSpec {
    /// Layers with parameters: 1 or 2.
    pub fn layers(&self) -> usize {
        if self.hidden > 0 { 2 } else { 1 }
    }

    /// Inputs of the last layer: hidden units, or features where there are none.
    pub fn last_inputs(&self) -> u16 {
        if self.hidden > 0 { self.hidden } else { self.features }
    }

    /// Parameters of the hidden layer; 0 where there is none.
    pub fn hidden_parameters(&self) -> u64 {
        u64::from(self.hidden) * (u64::from(self.features) + 1)
    }

    /// Parameters of all layers.
    pub fn parameter_count(&self) -> u64 {
        self.hidden_parameters() + u64::from(self.capacity) * (u64::from(self.last_inputs()) + 1)
    }

    /// Rates of all steps.
    pub fn rate_count(&self) -> u64 {
        2 * self.layers() as u64 * u64::from(self.steps)
    }
}
