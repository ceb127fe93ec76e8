//! Weightings against PyTorch's values in `tests/goldens`.

use std::path::Path;

use serde_json::Value;
use supple_data::SampleShape;

use super::super::hard::hard;
use super::super::model::{HeadPlan, TaskModel};
use super::super::programs::{TrainingProgram, Wanted};
use super::super::weights::uncertainty::Form;
use super::super::weights::{DynamicAverage, GradNorm, Observed, pc_grad};
use super::run;
use crate::model::{Block, Loss};

fn cases(name: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens").join(name);
    let text = std::fs::read_to_string(file).expect("tests/goldens is part of the checkout");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    golden["cases"].as_array().expect("cases").clone()
}

/// A list of numbers, or a tensor's values.
fn numbers(value: &Value) -> Vec<f64> {
    let list = value.get("values").unwrap_or(value);
    list.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
}

fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{what}: {found} {expected}");
    }
}

/// The goldens' network of three heads: its model, parameters, targets and masks.
fn network(case: &Value) -> (TaskModel, Vec<f64>, Vec<f64>, Vec<f64>) {
    let plan = |task: &str, outputs, loss| HeadPlan { task: task.into(), hidden: 0, outputs, loss };
    let plans = [
        plan("first", 1, Loss::SquaredError),
        plan("second", 3, Loss::CrossEntropy { scale: 1.0 }),
        plan("third", 2, Loss::SquaredError),
    ];
    let blocks = [Block::Dense { dense: 4, relu: true, batch_norm: false }];
    let mut model = hard(SampleShape::vector(3), &blocks, &plans).unwrap();
    model.make_smooth();
    let mut parameters: Vec<f64> = Vec::new();
    let tensors = |of: &Value| of["parameters"].as_array().unwrap().clone();
    let heads = case["heads"].as_array().unwrap().iter().flat_map(tensors);
    // [in][out] with the last index fastest is our [out, in] in column-major order.
    tensors(&case["shared"])
        .iter()
        .chain(&heads.collect::<Vec<_>>())
        .for_each(|t| parameters.extend(numbers(t)));
    let classes = numbers(&case["targets"][1]);
    let mut targets = numbers(&case["targets"][0]);
    targets.extend(
        classes.iter().flat_map(|class| (0..3).map(move |i| f64::from(u8::from(i as f64 == *class)))),
    );
    targets.extend(numbers(&case["targets"][2]));
    (model, parameters, targets, vec![1.0; 5 + 5 + 10])
}

#[test]
fn uncertainty() {
    for case in cases("uncertainty.json") {
        // Each golden takes one form for all tasks; ours mixes them by the kind of task.
        let form = match case["name"].as_str().unwrap() {
            "whole" => Form { loss: 1.0, log_variance: 1.0 },
            _ => Form::REGRESSION,
        };
        let (model, parameters, targets, known) = network(&case);
        let all = 0..model.parameters.list().len();
        let program = TrainingProgram::new(&model, 5, true, Wanted { together: all, apart: 0..0 });
        let s = numbers(&case["s"]);
        let weights: Vec<f64> = s.iter().map(|s| form.weight(*s)).collect();
        let x = numbers(&case["x"]);
        let outputs = run(&program, &[&parameters, &x, &targets, &known, &[], &[1.0; 3], &weights]);
        let losses: Vec<f64> = (0..3).map(|task| outputs[program.loss(task)][0]).collect();
        let expected = &case["expected"];
        assert_close(&losses, &numbers(&expected["task_losses"]), "losses");
        let total: f64 = s.iter().zip(&losses).map(|(s, loss)| form.value(*s, *loss)).sum();
        assert_close(&[total], &[expected["total"].as_f64().unwrap()], "total");
        let slopes: Vec<f64> = s.iter().zip(&losses).map(|(s, loss)| form.slope(*s, *loss)).collect();
        assert_close(&slopes, &numbers(&expected["s"]), "s");
        let tensors = |value: &Value| value.as_array().unwrap().clone();
        let heads = tensors(&expected["heads"]).iter().flat_map(&tensors).collect::<Vec<_>>();
        for (index, tensor) in tensors(&expected["shared"]).iter().chain(&heads).enumerate() {
            assert_close(&outputs[index], &numbers(tensor), &model.parameters.get(index).name);
        }
    }
}

#[test]
fn grad_norm() {
    let [case] = cases("gradnorm.json").try_into().unwrap();
    let (model, parameters, targets, known) = network(&case);
    let last = model.last_shared().unwrap();
    let wanted = Wanted { together: 0..0, apart: last..last + 1 };
    let program = TrainingProgram::new(&model, 5, true, wanted);
    let (x, weights) = (numbers(&case["x"]), numbers(&case["weights"]));
    let outputs = run(&program, &[&parameters, &x, &targets, &known, &[], &[1.0; 3], &weights]);
    let losses: Vec<f64> = (0..3).map(|task| outputs[program.loss(task)][0]).collect();
    let expected = &case["expected"];
    assert_close(&losses, &numbers(&expected["task_losses"]), "losses");
    let norm = |task| outputs[program.apart(task).start].iter().map(|g| g * g).sum::<f64>().sqrt();
    let norms: Vec<f64> = (0..3).map(norm).collect();
    let weighted: Vec<f64> = norms.iter().zip(&weights).map(|(norm, weight)| norm * weight).collect();
    assert_close(&weighted, &numbers(&expected["norms"]), "norms");
    let (alpha, rate) = (case["alpha"].as_f64().unwrap(), case["rate"].as_f64().unwrap());
    let mut own = GradNorm::at(weights, &numbers(&case["first_losses"]), alpha, rate);
    own.observe(&Observed {
        losses: &losses,
        known: &[true; 3],
        norms: &norms,
        epoch: 0,
        learning_rate: 0.0,
    });
    assert_close(own.weights(), &numbers(&expected["weights"]), "weights");
}

#[test]
fn gradient_surgery() {
    for case in cases("pcgrad.json") {
        let gradients: Vec<Vec<f64>> =
            numbers(&case["gradients"]).chunks_exact(4).map(<[f64]>::to_vec).collect();
        let orders: Vec<Vec<usize>> = case["order"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| numbers(order).into_iter().map(|task| task as usize).collect())
            .collect();
        let projected = pc_grad::project(&gradients, &orders);
        assert_close(&projected.concat(), &numbers(&case["expected"]["projected"]), "projected");
        assert_close(&pc_grad::sum(&projected), &numbers(&case["expected"]["sum"]), "sum");
    }
}

#[test]
fn dynamic_average() {
    let [case] = cases("dwa.json").try_into().unwrap();
    let mut own = DynamicAverage::new(3, case["temperature"].as_f64().unwrap());
    let (history, expected) = (numbers(&case["history"]), numbers(&case["expected"]["weights"]));
    for (epoch, expected) in expected.chunks_exact(3).enumerate() {
        assert_close(&own.weights(epoch as u64), expected, "weights");
        if let Some(losses) = history.chunks_exact(3).nth(epoch) {
            let known = &[true; 3];
            let epoch = epoch as u64;
            own.observe(&Observed { losses, known, norms: &[], epoch, learning_rate: 0.0 });
        }
    }
}
