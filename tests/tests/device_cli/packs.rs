//! Packs over the line: taken when they are vouched for, resumed when interrupted, given up when not confirmed.

use std::process::Stdio;

use serde_json::json;
use supple_tests::run::run;

use super::boards::{Board, KEY, NAME, OTHER, PACK, STRANGER, signed};
use super::proxy::proxy;

#[test]
fn an_interrupted_push_goes_on_and_is_confirmed() {
    let board = Board::new("push");
    let started = board.start(&PACK);
    let second = signed(&OTHER, "second-5.supple", &KEY, &["--counter", "5", "--for-board", NAME]);

    // The command is killed in the midst of the transfer.
    let to = started["address"].as_str().expect("an address").to_owned();
    let (address, told) = proxy(to, 15_000);
    let mut command = board.command(&[&"device", &"--port", &format!("tcp:{address}"), &"push", &second]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    told.recv().expect("so much is sent");
    process.kill().expect("it runs");
    process.wait().expect("it has ended");
    assert_eq!(board.ask(&[&"info"])["pack"]["checksum"], started["checksum"], "the old one runs");

    let pushed = board.ask(&[&"push", &second]);
    assert_eq!(pushed["state"], json!("confirmed"), "{pushed:#}");
    let (resumed, sent) = (pushed["resumed_at"].as_u64(), pushed["sent_bytes"].as_u64());
    assert!(resumed > Some(0) && resumed < Some(15_000), "{pushed:#}");
    assert_eq!(resumed.zip(sent).map(|(a, b)| a + b), pushed["bytes"].as_u64());
    let info = board.ask(&[&"info"]);
    assert_eq!(info["pack"]["checksum"], pushed["checksum"]);
    assert_eq!(info["packs"]["running"], json!("b"));
    assert_eq!(info["packs"]["last_trial"], json!("confirmed"));
    assert_eq!(board.ask(&[&"push", &second])["state"], json!("running"), "nothing to do");

    // What is older than what was confirmed is refused, and nothing changes.
    let older = signed(&PACK, "first-4.supple", &KEY, &["--counter", "4"]);
    board.device(&[&"push", &older]).refused(&["counter 4 is below 5"]);
    // As old is not older; unconfirmed, the board goes back.
    let again = signed(&PACK, "first-5.supple", &KEY, &["--counter", "5"]);
    assert_eq!(board.ask(&[&"push", &again, &"--no-restart"])["state"], json!("waiting"));
    assert_eq!(board.ask(&[&"push", &again, &"--no-confirm"])["state"], json!("trial"));
    board.device(&[&"push", &second]).refused(&["on trial"]);
    board.ask(&[&"restart"]);
    let info = board.ask(&[&"info"]);
    assert_eq!(info["pack"]["checksum"], pushed["checksum"], "rolled back: {info:#}");
    assert_eq!(info["packs"]["last_trial"], json!("rolled-back"));
    board.device(&[&"confirm"]).refused(&["no pack runs on trial"]);
    assert_eq!(board.ask(&[&"push", &again, &"--no-confirm"])["state"], json!("trial"));
    assert_eq!(board.ask(&[&"confirm"])["packs"]["trial"], json!(false));
    board.ask(&[&"restart"]);
    assert_eq!(board.ask(&[&"info"])["pack"]["checksum"], started["checksum"]);
}

#[test]
fn what_nobody_vouches_for_is_refused_and_the_running_pack_goes_on() {
    let board = Board::new("refusals");
    let started = board.start(&PACK);
    board.device(&[&"push", &*OTHER]).refused(&["not signed", "supple key sign"]);
    let unknown = signed(&OTHER, "unknown.supple", &STRANGER, &[]);
    board.device(&[&"push", &unknown]).refused(&["a key that the device does not know"]);
    let elsewhere = signed(&OTHER, "elsewhere.supple", &KEY, &["--for-board", "microbit"]);
    board.device(&[&"push", &elsewhere]).refused(&["`microbit`", NAME]);
    let forged = signed(&OTHER, "forged.supple", &KEY, &[]);
    let mut bytes = std::fs::read(&forged).expect("just written");
    *bytes.last_mut().expect("not empty") ^= 1;
    std::fs::write(&forged, bytes).expect("writable");
    board.device(&[&"push", &forged]).refused(&["signature is wrong"]);
    let info = board.ask(&[&"info"]);
    assert_eq!(info["pack"]["checksum"], started["checksum"]);
    assert_eq!(info["packs"]["waiting"], json!(false));

    // The board goes on with a pack that was sent to it, and `flash` says so.
    let sound = signed(&OTHER, "sound.supple", &KEY, &[]);
    assert_eq!(board.ask(&[&"push", &sound])["state"], json!("confirmed"));
    let again = run(&mut board.command(&[
        &"flash",
        &"--board",
        &NAME,
        &*PACK,
        &"--firmware",
        &supple_tests::run::firmware(),
    ]));
    again.refused(&["goes on with a pack that was sent", "--erase"]);
    // Whoever has no keys takes no packs.
    let erased = board.flash(&[&*PACK, &"--erase", &"--firmware", &supple_tests::run::firmware()]).json();
    assert_eq!(erased["checksum"], started["checksum"]);
    board.device(&[&"push", &sound]).refused(&["knows no key", "--keys"]);
}
