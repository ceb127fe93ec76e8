//! Weightings and kinds of sharing, compared on gas sensors: which gas, and how much of it.
//!
//!     cargo run --release -p supple-meta --example task_weights -- shared/data/gas_drift
//!
//! The last batch is held back. Three seeds each; mean over them and, in brackets, the deviation.

use std::path::Path;
use std::time::Instant;

use supple_data::DataSet;
use supple_data::broken::OnBroken;
use supple_data::part::{HoldBack, split};
use supple_data::sensors::gas;
use supple_meta::multitask::{MultiTaskRecipe, MultiTaskTrainer};

const CASES: [(&str, &str, &[&str]); 9] = [
    ("class alone", "", &["gas"]),
    ("concentration alone", "", &["concentration"]),
    ("hard, equal", "", &["gas", "concentration"]),
    ("hard, uncertainty", "weights.name = 'uncertainty'", &["gas", "concentration"]),
    ("hard, grad-norm", "weights.name = 'grad-norm'", &["gas", "concentration"]),
    ("hard, dynamic-average", "weights.name = 'dynamic-average'", &["gas", "concentration"]),
    ("hard, pc-grad", "weights.name = 'pc-grad'", &["gas", "concentration"]),
    ("soft 1e-3, equal", "sharing = { kind = 'soft', strength = 1e-3 }", &["gas", "concentration"]),
    (
        "soft 1e-3, uncertainty",
        "weights.name = 'uncertainty'\nsharing = { kind = 'soft', strength = 1e-3 }",
        &["gas", "concentration"],
    ),
];

const SEEDS: u64 = 3;

fn train(set: &DataSet, text: &str, tasks: &[&str], seed: u64) -> [Vec<Option<f64>>; 2] {
    let heads: Vec<String> = tasks.iter().map(|task| format!("{{ task = '{task}' }}")).collect();
    let text = format!(
        "seed = {seed}
         heads = [{}]
         trunk = {{ blocks = [{{ dense = 128 }}, {{ dense = 64 }}], standardise = true }}
         training = {{ epochs = 40, batch = 64, learning_rate = 0.002 }}
         {text}",
        heads.join(", ")
    );
    let recipe: MultiTaskRecipe = toml::from_str(&text).expect("a recipe");
    let (training, validation) = split(set, &HoldBack::LastDomains(1)).expect("two batches or more");
    let mut trainer =
        MultiTaskTrainer::new(recipe, set, (&training, &validation), None).expect("a sound recipe");
    while !trainer.finished() {
        trainer.iterate().expect("no divergence");
    }
    trainer.finish();
    [trainer.validate(), trainer.judge_training()].map(|metrics| metrics.iter().map(|m| m.value).collect())
}

fn main() {
    let path = std::env::args().nth(1).expect("the folder of batch1.dat and so on");
    let (set, _) = gas::load(Path::new(&path), OnBroken::Refuse).expect("the data");
    println!("{} samples, batches {:?}; held back, then trained on", set.len(), set.domains());
    for (name, text, tasks) in CASES {
        let start = Instant::now();
        let results: Vec<_> = (1..=SEEDS).map(|seed| train(&set, text, tasks, seed)).collect();
        let seconds = start.elapsed().as_secs_f64() / SEEDS as f64;
        let mut line = format!("{name:24}");
        for side in 0..2 {
            for (index, task) in tasks.iter().enumerate() {
                let values: Vec<f64> = results.iter().filter_map(|result| result[side][index]).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
                let deviation = (squares / values.len() as f64).sqrt();
                line += &format!("  {task} {mean:.4} ({deviation:.4})");
            }
        }
        println!("{line}  {seconds:.1} s");
    }
}
