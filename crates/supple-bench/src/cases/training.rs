//! Every case by the engine of `supple-meta`: one program a task, compiled once.

use rayon::prelude::*;
use supple_data::SampleShape;
use supple_meta::adam::Adam;
use supple_meta::algorithm::{Adapts, Algorithm, Learner, TaskNodes};
use supple_meta::graph::{Graph, Program, Workspace};
use supple_meta::model::{Block, Loss, Pair, Statistics};

use crate::protocol::{BLOCKS, FEATURES, FILTERS, HIDDEN, Protocol, SIDE};

/// Arguments of a task's program.
const LEARNED: usize = 0;
const SUPPORT: usize = 1;
const QUERY: usize = 2;
const SUPPORT_TARGETS: usize = 3;
const QUERY_TARGETS: usize = 4;

/// Tasks whose gradients are summed in one go; the sum's order does not depend on the number of threads.
const TASKS_AT_ONCE: usize = 2;

/// A task's numbers.
#[derive(Debug, Clone, Copy)]
pub struct TaskValues<'a> {
    /// `[sample][value]`.
    pub support: &'a [f32],
    /// `[sample][value]`.
    pub query: &'a [f32],
    /// `[sample][output]`.
    pub support_targets: &'a [f32],
    /// `[sample][output]`.
    pub query_targets: &'a [f32],
}

/// How the mean of the tasks' gradients changes what is learned.
#[derive(Debug)]
pub enum Outer {
    /// By Adam at a rate.
    Adam(Adam, f32),
    /// Against it by a share of its length, sinking to 0 over so many iterations.
    Share {
        /// At the start.
        share: f32,
        /// None where the number is not known: the share stays.
        iterations: Option<u64>,
        /// Iterations done.
        done: u64,
    },
}

/// What is learned, and the program that gives a task's gradient.
pub struct Training {
    /// Trunk and head.
    pub learner: Learner,
    /// All parameters, one after the other.
    pub learned: Vec<f32>,
    /// A task to the gradients of all parameters.
    program: Program,
    /// A task to the outputs on its query after the last step.
    judge: Program,
    outer: Outer,
    workspaces: Vec<(Workspace<f32>, Vec<f32>)>,
    gradient: Vec<f32>,
}

/// The network for sinusoids.
pub fn sine_learner() -> Learner {
    let dense = Block::Dense { dense: HIDDEN, relu: true, batch_norm: false };
    learner(SampleShape::vector(1), &[dense, dense], 1, Loss::SquaredError, Adapts::Everything)
}

/// A linear head on features that nothing changes.
pub fn head_learner(way: usize) -> Learner {
    let blocks = [Block::Mean { mean: true }];
    learner(SampleShape::vector(FEATURES), &blocks, way, Loss::CrossEntropy { scale: 1.0 }, Adapts::Head)
}

/// The convolutional network.
pub fn conv_learner(way: usize, adapts: Adapts) -> Learner {
    let block = Block::Convolution {
        channels: FILTERS,
        kernel: Pair::Both(3),
        stride: Pair::Both(2),
        padding: Pair::Both(1),
        relu: true,
        batch_norm: true,
        depthwise: false,
    };
    let shape = SampleShape { height: SIDE, width: SIDE, channels: 1 };
    learner(shape, &[block; BLOCKS], way, Loss::CrossEntropy { scale: 1.0 }, adapts)
}

fn learner(shape: SampleShape, blocks: &[Block], outputs: usize, loss: Loss, adapts: Adapts) -> Learner {
    let learner = Learner::new(shape, blocks, (0, outputs), loss, adapts);
    learner.unwrap_or_else(|error| unreachable!("fixed blocks fit together: {error}"))
}

impl Training {
    /// Compiles the programs. `start` has the network's parameters, then the head's.
    pub fn new(
        mut learner: Learner,
        mut algorithm: Box<dyn Algorithm>,
        protocol: &Protocol,
        start: Vec<Vec<f32>>,
        outer: impl FnOnce(usize) -> Outer,
    ) -> Self {
        algorithm.prepare(&mut learner);
        let learned = start.concat();
        assert_eq!(learned.len(), learner.parameters.len(), "these algorithms learn the start alone");
        let mut graph = Graph::new();
        let theta = learner.parameters.nodes(&mut graph, LEARNED);
        let input = learner.network.input();
        let pixels = input.height * input.width;
        let outputs = learner.head.outputs;
        let (support, query) = (protocol.shots * protocol.way, protocol.queries * protocol.way);
        let mut side = |argument: usize, samples: usize| {
            let x = graph.input(argument, 0, input.channels, samples * pixels);
            // Support and query by statistics of their own.
            learner.prefix(&mut graph, &theta, x, &Statistics::Batch).output
        };
        let (support_nodes, query_nodes) = (side(SUPPORT, support), side(QUERY, query));
        let task = TaskNodes {
            support: support_nodes,
            support_targets: graph.input(SUPPORT_TARGETS, 0, outputs, support),
            query: query_nodes,
            query_targets: graph.input(QUERY_TARGETS, 0, outputs, query),
            way: outputs,
            classes: None,
        };
        let task = algorithm.task(&mut graph, &learner, &theta, &task, &Statistics::Batch);
        let gradients = task.outer_gradients(&mut graph, &theta);
        let program = Program::new(&graph, &gradients);
        let judge = Program::new(&graph, &task.query_outputs[task.query_outputs.len() - 1..]);
        let groups = protocol.tasks.div_ceil(TASKS_AT_ONCE);
        let workspaces =
            (0..groups.max(1)).map(|_| (Workspace::default(), vec![0.0; learned.len()])).collect();
        let (gradient, outer) = (vec![0.0; learned.len()], outer(learned.len()));
        Self { learner, learned, program, judge, outer, workspaces, gradient }
    }

    /// One outer iteration.
    pub fn iterate(&mut self, tasks: &[TaskValues]) {
        let Self { learner, learned, program, workspaces, gradient, .. } = self;
        let (learner, learned) = (&*learner, &learned[..]);
        let run = |(workspace, sum): &mut (Workspace<f32>, Vec<f32>), tasks: &[TaskValues]| {
            sum.fill(0.0);
            for task in tasks {
                let arguments = arguments(learned, task);
                program.run(workspace, &arguments);
                for (index, parameter) in learner.parameters.list().iter().enumerate() {
                    let part = program.output(workspace, &arguments, index);
                    sum[parameter.range()].iter_mut().zip(part).for_each(|(sum, g)| *sum += g);
                }
            }
        };
        gradient.fill(0.0);
        if rayon::current_num_threads() == 1 {
            // One workspace, so that it stays in the cache; the same sums in the same order.
            for group in tasks.chunks(TASKS_AT_ONCE) {
                run(&mut workspaces[0], group);
                gradient.iter_mut().zip(&workspaces[0].1).for_each(|(sum, g)| *sum += g);
            }
        } else {
            let groups = tasks.par_chunks(TASKS_AT_ONCE).zip(&mut *workspaces);
            groups.for_each(|(group, workspace)| run(workspace, group));
            for (_, part) in workspaces.iter() {
                gradient.iter_mut().zip(part).for_each(|(sum, g)| *sum += g);
            }
        }
        let share = 1.0 / tasks.len() as f32;
        gradient.iter_mut().for_each(|g| *g *= share);
        match &mut self.outer {
            Outer::Adam(adam, rate) => adam.update(&mut self.learned, &self.gradient, |_| *rate),
            Outer::Share { share, iterations, done } => {
                let left = iterations.map_or(1.0, |all| 1.0 - *done as f32 / all as f32).max(0.0);
                let step = *share * left;
                *done += 1;
                self.learned.iter_mut().zip(&self.gradient).for_each(|(value, g)| *value -= step * g);
            }
        }
    }

    /// Outputs on a task's query after the last step, `[sample][output]`.
    pub fn judge(&mut self, task: &TaskValues) -> Vec<f32> {
        let arguments = arguments(&self.learned, task);
        let workspace = &mut self.workspaces[0].0;
        self.judge.run(workspace, &arguments);
        self.judge.output(workspace, &arguments, 0).to_vec()
    }

    /// The learned parameters, one vector each.
    pub fn parameters(&self) -> Vec<Vec<f32>> {
        self.learner.parameters.list().iter().map(|p| self.learned[p.range()].to_vec()).collect()
    }
}

fn arguments<'a>(learned: &'a [f32], task: &TaskValues<'a>) -> [&'a [f32]; 5] {
    [learned, task.support, task.query, task.support_targets, task.query_targets]
}

/// Convolution weights `[output]`[input][row]`[column]` as `supple-meta` has them: `[row]`[column][input]`[output]`.
pub fn channels_last(mut parameters: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    const TAPS: usize = 9;
    for block in 0..BLOCKS {
        let weights = &mut parameters[3 * block];
        let inputs = weights.len() / FILTERS / TAPS;
        let from = |to: usize| {
            let (output, input, tap) = (to % FILTERS, to / FILTERS % inputs, to / FILTERS / inputs);
            (output * inputs + input) * TAPS + tap
        };
        *weights = (0..weights.len()).map(|to| weights[from(to)]).collect();
    }
    parameters
}
