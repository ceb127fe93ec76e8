//! Scratch: sine-maml speed.
use std::time::Instant;
use supple_data::SampleShape;
use supple_meta::adam::Adam;
use supple_meta::algorithm::inner::{Order, fixed_rates, unroll};
use supple_meta::algorithm::learner::{Adapts, Learner, TaskNodes};
use supple_meta::graph::{Graph, Program, Workspace};
use supple_meta::model::{Block, Loss, Statistics};
fn main() {
    let dense = Block::Dense { dense: 40, relu: true, batch_norm: false };
    let learner =
        Learner::new(SampleShape::vector(1), &[dense, dense], (0, 1), Loss::SquaredError, Adapts::Everything)
            .unwrap();
    let mut g = Graph::new();
    let theta = learner.parameters.nodes(&mut g, 0);
    let task = TaskNodes {
        support: g.input(1, 0, 1, 10),
        support_targets: g.input(1, 10, 1, 10),
        query: g.input(1, 20, 1, 10),
        query_targets: g.input(1, 30, 1, 10),
        way: 1,
        classes: None,
    };
    let rates = fixed_rates(&mut g, &learner, 1, 0.01);
    let u = unroll(&mut g, &learner, &theta, &task, &rates, Order::Second, &Statistics::Batch, |s| s == 1);
    let loss = Loss::SquaredError.of(&mut g, u.query_outputs[1], task.query_targets, None);
    let mut outs = g.gradients(loss, &theta);
    outs.push(loss);
    let program = Program::new(&g, &outs);
    println!("nodes {} steps {} memory {}", g.len(), program.steps(), program.memory());
    let mut ws = Workspace::<f32>::default();
    let mut random = supple_data::random::stream(1, supple_data::random::Purpose::Training, 0, 0);
    let mut values = learner.parameters.initial(&mut random);
    let tasks: Vec<Vec<f32>> =
        (0..25).map(|t| (0..40).map(|i| ((i * 37 + t * 11) % 17) as f32 * 0.2 - 1.5).collect()).collect();
    let mut adam = Adam::new(values.len());
    let mut gradient = vec![0.0f32; values.len()];
    let count = 4000;
    let start = Instant::now();
    for _ in 0..count {
        gradient.fill(0.0);
        for t in &tasks {
            let args = [&values[..], &t[..]];
            program.run(&mut ws, &args);
            for (i, p) in learner.parameters.list().iter().enumerate() {
                let o = program.output(&ws, &args, i);
                gradient[p.range()].iter_mut().zip(o).for_each(|(g, o)| *g += o * 0.04);
            }
        }
        adam.update(&mut values, &gradient, |_| 1e-3);
    }
    println!("{:.0} it/s", count as f64 / start.elapsed().as_secs_f64());
    if std::env::args().nth(1).is_some() {
        println!("{program:#?}");
    }
}
