//! Meta-learning algorithms, one a file, over [`learner::Learner`].
//!
//! | module | algorithm | in the inner loop | learned besides the start |
//! |---|---|---|---|
//! | [`maml`] | MAML | gradient steps, differentiated through | – |
//! | [`fomaml`] | first-order MAML | gradient steps taken as constants | – |
//! | [`anil`] | ANIL | MAML on the head alone | – |
//! | [`meta_sgd`] | Meta-SGD | MAML | a step size for each value |
//! | [`step_rates`] | MAML++ | MAML | a step size for each parameter and step |
//! | [`cavia`] | CAVIA | gradient steps on a context vector | where the context enters |
//! | [`prototypes`] | Proto-MAML | MAML from the classes' mean features | a temperature |
//! | [`prototypes`] | prototypical networks | the classes' mean features | a temperature |
//! | [`ridge`] | R2-D2 | ridge regression on the features | λ and a scale |
//! | [`reptile`] | Reptile | plain SGD on minibatches | – |
//!
//! | module | what |
//! |---|---|
//! | [`learner`] | what an algorithm works on |
//! | [`inner`] | gradient steps as a graph |
//! | `linear` | the same for linear heads, by inner products |
//! | [`rates`] | step sizes: fixed, or one of the two learned kinds |
//! | [`multi_step`] | MAML++'s loss after every step |
//! | [`recipe`] | algorithms as recipes name them |
//!
//! What is in a table of its own can be combined: ANIL with a rate for each step and a loss after every step is what
//! trains a device's head.

pub mod anil;
pub mod cavia;
pub mod fomaml;
pub mod inner;
pub mod learner;
mod linear;
pub mod maml;
pub mod meta_sgd;
pub mod multi_step;
pub mod prototypes;
pub mod rates;
pub mod recipe;
pub mod reptile;
pub mod ridge;
pub mod step_rates;

pub use learner::{Adapts, Learner, TaskNodes};
pub use maml::Maml;
pub use multi_step::StepWeights;
pub use rates::Rates;
pub use recipe::AlgorithmRecipe;

use crate::graph::{Graph, Node};
use crate::model::Statistics;

/// A meta-learning algorithm: how a task becomes an outer gradient.
///
/// Order of calls: [`Algorithm::check`], [`Algorithm::prepare`] once, then [`Algorithm::task`] for each kind of task.
pub trait Algorithm: Send + Sync {
    /// As recipes name it.
    fn name(&self) -> &'static str;

    /// Whether it makes sense for a learner, before [`Algorithm::prepare`].
    fn check(&self, learner: &Learner) -> Result<(), AlgorithmError>;

    /// Adds to the learner's parameters what the algorithm learns besides (step sizes, a context). Called once.
    fn prepare(&mut self, learner: &mut Learner);

    /// A task's graph. `parameters` has a node for each of the learner's parameters.
    fn task(
        &self,
        graph: &mut Graph,
        learner: &Learner,
        parameters: &[Node],
        task: &TaskNodes,
        statistics: &Statistics,
    ) -> TaskGraph;

    /// Told which share of the outer loop is done, 0 to 1; whether [`Algorithm::task`] gives other graphs from now on.
    /// It depends on `done` alone, so a training goes on from a checkpoint as if it had not stopped.
    fn advance(&mut self, _done: f64) -> bool {
        false
    }

    /// Those of the learner's parameters that are step sizes, which an outer loop may move at a rate of their own.
    fn rate_parameters(&self) -> std::ops::Range<usize> {
        0..0
    }

    /// For each step, for each adapted parameter, its step size, from the vector of all learned values; none where
    /// the inner loop is anything but such steps, on the whole support, each with a number for a parameter.
    fn step_sizes(&self, _learner: &Learner, _values: &[f32]) -> Option<Vec<Vec<f32>>> {
        None
    }

    /// m of `v ← m v + gradient`, along which steps go; 0 for plain gradient steps.
    fn momentum(&self) -> f64 {
        0.0
    }

    /// The temperature of the prototypes that steps start from, from the vector of all learned values; none where they
    /// start from the learned head.
    fn start_temperature(&self, _learner: &Learner, _values: &[f32]) -> Option<f32> {
        None
    }
}

/// What an algorithm makes of a task.
///
/// A program computes what its outputs need, so what is not asked for here costs nothing.
#[derive(Debug, Clone)]
pub struct TaskGraph {
    /// The outer loss, a number. Where there are no `gradients`, the outer gradient is its gradient.
    pub loss: Node,
    /// For each parameter, what the outer optimiser goes against, where that is not the gradient of the loss.
    pub gradients: Option<Vec<Node>>,
    /// Outputs on the query before the first step and after each, `[outputs, samples]`. The last is the algorithm's
    /// answer; where there are no steps it is the only one.
    pub query_outputs: Vec<Node>,
    /// The inner loss before each step.
    pub support_losses: Vec<Node>,
    /// Mean and variance of the query, of each adapted layer that has batch normalisation.
    pub statistics: Vec<(Node, Node)>,
}

impl TaskGraph {
    /// What the outer optimiser goes against, for each parameter.
    pub fn outer_gradients(&self, graph: &mut Graph, parameters: &[Node]) -> Vec<Node> {
        self.gradients.clone().unwrap_or_else(|| graph.gradients(self.loss, parameters))
    }
}

/// Why an algorithm does not suit a learner.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AlgorithmError {
    /// More than the head is adapted.
    #[error(
        "{0} adapts the head alone, but blocks of the trunk are to be adapted too: set adapts = \"head\", or take maml"
    )]
    HeadOnly(&'static str),
    /// Fixed blocks would never learn.
    #[error(
        "{0} moves the start towards what was adapted, so blocks that are not adapted never learn: set \
         adapts = \"everything\", or freeze a trunk that is trained already"
    )]
    FixedBlocks(&'static str),
    /// Numbers are predicted.
    #[error(
        "{0} makes a prototype of each class, but this head predicts numbers: take ridge, maml or anil for those"
    )]
    NeedsClasses(&'static str),
    /// A number that does not make sense.
    #[error("{algorithm}: {what} must be within {least}..={most}, but is {value}")]
    OutOfRange {
        /// The algorithm's name.
        algorithm: &'static str,
        /// The recipe's key.
        what: &'static str,
        /// Allowed from.
        least: f64,
        /// Allowed to.
        most: f64,
        /// As given.
        value: f64,
    },
    /// Nothing to have one column a step.
    #[error(
        "{0}: batch_norm_per_step is on, but no adapted block has batch normalisation: leave it out, or adapt more \
         than the head"
    )]
    NoBatchNorm(&'static str),
}

/// Whether a number of a recipe is within bounds. What is not a number is not.
fn in_range(
    algorithm: &'static str,
    what: &'static str,
    value: f64,
    (least, most): (f64, f64),
) -> Result<(), AlgorithmError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(AlgorithmError::OutOfRange { algorithm, what, least, most, value })
    }
}

/// Whether steps along a velocity would come to rest.
fn check_momentum(algorithm: &'static str, momentum: f64) -> Result<(), AlgorithmError> {
    in_range(algorithm, "momentum", momentum, (0.0, MOST_MOMENTUM))
}

/// A velocity that forgets less than a hundredth of itself at each step goes on for hundreds of steps.
const MOST_MOMENTUM: f64 = 0.99;
/// Steps that a graph can hold, and that a device would take.
const MOST_STEPS: f64 = 100.0;
/// Step sizes that may lead anywhere.
const RATES: (f64, f64) = (1e-6, 1e3);
