//! What is left when something is stopped halfway: no boards that run on, no folder that shows one training and packs
//! another.
//!
//! Needs the built command, `target/firmware/mps2-an386.elf` (`cargo xtask firmware`) and QEMU (`cargo xtask setup`).

use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use supple_tests::run::{Outcome, RECIPE, Scratch, run, scratch, supple, train};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("stopping"));

/// The emulated boards that a process has started, by their numbers.
fn boards(of: u32) -> Vec<String> {
    let found = Command::new("pgrep").args(["-P", &of.to_string(), "-f", "qemu-system-arm"]).output();
    let found = found.expect("pgrep is there (Debian: procps)");
    String::from_utf8_lossy(&found.stdout).split_whitespace().map(str::to_owned).collect()
}

/// Whether a process runs.
fn runs(process: &str) -> bool {
    let asked = Command::new("kill").args(["-0", process]).stderr(Stdio::null()).status();
    asked.expect("kill is there").success()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} does not come");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_evaluation_that_is_asked_to_end_stops_its_boards() {
    let (_, pack) = train(&SCRATCH, "boards", &[]);
    let mut command = supple(&[&"eval", &pack, &"--data", &"glyphs", &"--split", &"validation"]);
    command.args(["--way", "4", "--episodes", "5000", "--on", "qemu", "--threads", "2"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = command.spawn().expect("it starts");
    let mut started = Vec::new();
    wait_until("two boards", || {
        started = boards(process.id());
        started.len() == 2
    });
    // Signals are watched for before the boards start.
    let signalled = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    assert!(signalled.is_ok_and(|status| status.success()));
    let outcome = Outcome::of(&command, process.wait_with_output().expect("it ends"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(130), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("boards were stopped"), "{outcome:?}");
    wait_until("the end of the boards", || !started.iter().any(|board| runs(board)));
}

#[test]
fn a_folder_never_packs_another_training_than_it_shows() {
    let (training, _) = train(&SCRATCH, "old", &[]);
    let recipe = SCRATCH.file("long.toml", RECIPE.replace("iterations = 100", "iterations = 1000000"));
    let mut command = supple(&[&"train", &recipe, &"--out", &training.out]);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    wait_until("the new training's first checkpoint", || !training.out.join("trunk.onnx").exists());
    sleep(Duration::from_millis(500));
    let signalled = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(signalled.is_ok_and(|status| status.success()));
    let outcome = Outcome::of(&command, process.wait_with_output().expect("it ends"));
    assert_eq!(outcome.code, Some(130), "{outcome:?}");
    let out = SCRATCH.join("mixed.supple");
    run(&mut supple(&[&"pack", &training.out, &"-o", &out])).refused(&["trunk.onnx", "once it has finished"]);
    assert!(!out.exists());
    // Nor is half a training thrown away by the same command without --resume.
    run(&mut command).refused(&["--resume", "--out"]);
}

#[test]
fn a_page_without_a_folder_is_refused_before_the_work() {
    let (_, pack) = train(&SCRATCH, "page", &[]);
    let page = SCRATCH.join("no/such/folder/page.html");
    let mut command = supple(&[&"eval", &pack, &"--data", &"glyphs", &"--split", &"validation"]);
    command.args(["--way", "4", "--episodes", "50000"]).arg("--report").arg(&page);
    let start = Instant::now();
    run(&mut command).refused(&["folder", "--report"]);
    assert!(start.elapsed() < Duration::from_secs(20));
}
