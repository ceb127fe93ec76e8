//! `supple new-board`: a folder that is whole and has the new board's names, or nothing and a reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use supple_tests::root;
use supple_tests::run::{Scratch, run, scratch, supple};

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the temporary folder is writable");
    for entry in fs::read_dir(from).expect("a folder") {
        let (entry, path) = entry.map(|entry| (entry.file_name(), entry.path())).expect("an entry");
        if path.is_dir() {
            copy(&path, &to.join(entry));
        } else {
            fs::copy(&path, to.join(entry)).expect("a file");
        }
    }
}

/// A checkout as far as the command looks at it: the folders of two boards.
fn checkout(scratch: &Scratch, name: &str) -> PathBuf {
    let checkout = scratch.join(name);
    for board in ["nrf52840-dk", "esp32-c3"] {
        let within = format!("firmware/boards/{board}");
        copy(&root().join(&within), &checkout.join(within));
    }
    checkout
}

/// Everything below a folder.
fn paths(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(paths(&path));
        }
        found.insert(path);
    }
    found
}

fn new_board(checkout: &Path, arguments: &[&str]) -> Command {
    let mut command = supple(&[&"new-board"]);
    command.args(arguments).arg("--source").arg(checkout);
    command
}

#[test]
fn a_copy_has_the_new_names_and_the_rest_of_the_old_board() {
    let scratch = scratch("new_board");
    let checkout = checkout(&scratch, "whole");
    let told = run(&mut new_board(&checkout, &["my-board"])).succeeded();
    for word in
        ["pins", "memory.x", "PLACES", "hardware.rs", "boards.rs", "xtask gates stack", "--board my-board"]
    {
        assert!(told.contains(word), "{word}: {told}");
    }
    let (old, new) =
        (checkout.join("firmware/boards/nrf52840-dk"), checkout.join("firmware/boards/my-board"));
    let relative = |folder: &Path| -> BTreeSet<PathBuf> {
        paths(folder).iter().map(|path| path.strip_prefix(folder).expect("below").to_owned()).collect()
    };
    assert_eq!(relative(&new), relative(&old));
    let read = |file: &str| fs::read_to_string(new.join(file)).expect("a file");
    let manifest: toml::Table = read("Cargo.toml").parse().expect("a manifest");
    assert_eq!(manifest["package"]["name"].as_str(), Some("my-board"));
    assert_eq!(manifest["bin"][0]["name"].as_str(), Some("my-board"));
    let main = read("src/main.rs");
    assert!(
        main.contains("const NAME: &'static str = \"my-board\";") && !main.contains("\"nrf52840-dk\""),
        "{main}"
    );
    assert_eq!(read("memory.x"), fs::read_to_string(old.join("memory.x")).expect("a file"));
    // Nothing besides.
    let boards = fs::read_dir(checkout.join("firmware/boards")).expect("a folder").count();
    assert_eq!((boards, fs::read_dir(checkout.join("firmware")).expect("a folder").count()), (3, 1));
}

#[test]
fn another_board_serves_and_programs_can_read_what_was_done() {
    let scratch = scratch("new_board_json");
    let checkout = checkout(&scratch, "json");
    let told = run(&mut new_board(&checkout, &["c3-mini", "--like", "esp32-c3", "--json"])).json();
    assert_eq!((told["board"].as_str(), told["like"].as_str()), (Some("c3-mini"), Some("esp32-c3")));
    let folder = PathBuf::from(told["folder"].as_str().expect("a path"));
    for file in told["files"].as_array().expect("paths") {
        assert!(folder.join(file.as_str().expect("a path")).is_file(), "{file}");
    }
    assert!(folder.join("src/flash.rs").is_file() && folder.join("places.x").is_file());
    // The working directory, or a folder above it, is a checkout too.
    let mut command = supple(&[&"new-board", &"c3-super"]);
    run(command.current_dir(folder.join("src"))).succeeded();
    assert!(checkout.join("firmware/boards/c3-super/src/main.rs").is_file());
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let scratch = scratch("new_board_refused");
    let checkout = checkout(&scratch, "refused");
    fs::create_dir(checkout.join("firmware/boards/empty")).expect("writable");
    fs::write(checkout.join("firmware/boards/esp32-c3/blob"), [0xff, 0xfe]).expect("writable");
    let before = paths(&checkout);
    let long = "x".repeat(33);
    let cases: [(&[&str], &str); 12] = [
        (&["My-Board"], "lower-case"),
        (&["my_board"], "lower-case"),
        (&["../escape"], "lower-case"),
        (&[""], "lower-case"),
        (&["9board"], "lower-case"),
        (&["supple-board"], "supple"),
        (&[&long], "32 bytes"),
        (&["nrf52840-dk"], "there already"),
        (&["empty"], "there already"),
        (&["new", "--like", "arduino"], "nrf52840-dk"),
        (&["new", "--like", "../boards/nrf52840-dk"], "--like"),
        (&["new", "--like", "esp32-c3"], "blob"),
    ];
    for (arguments, word) in cases {
        run(&mut new_board(&checkout, arguments)).refused(&[word]);
        assert_eq!(paths(&checkout), before, "{arguments:?}");
    }
    run(&mut new_board(&scratch.join("nowhere"), &["new"])).refused(&["--source"]);
    run(&mut new_board(&checkout.join("firmware"), &["new"])).refused(&["--source"]);
}
