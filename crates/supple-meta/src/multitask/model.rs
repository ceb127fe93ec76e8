//! Trunks and heads of several tasks, whose parameters are one flat vector: trunks first, then heads.

use std::ops::Range;

use supple_data::SampleShape;

use crate::graph::{Graph, Node};
use crate::model::{HeadShape, Loss, Network, Parameters, Statistics};

/// The head of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskHead {
    /// The task, as the data set names it.
    pub task: String,
    /// Its shape.
    pub shape: HeadShape,
    /// What training makes small.
    pub loss: Loss,
    /// Index of its first parameter.
    pub first_parameter: usize,
}

/// What a head is to be, before it has a place.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadPlan {
    /// The task, as the data set names it.
    pub task: String,
    /// Units of a hidden layer; 0 for a linear head.
    pub hidden: usize,
    /// Classes, or numbers to predict.
    pub outputs: usize,
    /// What training makes small.
    pub loss: Loss,
}

/// A model of several tasks. Built by [`hard`](super::hard::hard) or [`soft`](super::soft::soft).
#[derive(Debug, Clone)]
pub struct TaskModel {
    /// All parameters: trunk after trunk, then head after head.
    pub parameters: Parameters,
    /// None where inputs are features already; one that all tasks share; or one a task.
    pub trunks: Vec<Network>,
    /// One a task.
    pub heads: Vec<TaskHead>,
    /// Parameters of each trunk, by index.
    trunk_ranges: Vec<Range<usize>>,
    input: SampleShape,
}

/// What a model makes of a batch.
#[derive(Debug, Clone)]
pub struct TaskOutputs {
    /// Of each task, `[outputs, samples]`.
    pub outputs: Vec<Node>,
    /// Mean and variance of the batch, of each normalised layer of each trunk; none when they were fixed.
    pub statistics: Vec<(Node, Node)>,
}

impl TaskModel {
    pub(super) fn new(
        input: SampleShape,
        trunks: Vec<(Network, Range<usize>)>,
        mut parameters: Parameters,
        plans: &[HeadPlan],
    ) -> Self {
        let (trunks, trunk_ranges): (Vec<Network>, Vec<_>) = trunks.into_iter().unzip();
        let features = trunks.first().map_or(input.len(), Network::features);
        let heads = plans
            .iter()
            .map(|plan| {
                let shape = HeadShape { features, hidden: plan.hidden, outputs: plan.outputs };
                let first_parameter = shape.add(&format!("head.{}", plan.task), &mut parameters);
                TaskHead { task: plan.task.clone(), shape, loss: plan.loss, first_parameter }
            })
            .collect();
        Self { parameters, trunks, heads, trunk_ranges, input }
    }

    /// The shape of an input.
    pub fn input(&self) -> SampleShape {
        self.input
    }

    /// The trunk that a task goes through; none where inputs are features already.
    pub fn trunk_of(&self, task: usize) -> Option<usize> {
        match self.trunks.len() {
            0 => None,
            1 => Some(0),
            _ => Some(task),
        }
    }

    /// Parameters of a trunk, by index.
    pub fn trunk_range(&self, trunk: usize) -> Range<usize> {
        self.trunk_ranges[trunk].clone()
    }

    /// Parameters of all trunks, by index.
    pub fn trunks_range(&self) -> Range<usize> {
        0..self.trunk_ranges.last().map_or(0, |range| range.end)
    }

    /// Parameters of all heads, by index.
    pub fn heads_range(&self) -> Range<usize> {
        self.trunks_range().end..self.parameters.list().len()
    }

    /// Parameters of a head, by index.
    pub fn head_range(&self, task: usize) -> Range<usize> {
        let head = &self.heads[task];
        head.first_parameter..head.first_parameter + head.shape.parameters()
    }

    /// Where consecutive parameters lie in the flat vector.
    pub fn values(&self, parameters: Range<usize>) -> Range<usize> {
        let at = |index: usize| match self.parameters.list().get(index) {
            Some(parameter) => parameter.offset,
            None => self.parameters.len(),
        };
        at(parameters.start)..at(parameters.end)
    }

    /// The weights, by index, of the last layer that all tasks share; none where they share none.
    pub fn last_shared(&self) -> Option<usize> {
        let [trunk] = self.trunks.as_slice() else { return None };
        trunk.layers().iter().rfind(|layer| layer.parameters > 0).map(|layer| layer.first_parameter)
    }

    /// Values of the statistics of one trunk: layer after layer mean, then variance.
    pub fn statistics_of_trunk(&self) -> usize {
        self.trunks.first().map_or(0, |trunk| 2 * trunk.normalised_channels().iter().sum::<usize>())
    }

    /// Fixed statistics out of a program's argument: trunk after trunk, layer after layer mean, then variance.
    pub fn fixed_statistics(&self, graph: &mut Graph, argument: usize) -> Statistics {
        let mut offset = 0;
        let channels = self.trunks.iter().flat_map(Network::normalised_channels);
        let pairs = channels.map(|channels| {
            let mean = graph.input(argument, offset, channels, 1);
            let variance = graph.input(argument, offset + channels, channels, 1);
            offset += 2 * channels;
            (mean, variance)
        });
        Statistics::Fixed(pairs.collect())
    }

    /// Outputs of all tasks for a batch. `x` is `[channels, samples · pixels]`, `parameters` a node for each parameter.
    pub fn forward(
        &self,
        graph: &mut Graph,
        parameters: &[Node],
        x: Node,
        statistics: &Statistics,
    ) -> TaskOutputs {
        let mut found = Vec::new();
        let mut features = Vec::new();
        let mut used = 0;
        for trunk in &self.trunks {
            let normalised = trunk.normalised_channels().len();
            let own = match statistics {
                Statistics::Batch => Statistics::Batch,
                Statistics::Fixed(all) => Statistics::Fixed(all[used..used + normalised].to_vec()),
            };
            used += normalised;
            let forward = trunk.forward(graph, parameters, x, &own);
            found.extend(forward.statistics);
            features.push(forward.output);
        }
        let outputs = (0..self.heads.len())
            .map(|task| {
                let features = match self.trunk_of(task) {
                    Some(trunk) => features[trunk],
                    None => {
                        let (rows, columns) = graph.shape(x);
                        let length = self.input.len();
                        graph.reshape(x, length, rows * columns / length)
                    }
                };
                self.heads[task].shape.forward(graph, &parameters[self.head_range(task)], features)
            })
            .collect();
        TaskOutputs { outputs, statistics: found }
    }

    /// Puts tanh in place of the trunks' relus: for comparing derivatives, which kinks would spoil.
    pub fn make_smooth(&mut self) {
        self.trunks.iter_mut().for_each(Network::make_smooth);
    }
}
