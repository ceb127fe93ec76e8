//! What the boards under firmware/boards have room for.

use supple_link::host::{EmulatedBoard, HardwareBoard, UnknownBoard};
use supple_pack::Pack;
use supple_runtime::MemoryNeed;

/// The board taken when none is named.
pub const DEFAULT: &str = "mps2-an386";

/// A board's room for a pack. A test holds the figures against what the running firmware tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Board {
    /// As its folder is named.
    pub name: &'static str,
    /// `f32` of the pool that activations, head and support cache share.
    pub pool: usize,
    /// `u16` for the labels of support samples and the rows of their classes.
    pub labels: usize,
    /// The most heads of a pack that the firmware runs.
    pub heads: usize,
    /// Bytes of the pack's flash region.
    pub pack_region: usize,
    /// The most stack that the firmware uses: what its linker script promises and `cargo xtask gates stack` proves.
    pub stack_bytes: usize,
    /// RAM of the firmware itself, besides pool, labels and stack: the line's buffers, the driver's state.
    pub program_bytes: usize,
}

impl Board {
    /// The one of [`DEFAULT`].
    pub const DEFAULT: Self = MID_SIZE;

    /// Finds a board by name.
    pub fn named(name: &str) -> Result<Self, UnknownBoard> {
        let emulated = EmulatedBoard::named(name).map(|board| (board.name, board.pack_room));
        let hardware = || HardwareBoard::named(name).map(|board| (board.name, board.pack_room));
        let (name, pack_room) = emulated.or_else(|_| hardware())?;
        let room = match name {
            "microbit" => Self { pool: 1472, labels: 128, stack_bytes: 8_576, ..MID_SIZE },
            "mps2-an385" => Self { stack_bytes: 9_216, ..MID_SIZE },
            "riscv32-virt" => Self { stack_bytes: 9_472, program_bytes: 1_568, ..MID_SIZE },
            "netduinoplus2" | "nucleo-f446re" => Self { pool: 28 * 1024, stack_bytes: 8_192, ..MID_SIZE },
            "esp32-c3" => Self { pool: 60 * 1024, stack_bytes: 16_384, program_bytes: 2_880, ..MID_SIZE },
            "nrf52840-dk" => Self { pool: 56 * 1024, stack_bytes: 8_192, ..MID_SIZE },
            "pico2" => Self { pool: 112 * 1024, stack_bytes: 8_704, program_bytes: 1_816, ..MID_SIZE },
            _ => MID_SIZE,
        };
        Ok(Self { name, pack_region: pack_room as usize, ..room })
    }

    /// All RAM that the firmware uses with a pack: what the pack needs, the deepest stack, and the firmware's own.
    pub fn ram_bytes(&self, need: &MemoryNeed) -> usize {
        need.adapt_bytes() + self.stack_bytes + self.program_bytes
    }

    /// Whether a pack fits, with the signature behind it if it has one: so many bytes of flash.
    pub fn fits(&self, pack: &Pack, flash_bytes: usize) -> bool {
        self.has_room(flash_bytes, pack.trunk().heads.into(), &MemoryNeed::of(pack))
    }

    fn has_room(&self, pack_bytes: usize, heads: usize, need: &MemoryNeed) -> bool {
        pack_bytes <= self.pack_region
            && heads <= self.heads
            && need.floats() <= self.pool
            && need.labels <= self.labels
    }
}

/// What most boards give.
const MID_SIZE: Board = Board {
    name: DEFAULT,
    pool: 64 * 1024,
    labels: 1024,
    heads: 4,
    pack_region: 2 << 20,
    stack_bytes: 5_504,
    program_bytes: 1_560,
};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use supple_link::host::{BOARDS, HARDWARE};

    use super::*;

    fn file(board: &str, name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware/boards");
        fs::read_to_string(folder.join(board).join(name)).unwrap()
    }

    #[test]
    fn boards_of_silicon_have_the_room_and_promise_the_stack_that_their_files_say() {
        for board in HARDWARE.map(|board| Board::named(board.name).unwrap()) {
            let main = file(board.name, "src/main.rs");
            let pool = format!("const POOL_FLOATS: usize = {} * 1024;", board.pool / 1024);
            let labels = format!("const LABELS: usize = {};", board.labels);
            assert!(main.contains(&pool) && main.contains(&labels), "{}", board.name);
            let script = if board.name == "esp32-c3" { "places.x" } else { "memory.x" };
            let promise = format!("_stack_promise = {};", board.stack_bytes);
            assert!(file(board.name, script).contains(&promise), "{}", board.name);
        }
    }

    #[test]
    fn every_board_promises_the_stack_that_its_linker_script_does() {
        for board in BOARDS.map(|board| Board::named(board.name).unwrap()) {
            let script = format!("../../firmware/boards/{}/memory.x", board.name);
            let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).unwrap();
            assert!(script.contains(&format!("_stack_promise = {};", board.stack_bytes)), "{}", board.name);
        }
    }

    #[test]
    fn every_board_runs_as_many_heads_as_the_main_loop_does() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware/app/src/running.rs");
        let main_loop = fs::read_to_string(path).unwrap();
        for board in BOARDS.map(|board| Board::named(board.name).unwrap()) {
            assert!(
                main_loop.contains(&format!("const MOST_HEADS: usize = {};", board.heads)),
                "{}",
                board.name
            );
        }
    }

    #[test]
    fn a_pack_fits_up_to_the_last_byte() {
        let board = Board::named(DEFAULT).unwrap();
        assert_eq!(board, Board::DEFAULT);
        let need = MemoryNeed {
            arena: 65_000,
            head: 100,
            guard: 100,
            cache: 300,
            work: 36,
            labels: 1024,
            ..MemoryNeed::default()
        };
        assert!(board.has_room(2 << 20, 4, &need));
        assert!(!board.has_room((2 << 20) + 1, 4, &need));
        assert!(!board.has_room(2 << 20, 5, &need));
        assert!(!board.has_room(1, 1, &MemoryNeed { work: 37, ..need }));
        assert!(!board.has_room(1, 1, &MemoryNeed { labels: 1025, ..need }));
        assert!(Board::named("no-such-board").unwrap_err().to_string().contains(DEFAULT));
    }
}
