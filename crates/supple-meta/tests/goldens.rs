//! Whole meta-gradients against PyTorch's: `tests/goldens`. In f64 to 1e-9 and in f32 to 1e-4 of the largest value of
//! each parameter's gradient.

#[path = "goldens/case.rs"]
mod case;

use case::{Case, cases, values};
use serde_json::Value;
use supple_meta::algorithm::inner::Order;
use supple_meta::algorithm::reptile::reptile;
use supple_meta::algorithm::{Adapts, Algorithm, Maml, Rates, StepWeights, TaskNodes, anil, maml};
use supple_meta::graph::kernels::scalar::Scalar;
use supple_meta::graph::{Graph, Program, Workspace};
use supple_meta::model::Statistics;

/// What a program gives: the sum over tasks of losses and gradients is taken outside.
struct Compiled {
    case: Case,
    program: Program,
    steps: usize,
}

/// Means over the tasks, and each task's losses.
struct Found {
    loss: f64,
    gradient: Vec<f64>,
    support_losses: Vec<Vec<f64>>,
    query_losses: Vec<Vec<f64>>,
}

/// Outputs: loss, support losses before each step, query losses after each, gradients.
fn compile(mut case: Case, mut algorithm: impl Algorithm) -> Compiled {
    algorithm.check(&case.learner).unwrap();
    algorithm.prepare(&mut case.learner);
    let learner = &case.learner;
    let mut graph = Graph::new();
    let parameters = learner.parameters.nodes(&mut graph, 0);
    let task = &case.tasks[0];
    let (way, pixels) = (case.way, learner.network.input().height * learner.network.input().width);
    let channels = learner.network.input().channels;
    let inputs = |graph: &mut Graph, argument: usize, samples: usize| {
        let x = graph.input(argument, 0, channels, samples * pixels);
        let x = learner.prefix(graph, &parameters, x, &Statistics::Batch).output;
        (x, graph.input(argument + 1, 0, way, samples))
    };
    let (support, support_targets) = inputs(&mut graph, 1, task[1].len() / way);
    let (query, query_targets) = inputs(&mut graph, 3, task[3].len() / way);
    let nodes = TaskNodes { support, support_targets, query, query_targets, way, classes: None };
    let task = algorithm.task(&mut graph, learner, &parameters, &nodes, &Statistics::Batch);
    let steps = task.support_losses.len();
    let mut outputs = vec![task.loss];
    outputs.extend(&task.support_losses);
    for output in &task.query_outputs[1..] {
        outputs.push(learner.outer_loss.of(&mut graph, *output, query_targets, None));
    }
    outputs.extend(task.outer_gradients(&mut graph, &parameters));
    let program = Program::new(&graph, &outputs);
    Compiled { program, case, steps }
}

impl Compiled {
    fn run<S: Scalar>(&self, number: impl Fn(S) -> f64) -> Found {
        let convert = |values: &[f64]| -> Vec<S> { values.iter().map(|value| S::of(*value)).collect() };
        let start = convert(&self.case.start);
        let mut workspace = Workspace::<S>::default();
        let share = 1.0 / self.case.tasks.len() as f64;
        let mut found = Found {
            loss: 0.0,
            gradient: vec![0.0; start.len()],
            support_losses: Vec::new(),
            query_losses: Vec::new(),
        };
        for task in &self.case.tasks {
            let task: Vec<Vec<S>> = task.iter().map(|values| convert(values)).collect();
            let mut arguments = vec![&start[..]];
            arguments.extend(task.iter().map(Vec::as_slice));
            self.program.run(&mut workspace, &arguments);
            let output = |index: usize| self.program.output(&workspace, &arguments, index);
            found.loss += share * number(output(0)[0]);
            let losses = |first: usize| (0..self.steps).map(|step| number(output(first + step)[0])).collect();
            found.support_losses.push(losses(1));
            found.query_losses.push(losses(1 + self.steps));
            for (index, parameter) in self.case.learner.parameters.list().iter().enumerate() {
                let part = output(1 + 2 * self.steps + index);
                for (sum, value) in found.gradient[parameter.range()].iter_mut().zip(part) {
                    *sum += share * number(*value);
                }
            }
        }
        found
    }

    fn both(&self) -> [(Found, f64); 2] {
        [(self.run::<f64>(|value| value), 1e-9), (self.run::<f32>(f64::from), 1e-4)]
    }
}

/// Equal within a share of the largest value.
fn close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found - expected).abs();
        assert!(difference <= tolerance * largest, "{what} [{index}]: {found}, expected {expected}");
    }
}

/// The algorithm that a case describes, but for its order.
fn algorithm(golden: &Value, adapts: Adapts) -> Maml {
    let steps = golden["steps"].as_u64().unwrap() as usize;
    let rate = golden["rate"].as_f64().unwrap_or(0.1);
    let kind = match golden["rates"].as_str().unwrap() {
        "fixed" => Rates::Fixed,
        "per_layer_per_step" => Rates::PerStep,
        "per_element" => Rates::PerParameter,
        other => panic!("rates {other}"),
    };
    let weights = values(&golden["outer_weights"]);
    let step_weights = StepWeights::early(1.0 - weights[steps - 1]);
    assert_eq!(step_weights.weights(steps, 0), weights);
    let algorithm = if adapts == Adapts::Head { anil::anil(steps, rate) } else { maml::maml(steps, rate) };
    algorithm.with_rates(kind).with_step_weights(step_weights)
}

fn compare(golden: &Value, order: Order) {
    let case = Case::new(golden);
    let algorithm = algorithm(golden, case.adapts).with_order(order);
    let mut compiled = compile(case, algorithm);
    compiled.case.add_rates(golden);
    let key = if order == Order::First { "first_order" } else { "second_order" };
    let (expected, name) = (&golden["expected"][key], golden["name"].as_str().unwrap());
    for (found, tolerance) in compiled.both() {
        close(
            &format!("{name}, {key}, loss"),
            &[found.loss],
            &[expected["loss"].as_f64().unwrap()],
            tolerance,
        );
        for (key, found) in [("support_losses", &found.support_losses), ("query_losses", &found.query_losses)]
        {
            for (found, expected) in found.iter().zip(golden["expected"][key].as_array().unwrap()) {
                close(&format!("{name}, {key}"), found, &values(expected), tolerance);
            }
        }
        for (index, expected) in compiled.case.expected_gradients(expected).iter().enumerate() {
            let parameter = compiled.case.learner.parameters.get(index);
            let what = format!("{name}, {key}, {}, to {tolerance}", parameter.name);
            close(&what, &found.gradient[parameter.range()], expected, tolerance);
        }
        let rates = compiled.case.rate_gradients(golden, &found.gradient);
        let expected = compiled.case.expected_rates(expected);
        assert_eq!(rates.len(), expected.len());
        for (found, expected) in rates.iter().zip(&expected) {
            close(&format!("{name}, {key}, rates, to {tolerance}"), found, expected, tolerance);
        }
    }
}

fn compare_all(file: &str, count: usize) {
    let cases = cases(file);
    assert_eq!(cases.len(), count, "{file}");
    for golden in &cases {
        compare(golden, Order::Second);
        compare(golden, Order::First);
    }
}

#[test]
fn maml_through_dense_layers() {
    compare_all("maml_dense", 4);
}

#[test]
fn maml_with_learned_step_sizes_and_a_loss_after_every_step() {
    compare_all("maml_classification", 8);
}

#[test]
fn maml_through_convolutions() {
    compare_all("maml_conv", 3);
}

#[test]
fn anil_on_two_trunks() {
    compare_all("anil", 2);
}

#[test]
fn maml_with_another_loss_inside_than_outside() {
    compare_all("huber", 1);
}

/// The golden's minibatches A, B, A become the support and query of a task: by Reptile's rule of every second sample,
/// A and B take turns.
#[test]
fn reptile_with_plain_steps() {
    let cases = cases("reptile");
    let golden = cases.iter().find(|case| case["inner_optimiser"] == "sgd").expect("the case");
    let case = Case::new(golden);
    let steps = golden["steps"].as_u64().unwrap() as usize;
    let size = case.tasks[0][1].len() / case.way;
    let algorithm = reptile(steps, golden["inner"]["rate"].as_f64().unwrap(), size);
    let compiled = compile(case, algorithm);
    let meta_step = golden["meta_step"].as_f64().unwrap();
    for (found, tolerance) in compiled.both() {
        for (index, expected) in compiled.case.expected_gradients(&golden["expected"]).iter().enumerate() {
            let range = compiled.case.learner.parameters.get(index).range();
            let way = found.gradient[range.clone()].iter().zip(&compiled.case.start[range]);
            let moved: Vec<f64> = way.map(|(way, start)| start - meta_step * way).collect();
            close("reptile", &moved, expected, tolerance);
        }
    }
}
