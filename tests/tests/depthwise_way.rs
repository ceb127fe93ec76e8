//! A trunk of depthwise and pointwise convolutions: trained here, packed, and taken up again as the start of another
//! training. What training computes and what the plan computes must tell the same of it.

use std::sync::LazyLock;

use serde_json::Value;
use supple_tests::run::{RECIPE, Scratch, Training, run, scratch, supple, write};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("depthwise_way"));

const BLOCKS: &str = r#"blocks = [
  { channels = 8, kernel = 3, stride = 2, padding = 1, relu = true },
  { channels = 8, kernel = 3, stride = 2, padding = 1, relu = true, depthwise = true },
  { channels = 12, kernel = 1, stride = 1, padding = 0, relu = true },
  { channels = 12, kernel = 3, stride = 2, padding = 1, relu = true, depthwise = true, batch_norm = true },
  { channels = 16, kernel = 1, stride = 1, padding = 0, relu = false },
]"#;

/// The recipe of the other tests with another trunk, judged on enough episodes to compare.
fn recipe(trunk: &str) -> String {
    let (start, end) = (RECIPE.find("blocks = [").expect("blocks"), RECIPE.find("\n]\n").expect("their end"));
    let other = format!("{}{trunk}{}", &RECIPE[..start], &RECIPE[end + 2..]);
    other
        .replace("validation_every = 25", "validation_every = 100")
        .replace("validation_episodes = 20", "validation_episodes = 200")
}

fn last(values: &Value) -> f64 {
    values.as_array().and_then(|values| values.last()).and_then(Value::as_f64).expect("a number")
}

#[test]
fn depthwise_trunks_are_trained_packed_and_taken_up_again() {
    let training = Training::new(&SCRATCH, "trained");
    write(&training.recipe, recipe(BLOCKS));
    let told = run(&mut training.command(&[])).json();
    let in_training = last(&told["validation"]["accuracy"]);
    let packed =
        run(&mut supple(&[&"pack", &training.out, &"-o", &SCRATCH.join("d.supple"), &"--json"])).json();
    let kinds: Vec<&Value> =
        packed["operations"].as_array().expect("a list").iter().map(|op| &op["kind"]).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "Depthwise").count(), 2, "{kinds:?}");

    let (way, shot) = (&told["validation"]["way"].to_string(), &told["validation"]["shot"].to_string());
    let episodes = ["--split", "validation", "--way", way, "--shot", shot, "--episodes", "200", "--json"];
    let mut eval = supple(&[&"eval", &SCRATCH.join("d.supple"), &"--data", &"glyphs"]);
    let on_twin = run(eval.args(episodes)).json();
    let on_twin = on_twin["steps"].as_array().expect("steps").last().expect("a step")["mean"].as_f64();
    let on_twin = on_twin.expect("a number");
    assert!((in_training - on_twin).abs() < 0.06, "{in_training} in training, {on_twin} on the twin");

    // The same trunk, its weights now from its ONNX file, and no training at all: as good before as after.
    let again = Training::new(&SCRATCH, "again");
    let start = format!("start = \"{}\"\nfrozen = true", training.out.join("trunk.onnx").display());
    write(&again.recipe, recipe(&start).replace("fixed_statistics_after = 0.7\n", ""));
    let told = run(&mut again.command(&[])).json();
    let again = last(&told["validation"]["accuracy"]);
    assert!(
        (in_training - again).abs() < 0.1,
        "{in_training} as trained, {again} with the trunk taken up again"
    );
}
