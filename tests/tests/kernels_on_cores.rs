//! Kernels, of which some are in assembly, against their definition on every core for which they are chosen anew.
//!
//! Needs `target/firmware/kernels-BOARD.elf` (`cargo xtask firmware --kernels`) and QEMU (`cargo xtask setup`).

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use supple_tests::root;

/// Many times what it takes.
const LIMIT: Duration = Duration::from_secs(120);
/// The kinds of kernels that an image tests.
const KINDS: [&str; 7] =
    ["f32 convolution", "f32 dense", "i8 convolution", "i8 dense", "f32 to i8", "head forward", "head step"];

/// Runs the image of `board` on a machine with this core.
fn kernels_are_right(board: &str, machine: &str, core: &str) {
    let image = root().join(format!("target/firmware/kernels-{board}.elf"));
    assert!(image.is_file(), "there is no {}: `cargo xtask firmware --kernels`", image.display());
    let mut command = Command::new("qemu-system-arm");
    command.args(["-M", machine, "-cpu", core, "-nographic", "-monitor", "none", "-serial", "none"]);
    command.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(image);
    let mut emulator = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("qemu-system-arm is installed by `cargo xtask setup`");
    let start = Instant::now();
    while emulator.try_wait().expect("the emulator is this process' child").is_none() {
        if start.elapsed() > LIMIT {
            emulator.kill().expect("the emulator runs");
            break;
        }
        sleep(Duration::from_millis(20));
    }
    let output = emulator.wait_with_output().expect("the emulator is this process' child");
    // Semihosting prints to either.
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert_eq!(output.status.code(), Some(0), "{core}, started {:?} ago: {said}", start.elapsed());
    for kind in KINDS {
        let right = |line: &str| line.starts_with("kernels.right=") && line.ends_with(kind);
        assert!(said.lines().any(right), "{core} did not test {kind}: {said}");
    }
}

#[test]
fn on_a_cortex_m4() {
    kernels_are_right("mps2-an386", "mps2-an386", "cortex-m4");
}

#[test]
fn on_a_cortex_m7() {
    kernels_are_right("mps2-an386", "mps2-an500", "cortex-m7");
}

#[test]
fn on_a_cortex_m33() {
    kernels_are_right("mps2-an505", "mps2-an505", "cortex-m33");
}

#[test]
fn on_a_cortex_m55() {
    kernels_are_right("mps3-an547", "mps3-an547", "cortex-m55");
}
