//! Heads of every kind the whole way: trained, packed, evaluated on the twin and on an emulated board.
//!
//! Needs the built command, `target/firmware/mps2-an386.elf` (`cargo xtask firmware`) and QEMU (`cargo xtask setup`).

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use supple_tests::data;
use supple_tests::run::{RECIPE, Scratch, Training, firmware, read, run, scratch, supple, write};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("heads_way"));

/// A hidden layer for one number: sinusoids of unknown amplitude and phase.
const NUMBERS: &str = r#"
seed = 1

[data]
source = "sinusoid"
hold_back = { last-domains = 200 }

[task]
kind = "new-domain"

[trunk]
blocks = [{ dense = 24 }]

[head]
name = "sinusoid"
hidden = 16
max_support = 12

[algorithm]
name = "anil"
steps = 3
inner_learning_rate = 0.01
rates = "per-step"
early_step_share = 0.5
momentum = 0.3

[training]
iterations = 2000
groups = 2
tasks_per_group = 4
way = 1
shots = [10]
queries = 10
learning_rate = 0.005
validation_every = 1000
validation_episodes = 200
validation_way = 1
validation_shot = 10
"#;

/// Two epochs on a data set with two questions.
const JOINT: &str = r#"
seed = 1

[data]
source = "gas"
hold_back = { domains = ["batch3"] }

[trunk]
blocks = [{ dense = 16 }]
standardise = true

[training]
epochs = 2
learning_rate = 0.003

[device]
max_support = 30
cache = "i8"

[[heads]]
task = "gas"

[[heads]]
task = "concentration"
hidden = 8
steps = 2
"#;

/// The shared recipe, with a validation of as many episodes as the tests here look at.
fn judged() -> String {
    RECIPE
        .replace("validation_every = 25", "validation_every = 100")
        .replace("validation_episodes = 20", "validation_episodes = 200")
}

/// Trains by a recipe and packs with these further arguments; the training's summary and the pack.
fn made(name: &str, recipe: &str, more: &[&str]) -> (Value, PathBuf) {
    let training =
        Training { recipe: SCRATCH.file(&format!("{name}.toml"), recipe), out: SCRATCH.join(name) };
    let summary = run(&mut training.command(more)).json();
    (summary, training.pack())
}

fn packed(name: &str, folder: &str, more: &[&str]) -> PathBuf {
    let pack = SCRATCH.join(name);
    run(supple(&[&"pack", &SCRATCH.join(folder), &"-o", &pack]).args(more)).succeeded();
    pack
}

fn on_twin(pack: &Path, more: &[&str]) -> Value {
    run(supple(&[&"eval", &pack, &"--json", &"--split", &"validation"]).args(more)).json()
}

/// Two episodes on an emulated board, which must be the twin's.
fn on_board(pack: &Path, more: &[&str]) -> Value {
    let shape = ["--episodes", "2", "--queries", "2"];
    let samples: Vec<&str> = more.iter().copied().filter(|more| *more != "--stream-features").collect();
    let twin = on_twin(pack, &[&samples[..], &shape].concat());
    let image = firmware();
    let mut command = supple(&[&"eval", &pack, &"--json", &"--split", &"validation", &"--firmware", &image]);
    let board = run(command.args(["--on", "qemu"]).args(more).args(shape)).json();
    assert_eq!(board["bit_equal"], json!({"episodes": 2, "equal": 2}), "{board:#}");
    assert_eq!((&board["steps"], &board["baselines"]), (&twin["steps"], &twin["baselines"]));
    board
}

fn mean(point: &Value) -> f64 {
    point["mean"].as_f64().unwrap_or_else(|| panic!("a mean in {point:#}"))
}

fn head(pack: &Path, index: usize) -> Value {
    run(&mut supple(&[&"inspect", &pack, &"--json"])).json()["heads"][index].clone()
}

/// The twin on other episodes gives what training foretold on as many, within the intervals of both.
fn as_foretold(summary: &Value, key: &str, result: &Value) {
    let foretold = summary["validation"][key].as_array().expect("a list").last().and_then(Value::as_f64);
    let found = result["steps"].as_array().and_then(|steps| steps.last()).expect("a step");
    let margin = 3.0 * found["ci95"].as_f64().expect("a number");
    let foretold = foretold.expect("a number");
    assert!((foretold - mean(found)).abs() < margin, "{foretold} was foretold, {found} found");
}

#[test]
fn a_head_for_numbers_with_a_hidden_layer_and_momentum() {
    let (summary, pack) = made("sines", NUMBERS, &[]);
    let told = head(&pack, 0);
    let wanted = json!({"task": "numbers", "hidden": 16, "capacity": 1, "cache": "f32", "start": "learned"});
    for (key, value) in wanted.as_object().expect("an object") {
        assert_eq!(told[key], *value, "{key}");
    }
    assert_eq!(told["rates_by_layer"].as_array().map(Vec::len), Some(3));
    assert_eq!(told["parameters"], json!(16 * 25 + 17));
    let data = ["--data", "sinusoid", "--hold-back", "last-domains=200", "--shot", "10"];

    let result = on_twin(&pack, &[&data[..], &["--episodes", "200"]].concat());
    assert_eq!((&result["metric"], &result["kind"]), (&json!("loss"), &json!("new-domain")));
    let steps: Vec<f64> = result["steps"].as_array().expect("a list").iter().map(mean).collect();
    assert!(steps[3] < 0.7 * steps[0], "{steps:?}");
    for baseline in ["support_mean", "ridge", "random_start"] {
        assert!(mean(&result["baselines"][baseline]) > steps[3], "{result:#}");
    }
    as_foretold(&summary, "squared_error", &result);

    on_board(&pack, &data);
    // The board gets features, and heads without a trunk.
    let streamed = on_board(&pack, &[&data[..], &["--stream-features"]].concat());
    assert_eq!(streamed["device"]["inference_instructions"], Value::Null);
    assert_eq!(streamed["device"]["ram"]["arena"], json!(4 * 24));

    let page = SCRATCH.join("page.html");
    let mut command = supple(&[&"eval", &pack, &"--split", &"validation", &"--report", &page]);
    run(command.args(data)).refused(&["predicts numbers", "--report"]);
    let classes = SCRATCH.join("classes");
    for sample in 0..60 {
        write(&classes.join(format!("one/state{}/{sample}.csv", sample % 3)), format!("{sample}\n"));
    }
    let mut command = supple(&[&"eval", &pack, &"--data", &classes, &"--way", &"2", &"--queries", &"2"]);
    run(&mut command).refused(&["predicts numbers", "are classes"]);
    let mut command = supple(&[&"eval", &pack, &"--split", &"validation", &"--kind", &"new-classes"]);
    run(command.args(data)).refused(&["--kind"]);
    let mut command = supple(&[&"eval", &pack, &"--split", &"validation", &"--stream-features"]);
    run(command.args(data)).refused(&["--on qemu"]);
}

#[test]
fn prototypes_with_momentum_and_a_cache_of_eight_bits() {
    let recipe = judged()
        .replace("name = \"anil\"", "name = \"proto-maml\"\nmomentum = 0.5\ntemperature = 0.5")
        .replace("max_support = 40", "max_support = 40\ncache = \"i8\"");
    let (summary, pack) = made("prototypes", &recipe, &[]);
    let told = head(&pack, 0);
    assert_eq!((&told["start"], &told["cache"]), (&json!("prototypes"), &json!("i8")));
    assert_eq!(told["momentum"], json!(0.5));
    assert!(told["temperature"].as_f64().is_some_and(|t| t > 0.0 && t != 0.5), "it was learned: {told:#}");
    let data = ["--data", "glyphs", "--way", "5", "--shot", "1"];
    let result = on_twin(&pack, &[&data[..], &["--episodes", "200"]].concat());
    as_foretold(&summary, "accuracy", &result);
    on_board(&pack, &data);

    // Packed for `f32`, the cache takes four times as much.
    let larger = packed("f32.supple", "prototypes", &["--cache", "f32"]);
    let cache = |pack: &Path| {
        run(&mut supple(&[&"inspect", &pack, &"--json"])).json()["memory"]["cache_bytes"].clone()
    };
    assert_eq!((cache(&pack), cache(&larger)), (json!(40 * (16 + 4)), json!(4 * 40 * 16)));
}

#[test]
fn a_hidden_layer_for_classes_made_smaller_and_without_its_trunk() {
    let recipe = judged().replace("max_support = 40", "max_support = 40\nhidden = 12");
    let (summary, pack) = made("hidden", &recipe, &[]);
    let data = ["--data", "glyphs", "--way", "5", "--shot", "1"];
    let result = on_twin(&pack, &[&data[..], &["--episodes", "200"]].concat());
    as_foretold(&summary, "accuracy", &result);
    on_board(&pack, &data);

    // The first rows are where fewer classes start anyway.
    let smaller = packed("smaller.supple", "hidden", &["--capacity", "5", "--max-support", "5"]);
    assert!(read(&smaller).len() < read(&pack).len());
    let told = head(&smaller, 0);
    assert_eq!((&told["capacity"], &told["max_support"]), (&json!(5), &json!(5)));
    let again = on_twin(&smaller, &[&data[..], &["--episodes", "200"]].concat());
    assert_eq!(again["steps"], result["steps"]);

    let heads = packed("heads.supple", "hidden", &["--heads-only"]);
    let told = run(&mut supple(&[&"inspect", &heads, &"--json"])).json();
    let whole = run(&mut supple(&[&"inspect", &pack, &"--json"])).json();
    assert_eq!((&told["ops"], &told["macs"], &told["trunk"]), (&json!(0), &json!(0), &whole["trunk"]));
    assert_eq!(told["heads"], whole["heads"]);

    let mut command = supple(&[&"pack", &SCRATCH.join("hidden"), &"-o", &SCRATCH.join("no.supple")]);
    run(command.args(["--capacity", "9"])).refused(&["9", "8"]);
    assert!(!SCRATCH.join("no.supple").exists());
}

#[test]
fn what_no_device_does_is_refused_with_a_reason() {
    let refuse = |from: &str, to: &str, words: &[&str]| {
        let recipe = SCRATCH.file("refused.toml", RECIPE.replace(from, to));
        let mut command = supple(&[&"train", &recipe, &"--out", &SCRATCH.join("refused")]);
        run(&mut command).refused(words);
    };
    let gradient = ["a device cannot do this", "on_device = false"];
    let anil = "name = \"anil\"\nsteps = 3\ninner_learning_rate = 0.05\nrates = \"per-step\"\nearly_step_share = 0.3";
    refuse(anil, "name = \"prototypes\"", &gradient);
    refuse(anil, "name = \"ridge\"", &gradient);
    refuse("rates = \"per-step\"", "rates = \"per-parameter\"", &gradient);
    refuse("rates = \"per-step\"", "rates = \"per-step\"\nmomentum = 1.0", &["momentum", "0.99"]);
}

#[test]
fn all_heads_of_a_joint_training_are_one_pack() {
    let Some(folder) = data("gas_drift") else { return };
    let path = folder.canonicalize().expect("it exists").display().to_string();
    let (_, pack) = made("joint", JOINT, &["--data", &path]);
    let [gas, concentration] = [0, 1].map(|index| head(&pack, index));
    assert_eq!((&gas["name"], &gas["task"], &gas["steps"]), (&json!("gas"), &json!("classes"), &json!(5)));
    assert_eq!((&concentration["task"], &concentration["hidden"]), (&json!("numbers"), &json!(8)));
    let data = ["--data", &path, "--hold-back", "domains=batch3", "--way", "3", "--shot", "2"];
    let first = on_board(&pack, &data);
    assert_eq!((&first["metric"], &first["head"]), (&json!("accuracy"), &json!("gas")));
    let second = on_board(&pack, &[&data[..], &["--head", "concentration"]].concat());
    assert_eq!((&second["metric"], &second["head"]), (&json!("loss"), &json!("concentration")));
    let mut command = supple(&[&"eval", &pack, &"--head", &"smell", &"--split", &"validation"]);
    run(command.args(data)).refused(&["smell", "`gas`, `concentration`"]);
}
