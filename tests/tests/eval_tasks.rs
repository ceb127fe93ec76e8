//! Evaluations on signals and vectors: heads whose labels keep their meaning start from their classes' own rows, on the
//! host and on an emulated board; curves over shots; other packs on the same episodes.
//!
//! Needs the built command, `target/firmware/mps2-an386.elf` (`cargo xtask firmware`) and QEMU (`cargo xtask setup`).

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use supple_pack::write::{HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{AlignedBytes, Element, HeadTask, LabelMeaning, Pack, Shape, Start, Value as Place};
use supple_tests::run::{Scratch, firmware, read, run, scratch, supple, write};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("eval_tasks"));

/// Classes of the data set, and rows of the head.
const CLASSES: usize = 4;
/// Steps of the head.
const STEPS: usize = 2;
/// Values of a sample.
const LENGTH: usize = 3;

/// A pack whose trunk hands its inputs through, and whose rows know their classes already.
fn packed(name: &str, labels: LabelMeaning, data: [u8; 16]) -> PathBuf {
    let shape = Shape { height: 1, width: 1, channels: LENGTH as u16 };
    let value = Place::whole(0, shape, Element::F32);
    let trunk = TrunkParts {
        name: "through".to_owned(),
        input: value,
        output: value,
        arena: LENGTH as u32,
        ops: vec![],
        weights: vec![],
    };
    // Of class c, the values are near its corner.
    let weights = (0..CLASSES).flat_map(corner).map(|x| 4.0 * x);
    let bias = (0..CLASSES).map(|class| -2.0 * corner(class).iter().map(|x| x * x).sum::<f32>());
    let head = HeadParts {
        name: "kept".to_owned(),
        trunk: trunk_hash(&trunk),
        data,
        hidden: 0,
        capacity: CLASSES as u16,
        max_support: 20,
        cache: Element::F32,
        task: HeadTask::Classes(labels),
        start: Start::Learned,
        momentum: 0.0,
        parameters: weights.chain(bias).collect(),
        rates: vec![vec![[0.1, 0.1]]; STEPS],
    };
    let path = SCRATCH.join(name);
    write(&path, pack(&trunk, &[head]).expect("a sound pack"));
    path
}

fn corner(class: usize) -> [f32; LENGTH] {
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]][class]
}

/// Machines that each measure a little differently. Written once: tests read them at the same time.
static MACHINES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = SCRATCH.join("machines");
    for machine in 0..5 {
        for class in 0..CLASSES {
            for sample in 0..8 {
                let noise =
                    |axis: usize| ((machine * 7 + class * 5 + sample * 3 + axis * 11) % 13) as f32 / 26.0;
                let values: Vec<String> =
                    (0..LENGTH).map(|axis| (corner(class)[axis] + noise(axis)).to_string()).collect();
                write(
                    &folder.join(format!("machine{machine}/state{class}/{sample}.csv")),
                    format!("{}\n", values.join(",")),
                );
            }
        }
    }
    folder
});

fn eval(pack: &Path, data: &Path, more: &[&str]) -> std::process::Command {
    let mut command = supple(&[&"eval", &pack, &"--data", &data, &"--json"]);
    command.args(["--way", "2", "--shot", "2", "--queries", "3", "--episodes", "12"]).args(more);
    command
}

fn mean(result: &Value, step: usize) -> f64 {
    result["steps"][step]["mean"].as_f64().expect("a number")
}

#[test]
fn a_new_domain_starts_from_its_classes_rows() {
    let data = &*MACHINES;
    let kept = packed("kept.supple", LabelMeaning::Kept, [0; 16]);
    let fresh = packed("fresh.supple", LabelMeaning::Fresh, [0; 16]);
    let result = run(&mut eval(&kept, data, &[])).json();
    assert_eq!((&result["kind"], &result["split"]), (&json!("new-domain"), &json!("all")));
    assert!(mean(&result, 0) > 0.9, "it knows the classes before adaptation: {result:#}");
    assert_eq!(
        result["baselines"]["fine_tuned"],
        Value::Null,
        "all was judged, so nothing is left to tune on"
    );

    // With the first rows for whatever classes come, it knows little.
    let others = run(&mut eval(&fresh, data, &["--kind", "new-domain"])).json();
    assert!(mean(&others, 0) < 0.9, "{others:#}");
    let others = run(&mut eval(&fresh, data, &[])).json();
    assert_eq!(others["kind"], json!("new-classes"));

    let device = firmware();
    let device = device.to_str().expect("a path in Unicode");
    let board = run(&mut eval(&kept, data, &["--on", "qemu", "--firmware", device])).json();
    assert_eq!(board["bit_equal"], json!({"episodes": 12, "equal": 12}));
    assert_eq!(board["steps"], result["steps"]);
}

#[test]
fn what_was_held_back_is_compared_with_a_fine_tuned_start() {
    let data = &*MACHINES;
    let kept = packed("compared.supple", LabelMeaning::Kept, [0; 16]);
    let page = SCRATCH.join("page.html");
    let more =
        ["--split", "validation", "--hold-back", "domains=machine1,machine3", "--shots", "1,2,5", "--report"];
    let result = run(eval(&kept, data, &more).arg(&page)).json();
    assert_eq!(result["hold_back"], json!("domains=machine1,machine3"));
    let tuned = &result["baselines"]["fine_tuned"];
    assert!(tuned["mean"].as_f64() > Some(0.9), "{result:#}");
    assert_eq!(result["curves"]["shots"].as_array().map(Vec::len), Some(3));
    let text = String::from_utf8(read(page)).expect("text");
    assert!(text.contains("Accuracy by support samples") && text.contains("state"), "the page lacks a part");
}

#[test]
fn curves_over_shots_repeat_the_evaluation_at_each_shot() {
    let data = &*MACHINES;
    let kept = packed("curves.supple", LabelMeaning::Kept, [0; 16]);
    let result = run(&mut eval(&kept, data, &["--shots", "5,1"])).json();
    let curves = result["curves"]["shots"].as_array().expect("a list");
    assert_eq!(curves.iter().map(|curve| curve["shot"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(5)]);
    for curve in curves {
        let mut alone =
            supple(&[&"eval", &kept, &"--data", &data, &"--json", &"--way", &"2", &"--queries", &"3"]);
        let alone = run(alone.args(["--episodes", "12", "--shot", &curve["shot"].to_string()])).json();
        let steps = curve["steps"].as_array().expect("a list");
        assert_eq!(steps.len(), 11);
        assert_eq!(steps[..=STEPS], alone["steps"].as_array().expect("a list")[..]);
        assert_eq!(curve["baselines"], alone["baselines"]);
    }
    // The main result does not depend on what else is asked for.
    let alone = run(&mut eval(&kept, data, &[])).json();
    assert_eq!((&result["steps"], &result["baselines"]), (&alone["steps"], &alone["baselines"]));
    assert_eq!(alone["curves"], Value::Null);
}

#[test]
fn other_packs_are_compared_on_the_same_episodes() {
    let data = &*MACHINES;
    let kept = packed("ours.supple", LabelMeaning::Kept, [0; 16]);
    let fresh = packed("theirs.supple", LabelMeaning::Fresh, [0; 16]);
    let theirs = fresh.to_str().expect("a path in Unicode");
    let result = run(&mut eval(&kept, data, &["--compare", theirs])).json();
    let rival = &result["baselines"]["theirs"];
    let alone = run(&mut eval(&fresh, data, &["--kind", "new-domain"])).json();
    let keys = ["step", "mean", "ci95"];
    assert_eq!(keys.map(|key| &rival[key]), keys.map(|key| &alone["steps"][STEPS][key]));
    assert!(rival["separated"].is_boolean());
}

#[test]
fn classes_without_a_row_are_refused() {
    let data = SCRATCH.join("five");
    for class in 0..CLASSES + 1 {
        for sample in 0..5 {
            write(&data.join(format!("machine/state{class}/{sample}.csv")), format!("1,{class},{sample}\n"));
        }
    }
    let kept = packed("few.supple", LabelMeaning::Kept, [0; 16]);
    run(&mut eval(&kept, &data, &[])).refused(&["has 4 classes, but five has 5", "--kind new-classes"]);
    run(&mut eval(&kept, &data, &["--kind", "new-classes"])).json();
}

#[test]
fn an_old_pack_is_refused_by_its_version() {
    let kept = packed("old.supple", LabelMeaning::Kept, [0; 16]);
    let mut bytes = read(&kept);
    bytes[4] = 1;
    assert!(Pack::parse(&AlignedBytes::copy_of(&bytes)).is_err());
    let old = SCRATCH.file("old.supple", bytes);
    run(&mut supple(&[&"inspect", &old])).refused(&["version 1", "pack it again"]);
}
