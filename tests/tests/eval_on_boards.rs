//! The same pack and the same episodes by `supple eval` on every emulated board: what each puts out after every step and
//! the head that it ends with are the twin's, bit for bit, and its memory is what `supple inspect` foretold.
//!
//! Needs the built command, `target/firmware/BOARD.elf` (`cargo xtask firmware --board all`) and QEMU
//! (`cargo xtask setup`). Two episodes, since boards without an FPU are slow; ten with `SUPPLE_FULL=1`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use supple_tests::run::{RECIPE, Scratch, Training, run, scratch, supple};
use supple_tests::{full, root};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("eval_on_boards"));
/// A trunk of convolutions and a head with a hidden layer, momentum and a cache in `i8`.
static PACK: LazyLock<PathBuf> = LazyLock::new(|| TRAINING.pack());
/// The same for no more support samples than an episode has here.
static SMALL: LazyLock<PathBuf> = LazyLock::new(|| {
    let pack = SCRATCH.join("small.supple");
    let command = [&"pack" as &dyn AsRef<OsStr>, &TRAINING.out, &"-o", &pack, &"--max-support", &"5"];
    run(&mut supple(&command)).succeeded();
    pack
});
static TRAINING: LazyLock<Training> = LazyLock::new(|| {
    let recipe = RECIPE
        .replace("max_support = 40", "max_support = 40\nhidden = 12\ncache = \"i8\"")
        .replace("steps = 3", "steps = 3\nmomentum = 0.4")
        .replace("iterations = 100", "iterations = 25");
    let training = Training { recipe: SCRATCH.file("boards.toml", recipe), out: SCRATCH.join("boards") };
    run(&mut training.command(&[])).json();
    training
});
/// What the twin gives.
static TWIN: LazyLock<Value> = LazyLock::new(|| eval(&PACK, &[]));

fn episodes() -> u64 {
    if full() { 10 } else { 2 }
}

/// Episodes of one query a class.
fn eval(pack: &Path, more: &[&str]) -> Value {
    let mut command = supple(&[&"eval", &pack, &"--data", &"glyphs", &"--split", &"validation", &"--json"]);
    command.args(["--way", "5", "--shot", "1", "--queries", "1", "--episodes", &episodes().to_string()]);
    run(command.args(more)).json()
}

fn same_on(board: &str) {
    // Its RAM has no room for a trunk beside a head with a hidden layer, nor for many samples.
    let streamed = board == "microbit";
    let pack = if streamed { &*SMALL } else { &*PACK };
    let image = root().join(format!("target/firmware/{board}.elf")).display().to_string();
    let mut more = vec!["--on", "qemu", "--board", board, "--firmware", &image];
    more.extend(streamed.then_some("--stream-features"));
    let found = eval(pack, &more);
    assert_eq!(
        found["bit_equal"],
        json!({"episodes": episodes(), "equal": episodes()}),
        "{board}: {found:#}"
    );
    assert_eq!((&found["steps"], &found["baselines"]), (&TWIN["steps"], &TWIN["baselines"]), "{board}");
    let device = &found["device"];
    assert_eq!(device["board"], json!(board));
    assert_eq!(device["inference_instructions"].is_null(), streamed, "{board}");
    let told = run(&mut supple(&[&"inspect", &*PACK, &"--board", &board, &"--json"])).json();
    assert_eq!(told["fits"], json!(!streamed), "{board}: {told:#}");
    let (used, promised) = (device["stack_bytes"].as_u64(), told["stack_bytes"].as_u64());
    assert!(
        used.is_some() && used <= promised,
        "{board}: {used:?} bytes of stack used, {promised:?} promised"
    );
}

#[test]
fn cortex_m0_on_streamed_features() {
    same_on("microbit");
}

#[test]
fn cortex_m3() {
    same_on("mps2-an385");
}

#[test]
fn cortex_m4() {
    same_on("mps2-an386");
}

#[test]
fn cortex_m4_of_stm32() {
    same_on("netduinoplus2");
}

#[test]
fn cortex_m7() {
    same_on("mps2-an500");
}

#[test]
fn cortex_m33() {
    same_on("mps2-an505");
}

#[test]
fn cortex_m55() {
    same_on("mps3-an547");
}

#[test]
fn riscv32() {
    same_on("riscv32-virt");
}
