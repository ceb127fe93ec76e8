//! Boards of silicon: what the programmers are told, by programs in their place that note it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supple_link::host::{HARDWARE, Image};
use supple_tests::root;
use supple_tests::run::{run, supple};

use super::boards::PACK;

/// A folder of programs that note how they are called, in `calls`.
fn programs(names: &[&str], status: u8) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let calls = folder.path().join("calls");
    for name in names {
        let path = folder.path().join(name);
        let script = format!("#!/bin/sh\necho {name} \"$@\" >> {}\nexit {status}\n", calls.display());
        fs::write(&path, script).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    }
    folder
}

fn calls(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Any file stands for a firmware image: nothing here looks into it.
fn image(folder: &Path) -> PathBuf {
    let path = folder.join("fw.elf");
    fs::write(&path, "image").expect("writable");
    path
}

#[test]
fn inspect_tells_the_ram_that_the_images_set_aside() {
    for board in HARDWARE.map(|board| board.name) {
        let image = Image::read(&root().join(format!("target/firmware/{board}.elf")));
        let image = image.unwrap_or_else(|error| panic!("{error}"));
        let told = run(&mut supple(&[&"inspect", &*PACK, &"--board", &board, &"--json"])).json();
        let integer = |key: &str| told.pointer(key).and_then(Value::as_u64).expect("a whole number");
        let floats = integer("/ram_adapt_bytes") - integer("/memory/label_bytes");
        let pool = integer("/spare/ram_bytes") + floats;
        // Labels of all these boards: 1,024 of two bytes.
        assert_eq!(image.fixed_ram, pool + 2048 + integer("/program_bytes"), "{board}");
    }
}

#[test]
fn the_programmer_is_called_as_a_dry_run_says() {
    for (board, program) in [("nrf52840-dk", "probe-rs"), ("esp32-c3", "espflash"), ("pico2", "picotool")] {
        let folder = programs(&[program], 0);
        let firmware = image(folder.path());
        let flash = |more: &[&str]| {
            let mut command = supple(&[&"flash", &"--board", &board, &*PACK, &"--firmware", &firmware]);
            command.args(["--json"]).args(more).env("PATH", folder.path());
            run(&mut command)
        };
        let told = flash(&["--dry-run"]).json();
        assert_eq!(calls(folder.path()), [""; 0], "nothing is run");
        assert_eq!(flash(&[]).json()["commands"], told["commands"]);
        let commands = told["commands"].as_array().expect("a list");
        let lines: Vec<String> = commands
            .iter()
            .map(|words| {
                let words = words.as_array().expect("words").iter();
                words.map(|word| word.as_str().expect("text")).collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(calls(folder.path()), lines, "{board}");
        assert!(lines.iter().all(|line| line.starts_with(program)), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("fw.elf")), "{lines:?}");
    }
}

#[test]
fn a_missing_programmer_is_told_with_what_installs_it() {
    let folder = programs(&[], 0);
    let firmware = image(folder.path());
    let mut command = supple(&[&"flash", &"--board", &"nucleo-f446re", &*PACK, &"--firmware", &firmware]);
    run(command.env("PATH", folder.path()))
        .refused(&["probe-rs is not installed", "`cargo install --locked probe-rs-tools`"]);
}

#[test]
fn a_programmer_that_fails_ends_it() {
    let folder = programs(&["probe-rs"], 3);
    let firmware = image(folder.path());
    let mut command = supple(&[&"flash", &"--board", &"nucleo-f446re", &*PACK, &"--firmware", &firmware]);
    let outcome = run(command.env("PATH", folder.path()));
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.stderr.contains("failed (exit status: 3)"), "{outcome:#?}");
    assert_eq!(calls(folder.path()).len(), 1, "nothing is done after a failure");
}

#[test]
fn the_firmware_is_built_in_the_checkout_around() {
    let mut command = supple(&[&"flash", &"--board", &"pico2", &*PACK, &"--dry-run", &"--json"]);
    let told = run(command.current_dir(root().join("crates"))).json();
    let build = &told["commands"][0];
    assert_eq!((&build[0], &build[1]), (&json!("cargo"), &json!("build")));
    assert!(build.as_array().is_some_and(|words| words.contains(&json!("pico2"))), "{told:#}");
    let nowhere = tempfile::tempdir().expect("a temporary folder");
    let mut command = supple(&[&"flash", &"--board", &"pico2", &*PACK, &"--dry-run"]);
    run(command.current_dir(nowhere.path())).refused(&["no checkout of Supple", "--source"]);
}
