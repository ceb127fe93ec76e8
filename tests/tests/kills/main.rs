//! Power that fails at any moment: emulated boards are killed or reset while they save heads and take packs.
//!
//! On `riscv32-virt` the emulator is killed (SIGKILL) and started anew on the same flash file; on `microbit`, whose flash
//! lives in the emulator, the board is reset from outside (QMP), between any two of its instructions. Whatever was
//! acknowledged must hold, and what was under way must be there whole or not at all:
//!
//! | module | holds |
//! |---|---|
//! | `power` | a line to a board whose power fails at a moment that was set |
//! | `packs` | three packs that replace each other, signed |
//! | `saves` | heads are saved over and over |
//! | `updates` | packs are sent, tried, confirmed or not |
//!
//! Needs `target/firmware/BOARD.elf` (`cargo xtask firmware --board all`) and QEMU (`cargo xtask setup`). A few dozen cuts;
//! 1,200 with `SUPPLE_FULL=1`.
#![cfg(unix)]

mod packs;
mod power;
mod saves;
mod updates;

use std::time::Instant;

use supple_tests::full;

use self::packs::{FEATURES, Random};
use self::power::Board;

/// Cuts of a test: so many, or those of a campaign.
fn cuts(few: u32) -> u32 {
    if full() { 300 } else { few }
}

/// What was cut where.
fn report(test: &str, started: Instant, counts: &[(&str, u32)]) {
    let counts: Vec<String> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    println!("{test}: {}; {:.1} s", counts.join(", "), started.elapsed().as_secs_f32());
}

#[test]
fn saves_on_riscv32_killed_on_a_flash_file() {
    let mut board = Board::killed("riscv32-virt", "kills-saves");
    saves::run("saves, riscv32-virt killed", &mut board, cuts(12), Random(0x5eed_0001));
}

#[test]
fn updates_on_riscv32_killed_on_a_flash_file() {
    let mut board = Board::killed("riscv32-virt", "kills-updates");
    // The packs are longer than an erase unit of 256 KiB: sending one takes seconds.
    updates::run("updates, riscv32-virt killed", &mut board, cuts(5), Random(0x5eed_0002));
}

#[test]
fn saves_on_microbit_reset() {
    let mut board = Board::reset("microbit", "resets-saves", FEATURES as u16, Some(8));
    saves::run("saves, microbit reset", &mut board, cuts(10), Random(0x5eed_0003));
}

#[test]
fn updates_on_microbit_reset() {
    // Packs of 25 pages, for which its RAM has just room.
    let mut board = Board::reset("microbit", "resets-updates", 384, None);
    updates::run("updates, microbit reset", &mut board, cuts(12), Random(0x5eed_0004));
}
