//! A head learns, is kept, and comes back.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::boards::{Board, NAME, PACK};

/// Samples that every call draws alike.
const DRAW: [&str; 10] = ["--data", "glyphs", "--way", "4", "--shot", "2", "--seed", "7", "--queries", "3"];

fn with<'a>(verb: &'a str, more: &'a [&'a str]) -> Vec<&'a str> {
    [&[verb][..], &DRAW, more].concat()
}

fn ask(board: &Board, arguments: &[&str]) -> Value {
    let arguments: Vec<&dyn AsRef<OsStr>> = arguments.iter().map(|word| word as _).collect();
    board.ask(&arguments)
}

#[test]
fn what_a_board_has_learned_stays() {
    let board = Board::new("learning");
    let started = board.start(&PACK);
    assert_eq!((&started["board"], &started["emulated"]), (&json!(NAME), &json!(true)));
    let info = ask(&board, &["info"]);
    assert_eq!(info["pack"]["checksum"], started["checksum"]);
    assert_eq!(info["heads"][0]["way"], json!(0), "{info:#}");
    assert_eq!(ask(&board, &["heads"])["heads"][0]["name"], json!("tiny"));
    assert_eq!(ask(&board, &["versions"])["versions"], json!([]));
    board.device(&[&"restore"]).refused(&["keeps no heads; save them first"]);
    board.device(&[&"reset"]).refused(&["the head has learned nothing yet"]);

    let adapted = ask(&board, &with("adapt", &["--steps", "5"]));
    assert_eq!((&adapted["outcome"], &adapted["samples"]), (&json!("adapted"), &json!(8)), "{adapted:#}");
    assert!(adapted["loss_after"].as_f64() < adapted["loss_before"].as_f64(), "{adapted:#}");
    assert_eq!(adapted["queries"], json!(12));
    let predicted = ask(&board, &with("predict", &[]));
    assert_eq!(predicted["mean"], adapted["after"], "the same queries: {predicted:#}");
    let first = &predicted["predictions"][0];
    let sum: f64 = first["probabilities"].as_array().expect("some").iter().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{first:#}");
    assert_eq!(first["logits"].as_array().map(Vec::len), Some(4));

    let learned = board.heads();
    assert_eq!(learned[0]["layers"][2]["name"], json!("output.weight"));
    assert_eq!(learned[0]["layers"][2]["shape"], json!([4, 200]));
    let saved = ask(&board, &["save"]);
    assert_eq!((&saved["heads"], &saved["samples"]), (&json!(1), &json!(0)));
    let with_support = ask(&board, &["save", "--support"]);
    assert_eq!(with_support["samples"], json!(8), "{with_support:#}");
    let versions = ask(&board, &["versions"]);
    assert_eq!(versions["versions"], json!([with_support, saved]));

    ask(&board, &["reset"]);
    assert_ne!(board.heads(), learned);
    ask(&board, &["restore", "--version", &saved["version"].to_string()]);
    assert_eq!(board.heads(), learned);
    ask(&board, &["reset", "--head", "tiny"]);
    let restored = ask(&board, &["restore", "--head", "0"]);
    assert_eq!(restored["version"], with_support["version"], "the newest");
    assert_eq!(board.heads(), learned);
    board.device(&[&"reset", &"--head", &"huge"]).refused(&["no head `huge`", "tiny"]);

    assert_eq!(ask(&board, &["enrol"])["class"], json!(4));
    assert_ne!(board.heads(), learned);
    ask(&board, &["forget", "4"]);
    assert_eq!(board.heads(), learned);

    ask(&board, &["reset"]);
    ask(&board, &["restart"]);
    assert_eq!(board.heads(), learned, "restored at the start");

    assert_eq!(board.flash(&[&"--stop"]).json()["stopped"], json!(true));
    assert_eq!(board.flash(&[&"--stop"]).json()["stopped"], json!(false));
    board.device(&[&"info"]).refused(&["no emulated mps2-an386 runs", "supple flash"]);
    board.start(&PACK);
    assert_eq!(board.heads(), learned, "its flash is a file that is kept");
    board.flash(&[&"--erase"]).json();
    board.start(&PACK);
    assert_eq!(board.heads(), json!([]), "begun anew");
}

#[test]
fn a_file_is_predicted_and_what_does_not_fit_is_refused() {
    let board = Board::new("file");
    board.start(&PACK);
    ask(&board, &with("adapt", &["--judges", "1"]));
    let array = |count: usize| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},), }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend((0..count).flat_map(|index| (index as f32 / 1000.0).to_le_bytes()));
        let path = board.file(&format!("{count}.npy"));
        std::fs::write(&path, bytes).expect("the folder is writable");
        path
    };
    let input = array(784);
    let raw = board.ask(&[&"predict", &"--input", &input]);
    assert_eq!(raw["predictions"].as_array().map(Vec::len), Some(1));
    // Features of the twin give the very same logits as the board's own.
    let streamed = board.ask(&[&"predict", &"--input", &input, &"--stream-features", &"--pack", &*PACK]);
    assert_eq!(streamed, raw);
    board.device(&[&"predict", &"--input", &array(783)]).refused(&["783 values", "takes 784"]);
    board.device(&[&"predict", &"--input", &"none.npy"]).refused(&["none.npy"]);
    board.device(&[&"adapt", &"--data", &"glyphs", &"--way", &"9"]).refused(&["--way 9", "8 classes"]);
    board.device(&[&"adapt", &"--data", &"sinusoid"]).refused(&["predicts classes"]);
    board.device(&[&"adapt"]).refused(&["--data"]);
    let more: [&dyn AsRef<OsStr>; 5] = [&"predict", &"--data", &"glyphs", &"--way", &"8"];
    board.device(&more).refused(&["of 8 classes", "has learned 4"]);
}

#[test]
fn a_board_is_watched_until_enough_is_seen_or_ctrl_c() {
    let board = Board::new("monitor");
    board.start(&PACK);
    let looks = board.device(&[&"monitor", &"--count", &"2", &"--interval", &"0.05"]).succeeded();
    let looks: Vec<Value> =
        looks.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert_eq!(looks.len(), 2);
    assert!(looks[1]["requests"].as_u64() > looks[0]["requests"].as_u64());
    assert!(looks[0]["ram_high_water_bytes"].as_u64() > Some(1000));
    board.device(&[&"monitor", &"--interval", &"0"]).refused(&["--interval", "0.05..=3600"]);

    let mut command = board.device_command(&[&"monitor", &"--interval", &"3600"]);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_secs(2));
    let interrupt = std::process::Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(interrupt.expect("kill is there").success());
    let outcome = supple_tests::run::Outcome::of(&command, process.wait_with_output().expect("it ends"));
    assert_eq!(outcome.succeeded().lines().count(), 1);
}
