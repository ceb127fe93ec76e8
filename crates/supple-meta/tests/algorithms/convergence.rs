//! Small trainings that must get somewhere.

use supple_data::SampleShape;
use supple_data::random::{Purpose, stream};
use supple_meta::algorithm::maml::maml;
use supple_meta::algorithm::prototypes::prototypes;
use supple_meta::algorithm::{Adapts, Algorithm, Learner, TaskNodes};
use supple_meta::graph::{Graph, Program, Workspace};
use supple_meta::model::{Block, Loss, Statistics};
use supple_meta::outer::{OuterOptimiser, OuterRecipe};

/// A training of many tasks: what the program needs for each is in one argument.
struct Training {
    learner: Learner,
    program: Program,
    values: Vec<f32>,
    optimiser: OuterOptimiser,
}

impl Training {
    /// Of vectors in tasks of `way` classes or numbers.
    fn new(
        (input, width, way): (usize, usize, usize),
        loss: Loss,
        adapts: Adapts,
        mut algorithm: impl Algorithm,
        (support, query): (usize, usize),
    ) -> Self {
        let block = Block::Dense { dense: width, relu: true, batch_norm: false };
        let shape = SampleShape::vector(input);
        let mut learner = Learner::new(shape, &[block, block], (0, way), loss, adapts).unwrap();
        algorithm.check(&learner).unwrap();
        algorithm.prepare(&mut learner);
        let mut graph = Graph::new();
        let parameters = learner.parameters.nodes(&mut graph, 0);
        let batch = Statistics::Batch;
        let mut offset = 0;
        let mut next = |graph: &mut Graph, rows: usize, columns: usize| {
            offset += rows * columns;
            graph.input(1, offset - rows * columns, rows, columns)
        };
        let x = next(&mut graph, input, support);
        let support_targets = next(&mut graph, way, support);
        let support = learner.prefix(&mut graph, &parameters, x, &batch).output;
        let x = next(&mut graph, input, query);
        let query_targets = next(&mut graph, way, query);
        let query = learner.prefix(&mut graph, &parameters, x, &batch).output;
        let task = TaskNodes { support, support_targets, query, query_targets, way, classes: None };
        let task = algorithm.task(&mut graph, &learner, &parameters, &task, &batch);
        let mut outputs = vec![task.loss, *task.query_outputs.last().unwrap()];
        outputs.extend(task.outer_gradients(&mut graph, &parameters));
        let program = Program::new(&graph, &outputs);
        let values = learner.parameters.initial(&mut stream(3, Purpose::Initialisation, 0, 0));
        let optimiser = OuterOptimiser::new(OuterRecipe::Adam, values.len());
        Self { learner, program, values, optimiser }
    }

    /// The mean loss over tasks; one update if asked for.
    fn run(&mut self, tasks: &[Vec<f32>], learning_rate: Option<f32>) -> f32 {
        let mut workspace = Workspace::default();
        let mut gradient = vec![0.0; self.values.len()];
        let (mut sum, share) = (0.0, 1.0 / tasks.len() as f32);
        for task in tasks {
            let arguments = [&self.values[..], &task[..]];
            self.program.run(&mut workspace, &arguments);
            sum += share * self.program.output(&workspace, &arguments, 0)[0];
            for (index, parameter) in self.learner.parameters.list().iter().enumerate() {
                let part = self.program.output(&workspace, &arguments, 2 + index);
                gradient[parameter.range()].iter_mut().zip(part).for_each(|(sum, g)| *sum += share * g);
            }
        }
        if let Some(rate) = learning_rate {
            self.optimiser.update(&mut self.values, &gradient, |_| rate);
        }
        sum
    }
}

/// Ten support and ten query samples of a sine with random amplitude and phase (Finn et al. 2017).
fn sine(random: &mut impl rand::Rng) -> Vec<f32> {
    use rand::RngExt;
    let (amplitude, phase) = (random.random_range(0.1..5.0f32), random.random_range(0.0..3.1f32));
    let mut all = Vec::new();
    for _ in 0..2 {
        let x: Vec<f32> = (0..10).map(|_| random.random_range(-5.0..5.0)).collect();
        let y: Vec<f32> = x.iter().map(|x| amplitude * (x - phase).sin()).collect();
        all.extend(x.into_iter().chain(y));
    }
    all
}

#[test]
fn maml_learns_to_fit_sines() {
    let sizes = (1, 40, 1);
    let mut training = Training::new(sizes, Loss::SquaredError, Adapts::Everything, maml(1, 0.01), (10, 10));
    let mut random = stream(5, Purpose::Training, 0, 0);
    let unseen: Vec<_> = (0..100).map(|_| sine(&mut random)).collect();
    let before = training.run(&unseen, None);
    for _ in 0..400 {
        let tasks: Vec<_> = (0..10).map(|_| sine(&mut random)).collect();
        training.run(&tasks, Some(3e-3));
    }
    let after = training.run(&unseen, None);
    assert!(after < before / 2.5, "{before} to {after}");
}

/// Three classes, three samples each: two of ten inputs tell them apart, the others are louder noise.
fn noisy(random: &mut impl rand::Rng) -> Vec<f32> {
    use rand::RngExt;
    let centres: Vec<[f32; 2]> = (0..3).map(|_| [0, 1].map(|_| random.random_range(-1.0..1.0f32))).collect();
    let mut all = Vec::new();
    for _ in 0..2 {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for sample in 0..9 {
            let centre = centres[sample % 3];
            x.extend((0..10).map(|index| match centre.get(index) {
                Some(centre) => centre + random.random_range(-0.1..0.1),
                None => random.random_range(-2.0..2.0f32),
            }));
            y.extend((0..3).map(|class| if class == sample % 3 { 1.0 } else { 0.0f32 }));
        }
        all.extend(x.into_iter().chain(y));
    }
    all
}

#[test]
fn prototypes_learn_which_inputs_matter() {
    let sizes = (10, 24, 3);
    let loss = Loss::SummedCrossEntropy;
    let mut training = Training::new(sizes, loss, Adapts::Head, prototypes(0.1), (9, 9));
    let mut random = stream(6, Purpose::Training, 0, 0);
    let unseen: Vec<_> = (0..100).map(|_| noisy(&mut random)).collect();
    let before = training.run(&unseen, None);
    for _ in 0..400 {
        let tasks: Vec<_> = (0..4).map(|_| noisy(&mut random)).collect();
        training.run(&tasks, Some(5e-3));
    }
    let after = training.run(&unseen, None);
    assert!(after < before / 2.0, "{before} to {after}");
}
