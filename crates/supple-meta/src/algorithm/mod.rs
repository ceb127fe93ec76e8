//! Meta-learning algorithms, one a file, over [`learner::Learner`].

pub mod inner;
pub mod learner;

pub use learner::{Adapts, Learner, TaskNodes};

use crate::graph::{Graph, Node};
use crate::model::Statistics;

/// A meta-learning algorithm: how a task becomes an outer gradient.
pub trait Algorithm: Send + Sync {
    /// As recipes name it.
    fn name(&self) -> &'static str;

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
}

/// What an algorithm makes of a task.
#[derive(Debug, Clone)]
pub struct TaskGraph {
    /// The outer loss, a number. Where there are no `gradients`, the outer gradient is its gradient.
    pub loss: Node,
    /// For each parameter, what the outer optimiser goes against, where that is not the gradient of the loss.
    pub gradients: Option<Vec<Node>>,
    /// Outputs on the query before the first step and after each, `[outputs, samples]`.
    pub query_outputs: Vec<Node>,
    /// Mean and variance of the query, of each adapted layer that has batch normalisation.
    pub statistics: Vec<(Node, Node)>,
}
