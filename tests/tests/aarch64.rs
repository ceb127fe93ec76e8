//! An aarch64 Linux board, emulated: plan, adaptation and logits have the host's bits, tract's features are close; so
//! they are when the server for such boards is asked.
//!
//! Needs `examples/episode` and `supple-edge` in `target/aarch64/aarch64-unknown-linux-gnu/release`, and `qemu-aarch64`
//! (`cargo xtask aarch64`).

use std::collections::BTreeMap;
use std::process::Command;

use supple_link::host::{Child, Client};
use supple_pack::AlignedBytes;
use supple_tests::root;
use supple_tests::run::read;

#[path = "edge/episode.rs"]
mod episode;
#[path = "../../crates/supple-runtime/examples/episode/told.rs"]
mod told;

const RELEASE: &str = "target/aarch64/aarch64-unknown-linux-gnu/release";
/// Where the C library for aarch64 lies.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";
const SEEDS: [u64; 3] = [1, 2, 3];
/// Largest part of the largest feature that plan and tract may differ by.
const TOLERANCE: f32 = 1e-4;

/// Starts a program of the emulated board.
fn program(path: &str) -> Command {
    let program = root().join(RELEASE).join(path);
    assert!(program.is_file(), "{} is missing: run `cargo xtask aarch64`", program.display());
    let mut command = Command::new("qemu-aarch64");
    command.args(["-L", LIBRARIES]).arg(program);
    command
}

/// What the emulated board prints.
fn board(pack: &str, inputs: &[f32]) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let bytes: Vec<u8> = inputs.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(file.path(), bytes).expect("the temporary folder is writable");
    let mut command = program("examples/episode");
    command.arg(root().join(pack)).arg(file.path());
    let output = command.output().expect("qemu-aarch64 is installed by `cargo xtask aarch64`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// The numbers of each line.
fn numbers(lines: &[String]) -> BTreeMap<&str, Vec<f32>> {
    let number = |word: &str| f32::from_bits(u32::from_str_radix(word, 16).expect("bits"));
    let lines = lines.iter().filter_map(|line| line.split_once(' '));
    lines.map(|(name, words)| (name, words.split(' ').map(number).collect())).collect()
}

/// Compares episodes; how many of tract's feature vectors were compared.
fn compare(pack: &str) -> usize {
    let bytes = AlignedBytes::copy_of(&read(root().join(pack)));
    let (mut words, mut vectors, mut largest) = (0, 0, 0.0_f32);
    for seed in SEEDS {
        let inputs = episode::inputs(seed);
        let expected = told::told(&bytes, &inputs).expect("a sound pack");
        let found = board(pack, &inputs);
        assert_eq!(found[0], "architecture aarch64");
        let (plan, tract) = found[1..].split_at(expected.len());
        for (found, expected) in plan.iter().zip(&expected) {
            let name = expected.split(' ').next().expect("a name");
            assert!(found == expected, "{pack}, seed {seed}: {name} has other bits than on the host");
            words += expected.split(' ').count() - 1;
        }
        // Nothing of this may be silent or refused.
        let of_plan = numbers(&expected);
        assert!(of_plan["loss.after"] < of_plan["loss.before"], "{pack}, seed {seed}: nothing is learned");
        assert!(of_plan["head"].iter().chain(&of_plan["logits.9"]).any(|value| *value != 0.0));
        for (name, tract) in numbers(tract) {
            let sample = name.strip_prefix("tract.").expect("tract's features");
            let plan = &of_plan[format!("features.{sample}").as_str()];
            assert_eq!(plan.len(), tract.len());
            let most = plan.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            assert!(most > 0.0, "{pack}, seed {seed}: the trunk is silent");
            for (plan, tract) in plan.iter().zip(&tract) {
                let difference = (plan - tract).abs() / most;
                assert!(
                    difference <= TOLERANCE,
                    "{pack}, seed {seed}, {name}: {plan} beside tract's {tract}"
                );
                largest = largest.max(difference);
            }
            vectors += 1;
        }
    }
    println!(
        "{pack}: {} episodes on aarch64, {words} numbers have the host's bits; {vectors} feature vectors of tract, \
         largest difference {largest:.1e} of the largest feature",
        SEEDS.len()
    );
    vectors
}

#[test]
fn an_f32_pack_runs_by_its_plan_and_by_tract() {
    assert_eq!(compare("models/omniglot/omniglot.supple"), 10 * SEEDS.len());
}

#[test]
fn an_int8_pack_runs_by_its_plan() {
    assert_eq!(compare("models/omniglot-int8/omniglot-int8.supple"), 0);
}

#[test]
fn a_server_on_it_is_asked_like_any_device_and_keeps_what_it_learns() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pack = root().join("models/omniglot/omniglot.supple");
    let inputs = episode::inputs(SEEDS[0]);
    let expected = told::told(&AlignedBytes::copy_of(&read(&pack)), &inputs).expect("a sound pack");
    let served = |kind: &str| {
        let mut command = program("supple-edge");
        command
            .args(["--stdio", "--trunk", kind, "--state"])
            .arg(folder.path().join(kind))
            .arg("--pack")
            .arg(&pack);
        Client::connect(Child::start(command).expect("qemu-aarch64 is installed")).expect("it answers")
    };
    let mut device = served("plan");
    assert!(
        episode::on(&mut device, &inputs).expect("it answers") == expected,
        "it has other bits than the host"
    );
    let head = device.read_head().expect("a head");
    device.save(false).expect("room");
    // Another process on the same file.
    drop(device);
    assert_eq!(served("plan").read_head().expect("it is restored"), head);

    let found = episode::on(&mut served("tract"), &inputs).expect("it answers");
    let (found, expected) = (numbers(&found), numbers(&expected));
    for (name, plan) in expected.iter().filter(|(name, _)| name.starts_with("features.")) {
        let most = plan.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let difference = |(plan, tract): (&f32, &f32)| (plan - tract).abs() / most;
        let largest = plan.iter().zip(&found[name]).map(difference).fold(0.0_f32, f32::max);
        assert!(found[name].len() == plan.len() && largest <= TOLERANCE, "{name}: {largest}");
    }
    assert!(found["loss.after"] < found["loss.before"], "nothing is learned on tract's features");
}
