//! What is asked wrongly, and what the doctor says.

use serde_json::{Value, json};
use supple_tests::run::{run, supple};

use super::boards::{Board, NAME, PACK};

#[test]
fn lines_that_lead_nowhere_are_told_with_a_remedy() {
    run(&mut supple(&[&"device", &"info"])).misused(&["--port", "qemu:BOARD"]);
    run(&mut supple(&[&"device", &"--port", &"tcp:here", &"info"])).refused(&["`tcp:here` is no line"]);
    run(&mut supple(&[&"device", &"--port", &"/dev/no-such-port", &"info"])).refused(&["(there: "]);
    run(&mut supple(&[&"device", &"--port", &"qemu:nothing", &"info"])).refused(&["no board `nothing`"]);
    run(&mut supple(&[&"flash"])).misused(&["<PACK>"]);
    run(&mut supple(&[&"flash", &"--board", &"nothing", &*PACK])).refused(&["no board `nothing`"]);
    run(&mut supple(&[&"flash", &"--board", &"pico2", &"--stop"])).refused(&["nothing to stop"]);
}

#[test]
fn a_line_where_nobody_answers_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = format!("tcp:{}", listener.local_addr().expect("an address"));
    let mut command = supple(&[&"device", &"--port", &port, &"--patience", &"1", &"info"]);
    run(&mut command).refused(&["does not answer", "within 1 s", "no other program has it open"]);
}

#[test]
fn an_image_of_another_board_and_what_is_no_image_are_refused() {
    let board = Board::new("images");
    board
        .flash(&[&*PACK, &"--firmware", &"/no/such.elf"])
        .refused(&["cargo xtask firmware --board mps2-an386"]);
    // The board that ran before would go on.
    let text = board.file("no-image.elf");
    std::fs::write(&text, "no image").expect("writable");
    board.start(&PACK);
    board.flash(&[&*PACK, &"--firmware", &text]).refused(&["no firmware image", "cargo xtask firmware"]);
    board.ask(&[&"info"]);
    run(&mut board.command(&[&"flash", &"--board", &NAME, &"--stop"])).succeeded();
    let keys = board.file("no-keys.bin");
    std::fs::write(&keys, "no keys").expect("writable");
    board.flash(&[&*PACK, &"--keys", &keys]).refused(&["holds no keys", "supple key ring"]);
    // Nothing is left of what did not start.
    board.device(&[&"info"]).refused(&["no emulated mps2-an386 runs"]);
}

#[test]
fn the_doctor_finds_what_is_there_and_says_how_to_get_the_rest() {
    let found = run(&mut supple(&[&"doctor", &"--json"])).json();
    assert_eq!(found["ok"], json!(true), "{found:#}");
    let nothing = tempfile::tempdir().expect("a temporary folder");
    let outcome = run(supple(&[&"doctor", &"--json"]).env("PATH", nothing.path()));
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let told: Value = serde_json::from_str(&outcome.stdout).expect("one object all the same");
    let checks = told["checks"].as_array().expect("a list");
    let check = |name: &str| checks.iter().find(|check| check["name"] == json!(name)).expect("looked for");
    assert_eq!(check("qemu-system-arm")["ok"], json!(false));
    assert!(check("qemu-system-arm")["fix"].as_str().is_some_and(|fix| fix.contains("install")));
    assert_eq!(check("probe-rs")["for"], json!("silicon"));
    assert!(check("rust")["fix"].as_str().is_some_and(|fix| fix.contains("rustup")));
    assert!(outcome.stderr.contains("qemu-system-arm"), "{outcome:#?}");
}
