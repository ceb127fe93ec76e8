//! The whole way in int8: a trunk is trained and quantised, its head is trained on the features that come out, both are
//! packed, and twin and emulated board agree to the bit.
//!
//! Needs the built command, `target/firmware/mps2-an386.elf` (`cargo xtask firmware`) and QEMU (`cargo xtask setup`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use supple_tests::run::{RECIPE, Scratch, Training, firmware, read, run, scratch, supple, write};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("int8_way"));
/// The training that most tests look at, what it told, and its pack.
static FIRST: LazyLock<(Training, Value, PathBuf)> = LazyLock::new(|| {
    let training = training("first");
    let told = run(&mut training.command(&["--seed", "7", "--threads", "1"])).json();
    let pack = pack(&training.out);
    (training, told, pack)
});
/// The same recipe in f32.
static FLOAT: LazyLock<Training> = LazyLock::new(|| {
    let training = Training::new(&SCRATCH, "float");
    write(&training.recipe, RECIPE.replace("iterations = 100", "iterations = 20"));
    run(&mut training.command(&[])).json();
    training
});

/// Steps of the recipe's head.
const STEPS: usize = 3;
const OUTPUTS: [&str; 4] = ["trunk.onnx", "ranges.json", "head.postcard", "metrics.jsonl"];

/// The recipe of the f32 tests, in int8.
fn training(name: &str) -> Training {
    let training = Training::new(&SCRATCH, name);
    let int8 = "precision = \"int8\"\n\n[quantisation]\ninputs = 64\nhead_iterations = 50\n\n[head]";
    write(&training.recipe, RECIPE.replace("[head]", int8));
    training
}

fn pack_command(folder: &Path, out: &Path) -> Command {
    supple(&[&"pack", &folder, &"--int8", &"-o", &out, &"--json"])
}

fn pack(folder: &Path) -> PathBuf {
    let out = folder.with_extension("supple");
    run(&mut pack_command(folder, &out)).json();
    out
}

fn eval(pack: &Path, more: &[&str]) -> Value {
    let mut command = supple(&[&"eval", &pack, &"--json"]);
    run(command.args(["--data", "glyphs", "--split", "validation", "--way", "4"]).args(more)).json()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

fn same_outputs(one: &Path, other: &Path) {
    for name in OUTPUTS {
        assert!(read(one.join(name)) == read(other.join(name)), "{name} differs");
    }
}

#[test]
fn a_head_on_int8_features_learns_on_the_twin() {
    let (training, told, pack) = &*FIRST;
    let result = eval(pack, &["--episodes", "100"]);
    let mean = |step: usize| number(&result["steps"][step]["mean"]);
    assert!(mean(STEPS) > mean(0) + 0.1 && mean(STEPS) > 0.45, "{result:#}");

    let quantisation = &told["quantisation"];
    assert_eq!((&quantisation["range"], &quantisation["inputs"]), (&json!("min-max"), &json!(64)));
    assert_eq!(quantisation["head_iterations"], json!(50));
    let layers = quantisation["layers"].as_array().expect("a list");
    assert_eq!(layers.len(), 5, "four convolutions and a mean: {quantisation:#}");
    assert!(layers.iter().all(|layer| number(&layer["sqnr_db"]) > 20.0), "{quantisation:#}");
    assert!(layers.contains(&quantisation["worst"]), "{quantisation:#}");
    // Validation of both precisions, and metrics that count on from the trunk's iterations.
    let last = |key: &str| number(&told[key]["accuracy"][STEPS]);
    assert!((last("validation") - last("validation_f32")).abs() < 0.2, "{told:#}");
    let metrics = String::from_utf8(read(training.out.join("metrics.jsonl"))).expect("text");
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |key: &str| -> Vec<u64> {
        let lines = lines.iter().filter(|line| line.get(key).is_some());
        lines.filter_map(|line| line["iteration"].as_u64()).collect()
    };
    assert_eq!(of("loss"), (1..=15).map(|i| 10 * i).collect::<Vec<_>>());
    assert_eq!(of("validation_accuracy"), [25, 50, 75, 100, 125, 150]);
}

#[test]
fn an_int8_pack_needs_less_flash_and_memory() {
    let (_, _, pack) = &*FIRST;
    let told = run(&mut supple(&[&"inspect", &pack, &"--json"])).json();
    let float = SCRATCH.join("float for size.supple");
    let packed = run(&mut supple(&[&"pack", &FLOAT.out, &"-o", &float, &"--json"])).json();
    for (key, most) in [("flash_bytes", 0.5), ("ram_inference_bytes", 1.0)] {
        // Inputs come in f32 all the same, and they are the most of this trunk's memory.
        let [int8, float] = [&told, &packed].map(|told| number(&told[key]));
        assert!(int8 < most * float, "{key}: {int8} beside {float}");
    }
    assert_eq!(told["macs"], packed["macs"]);
}

#[test]
fn one_firmware_image_runs_int8_bit_for_bit() {
    let shape = ["--queries", "3", "--shot", "2", "--episodes", "4", "--seed", "11"];
    let firmware = firmware();
    let firmware = firmware.to_str().expect("a path in Unicode");
    let board = eval(&FIRST.2, &[&shape[..], &["--on", "qemu", "--firmware", firmware]].concat());
    assert_eq!(board["bit_equal"], json!({"episodes": 4, "equal": 4}));
    assert_eq!(board["steps"], eval(&FIRST.2, &shape)["steps"]);
}

#[test]
fn heads_are_packed_with_the_features_they_were_trained_on_alone() {
    let out = SCRATCH.join("never.supple");
    let int8 = &FIRST.0.out;
    run(&mut pack_command(&FLOAT.out, &out)).refused(&[
        "features in f32",
        "precision = \"int8\"",
        "leave --int8",
    ]);
    run(&mut supple(&[&"pack", &int8, &"-o", &out])).refused(&["features in int8", "add --int8"]);

    // Ranges of another calibration give another plan.
    let folder = SCRATCH.join("other ranges");
    for name in OUTPUTS {
        write(&folder.join(name), read(int8.join(name)));
    }
    let mut ranges: Value = serde_json::from_slice(&read(int8.join("ranges.json"))).expect("JSON");
    ranges["values"][1]["high"] = json!(2.0 * number(&ranges["values"][1]["high"]));
    write(&folder.join("ranges.json"), ranges.to_string());
    run(&mut pack_command(&folder, &out))
        .refused(&["another int8 plan", "keep what one training wrote together"]);
    ranges["values"].as_array_mut().expect("a list").pop();
    write(&folder.join("ranges.json"), ranges.to_string());
    run(&mut pack_command(&folder, &out)).refused(&["calibrate this trunk"]);
    write(&folder.join("ranges.json"), "{\"choice\":\"MinMax\"}");
    run(&mut pack_command(&folder, &out)).refused(&["ranges.json", "precision = \"int8\""]);
    fs::remove_file(folder.join("ranges.json")).expect("it is there");
    run(&mut pack_command(&folder, &out)).refused(&["ranges.json"]);
    assert!(!out.exists());
}

#[test]
fn a_seed_gives_the_same_bytes_on_one_thread_and_on_two() {
    let (first, _, packed) = &*FIRST;
    let two = training("two threads");
    run(&mut two.command(&["--seed", "7", "--threads", "2"])).json();
    same_outputs(&first.out, &two.out);
    assert!(read(pack(&two.out)) == read(packed));
}

#[test]
fn a_head_s_training_that_was_cut_off_resumes_to_the_same_bytes() {
    let training = training("killed");
    let mut command = training.command(&["--seed", "7"]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let start = Instant::now();
    while !training.out.join("checkpoint-int8").exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint comes");
        sleep(Duration::from_millis(2));
    }
    process.kill().expect("it runs");
    process.wait().expect("it ends");
    assert!(!training.out.join("head.postcard").exists(), "the head of half a training");
    run(&mut training.command(&["--seed", "7"])).refused(&["--resume"]);
    run(&mut training.command(&["--seed", "7", "--resume"])).json();
    same_outputs(&FIRST.0.out, &training.out);
    // A finished one stays as it is.
    run(&mut training.command(&["--seed", "7", "--resume"])).json();
    same_outputs(&FIRST.0.out, &training.out);
}

#[test]
fn a_frozen_trunk_is_quantised_as_it_is_and_need_not_be_kept_twice() {
    let folder = SCRATCH.join("frozen");
    let blocks = RECIPE.find("blocks = [").expect("blocks");
    let end = blocks + RECIPE[blocks..].find("]\n").expect("their end") + 2;
    let trunk = "start = \"../float/trunk.onnx\"\nfrozen = true\nprecision = \"int8\"\n";
    let recipe = [&RECIPE[..blocks], trunk, &RECIPE[end..]].concat();
    let recipe =
        recipe.replace("[head]", "[quantisation]\nrange = \"mean-squared-error\"\ninputs = 32\n\n[head]");
    let recipe = recipe.replace("iterations = 100", "iterations = 30");
    write(&folder.join("recipe.toml"), &recipe);
    let trunk = read(FLOAT.out.join("trunk.onnx"));

    let out = SCRATCH.join("frozen run");
    let told = run(&mut supple(&[&"train", &folder.join("recipe.toml"), &"--out", &out, &"--json"])).json();
    assert!(read(out.join("trunk.onnx")) == trunk, "the trunk is another");
    assert_eq!(told["iterations"], json!(30));
    let packed = pack(&out);
    for name in ["ranges.json", "head.postcard"] {
        write(&folder.join(name), read(out.join(name)));
    }
    assert!(read(pack(&folder)) == read(packed), "without a copy of the trunk");
}
