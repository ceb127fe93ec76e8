//! Emulated boards that have the bench's timer and memory map.

/// A board.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// As on the command line.
    pub name: &'static str,
    /// The emulator's machine.
    pub machine: &'static str,
    /// Its core.
    pub cpu: &'static str,
    /// What images are compiled for.
    pub target: &'static str,
    /// Where the pack lies.
    pub pack_at: u32,
    /// Whether cycles are estimated: the table of costs is the Cortex-M4's.
    pub cycles: bool,
}

/// All of them, the usual one first.
pub const BOARDS: [Board; 3] = [
    Board {
        name: "mps2-an386",
        machine: "mps2-an386",
        cpu: "cortex-m4",
        target: "thumbv7em-none-eabihf",
        pack_at: 0x2100_0000,
        cycles: true,
    },
    Board {
        name: "mps2-an385",
        machine: "mps2-an385",
        cpu: "cortex-m3",
        target: "thumbv7m-none-eabi",
        pack_at: 0x2100_0000,
        cycles: false,
    },
    Board {
        name: "mps2-an500",
        machine: "mps2-an500",
        cpu: "cortex-m7",
        target: "thumbv7em-none-eabihf",
        pack_at: 0x6000_0000,
        cycles: false,
    },
];

impl Board {
    /// The board of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        BOARDS.iter().find(|board| board.name == name)
    }
}

#[cfg(test)]
mod tests {
    use supple_link::host::EmulatedBoard;

    use super::*;

    #[test]
    fn packs_lie_where_the_boards_firmware_looks_for_them() {
        for board in &BOARDS {
            let emulated = EmulatedBoard::named(board.name).expect("a board of the firmware");
            assert_eq!(board.pack_at, emulated.pack_address, "{}", board.name);
        }
    }
}
