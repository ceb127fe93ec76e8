//! The emulated boards: how QEMU starts each, and where its firmware looks for packs and keys.

use super::hardware::HARDWARE;

/// An emulated board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmulatedBoard {
    /// As its folder below `firmware/boards` is named.
    pub name: &'static str,
    /// What its firmware is compiled for.
    pub target: &'static str,
    /// The profile of `firmware/Cargo.toml` that it is built with: `release`, or `small` where flash has no room for that.
    pub profile: &'static str,
    /// QEMU's program.
    pub program: &'static str,
    /// QEMU's machine and what else says how it starts.
    pub(super) machine: &'static [&'static str],
    /// The option that loads its firmware.
    pub(super) image: &'static str,
    /// Where its firmware looks for the first pack; its `memory.x` says the same.
    pub pack_address: u32,
    /// The most bytes of a pack and its signature.
    pub pack_room: u32,
    /// Where its firmware looks for keys; its `memory.x` says the same.
    pub keys_address: u32,
    /// Where the emulator keeps the flash that the firmware writes.
    pub(super) flash: Flash,
    /// For exact counts, an instruction takes 2 to the power of this in nanoseconds, as the firmware's clock assumes.
    pub(super) shift: u8,
}

/// Where the emulator keeps the flash that the firmware writes. In a file, the first pack lies at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flash {
    /// In the emulator, as long as it runs. The pack is put there at every reset.
    Inside,
    /// RAM of so many bytes, which is a file.
    Memory(u64),
    /// A bank of flash of so many bytes, which is a file.
    Bank(u64),
}

/// QEMU's program for Arm's boards.
const ARM: &str = "qemu-system-arm";
/// QEMU's program for RISC-V boards.
const RISCV: &str = "qemu-system-riscv32";

const MIB: u32 = 1 << 20;
const KIB: u32 = 1 << 10;

/// The board taken when none is named, an Arm MPS2 with a Cortex-M4F.
pub const DEFAULT: EmulatedBoard = EmulatedBoard {
    name: "mps2-an386",
    target: "thumbv7em-none-eabihf",
    profile: "release",
    program: ARM,
    machine: &["-M", "mps2-an386", "-cpu", "cortex-m4"],
    image: "-kernel",
    pack_address: 0x2100_0000,
    pack_room: 2 * MIB,
    keys_address: 0x0010_0000,
    flash: Flash::Memory(16 << 20),
    shift: 6,
};

/// The folders of `firmware/boards`.
pub const BOARDS: [EmulatedBoard; 8] = [
    EmulatedBoard {
        name: "microbit",
        target: "thumbv6m-none-eabi",
        profile: "small",
        machine: &["-M", "microbit"],
        pack_address: 0x0002_0000,
        pack_room: 50 * KIB,
        keys_address: 0x0001_fc00,
        flash: Flash::Inside,
        ..DEFAULT
    },
    EmulatedBoard {
        name: "mps2-an385",
        target: "thumbv7m-none-eabi",
        machine: &["-M", "mps2-an385", "-cpu", "cortex-m3"],
        ..DEFAULT
    },
    DEFAULT,
    EmulatedBoard {
        name: "mps2-an500",
        machine: &["-M", "mps2-an500", "-cpu", "cortex-m7"],
        pack_address: 0x6000_0000,
        ..DEFAULT
    },
    EmulatedBoard {
        name: "mps2-an505",
        target: "thumbv8m.main-none-eabihf",
        machine: &["-M", "mps2-an505", "-cpu", "cortex-m33"],
        pack_address: 0x8000_0000,
        keys_address: 0x1010_0000,
        ..DEFAULT
    },
    EmulatedBoard {
        name: "mps3-an547",
        target: "thumbv8m.main-none-eabihf",
        machine: &["-M", "mps3-an547", "-cpu", "cortex-m55"],
        pack_address: 0x6000_0000,
        keys_address: 0x1100_0000,
        // The emulator has no less; a file takes only the room of what was written.
        flash: Flash::Memory(2 << 30),
        ..DEFAULT
    },
    EmulatedBoard {
        name: "netduinoplus2",
        machine: &["-M", "netduinoplus2"],
        pack_address: 0x0806_0000,
        pack_room: 256 * KIB,
        keys_address: 0x0800_3c00,
        flash: Flash::Inside,
        ..DEFAULT
    },
    EmulatedBoard {
        name: "riscv32-virt",
        target: "riscv32imac-unknown-none-elf",
        profile: "release",
        program: RISCV,
        machine: &["-M", "virt"],
        // With a file for its second bank of flash, it would keep a `-kernel` back for a boot loader.
        image: "-bios",
        pack_address: 0x2200_0000,
        pack_room: 2 * MIB,
        keys_address: 0x8010_0000,
        flash: Flash::Bank(32 << 20),
        shift: 0,
    },
];

/// No such board.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} `{name}`: QEMU emulates {}; of silicon, at a serial port, are {}",
    if HARDWARE.iter().any(|board| board.name == name) { "no emulator has" } else { "there is no board" },
    BOARDS.map(|board| board.name).join(", "),
    HARDWARE.map(|board| board.name).join(", ")
)]
pub struct UnknownBoard {
    /// As asked for.
    pub name: String,
}

impl EmulatedBoard {
    /// Finds a board by name.
    pub fn named(name: &str) -> Result<&'static Self, UnknownBoard> {
        let board = BOARDS.iter().find(|board| board.name == name);
        board.ok_or_else(|| UnknownBoard { name: name.to_owned() })
    }

    /// Whether its flash can be a file that is kept: see [`Qemu::flash_file`](super::Qemu::flash_file).
    pub fn keeps_flash(&self) -> bool {
        self.flash != Flash::Inside
    }

    /// Debian's package of its program.
    pub fn package(&self) -> &'static str {
        if self.program == RISCV { "qemu-system-misc" } else { ARM }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware/boards")
    }

    #[test]
    fn every_folder_of_a_board_is_in_one_table_and_nothing_else() {
        let entries = fs::read_dir(folder()).expect("the checkout's folder");
        let mut found: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        found.sort();
        let mut named = [&BOARDS.map(|board| board.name)[..], &HARDWARE.map(|board| board.name)].concat();
        named.sort_unstable();
        assert_eq!(found, named);
    }

    /// A number of a linker script, such as `0x00200000` or `128K`.
    fn number(text: &str) -> u32 {
        let text = text.trim();
        match (text.strip_prefix("0x"), text.strip_suffix('K')) {
            (Some(digits), _) => u32::from_str_radix(digits, 16).expect("hexadecimal"),
            (None, Some(digits)) => KIB * digits.parse::<u32>().expect("decimal"),
            (None, None) => panic!("no number: {text}"),
        }
    }

    /// Start and length of a region in a board's linker script.
    fn region(board: &str, name: &str) -> (u32, u32) {
        let script = fs::read_to_string(folder().join(board).join("memory.x")).expect("a script");
        let named = |line: &&str| line.split_whitespace().next() == Some(name);
        let line = script.lines().find(named).and_then(|line| line.split_once(','));
        let (origin, length) = line.unwrap_or_else(|| panic!("{board} has no region {name}"));
        let value = |side: &str| number(side.split_once('=').expect("a value").1);
        (value(origin), value(length))
    }

    #[test]
    fn packs_and_keys_lie_where_the_linker_scripts_say() {
        for board in BOARDS {
            assert_eq!(region(board.name, "PACK"), (board.pack_address, board.pack_room), "{}", board.name);
            assert_eq!(region(board.name, "PACK_B").1, board.pack_room, "{}", board.name);
            assert_eq!(region(board.name, "KEYS").0, board.keys_address, "{}", board.name);
        }
    }

    #[test]
    fn an_unknown_board_is_told_the_known_ones() {
        let error = EmulatedBoard::named("arduino").expect_err("no such board").to_string();
        assert!(error.contains("no board `arduino`") && error.contains("netduinoplus2"), "{error}");
    }
}
