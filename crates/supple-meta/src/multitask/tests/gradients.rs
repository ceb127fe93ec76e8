//! A batch's gradients against central differences, in `f64`.

use supple_data::SampleShape;

use super::super::hard::hard;
use super::super::model::{HeadPlan, TaskModel};
use super::super::programs::{TrainingProgram, Wanted};
use super::super::soft::soft;
use super::run;
use crate::model::{Block, Loss, Pair};

const SAMPLES: usize = 5;

fn wave(length: usize, seed: f64) -> Vec<f64> {
    (0..length).map(|i| (i as f64 * 1.7 + seed).sin() + (i as f64 * 0.37 + seed).cos() * 0.4).collect()
}

fn plans() -> Vec<HeadPlan> {
    let plan = |task: &str, hidden, outputs, loss| HeadPlan { task: task.into(), hidden, outputs, loss };
    vec![
        plan("class", 0, 3, Loss::CrossEntropy { scale: 1.0 }),
        plan("values", 4, 2, Loss::SquaredError),
        plan("huber", 0, 1, Loss::Huber { limit: 0.7 }),
    ]
}

fn check(mut model: TaskModel, fixed: bool) {
    model.make_smooth();
    let all = 0..model.parameters.list().len();
    let apart = model.trunks_range();
    let program =
        TrainingProgram::new(&model, SAMPLES, fixed, Wanted { together: all.clone(), apart: apart.clone() });
    let mut parameters = wave(model.parameters.len(), 0.3);
    let x = wave(SAMPLES * model.input().len(), 1.1);
    let mut targets = vec![0.0; SAMPLES * 3];
    [0, 2, 1, 1, 0].iter().enumerate().for_each(|(sample, class)| targets[sample * 3 + class] = 1.0);
    targets.extend(wave(SAMPLES * 3, 2.2));
    let known: Vec<f64> = (0..SAMPLES * 4).map(|i| if i % 3 == 1 { 0.0 } else { 1.0 }).collect();
    let variances = |values: Vec<f64>| values.into_iter().map(|value: f64| value.abs() + 0.2).collect();
    let statistics: Vec<f64> = variances(wave(model.statistics_of_trunk() * model.trunks.len(), 3.0));
    let (shares, weights) = ([0.5, 0.75, 1.0], [0.3, 1.7, 0.9]);
    let at = |parameters: &[f64]| {
        run(&program, &[parameters, &x, &targets, &known, &statistics, &shares, &weights])
    };
    let found = at(&parameters);
    for index in all {
        for value in model.parameters.get(index).range() {
            let before = parameters[value];
            let mut losses = |to: f64| -> Vec<f64> {
                parameters[value] = to;
                let outputs = at(&parameters);
                (0..3).map(|task| outputs[program.loss(task)][0]).collect()
            };
            let (above, below) = (losses(before + 1e-5), losses(before - 1e-5));
            parameters[value] = before;
            let slopes: Vec<f64> = above.iter().zip(&below).map(|(a, b)| (a - b) / 2e-5).collect();
            let place = value - model.parameters.get(index).offset;
            let close = |found: f64, expected: f64, what: &str| {
                let name = &model.parameters.get(index).name;
                let error = (found - expected).abs();
                assert!(error < 1e-7 * (1.0 + expected.abs()), "{name} {place} {what}: {found} {expected}");
            };
            let expected = slopes.iter().zip(&weights).map(|(slope, weight)| slope * weight).sum();
            close(found[program.together().start + index][place], expected, "together");
            if apart.contains(&index) {
                for (task, slope) in slopes.iter().enumerate() {
                    close(found[program.apart(task).start + index][place], *slope, "apart");
                }
            }
        }
    }
}

#[test]
fn of_hard_and_soft_sharing_with_missing_labels() {
    let dense = |dense, batch_norm| Block::Dense { dense, relu: true, batch_norm };
    let blocks = [dense(4, true), dense(3, false)];
    for fixed in [false, true] {
        check(hard(SampleShape::vector(3), &blocks, &plans()).unwrap(), fixed);
        check(soft(SampleShape::vector(3), &blocks, &plans()).unwrap(), fixed);
    }
}

#[test]
fn of_a_convolutional_trunk_and_of_none() {
    let block = Block::Convolution {
        channels: 3,
        kernel: Pair::Both(3),
        stride: Pair::Both(2),
        padding: Pair::Both(1),
        relu: true,
        batch_norm: true,
        depthwise: false,
    };
    let shape = SampleShape { height: 4, width: 4, channels: 2 };
    check(hard(shape, &[block], &plans()).unwrap(), false);
    check(hard(SampleShape::vector(4), &[], &plans()).unwrap(), false);
}
