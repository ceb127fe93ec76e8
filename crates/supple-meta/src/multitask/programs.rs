//! A batch as a program: outputs of all heads, losses over known labels, and gradients.

use std::ops::Range;

use super::model::TaskModel;
use crate::graph::{Graph, Node, Program};
use crate::model::Statistics;

/// Arguments of a program, in this order.
pub mod argument {
    /// All parameters.
    pub const PARAMETERS: usize = 0;
    /// `[sample][pixel][channel]`.
    pub const INPUTS: usize = 1;
    /// Task after task `[sample][outputs]`.
    pub const TARGETS: usize = 2;
    /// Task after task, 1 where a target is known: `[sample]` of classes, `[sample][outputs]` of numbers.
    pub const KNOWN: usize = 3;
    /// Fixed statistics of batch normalisation.
    pub const STATISTICS: usize = 4;
    /// Of each task, the share of the batch's known labels in this program's samples.
    pub const SHARES: usize = 5;
    /// What each task's loss is multiplied by.
    pub const WEIGHTS: usize = 6;
}

/// Which gradients are wanted, by parameters' indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of the weighted sum of all tasks' losses.
    pub together: Range<usize>,
    /// Of each task's own loss: unweighted.
    pub apart: Range<usize>,
}

/// A training step's program.
#[derive(Debug, Clone)]
pub struct TrainingProgram {
    /// The program.
    pub program: Program,
    /// Whether batch normalisation goes by fixed statistics.
    pub fixed: bool,
    wanted: Wanted,
    tasks: usize,
    normalised: usize,
}

/// Inputs and targets of a batch in a graph.
struct Nodes {
    parameters: Vec<Node>,
    x: Node,
}

impl Nodes {
    fn new(graph: &mut Graph, model: &TaskModel, samples: usize) -> Self {
        let parameters = model.parameters.nodes(graph, argument::PARAMETERS);
        let shape = model.input();
        let pixels = shape.height * shape.width;
        let x = graph.input(argument::INPUTS, 0, shape.channels, samples * pixels);
        Self { parameters, x }
    }
}

impl TrainingProgram {
    /// For so many samples.
    ///
    /// Outputs in order: gradients of the weighted sum, for each parameter of `wanted.together`; the loss of each task,
    /// a number; for each task gradients for each parameter of `wanted.apart`; mean and variance of each normalised
    /// layer. Losses and gradients are this program's shares of the whole batch's: added up over the batch's groups they
    /// are the batch's.
    pub fn new(model: &TaskModel, samples: usize, fixed: bool, wanted: Wanted) -> Self {
        let mut graph = Graph::new();
        let nodes = Nodes::new(&mut graph, model, samples);
        let statistics = match fixed {
            true => model.fixed_statistics(&mut graph, argument::STATISTICS),
            false => Statistics::Batch,
        };
        let made = model.forward(&mut graph, &nodes.parameters, nodes.x, &statistics);
        let (mut targets_at, mut known_at) = (0, 0);
        let mut losses = Vec::with_capacity(model.heads.len());
        let mut weighted = Vec::with_capacity(model.heads.len());
        for (task, head) in model.heads.iter().enumerate() {
            let outputs = head.shape.outputs;
            let masks = if head.loss.classifies() { 1 } else { outputs };
            let targets = graph.input(argument::TARGETS, targets_at, outputs, samples);
            let known = graph.input(argument::KNOWN, known_at, masks, samples);
            (targets_at, known_at) = (targets_at + outputs * samples, known_at + masks * samples);
            let mean = head.loss.of(&mut graph, made.outputs[task], targets, Some(known));
            let share = graph.input(argument::SHARES, task, 1, 1);
            let loss = graph.multiply(mean, share);
            let weight = graph.input(argument::WEIGHTS, task, 1, 1);
            weighted.push(graph.multiply(loss, weight));
            losses.push(loss);
        }
        let total = graph.total(&weighted);
        let mut outputs = graph.gradients(total, &nodes.parameters[wanted.together.clone()]);
        outputs.extend(&losses);
        if !wanted.apart.is_empty() {
            for loss in &losses {
                outputs.extend(graph.gradients(*loss, &nodes.parameters[wanted.apart.clone()]));
            }
        }
        let normalised = made.statistics.len();
        outputs.extend(made.statistics.into_iter().flat_map(|(mean, variance)| [mean, variance]));
        let program = Program::new(&graph, &outputs);
        Self { program, fixed, wanted, tasks: model.heads.len(), normalised }
    }

    /// Numbers of the outputs with the gradients of the weighted sum.
    pub fn together(&self) -> Range<usize> {
        0..self.wanted.together.len()
    }

    /// Number of the output with a task's loss.
    pub fn loss(&self, task: usize) -> usize {
        self.wanted.together.len() + task
    }

    /// Numbers of the outputs with a task's own gradients.
    pub fn apart(&self, task: usize) -> Range<usize> {
        let first = self.loss(self.tasks) + task * self.wanted.apart.len();
        first..first + self.wanted.apart.len()
    }

    /// Numbers of the outputs with mean and variance of each normalised layer.
    pub fn statistics(&self) -> Range<usize> {
        let first = self.apart(self.tasks).start;
        first..first + 2 * self.normalised
    }
}

/// A program whose outputs are those of the heads, `[outputs, samples]`, by fixed statistics.
pub fn judging(model: &TaskModel, samples: usize) -> Program {
    let mut graph = Graph::new();
    let nodes = Nodes::new(&mut graph, model, samples);
    let statistics = model.fixed_statistics(&mut graph, argument::STATISTICS);
    let made = model.forward(&mut graph, &nodes.parameters, nodes.x, &statistics);
    Program::new(&graph, &made.outputs)
}
