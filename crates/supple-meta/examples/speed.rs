//! Scratch: list of steps of sine-maml.
use supple_data::SampleShape;
use supple_meta::algorithm::{Adapts, Algorithm, Learner, TaskNodes, maml};
use supple_meta::graph::{Graph, Program};
use supple_meta::model::{Block, Loss, Statistics};
fn main() {
    let sine = std::env::args().nth(1).is_none();
    let dense = Block::Dense { dense: 40, relu: true, batch_norm: false };
    let mut learner = if sine { Learner::new(SampleShape::vector(1), &[dense, dense], (0, 1), Loss::SquaredError, Adapts::Everything).unwrap() }
      else { Learner::new(SampleShape::vector(64), &[Block::Mean{mean:true}], (0, 5), Loss::CrossEntropy{scale:1.0}, Adapts::Head).unwrap() };
    let mut g = Graph::new();
    let theta = learner.parameters.nodes(&mut g, 0);
    let (i, o, s, q) = if sine { (1, 1, 10, 10) } else { (64, 5, 25, 75) };
    let task = TaskNodes { support: g.input(1, 0, i, s), support_targets: g.input(2, 0, o, s), query: g.input(3, 0, i, q), query_targets: g.input(4, 0, o, q), way: o, classes: None };
    let mut a = if sine { maml::maml(1, 0.01) } else { maml::maml(5, 0.1) };
    a.prepare(&mut learner);
    let t = a.task(&mut g, &learner, &theta, &task, &Statistics::Batch);
    let outs = t.outer_gradients(&mut g, &theta);
    let program = Program::new(&g, &outs);
    println!("{}", program.listing());
}
