//! The firmware of a board of silicon, NUCLEO-F446RE, on QEMU's relative of its chip: only the set-up of the clocks is
//! left out. Features, outputs and heads are the twin's, bit for bit; flash, which QEMU does not let be written, is found
//! out.
//!
//! Needs `target/firmware/nucleo-f446re-qemu.elf` (`cargo xtask firmware --board nucleo-f446re`) and QEMU
//! (`cargo xtask setup`).

#[path = "qemu_boards/board.rs"]
mod board;
#[path = "qemu_boards/episode.rs"]
mod episode;
#[path = "qemu_boards/packs.rs"]
mod packs;
#[path = "qemu_boards/twin.rs"]
mod twin;

use std::path::Path;
use std::process::Command;

use supple_link::host::{Child, Client, HardwareBoard, LinkError};
use supple_link::{DeviceError, FlashFault};
use supple_pack::Element;
use supple_tests::root;
use supple_tests::run::scratch;

use self::packs::{Numbers, convolutions, nothing, packed};
use self::twin::Twin;

const WAY: usize = 4;
const NUMBERS: usize = 2;
const FEATURES: usize = 32;
const SAMPLES: usize = 6;
const STEPS: usize = 3;

const BOARD: &str = "nucleo-f446re";

/// The image on the machine, with a pack in area A. The line is the machine's second.
fn start(pack: &Path) -> Client<Child> {
    let firmware = root().join(format!("target/firmware/{BOARD}-qemu.elf"));
    assert!(firmware.is_file(), "no {}: `cargo xtask firmware --board {BOARD}`", firmware.display());
    let address = HardwareBoard::named(BOARD).expect("a board").pack_address;
    let mut command = Command::new("qemu-system-arm");
    command.args([
        "-M",
        "netduinoplus2",
        "-nographic",
        "-monitor",
        "none",
        "-serial",
        "null",
        "-serial",
        "stdio",
    ]);
    command.arg("-kernel").arg(firmware).arg("-device");
    command.arg(format!("loader,file={},addr={address:#x},force-raw=on", pack.display()));
    Client::connect(Child::start(command).expect("`cargo xtask setup` installs it")).expect("it answers")
}

/// Nothing that was asked for may have been written.
fn refuses(outcome: Result<(), LinkError>) {
    match outcome {
        Err(LinkError::Device(DeviceError::Flash(FlashFault::NotWritten))) => {}
        other => panic!("flash that keeps nothing was taken for sound: {other:?}"),
    }
}

#[test]
fn the_board_s_firmware_adapts_as_the_twin_does() {
    let folder = scratch("stm32f4");
    let mut numbers = Numbers(0x0bad_cafe);
    let inputs: Vec<_> = (0..SAMPLES).map(|_| numbers.floats(64)).collect();
    let bytes = packed(&convolutions(), Element::I8);
    let mut device = start(&folder.file("boards.supple", &bytes));
    let info = device.info().expect("it answers");
    assert_eq!(info.board.as_str(), BOARD);
    assert!(info.pack.is_ok(), "{:?}", info.pack);
    let bits = episode::run(&mut device, &inputs);
    assert!(bits.outcomes.iter().any(|(adapted, ..)| *adapted), "{:?}", bits.outcomes);
    assert!(bits == episode::run(&mut Twin::new(&bytes), &inputs), "the board differs from the twin");
    let (used, memory) = (device.stack_high_water().expect("it answers"), info.memory);
    println!(
        "{used} bytes of stack used, {} there; {} bytes of RAM besides the pool",
        memory.stack,
        memory.fixed - memory.given
    );
    assert!(used > 0 && used < memory.stack);
}

#[test]
fn flash_that_keeps_nothing_is_found_out_and_nothing_is_lost() {
    let folder = scratch("stm32f4_flash");
    let bytes = packed(&nothing(), Element::F32);
    let mut device = start(&folder.file("boards.supple", &bytes));
    let mut numbers = Numbers(0x5eed_0001);
    device.begin(WAY as u16).expect("classes");
    for class in 0..WAY {
        device.feature(&numbers.floats(FEATURES)).expect("a feature vector");
        device.push_support(class as u16).expect("room");
    }
    device.adapt(STEPS as u16).expect("support");
    let (head, outputs) = (device.read_head().expect("a head"), device.logits().expect("outputs"));
    refuses(device.save(false).map(|_| ()));
    refuses(device.save(true).map(|_| ()));
    assert_eq!(device.versions().expect("it answers"), []);
    // Sectors of packs are longer than those of journals, and it says so.
    let packs = device.packs().expect("it answers");
    assert_eq!((packs.room, packs.unit, packs.waiting), (128 << 10, 128 << 10, false));
    device.pack_begin(bytes.len() as u32, 0).expect("room");
    refuses(device.pack_chunk(0, &[1; 64]));
    assert_eq!((device.read_head().expect("a head"), device.logits().expect("outputs")), (head, outputs));
    // It starts anew with the same pack, and with nothing learned.
    let checksum =
        |device: &mut Client<Child>| device.info().expect("it answers").pack.expect("a pack").checksum;
    let before = checksum(&mut device);
    device.restart().expect("it starts");
    assert_eq!(checksum(&mut device), before);
    assert!(device.read_head().is_err(), "a head that was never kept");
}
