//! ANIL: the inner loop adapts the head alone.
//!
//! Raghu, Raghu, Bengio, Vinyals: Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of MAML
//! (2020). The outer gradient goes through the head's steps into its start and, through the features of support and
//! query, into the trunk, which is the same for all tasks: what a device can do with a trunk in flash.
//!
//! Cost: the trunk runs once for support and query, whatever the number of steps; the steps are a small head's.

use super::maml::Maml;

/// ANIL with so many steps of a fixed size.
///
/// A device's recipe adds learned step sizes and a loss after every step:
///
/// ```
/// use supple_data::SampleShape;
/// use supple_meta::algorithm::{Adapts, Algorithm, AlgorithmError, Learner, Rates, StepWeights, anil};
/// use supple_meta::model::{Block, Loss};
/// let block = Block::Dense { dense: 8, relu: true, batch_norm: false };
/// let learner = |adapts| {
///     Learner::new(SampleShape::vector(4), &[block], (0, 3), Loss::CrossEntropy { scale: 3.0 }, adapts).unwrap()
/// };
/// let mut algorithm =
///     anil::anil(5, 0.05).with_rates(Rates::PerStep).with_step_weights(StepWeights::early(0.3));
/// assert_eq!(algorithm.check(&learner(Adapts::Everything)), Err(AlgorithmError::HeadOnly("anil")));
/// let mut learner = learner(Adapts::Head);
/// algorithm.check(&learner).unwrap();
/// let start = learner.parameters.len();
/// algorithm.prepare(&mut learner);
/// assert_eq!(learner.parameters.len(), start + 5 * 2);
/// ```
pub fn anil(steps: usize, inner_learning_rate: f64) -> Maml {
    Maml::new("anil", steps, inner_learning_rate).of_head_only()
}
