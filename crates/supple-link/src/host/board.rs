//! The emulated boards: how QEMU starts each, and where its firmware looks for a pack.

use super::hardware::HARDWARE;

/// An emulated board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmulatedBoard {
    /// As its folder below `firmware/boards` is named.
    pub name: &'static str,
    /// What its firmware is compiled for.
    pub target: &'static str,
    /// QEMU's program.
    pub program: &'static str,
    /// QEMU's machine and what else says how it starts.
    pub(super) machine: &'static [&'static str],
    /// Where its firmware looks for a pack; its `memory.x` says the same.
    pub pack_address: u32,
    /// The most bytes of a pack.
    pub pack_room: u32,
    /// For exact counts, an instruction takes 2 to the power of this in nanoseconds, as the firmware's clock assumes.
    pub(super) shift: u8,
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
    program: ARM,
    machine: &["-M", "mps2-an386", "-cpu", "cortex-m4"],
    pack_address: 0x0020_0000,
    pack_room: 2 * MIB,
    shift: 6,
};

/// The folders of `firmware/boards`.
pub const BOARDS: [EmulatedBoard; 8] = [
    EmulatedBoard {
        name: "microbit",
        target: "thumbv6m-none-eabi",
        machine: &["-M", "microbit"],
        pack_address: 0x0002_0000,
        pack_room: 128 * KIB,
        ..DEFAULT
    },
    EmulatedBoard {
        name: "mps2-an385",
        target: "thumbv7m-none-eabi",
        machine: &["-M", "mps2-an385", "-cpu", "cortex-m3"],
        ..DEFAULT
    },
    DEFAULT,
    EmulatedBoard { name: "mps2-an500", machine: &["-M", "mps2-an500", "-cpu", "cortex-m7"], ..DEFAULT },
    EmulatedBoard {
        name: "mps2-an505",
        target: "thumbv8m.main-none-eabihf",
        machine: &["-M", "mps2-an505", "-cpu", "cortex-m33"],
        pack_address: 0x1020_0000,
        ..DEFAULT
    },
    EmulatedBoard {
        name: "mps3-an547",
        target: "thumbv8m.main-none-eabihf",
        machine: &["-M", "mps3-an547", "-cpu", "cortex-m55"],
        pack_address: 0x1100_0000,
        ..DEFAULT
    },
    EmulatedBoard {
        name: "netduinoplus2",
        machine: &["-M", "netduinoplus2"],
        pack_address: 0x0802_0000,
        pack_room: 896 * KIB,
        ..DEFAULT
    },
    EmulatedBoard {
        name: "riscv32-virt",
        target: "riscv32imac-unknown-none-elf",
        program: RISCV,
        machine: &["-M", "virt", "-bios", "none"],
        pack_address: 0x8020_0000,
        pack_room: 2 * MIB,
        shift: 0,
    },
];

/// No such board.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no board `{name}`: QEMU emulates {}; of silicon are {}",
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

    #[test]
    fn packs_lie_where_the_linker_scripts_say() {
        for board in BOARDS {
            let script = fs::read_to_string(folder().join(board.name).join("memory.x")).expect("a script");
            let line = script.lines().find(|line| line.trim().starts_with("PACK"));
            let (origin, length) = line.and_then(|line| line.split_once(',')).expect("a region `PACK`");
            let value = |side: &str| number(side.split_once('=').expect("a value").1);
            assert_eq!(value(origin), board.pack_address, "{}", board.name);
            assert_eq!(value(length), board.pack_room, "{}", board.name);
        }
    }

    #[test]
    fn an_unknown_board_is_told_the_known_ones() {
        let error = EmulatedBoard::named("arduino").expect_err("no such board").to_string();
        assert!(error.contains("no board `arduino`") && error.contains("netduinoplus2"), "{error}");
    }
}
