//! What an algorithm works on: a trunk and a head with their parameters, of which a part is adapted to each task.

use supple_data::SampleShape;

use crate::graph::{Graph, Node};
use crate::model::network::Forward;
use crate::model::{Block, BlockError, HeadShape, Loss, Network, Parameters, Statistics};

/// Which part is adapted to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapts {
    /// The head: what a device can do.
    #[default]
    Head,
    /// The trunk's last block with parameters, and the head.
    LastBlock,
    /// All parameters.
    Everything,
}

/// A trunk with a head.
#[derive(Debug, Clone)]
pub struct Learner {
    /// The trunk.
    pub network: Network,
    /// The head.
    pub head: HeadShape,
    /// Those of the trunk, then of the head, then what an algorithm learns besides.
    pub parameters: Parameters,
    /// What the inner loop makes small.
    pub loss: Loss,
    /// The first block that is adapted.
    adapted_block: usize,
    head_parameter: usize,
}

/// A task's samples in a graph. Inputs have gone through the fixed blocks ([`Learner::prefix`]) already.
#[derive(Debug, Clone, Copy)]
pub struct TaskNodes {
    /// What the fixed blocks leave of the support, `[channels, samples · pixels]`.
    pub support: Node,
    /// Support targets, `[outputs, samples]`: one-hot columns or numbers.
    pub support_targets: Node,
    /// What the fixed blocks leave of the query.
    pub query: Node,
    /// Query targets.
    pub query_targets: Node,
    /// Classes of the task, or numbers to predict.
    pub way: usize,
    /// `[way, capacity]`: which of the head's rows each of the task's classes has; none where the first `way` rows are
    /// meant.
    pub classes: Option<Node>,
}

/// A batch after the fixed blocks.
#[derive(Debug, Clone)]
pub struct Prefix {
    /// What the fixed blocks leave.
    pub output: Node,
    /// Statistics of the batch, of each fixed layer that has batch normalisation.
    pub statistics: Vec<(Node, Node)>,
}

impl Learner {
    /// A learner with a linear or hidden-layer head.
    pub fn new(
        input: SampleShape,
        blocks: &[Block],
        (hidden, outputs): (usize, usize),
        loss: Loss,
        adapts: Adapts,
    ) -> Result<Self, BlockError> {
        let mut parameters = Parameters::default();
        let network = Network::new(input, blocks, &mut parameters)?;
        let head = HeadShape { features: network.features(), hidden, outputs };
        let head_parameter = head.add("head", &mut parameters);
        let layers = network.layers();
        let adapted_block = match adapts {
            Adapts::Head => layers.len(),
            Adapts::LastBlock => {
                layers.iter().rposition(|layer| layer.parameters > 0).unwrap_or(layers.len())
            }
            Adapts::Everything => 0,
        };
        Ok(Self { network, head, parameters, loss, adapted_block, head_parameter })
    }

    /// Indices of the parameters that are adapted, in order.
    pub fn adapted(&self) -> std::ops::Range<usize> {
        let first = self.network.layers().get(self.adapted_block);
        first.map_or(self.head_parameter, |layer| layer.first_parameter)..self.head_end()
    }

    /// Indices of the head's parameters.
    pub fn head_range(&self) -> std::ops::Range<usize> {
        self.head_parameter..self.head_end()
    }

    fn head_end(&self) -> usize {
        self.head_parameter + self.head.parameters()
    }

    /// Whether the head alone is adapted.
    pub fn adapts_head_only(&self) -> bool {
        self.adapted_block == self.network.layers().len()
    }

    /// The fixed blocks.
    pub fn prefix(&self, graph: &mut Graph, parameters: &[Node], x: Node, statistics: &Statistics) -> Prefix {
        if self.adapted_block == 0 {
            return Prefix { output: x, statistics: Vec::new() };
        }
        let Forward { output, statistics } =
            self.network.forward_part(graph, parameters, x, statistics, 0, self.adapted_block);
        Prefix { output, statistics }
    }

    /// The adapted blocks and the head: outputs `[outputs, samples]`, and statistics of the adapted blocks.
    /// `parameters` are all, the adapted ones replaced by what the inner loop has made of them; those of the head's last
    /// layer may have fewer rows.
    pub fn suffix(
        &self,
        graph: &mut Graph,
        parameters: &[Node],
        prefix: Node,
        statistics: &Statistics,
    ) -> Forward {
        let layers = self.network.layers().len();
        let Forward { output, statistics } = if self.adapts_head_only() {
            Forward { output: prefix, statistics: Vec::new() }
        } else {
            self.network.forward_part(graph, parameters, prefix, statistics, self.adapted_block, layers)
        };
        let output = self.head.forward(graph, &parameters[self.head_range()], output);
        Forward { output, statistics }
    }

    /// All parameters, the head's last layer cut down to the rows of a task's classes.
    pub fn for_task(&self, graph: &mut Graph, parameters: &[Node], task: &TaskNodes) -> Vec<Node> {
        let mut parameters = parameters.to_vec();
        let end = self.head_end();
        for parameter in &mut parameters[end - 2..end] {
            *parameter = match task.classes {
                Some(classes) => graph.product(classes, *parameter),
                None => graph.rows(*parameter, 0, task.way),
            };
        }
        parameters
    }
}
