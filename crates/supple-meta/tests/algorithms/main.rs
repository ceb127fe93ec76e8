//! Every algorithm: its outer gradient, what it moves, what it refuses, and that it learns.

mod convergence;
mod first_order;
mod gradients;
mod moves;
mod refusals;

use supple_data::SampleShape;
use supple_meta::algorithm::{Adapts, Algorithm, Learner, TaskGraph, TaskNodes};
use supple_meta::graph::{Graph, Node, Program, Workspace};
use supple_meta::model::{Block, Loss, Pair, Statistics};

/// Numbers that look like chance and are always the same.
fn wave(length: usize, seed: f64) -> Vec<f64> {
    (0..length).map(|i| (i as f64 * 1.7 + seed).sin() + (i as f64 * 0.37 + seed).cos() * 0.4).collect()
}

const DENSE: Block = Block::Dense { dense: 5, relu: true, batch_norm: false };
/// Leaves a vector as it is.
const NOTHING: Block = Block::Mean { mean: true };
const CONVOLUTION: Block = Block::Convolution {
    channels: 3,
    kernel: Pair::Both(3),
    stride: Pair::Both(2),
    padding: Pair::Both(1),
    relu: true,
    batch_norm: true,
    depthwise: false,
};

/// A learner with an algorithm, and tasks of one size for it.
struct Setting {
    learner: Learner,
    algorithm: Box<dyn Algorithm>,
    way: usize,
    support: usize,
    query: usize,
    /// Whether the task's classes have other rows of the head than the first.
    chosen: bool,
}

/// Outputs of a setting's program: the loss, the query outputs after the last step, then the outer gradients.
struct Compiled {
    program: Program,
    workspace: Workspace<f64>,
    parameters: usize,
}

#[derive(Debug, Clone)]
struct Found {
    loss: f64,
    outputs: Vec<f64>,
    gradient: Vec<f64>,
}

impl Setting {
    /// Tasks of three classes, or of two numbers, with six samples of support and five of query.
    fn new(
        input: SampleShape,
        blocks: &[Block],
        loss: Loss,
        adapts: Adapts,
        mut algorithm: Box<dyn Algorithm>,
    ) -> Self {
        let (way, outputs) = if loss.classifies() { (3, 4) } else { (2, 2) };
        let mut learner = Learner::new(input, blocks, (0, outputs), loss, adapts).unwrap();
        learner.network.make_smooth();
        algorithm.check(&learner).unwrap();
        algorithm.prepare(&mut learner);
        Self { learner, algorithm, way, support: 6, query: 5, chosen: false }
    }

    fn graph(&self) -> (Graph, Vec<Node>, TaskGraph) {
        let mut graph = Graph::new();
        let parameters = self.learner.parameters.nodes(&mut graph, 0);
        let (input, way) = (self.learner.network.input(), self.way);
        let mut offset = 0;
        let mut next = |graph: &mut Graph, rows: usize, columns: usize| {
            offset += rows * columns;
            graph.input(1, offset - rows * columns, rows, columns)
        };
        let pixels = input.height * input.width;
        let support = next(&mut graph, input.channels, pixels * self.support);
        let support_targets = next(&mut graph, way, self.support);
        let query = next(&mut graph, input.channels, pixels * self.query);
        let query_targets = next(&mut graph, way, self.query);
        let classes = self.chosen.then(|| next(&mut graph, way, self.learner.head.outputs));
        let statistics = Statistics::Batch;
        let support = self.learner.prefix(&mut graph, &parameters, support, &statistics).output;
        let query = self.learner.prefix(&mut graph, &parameters, query, &statistics).output;
        let task = TaskNodes { support, support_targets, query, query_targets, way, classes };
        let task = self.algorithm.task(&mut graph, &self.learner, &parameters, &task, &statistics);
        (graph, parameters, task)
    }

    fn compile(&self) -> Compiled {
        let (mut graph, parameters, task) = self.graph();
        let mut outputs = vec![task.loss, *task.query_outputs.last().unwrap()];
        outputs.extend(task.outer_gradients(&mut graph, &parameters));
        let program = Program::new(&graph, &outputs);
        Compiled { program, workspace: Workspace::default(), parameters: parameters.len() }
    }

    /// A start that is nowhere zero.
    fn start(&self) -> Vec<f64> {
        let mut start = wave(self.learner.parameters.len(), 0.4);
        start.iter_mut().for_each(|value| *value *= 0.5);
        for parameter in self.learner.parameters.list() {
            if parameter.name == "rates.logarithms" {
                start[parameter.range()].iter_mut().for_each(|value| *value -= 1.5);
            } else if parameter.name.ends_with("scale") {
                start[parameter.range()].iter_mut().for_each(|value| *value += 1.0);
            }
        }
        start
    }

    /// A task: support and its targets, query and its targets, choice of the head's rows.
    fn task(&self, seed: f64) -> Vec<f64> {
        let length = self.learner.network.input().len();
        let classifies = self.learner.loss.classifies();
        let targets = |samples: usize, seed: f64| match classifies {
            true => one_hot(self.way, (0..samples).map(|sample| sample % self.way)),
            false => wave(self.way * samples, seed),
        };
        let mut all = wave(length * self.support, seed);
        all.extend(targets(self.support, seed + 1.0));
        all.extend(wave(length * self.query, seed + 2.0));
        all.extend(targets(self.query, seed + 3.0));
        if self.chosen {
            // Class c has row (c + 2) mod rows: a choice is [way, rows], by columns.
            let rows = self.learner.head.outputs;
            let chosen = |row: usize, class: usize| f64::from(u8::from((class + 2) % rows == row));
            all.extend((0..rows).flat_map(|row| (0..self.way).map(move |class| chosen(row, class))));
        }
        all
    }
}

impl Compiled {
    fn run(&mut self, parameters: &[f64], task: &[f64]) -> Found {
        let arguments = [parameters, task];
        self.program.run(&mut self.workspace, &arguments);
        let output = |index: usize| self.program.output(&self.workspace, &arguments, index);
        Found {
            loss: output(0)[0],
            outputs: output(1).to_vec(),
            gradient: (0..self.parameters).flat_map(|index| output(2 + index).to_vec()).collect(),
        }
    }
}

/// A column for each label.
fn one_hot(way: usize, labels: impl Iterator<Item = usize>) -> Vec<f64> {
    let column = |label: usize| (0..way).map(move |class| f64::from(u8::from(class == label)));
    labels.flat_map(column).collect()
}
