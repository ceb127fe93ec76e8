//! First-order MAML: the inner gradients count as constants.
//!
//! Finn, Abbeel, Levine: Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks (2017), section 5.2. The
//! outer gradient is that of the query's loss at the adapted parameters, taken as the gradient at the start. The head's
//! gradient then lacks how the steps themselves would change.
//!
//! Cost: a plain pass forward and backward for each step and one for the query; half of [`maml`](super::maml) or less.

use super::inner::Order;
use super::maml::Maml;

/// MAML of first order with so many steps of a fixed size.
///
/// ```
/// use supple_meta::algorithm::{Algorithm, fomaml};
/// assert_eq!(fomaml::fomaml(5, 0.01).name(), "fomaml");
/// ```
pub fn fomaml(steps: usize, inner_learning_rate: f64) -> Maml {
    Maml::new("fomaml", steps, inner_learning_rate).with_order(Order::First)
}
