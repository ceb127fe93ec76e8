//! Joint training against formulas, differences, expected values and itself.

mod goldens;
mod gradients;
mod missing;
mod refusals;
mod training;
mod transfer;

use rand::RngExt;
use supple_data::part::{HoldBack, Part, split};
use supple_data::random::{Purpose, stream};
use supple_data::{Answer, DataSet, DataSetBuilder, SampleShape};

use super::programs::TrainingProgram;
use super::{MultiTaskRecipe, MultiTaskTrainer, TaskHeadRecipe};
use crate::graph::Workspace;
use crate::graph::kernels::scalar::Scalar;

/// All outputs of a program.
fn run<S: Scalar>(program: &TrainingProgram, arguments: &[&[S]; 7]) -> Vec<Vec<S>> {
    let mut workspace = Workspace::default();
    program.program.run(&mut workspace, arguments);
    let outputs = 0..program.program.outputs();
    outputs.map(|output| program.program.output(&workspace, arguments, output).to_vec()).collect()
}

/// Six inputs and four questions about them: `sum` and `wave` are numbers, `bend` two numbers, `side` one of three
/// classes. Of each question a share of the answers is unknown. The last domain is for validation.
fn questions(samples: usize, unknown: f64, unlabelled: usize) -> DataSet {
    let tasks = vec![
        DataSetBuilder::classes("side", &["left", "middle", "right"]),
        DataSetBuilder::values("sum", &["m"]),
        DataSetBuilder::values("wave", &["s"]),
        DataSetBuilder::values("bend", &["a", "b"]),
    ];
    let mut builder = DataSetBuilder::new("questions", SampleShape::vector(6), tasks);
    let mut random = stream(5, Purpose::Generation, 0, 0);
    for sample in 0..samples {
        let x: Vec<f32> = (0..6).map(|i| 3.0 * i as f32 + random.random_range(-1.0..1.0f32)).collect();
        let centred: Vec<f32> = x.iter().enumerate().map(|(i, x)| x - 3.0 * i as f32).collect();
        let along = centred[0] + 0.5 * centred[1] - centred[2];
        let side = if along < -0.4 { "left" } else { ["right", "middle"][usize::from(along < 0.4)] };
        let answers = [
            Answer::Class(side.to_owned()),
            Answer::Values(vec![100.0 + 20.0 * centred.iter().sum::<f32>()]),
            Answer::Values(vec![(1.2 * along).sin()]),
            Answer::Values(vec![along * along, centred[3] * centred[4]]),
        ];
        let mut asked = |answer| if random.random_bool(unknown) { Answer::Missing } else { answer };
        let answers = answers.map(&mut asked);
        let domain = if sample * 5 < samples * 4 { "train" } else { "held" };
        builder.push("row", domain, &x, &answers).unwrap();
    }
    for _ in 0..unlabelled {
        builder.push("row", "train", &[1e3; 6], &[const { Answer::Missing }; 4]).unwrap();
    }
    builder.finish().unwrap()
}

fn parts(set: &DataSet) -> (Part, Part) {
    split(set, &HoldBack::Domains(vec!["held".to_owned()])).unwrap()
}

fn recipe(text: &str, tasks: &[&str]) -> MultiTaskRecipe {
    let text = format!("heads = []\n{text}");
    let mut recipe: MultiTaskRecipe = toml::from_str(&text).unwrap();
    recipe.heads = tasks.iter().map(|task| TaskHeadRecipe::of(task)).collect();
    recipe
}

fn trainer(recipe: MultiTaskRecipe, set: &DataSet) -> MultiTaskTrainer<'_> {
    let (training, validation) = parts(set);
    MultiTaskTrainer::new(recipe, set, (&training, &validation), None).unwrap()
}

fn train(recipe: MultiTaskRecipe, set: &DataSet) -> MultiTaskTrainer<'_> {
    let mut trainer = trainer(recipe, set);
    while !trainer.finished() {
        trainer.iterate().unwrap();
    }
    trainer.finish();
    trainer
}

/// The value of each task on the validation part.
fn judged(trainer: &MultiTaskTrainer) -> Vec<f64> {
    trainer.validate().iter().map(|metric| metric.value.unwrap()).collect()
}

const ALL: [&str; 4] = ["side", "sum", "wave", "bend"];

const WEIGHTS: [&str; 5] = ["equal", "uncertainty", "grad-norm", "dynamic-average", "pc-grad"];
