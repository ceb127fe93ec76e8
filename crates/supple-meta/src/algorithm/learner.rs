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
    /// What the outer loop makes small.
    pub outer_loss: Loss,
    /// Whether the trunk has been trained elsewhere and stays as it is.
    pub trunk_frozen: bool,
    /// Parameters with one column a step ([`Learner::widen_batch_norm`]).
    pub per_step: Vec<usize>,
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
    /// A learner with a linear or hidden-layer head. Its outer loss is [`Loss::outer`] of its loss.
    pub fn new(
        input: SampleShape,
        blocks: &[Block],
        (hidden, outputs): (usize, usize),
        loss: Loss,
        adapts: Adapts,
    ) -> Result<Self, BlockError> {
        let mut parameters = Parameters::default();
        let network = Network::new(input, blocks, &mut parameters)?;
        Ok(Self::with(network, parameters, (hidden, outputs), loss, adapts))
    }

    /// A learner of a head alone, on features of a trunk that is run elsewhere.
    pub fn on_features(features: usize, head: (usize, usize), loss: Loss) -> Self {
        let network = Network::of_features(features);
        let learner = Self::with(network, Parameters::default(), head, loss, Adapts::Head);
        Self { trunk_frozen: true, ..learner }
    }

    fn with(
        network: Network,
        mut parameters: Parameters,
        (hidden, outputs): (usize, usize),
        loss: Loss,
        adapts: Adapts,
    ) -> Self {
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
        Self {
            network,
            head,
            parameters,
            loss,
            outer_loss: loss.outer(),
            trunk_frozen: false,
            per_step: Vec::new(),
            adapted_block,
            head_parameter,
        }
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
        let Forward { output, statistics } = self.features(graph, parameters, prefix, statistics);
        let output = self.head.forward(graph, &parameters[self.head_range()], output);
        Forward { output, statistics }
    }

    /// The adapted blocks and the head's hidden layer: what the head's last layer reads, `[features, samples]`.
    pub fn embedding(
        &self,
        graph: &mut Graph,
        parameters: &[Node],
        prefix: Node,
        statistics: &Statistics,
    ) -> Forward {
        let Forward { output, statistics } = self.features(graph, parameters, prefix, statistics);
        let output = self.head.embedding(graph, &parameters[self.head_range()], output);
        Forward { output, statistics }
    }

    fn features(
        &self,
        graph: &mut Graph,
        parameters: &[Node],
        prefix: Node,
        statistics: &Statistics,
    ) -> Forward {
        if self.adapts_head_only() {
            return Forward { output: prefix, statistics: Vec::new() };
        }
        let layers = self.network.layers().len();
        self.network.forward_part(graph, parameters, prefix, statistics, self.adapted_block, layers)
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

    /// Gives scale and shift of each adapted layer that has batch normalisation one column a step; none adapts them
    /// then. Returns whether there is such a layer.
    pub fn widen_batch_norm(&mut self, steps: usize) -> bool {
        for layer in &self.network.layers()[self.adapted_block..] {
            if layer.block.batch_norm() {
                for index in [layer.first_parameter + 1, layer.first_parameter + 2] {
                    self.parameters.widen(index, steps.max(1));
                    self.per_step.push(index);
                }
            }
        }
        !self.per_step.is_empty()
    }

    /// Whether an adapted layer has batch normalisation.
    pub fn adapts_batch_norm(&self) -> bool {
        self.network.layers()[self.adapted_block..].iter().any(|layer| layer.block.batch_norm())
    }

    /// The parameters that a step uses: of those with one column a step, the step's own.
    pub fn at_step(&self, graph: &mut Graph, parameters: &[Node], step: usize) -> Vec<Node> {
        let mut parameters = parameters.to_vec();
        for index in &self.per_step {
            parameters[*index] = graph.columns(parameters[*index], step, 1);
        }
        parameters
    }

    /// The parameter that is added to the output of the first adapted layer, before its relu: a bias, or the shift of
    /// batch normalisation.
    pub fn first_bias(&self) -> usize {
        let layers = &self.network.layers()[self.adapted_block..];
        let layer = layers.iter().find(|layer| layer.parameters > 0);
        layer.map_or(self.head_parameter + 1, |layer| layer.first_parameter + layer.parameters - 1)
    }

    /// The rows of a parameter of the head's last layer that `gradient`, one of a task's rows, stands for; other
    /// parameters' gradients are as they were.
    pub fn for_all_classes(&self, graph: &mut Graph, index: usize, gradient: Node, task: &TaskNodes) -> Node {
        let end = self.head_end();
        if !(end - 2..end).contains(&index) {
            return gradient;
        }
        match task.classes {
            Some(classes) => graph.product_of(classes, true, gradient, false),
            None => graph.pad_rows(gradient, 0, self.head.outputs),
        }
    }
}
