//! The boards of silicon: what puts firmware, packs and keys on each, and where.

use super::board::UnknownBoard;

/// A board that a programmer writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HardwareBoard {
    /// As its folder below `firmware/boards` is named.
    pub name: &'static str,
    /// What its firmware is compiled for.
    pub target: &'static str,
    /// The profile of `firmware/Cargo.toml` that it is built with: `release`, or `small` where flash has no room for that.
    pub profile: &'static str,
    /// What writes its flash.
    pub programmer: Programmer,
    /// Where its firmware looks for a pack, area A, as the programmer counts; `memory.x` or `main.rs` of the board says
    /// the same.
    pub pack_address: u32,
    /// The most bytes of a pack and its signature.
    pub pack_room: u32,
    /// Where its firmware looks for keys, as the programmer counts. They may share an erase unit with code, which a
    /// programmer must then keep (`probe-rs download --restore-unwritten`).
    pub keys_address: u32,
}

/// The program that writes a board's flash, and what it calls the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programmer {
    /// probe-rs, through a debug probe; it counts addresses as the core does.
    ProbeRs {
        /// As `probe-rs chip list` names it.
        chip: &'static str,
    },
    /// espflash, through the serial line; it counts from the start of flash.
    Espflash {
        /// As its option `--chip` names it.
        chip: &'static str,
    },
    /// picotool, through USB; it counts addresses as the core does.
    Picotool {
        /// As its option `--family` names it.
        family: &'static str,
    },
}

const KIB: u32 = 1 << 10;

/// The boards of silicon, by name.
pub const HARDWARE: [HardwareBoard; 4] = [
    HardwareBoard {
        name: "esp32-c3",
        target: "riscv32imc-unknown-none-elf",
        profile: "release",
        programmer: Programmer::Espflash { chip: "esp32c3" },
        pack_address: 0x0011_0000,
        pack_room: 1408 * KIB,
        keys_address: 0x0010_0000,
    },
    HardwareBoard {
        name: "nrf52840-dk",
        target: "thumbv7em-none-eabihf",
        profile: "release",
        programmer: Programmer::ProbeRs { chip: "nRF52840_xxAA" },
        pack_address: 0x0004_0000,
        pack_room: 352 * KIB,
        keys_address: 0x0003_f000,
    },
    HardwareBoard {
        name: "nucleo-f446re",
        target: "thumbv7em-none-eabihf",
        profile: "small",
        programmer: Programmer::ProbeRs { chip: "STM32F446RETx" },
        pack_address: 0x0804_0000,
        pack_room: 128 * KIB,
        keys_address: 0x0800_3c00,
    },
    HardwareBoard {
        name: "pico2",
        target: "thumbv8m.main-none-eabihf",
        profile: "release",
        programmer: Programmer::Picotool { family: "rp2350-arm-s" },
        pack_address: 0x1010_0000,
        pack_room: 1408 * KIB,
        keys_address: 0x100f_f000,
    },
];

impl HardwareBoard {
    /// Finds a board by name.
    pub fn named(name: &str) -> Result<&'static Self, UnknownBoard> {
        let board = HARDWARE.iter().find(|board| board.name == name);
        board.ok_or_else(|| UnknownBoard { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_in_order_and_found() {
        assert!(HARDWARE.is_sorted_by_key(|board| board.name));
        for board in &HARDWARE {
            assert_eq!(HardwareBoard::named(board.name), Ok(board));
        }
    }

    /// A file of a board's folder.
    fn file(board: &str, name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware/boards");
        fs::read_to_string(folder.join(board).join(name)).expect("the checkout's file")
    }

    /// Start and length of a region in a linker script.
    fn region(script: &str, name: &str) -> (u32, u32) {
        let named = |line: &&str| line.split_whitespace().next() == Some(name);
        let line = script.lines().find(named).and_then(|line| line.split_once(','));
        let (origin, length) = line.unwrap_or_else(|| panic!("no region {name}"));
        let value = |side: &str| side.split_once('=').expect("a value").1.trim().to_owned();
        let origin = u32::from_str_radix(value(origin).trim_start_matches("0x"), 16).expect("hexadecimal");
        let length = value(length).strip_suffix('K').and_then(|digits| digits.parse::<u32>().ok());
        (origin, KIB * length.expect("kilobytes"))
    }

    #[test]
    fn packs_and_keys_lie_where_the_boards_files_say() {
        for board in HARDWARE {
            let mapped = matches!(board.programmer, Programmer::Espflash { .. });
            let script = file(board.name, if mapped { "places.x" } else { "memory.x" });
            let (keys, pack) = (region(&script, "KEYS").0, region(&script, "PACK"));
            assert_eq!(pack.1, board.pack_room, "{}", board.name);
            assert_eq!(region(&script, "PACK_B"), (pack.0 + pack.1, board.pack_room), "{}", board.name);
            // A programmer that counts from the start of flash knows nothing of where the firmware maps it.
            if mapped {
                let flash = file(board.name, "src/flash.rs");
                assert!(flash.contains("const KEYS: u32 = 0x10_0000;") && board.keys_address == 0x10_0000);
                assert!(flash.contains(&format!("const MAPPED_KEYS: u32 = 0x{:x}_0000;", keys >> 16)));
                assert_eq!(pack.0 - keys, board.pack_address - board.keys_address, "{}", board.name);
            } else {
                assert_eq!((keys, pack.0), (board.keys_address, board.pack_address), "{}", board.name);
            }
        }
    }

    #[test]
    fn an_unknown_board_is_told_the_known_ones() {
        let error = HardwareBoard::named("arduino").expect_err("no such board").to_string();
        assert!(error.contains("no board `arduino`") && error.contains("pico2"), "{error}");
    }
}
