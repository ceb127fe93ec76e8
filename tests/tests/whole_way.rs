//! The whole way through the real command: train, pack, inspect, evaluate on the twin, on tract and on an emulated
//! board. One short training is shared by all tests.
//!
//! Needs the built command, `target/firmware/mps2-an386.elf` (`cargo xtask firmware`) and QEMU (`cargo xtask setup`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use supple_link::host::{Client, Qemu};
use supple_tests::run::{
    Outcome, RECIPE, Scratch, Training, files, firmware, read, run, scratch, supple, train, write,
};
use supple_tests::{data, full};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("whole_way"));
/// The training that most tests look at.
static FIRST: LazyLock<(Training, PathBuf)> = LazyLock::new(|| train(&SCRATCH, "first", &[]));
/// Another seed, so another trunk and head. On one thread, or it would not be one of two to compare.
static SECOND: LazyLock<(Training, PathBuf)> =
    LazyLock::new(|| train(&SCRATCH, "second", &["--seed", "7", "--threads", "1"]));

/// Steps of the recipe's head.
const STEPS: usize = 3;

fn pack() -> &'static PathBuf {
    &FIRST.1
}

fn inspect(pack: &Path) -> Value {
    run(&mut supple(&[&"inspect", &pack, &"--board", &"mps2-an386", &"--json"])).json()
}

/// `supple eval` on validation alphabets of the built-in drawings.
fn eval(pack: &Path, more: &[&str]) -> Command {
    let mut command = supple(&[&"eval", &pack, &"--json"]);
    command.args(["--data", "glyphs", "--split", "validation", "--way", "4"]).args(more);
    command
}

/// Numbers of a command's result at a key that all must hold.
fn integer(object: &Value, key: &str) -> u64 {
    object[key].as_u64().unwrap_or_else(|| panic!("`{key}` is a whole number in {object:#}"))
}

/// A step as the contract has it, with these keys and no others.
fn check_step(point: &Value) {
    let keys: Vec<&String> = point.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["ci95", "mean", "step"]);
    check_point(point);
}

/// What a step and a baseline hold.
fn check_point(point: &Value) {
    assert!(point["step"].is_u64(), "{point}");
    for key in ["mean", "ci95"] {
        assert!(point[key].as_f64().is_some_and(|value| (0.0..=1.0).contains(&value)), "{point}");
    }
}

/// What every evaluation's JSON holds.
fn check_contract(result: &Value, on: &str, way: u64, shot: u64, episodes: u64) {
    assert_eq!((&result["metric"], &result["on"]), (&json!("accuracy"), &json!(on)));
    let found = ["way", "shot", "episodes"].map(|key| integer(result, key));
    assert_eq!(found, [way, shot, episodes]);
    let steps = result["steps"].as_array().expect("a list");
    let numbers: Vec<u64> = steps.iter().map(|point| integer(point, "step")).collect();
    assert_eq!(
        numbers,
        (0..=STEPS as u64).collect::<Vec<_>>(),
        "from before adaptation to the steps trained for"
    );
    steps.iter().for_each(check_step);
    for baseline in ["prototypes", "random_start", "ridge"] {
        let baseline = &result["baselines"][baseline];
        check_point(baseline);
        let number = |value: &Value| value.as_f64().expect("a number");
        let [mean, margin] = ["mean", "ci95"].map(|key| number(&baseline["difference"][key]));
        let ours = number(&result["steps"][STEPS]["mean"]);
        assert!(
            result["on"] == "tract" || (ours - number(&baseline["mean"]) - mean).abs() < 1e-9,
            "{baseline}"
        );
        assert_eq!(baseline["separated"], json!(episodes > 1 && mean.abs() > margin), "{baseline}");
    }
    assert_eq!(result["kind"], json!("new-classes"));
    assert!(result.as_object().is_some_and(|object| object.contains_key("bit_equal")));
}

#[test]
fn training_leaves_a_trunk_a_head_and_metrics_that_pack_takes() {
    let folder = &FIRST.0.out;
    for file in ["trunk.onnx", "head.postcard", "metrics.jsonl", "recipe.toml", "checkpoint"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    assert!(
        files(folder).keys().all(|path| !path.to_string_lossy().ends_with(".tmp")),
        "something is left over"
    );

    let metrics = String::from_utf8(read(folder.join("metrics.jsonl"))).expect("text");
    let lines: Vec<Value> =
        metrics.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect();
    let of = |key: &str| lines.iter().filter(|line| line.get(key).is_some()).collect::<Vec<_>>();
    assert_eq!(of("loss").len(), 10, "every tenth of 100 iterations");
    let validations = of("validation_accuracy");
    assert_eq!(
        validations.iter().map(|line| integer(line, "iteration")).collect::<Vec<_>>(),
        [25, 50, 75, 100]
    );
    let last = validations[3]["validation_accuracy"].as_array().expect("a list");
    assert_eq!(last.len(), STEPS + 1);
    assert!(last[STEPS].as_f64() > Some(0.35), "it has not learned: {last:?}");

    // The recipe as it was run is a recipe.
    let again = Training { recipe: folder.join("recipe.toml"), out: folder.clone() };
    let results = again.results();
    run(&mut again.command(&["--resume"])).json();
    assert!(again.results() == results, "resuming a finished training changes nothing");
}

#[test]
fn train_tells_its_summary() {
    let training = Training::new(&SCRATCH, "summary");
    write(&training.recipe, RECIPE.replace("iterations = 100", "iterations = 10"));
    let summary = run(&mut training.command(&["--seed", "3"])).json();
    assert_eq!((integer(&summary, "iterations"), integer(&summary, "seed")), (10, 3));
    for (key, file) in [("trunk", "trunk.onnx"), ("head", "head.postcard")] {
        assert_eq!(summary[key], json!(training.out.join(file)));
    }
    assert_eq!(summary["validation"]["accuracy"].as_array().map(Vec::len), Some(STEPS + 1));
}

/// JSON has no word for a path that is no Unicode, and QEMU takes a comma for the end of one.
#[cfg(target_os = "linux")]
#[test]
fn paths_may_have_any_name() {
    use std::os::unix::ffi::OsStrExt;
    let folder = SCRATCH.join("names");
    let named = |name: &[u8]| folder.join(std::ffi::OsStr::from_bytes(name));
    let recipe = named(b"caf\xe9.toml");
    write(&recipe, RECIPE.replace("iterations = 100", "iterations = 10"));
    let (out, pack) = (named(b"caf\xe9"), named(b"caf\xe9.supple"));
    run(&mut supple(&[&"train", &recipe, &"--out", &out, &"--json"])).json();
    run(&mut supple(&[&"pack", &out, &"-o", &pack, &"--json"])).json();
    run(&mut supple(&[&"inspect", &out.join("trunk.onnx"), &"--json"])).json();
    let shape = ["--episodes", "1", "--queries", "2"];
    run(eval(&pack, &shape).args(["--on", "tract"])).json();
    let comma = folder.join("one, two,, \u{2026} three.supple");
    write(&comma, read(&pack));
    run(eval(&comma, &shape).args(["--on", "qemu"])).json();
}

#[test]
fn inspect_tells_the_contracted_figures_of_pack_and_onnx() {
    let told = inspect(pack());
    assert_eq!(integer(&told, "ops"), 5);
    let macs = 196 * 4 * 9 + 49 * 8 * 36 + 16 * 8 * 72 + 4 * 16 * 72;
    assert_eq!(integer(&told, "macs"), macs);
    assert_eq!(integer(&told, "flash_bytes"), read(pack()).len() as u64);
    let [inference, adapt] = ["ram_inference_bytes", "ram_adapt_bytes"].map(|key| integer(&told, key));
    assert!(inference < adapt);
    assert!(integer(&told, "stack_bytes") > 0);
    assert_eq!(told["fits"], json!(true));
    let memory = told["memory"].as_object().expect("an object").values();
    assert_eq!(memory.filter_map(Value::as_u64).sum::<u64>(), adapt, "the terms give the sum");
    let arena = &told["arena"];
    let [bytes, lower_bound, input] =
        ["bytes", "lower_bound_bytes", "input_bytes"].map(|key| integer(arena, key));
    assert_eq!((bytes, input), (integer(&told["memory"], "arena_bytes"), 4 * 784));
    assert!(lower_bound > input && lower_bound <= bytes, "{arena}");

    let without_board = run(&mut supple(&[&"inspect", pack(), &"--json"])).json();
    let contract =
        ["ops", "macs", "flash_bytes", "ram_inference_bytes", "ram_adapt_bytes", "stack_bytes", "fits"];
    for key in contract {
        assert!(!without_board[key].is_null(), "{key}");
        // Without a name it is the board that `eval` takes.
        assert_eq!(without_board[key], told[key], "{key}");
    }

    let trunk = run(&mut supple(&[&"inspect", &FIRST.0.out.join("trunk.onnx"), &"--json"])).json();
    assert_eq!((&trunk["trunk"], &trunk["macs"]), (&told["trunk"], &told["macs"]));
}

#[test]
fn pack_and_compile_print_what_inspect_prints() {
    let out = SCRATCH.join("printed.supple");
    let trunk = FIRST.0.out.join("trunk.onnx");
    let printed = [
        run(&mut supple(&[&"pack", &FIRST.0.out, &"-o", &out, &"--json"])).json(),
        run(&mut supple(&[&"inspect", &out, &"--json"])).json(),
        run(&mut supple(&[&"compile", &trunk, &"-o", &out, &"--json"])).json(),
        run(&mut supple(&[&"inspect", &out, &"--json"])).json(),
    ];
    for [made, inspected] in printed.as_chunks::<2>().0 {
        let inspected = inspected.as_object().expect("an object");
        assert!(inspected.iter().all(|(key, value)| made[key] == *value), "{made:#} and {inspected:#?}");
    }
}

#[test]
fn the_twin_learns_and_tells_it_as_contracted() {
    let result = run(&mut eval(pack(), &["--episodes", "100"])).json();
    check_contract(&result, "twin", 4, 1, 100);
    assert_eq!(integer(&result, "queries"), 15, "by default");
    assert_eq!(result["bit_equal"], Value::Null);
    let mean = |step: usize| result["steps"][step]["mean"].as_f64().expect("a number");
    assert!(mean(STEPS) > mean(0) + 0.1 && mean(STEPS) > 0.45, "{result:#}");

    let further = run(&mut eval(pack(), &["--episodes", "100", "--steps", "5"])).json();
    let steps = further["steps"].as_array().expect("a list");
    assert_eq!(steps.len(), 6);
    assert_eq!(steps[..=STEPS], result["steps"].as_array().expect("a list")[..]);
}

#[test]
fn one_firmware_image_runs_two_packs_bit_for_bit() {
    let episodes = if full() { "40" } else { "4" };
    let shape = ["--queries", "3", "--shot", "2", "--episodes", episodes, "--seed", "11"];
    let firmware = firmware();
    let firmware = firmware.to_str().expect("a path in Unicode");
    let on_board = |pack: &Path| {
        let device = run(eval(pack, &["--on", "qemu", "--firmware", firmware]).args(shape)).json();
        let twin = run(eval(pack, &["--on", "twin"]).args(shape)).json();
        check_contract(&device, "qemu", 4, 2, episodes.parse().expect("a number"));
        assert_eq!(device["bit_equal"], json!({"episodes": device["episodes"], "equal": device["episodes"]}));
        assert_eq!(device["steps"], twin["steps"]);
        assert_eq!(device["baselines"], twin["baselines"]);
        device
    };
    let [first, second] = [on_board(pack()), on_board(&SECOND.1)];
    let image = &first["device"]["firmware_sha256"];
    assert!(image.as_str().is_some_and(|hash| hash.len() == 64), "{image}");
    assert_eq!(image, &second["device"]["firmware_sha256"]);
    assert_ne!(first["steps"], second["steps"]);
    assert_ne!(inspect(pack())["trunk"], inspect(&SECOND.1)["trunk"]);

    let device = &first["device"];
    let [ram, flash] = ["ram_bytes", "flash_bytes"].map(|key| integer(device, key));
    let terms = device["ram"].as_object().expect("an object").values().filter_map(Value::as_u64);
    assert_eq!(terms.sum::<u64>(), ram);
    assert_eq!(flash, integer(device, "code_bytes") + read(pack()).len() as u64);
    assert!(integer(device, "inference_instructions") > 100_000);
    assert!(integer(device, "step_instructions") > 1_000);
    assert_eq!(integer(device, "step_support_samples"), 8);
    let stack = integer(device, "stack_bytes");
    assert!(stack > 0 && stack <= integer(&inspect(pack()), "stack_bytes"), "{stack} bytes of stack");
}

#[test]
fn the_board_counts_the_memory_that_inspect_counts() {
    let mut device =
        Client::connect(Qemu::new(firmware(), pack()).start().expect("it starts")).expect("it answers");
    let info = device.info().expect("it answers");
    let facts = info.pack.expect("it can run the pack");
    let told = inspect(pack());
    assert_eq!(u64::from(facts.memory), integer(&told, "ram_adapt_bytes"));
    assert_eq!(u64::from(facts.length), integer(&told, "flash_bytes"));
    let trunk: String = facts.trunk.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(json!(trunk), told["trunk"]);
    assert_eq!((facts.input, facts.features), (784, 16));
    assert_eq!((facts.capacity, facts.max_support, facts.steps), (8, 40, STEPS as u16));
    assert_eq!(told["board"], json!(info.board.as_str()));

    // The board's pool, as the command believes it to be.
    let (pool, labels) = (4 * 64 * 1024, 1024);
    assert_eq!(info.memory.given, pool + 2 * labels);
    let lines = run(&mut supple(&[&"inspect", pack(), &"--board", &"mps2-an386"])).succeeded();
    let spare = u64::from(pool) - (integer(&told, "ram_adapt_bytes") - 2 * 48);
    assert_eq!(told["spare"]["ram_bytes"], json!(spare));
    let expected = format!("of {pool} bytes, {spare} to spare, 48 labels of {labels},");
    assert!(lines.contains(&expected), "{lines}");
}

#[test]
fn tract_gives_the_features_of_the_plan() {
    let shape = ["--episodes", "40", "--queries", "5", "--seed", "5"];
    let tract = run(eval(pack(), &["--on", "tract"]).args(shape)).json();
    check_contract(&tract, "tract", 4, 1, 40);
    let difference = &tract["feature_difference"];
    println!("{difference}");
    assert!(integer(difference, "drawings") > 400);
    assert!(difference["largest_feature"].as_f64() > Some(0.1));
    assert!(difference["largest_difference"].as_f64().is_some_and(|found| found <= 1e-5), "{difference}");
    let twin = run(eval(pack(), &[]).args(shape)).json();
    let last = |result: &Value| result["steps"][STEPS]["mean"].as_f64().expect("a number");
    assert!((last(&tract) - last(&twin)).abs() < 0.01, "{tract:#} and {twin:#}");
}

#[test]
fn a_seed_gives_the_same_bytes_on_one_thread_and_on_two() {
    let (two, pack_of_two) = train(&SCRATCH, "two threads", &["--seed", "7", "--threads", "2"]);
    for ((name, one), (_, two)) in SECOND.0.results().into_iter().zip(two.results()) {
        assert!(one == two, "{name}");
    }
    assert!(read(pack_of_two) == read(&SECOND.1));
    for ((name, first), (_, other)) in FIRST.0.results().into_iter().zip(two.results()) {
        assert!(first != other, "another seed gave the same {name}");
    }
}

#[test]
fn packing_and_evaluating_twice_gives_the_same_bytes() {
    let again = SCRATCH.join("again.supple");
    run(&mut supple(&[&"pack", &FIRST.0.out, &"-o", &again])).succeeded();
    assert!(read(&again) == read(pack()));

    let print = |more: &[&str]| run(eval(pack(), &["--episodes", "30"]).args(more)).succeeded();
    let once = print(&["--seed", "4", "--threads", "1"]);
    assert_eq!(once, print(&["--seed", "4", "--threads", "2"]));
    assert_ne!(once, print(&["--seed", "5"]));
}

/// Starts [`FIRST`]'s training anew and waits for its first checkpoint.
fn started(name: &str) -> (Training, Command, Child) {
    let training = Training::new(&SCRATCH, name);
    let mut command = training.command(&[]);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let start = Instant::now();
    while !training.out.join("checkpoint").exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint comes");
        sleep(Duration::from_millis(2));
    }
    (training, command, process)
}

/// Resumes a training that was cut off; it must end as if it had not been.
fn resumes_to_the_same_bytes(training: &Training) {
    for file in ["trunk.onnx", "head.postcard"] {
        assert!(!training.out.join(file).exists(), "{file} of half a training");
    }
    run(&mut training.command(&["--resume"])).json();
    for ((name, found), (_, expected)) in training.results().into_iter().zip(FIRST.0.results()) {
        assert!(found == expected, "{name} differs from that of a training that ran through");
    }
    assert!(read(training.pack()) == read(pack()));
}

#[test]
fn ctrl_c_stops_and_resume_goes_on_to_the_same_bytes() {
    let (training, command, process) = started("interrupted");
    let signalled = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(signalled.is_ok_and(|status| status.success()));
    let outcome = Outcome::of(&command, process.wait_with_output().expect("it ends"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(130), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("error: stopped at iteration"), "{outcome:?}");
    assert!(outcome.stderr.contains("go on with the same command and --resume"), "{outcome:?}");
    resumes_to_the_same_bytes(&training);
}

#[test]
fn a_killed_training_resumes_from_its_checkpoint_to_the_same_bytes() {
    let (training, _, mut process) = started("killed");
    process.kill().expect("it runs");
    process.wait().expect("it ends");
    // What a cut-off write may leave behind the checkpoint's lines.
    let metrics = training.out.join("metrics.jsonl");
    let mut bytes = read(&metrics);
    bytes.extend(b"{\"iteration\":9");
    write(&metrics, bytes);
    resumes_to_the_same_bytes(&training);
}

/// A 28 × 28 picture of a cross of two bars, black on white: `class` says where the bars lie, `hand` shakes them.
fn drawing(class: usize, hand: usize) -> Vec<u8> {
    let (across, down) = (5 + class % 4 * 5 + hand % 2, 5 + class / 4 * 6 + hand / 2 % 2);
    let ink = |row: usize, column: usize| {
        row.abs_diff(down) < 2 && (3..25).contains(&column)
            || column.abs_diff(across) < 2 && row > 2 + hand % 3
    };
    let pixels: Vec<u8> = (0..784).map(|i| if ink(i / 28, i % 28) { 0 } else { 255 }).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 28, 28);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels).expect("the pixels");
    writer.finish().expect("an end");
    bytes
}

#[test]
fn a_user_s_folder_of_other_alphabets_is_evaluated_whole() {
    let folder = SCRATCH.join("my drawings");
    for class in 0..12 {
        for hand in 0..8 {
            let name = format!("alphabet{}/character{}/{hand}.png", class / 4, class % 4);
            write(&folder.join(name), drawing(class, hand));
        }
    }
    let on = |more: &[&str]| {
        let mut command = supple(&[&"eval", pack(), &"--data", &folder, &"--json"]);
        run(command.args(["--way", "5", "--episodes", "60"]).args(more))
    };
    // Alphabets it was never trained on: nothing to hold back, and no need to say so.
    let result = on(&["--split", "all", "--queries", "6"]).json();
    assert_eq!(on(&["--queries", "6"]).json(), result);
    assert_eq!((&result["data"], &result["split"]), (&json!("my drawings"), &json!("all")));
    check_contract(&result, "twin", 5, 1, 60);
    let mean = |step: usize| result["steps"][step]["mean"].as_f64().expect("a number");
    assert!(mean(STEPS) > mean(0) && mean(STEPS) > 0.5, "{result:#}");
    on(&["--split", "validation"]).refused(&["3 of the 3 domain(s)", "--hold-back", "--split all"]);
    on(&[]).refused(&["5 classes with 16 samples each", "lower way, shot or queries", "--way, --shot"]);
}

/// The pack was trained on the built-in drawings: of Omniglot, every class is new to it.
#[test]
fn omniglot_s_own_zip_is_evaluated_whole_and_never_needs_a_split() {
    let Some(zip) = data("omniglot/images_background.zip") else { return };
    let zip = zip.canonicalize().expect("it exists");
    let mut command = supple(&[&"eval", pack(), &"--data", &zip, &"--json"]);
    let result = run(command.args(["--way", "5", "--shot", "5", "--episodes", "100"])).json();
    check_contract(&result, "twin", 5, 5, 100);
    assert_eq!((&result["data"], &result["split"]), (&json!("images_background"), &json!("all")));
    let mean = |step: usize| result["steps"][step]["mean"].as_f64().expect("a number");
    assert!(mean(STEPS) > mean(0) + 0.1 && mean(STEPS) > 0.45, "{result:#}");
}

#[test]
fn a_report_is_one_page_with_the_numbers_printed() {
    let page = SCRATCH.join("page.html");
    let path = page.to_str().expect("a path in Unicode");
    let result = run(&mut eval(pack(), &["--episodes", "20", "--report", path])).json();
    let text = fs::read_to_string(&page).expect("a page");
    let last = 100.0 * result["steps"][STEPS]["mean"].as_f64().expect("a number");
    assert!(text.contains(&format!("{last:.1}")), "{last:.1} % is not on the page");
    for outside in ["http://", "https://", "src="] {
        let mut places = text.match_indices(outside).map(|(at, _)| &text[at..text.len().min(at + 60)]);
        assert!(places.all(|place| place.starts_with("http://www.w3.org/")), "the page needs {outside}");
    }
}
