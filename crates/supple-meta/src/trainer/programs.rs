//! A group of tasks as one program: the fixed blocks once for all samples of the group, then each task by itself.

use std::collections::HashMap;
use std::sync::Arc;

use crate::algorithm::{Algorithm, Learner, TaskNodes};
use crate::graph::{Graph, Node, Program};
use crate::model::Statistics;

/// Arguments of a program, in this order.
pub mod argument {
    /// All that is learned.
    pub const LEARNED: usize = 0;
    /// Inputs of the group.
    pub const INPUTS: usize = 1;
    /// Targets of the group.
    pub const TARGETS: usize = 2;
    /// Fixed statistics of batch normalisation.
    pub const STATISTICS: usize = 3;
    /// Choices of the head's rows.
    pub const CHOICE: usize = 4;
}

/// What makes one program differ from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupShape {
    /// Tasks in the group.
    pub tasks: usize,
    /// Classes, or numbers to predict.
    pub way: usize,
    /// Support samples of a task.
    pub support: usize,
    /// Query samples of a task.
    pub query: usize,
    /// Whether batch normalisation uses fixed statistics.
    pub fixed: bool,
    /// Rows of the head that classes choose from, where labels carry meaning.
    pub choice: Option<usize>,
    /// Whether answers are numbers.
    pub regression: bool,
}

/// A compiled group and where its outputs are.
#[derive(Debug)]
pub struct GroupProgram {
    /// Its shape.
    pub shape: GroupShape,
    /// The program.
    pub program: Program,
    /// Steps whose query outputs it gives.
    pub judged: usize,
    /// Layers whose statistics it gives.
    pub normalised: usize,
    parameters: usize,
}

/// Programs by what they are for and their shape.
#[derive(Debug, Default)]
pub struct Programs {
    training: HashMap<GroupShape, Arc<GroupProgram>>,
    judging: HashMap<GroupShape, Arc<GroupProgram>>,
}

impl Programs {
    /// Forgets all training programs: the algorithm makes others from now on.
    pub fn renew(&mut self) {
        self.training.clear();
    }

    /// For an outer iteration.
    pub fn training(
        &mut self,
        learner: &Learner,
        algorithm: &dyn Algorithm,
        shape: GroupShape,
    ) -> Arc<GroupProgram> {
        let build = || Arc::new(GroupProgram::new(learner, algorithm, shape, true));
        self.training.entry(shape).or_insert_with(build).clone()
    }

    /// For a validation.
    pub fn judging(
        &mut self,
        learner: &Learner,
        algorithm: &dyn Algorithm,
        shape: GroupShape,
    ) -> Arc<GroupProgram> {
        let build = || Arc::new(GroupProgram::new(learner, algorithm, shape, false));
        self.judging.entry(shape).or_insert_with(build).clone()
    }
}

impl GroupProgram {
    /// Outputs in order: gradients of all parameters (for training), then for each task the outer loss and the query
    /// outputs (after each step, or for training after the last), then mean and variance of each normalised layer.
    fn new(learner: &Learner, algorithm: &dyn Algorithm, shape: GroupShape, training: bool) -> Self {
        let mut graph = Graph::new();
        let graph_ref = &mut graph;
        let theta = learner.parameters.nodes(graph_ref, argument::LEARNED);
        let input = learner.network.input();
        let pixels = input.height * input.width;
        let samples = shape.support + shape.query;
        let inputs = graph_ref.input(argument::INPUTS, 0, input.channels, shape.tasks * samples * pixels);
        let statistics = if shape.fixed { fixed(graph_ref, learner) } else { Statistics::Batch };
        let prefix = learner.prefix(graph_ref, &theta, inputs, &statistics);
        let columns = graph_ref.shape(prefix.output).1 / (shape.tasks * samples);
        let mut losses = Vec::new();
        let mut outputs = Vec::new();
        let mut directions: Option<Vec<Node>> = None;
        let mut suffix_statistics: Vec<(Node, Node)> = Vec::new();
        for task in 0..shape.tasks {
            let at = |sample: usize| task * samples + sample;
            let targets = |graph: &mut Graph, first: usize, count: usize| {
                graph.input(argument::TARGETS, at(first) * shape.way, shape.way, count)
            };
            let nodes = TaskNodes {
                support: graph_ref.columns(prefix.output, at(0) * columns, shape.support * columns),
                support_targets: targets(graph_ref, 0, shape.support),
                query: graph_ref.columns(prefix.output, at(shape.support) * columns, shape.query * columns),
                query_targets: targets(graph_ref, shape.support, shape.query),
                way: shape.way,
                classes: shape
                    .choice
                    .map(|rows| graph_ref.input(argument::CHOICE, task * shape.way * rows, shape.way, rows)),
            };
            let result = algorithm.task(graph_ref, learner, &theta, &nodes, &statistics);
            if let Some(gradients) = result.gradients {
                directions = Some(match directions {
                    None => gradients,
                    Some(sums) => {
                        sums.iter().zip(&gradients).map(|(sum, g)| graph_ref.add(*sum, *g)).collect()
                    }
                });
            }
            suffix_statistics = match suffix_statistics.is_empty() {
                true => result.statistics,
                false => {
                    let pairs = suffix_statistics.iter().zip(&result.statistics);
                    pairs.map(|(a, b)| (graph_ref.add(a.0, b.0), graph_ref.add(a.1, b.1))).collect()
                }
            };
            losses.push(result.loss);
            outputs.push(result.query_outputs);
        }
        let share = 1.0 / shape.tasks as f64;
        let judged = outputs[0].len();
        let mut wanted = Vec::new();
        if training {
            let total = graph_ref.total(&losses);
            let mean = graph_ref.scale(total, share);
            wanted = match directions {
                Some(directions) => directions.into_iter().map(|d| graph_ref.scale(d, share)).collect(),
                None => graph_ref.gradients(mean, &theta),
            };
        }
        let parameters = wanted.len();
        for (loss, outputs) in losses.iter().zip(&outputs) {
            wanted.push(*loss);
            let first = if training { judged - 1 } else { 0 };
            wanted.extend(&outputs[first..]);
        }
        let mut normalised = 0;
        if !shape.fixed {
            for (mean, variance) in prefix.statistics {
                wanted.extend([mean, variance]);
                normalised += 1;
            }
            for (mean, variance) in suffix_statistics {
                wanted.extend([graph_ref.scale(mean, share), graph_ref.scale(variance, share)]);
                normalised += 1;
            }
        }
        let program = Program::new(&graph, &wanted);
        Self { shape, program, judged: if training { 1 } else { judged }, normalised, parameters }
    }

    /// Number of the output with a task's outer loss.
    pub fn loss(&self, task: usize) -> usize {
        self.parameters + task * (1 + self.judged)
    }

    /// Number of the output with a task's query outputs, at a judged step.
    pub fn query_outputs(&self, task: usize, judged: usize) -> usize {
        self.loss(task) + 1 + judged
    }

    /// Number of the output with the mean of a normalised layer; its variance follows.
    pub fn statistics(&self, layer: usize) -> usize {
        self.loss(self.shape.tasks) + 2 * layer
    }
}

/// Fixed statistics out of the program's argument: layer after layer mean, then variance.
fn fixed(graph: &mut Graph, learner: &Learner) -> Statistics {
    let mut offset = 0;
    let pairs = learner.network.normalised_channels().into_iter().map(|channels| {
        let mean = graph.input(argument::STATISTICS, offset, channels, 1);
        let variance = graph.input(argument::STATISTICS, offset + channels, channels, 1);
        offset += 2 * channels;
        (mean, variance)
    });
    Statistics::Fixed(pairs.collect())
}
