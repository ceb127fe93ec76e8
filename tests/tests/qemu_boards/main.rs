//! The same episode on every emulated board: features, what heads of every kind put out, and the heads themselves are
//! the twin's, bit for bit.
//!
//! Needs the built command, `target/firmware/BOARD.elf` (`cargo xtask firmware --board all`) and QEMU
//! (`cargo xtask setup`).
//!
//! | module | holds |
//! |---|---|
//! | `packs` | what the boards run |
//! | `episode` | what is done on each |
//! | `twin`, `board` | who does it |

mod board;
mod episode;
mod packs;
mod twin;

use std::collections::BTreeSet;
use std::path::Path;

use supple_link::host::{Child, Client, Qemu, Transport};
use supple_pack::Element;
use supple_pack::write::TrunkParts;
use supple_tests::root;
use supple_tests::run::{run, scratch, supple};

use self::episode::Bits;
use self::packs::{Numbers, convolutions, nothing, packed};
use self::twin::Twin;

const WAY: usize = 4;
const NUMBERS: usize = 2;
const FEATURES: usize = 32;
const SAMPLES: usize = 6;
/// One more than there are learned rates.
const STEPS: usize = 3;

fn images() -> Vec<Vec<f32>> {
    let mut numbers = Numbers(0x0bad_cafe);
    (0..SAMPLES).map(|_| numbers.floats(64)).collect()
}

/// Noise and a broken frame; afterwards the board must answer.
fn disturb(device: &mut Client<Child>) {
    let mut noise: Vec<u8> = vec![0x55; 700];
    noise.extend([0, 9, 1, 2, 0, 3, 1, 2, 0]);
    device.transport().send(&noise).expect("the board runs");
    device.info().expect("it answers");
}

/// The board's memory must be as `supple inspect` believes it to be.
fn check_memory(board: &str, pack: &Path, device: &mut Client<Child>) {
    let info = device.info().expect("it answers");
    assert_eq!(info.board.as_str(), board);
    let facts = info.pack.expect("it can run the pack");
    let told = run(&mut supple(&[&"inspect", &pack, &"--board", &board, &"--json"])).json();
    let integer = |key: &serde_json::Value| key.as_u64().expect("a whole number");
    let need = integer(&told["ram_adapt_bytes"]);
    assert_eq!(u64::from(facts.memory), need);
    assert_eq!(told["fits"], true);
    let floats = need - integer(&told["memory"]["label_bytes"]);
    let pool = integer(&told["spare"]["ram_bytes"]) + floats;
    let labels = (u64::from(info.memory.given) - pool) / 2;
    let lines = run(&mut supple(&[&"inspect", &pack, &"--board", &board])).succeeded();
    assert!(lines.contains(&format!(" labels of {labels},")), "{labels} labels on the board: {lines}");
    let (promised, used) = (integer(&told["stack_bytes"]), device.stack_high_water().expect("it answers"));
    println!(
        "{board}: {used} bytes of stack used, {promised} promised, {} there; {} bytes of RAM besides the pool",
        info.memory.stack,
        info.memory.fixed - info.memory.given
    );
    assert!(used > 0 && u64::from(used) <= promised, "{used} bytes of stack used, {promised} promised");
    let program = u64::from(info.memory.fixed - info.memory.given);
    assert_eq!(integer(&told["program_bytes"]), program, "the board's RAM besides pool and labels");
    assert_eq!(integer(&told["ram_bytes"]), need + promised + program);
    assert!(promised <= u64::from(info.memory.stack), "{} bytes of stack are there", info.memory.stack);
}

/// The pack with its support cache in `f32`, then in `i8`.
fn same_on(board: &str, trunk: &TrunkParts, inputs: &[Vec<f32>]) {
    for (cache, name) in [(Element::F32, "f32"), (Element::I8, "i8")] {
        let bytes = packed(trunk, cache);
        let expected = episode::run(&mut Twin::new(&bytes), inputs);
        check_expected(&expected);
        let folder = scratch(&format!("qemu_boards-{board}-{name}"));
        let path = folder.file("boards.supple", bytes);
        let firmware = root().join(format!("target/firmware/{board}.elf"));
        let qemu = Qemu::board(board, firmware, &path).expect("a board");
        let start = || Client::connect(qemu.start().unwrap_or_else(|error| panic!("{error}")));
        let mut device = start().expect("it answers");
        assert_eq!(
            expected,
            episode::run(&mut device, inputs),
            "{board} differs from the twin, cache in {name}"
        );
        disturb(&mut device);
        assert_eq!(
            expected,
            episode::run(&mut device, inputs),
            "{board} differs after noise, cache in {name}"
        );
        check_memory(board, &path, &mut device);
    }
}

/// Bits that agree prove little where they are those of nothing, or of what is cut off at a limit.
fn check_expected(expected: &Bits) {
    for feature in &expected.features {
        let different: BTreeSet<_> = feature.iter().collect();
        assert!(different.len() > FEATURES / 2, "{feature:x?}");
    }
    for outputs in &expected.outputs {
        let different: BTreeSet<_> = outputs.iter().collect();
        assert_eq!(different.len(), STEPS + 1, "{outputs:x?}");
    }
    assert!(expected.outcomes.iter().any(|(adapted, ..)| *adapted), "{:?}", expected.outcomes);
}

#[test]
fn cortex_m0_adapts_heads_on_streamed_features() {
    let mut trunk = Twin::new(&packed(&convolutions(), Element::F32));
    let features: Vec<_> = images().iter().map(|image| episode::Device::sample(&mut trunk, image)).collect();
    same_on("microbit", &nothing(), &features);
}

#[test]
fn cortex_m3() {
    same_on("mps2-an385", &convolutions(), &images());
}

#[test]
fn cortex_m4() {
    same_on("mps2-an386", &convolutions(), &images());
}

#[test]
fn cortex_m4_of_stm32() {
    same_on("netduinoplus2", &convolutions(), &images());
}

#[test]
fn cortex_m7() {
    same_on("mps2-an500", &convolutions(), &images());
}

#[test]
fn cortex_m33() {
    same_on("mps2-an505", &convolutions(), &images());
}

#[test]
fn cortex_m55() {
    same_on("mps3-an547", &convolutions(), &images());
}

#[test]
fn riscv32() {
    same_on("riscv32-virt", &convolutions(), &images());
}
