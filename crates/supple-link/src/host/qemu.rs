//! Emulated boards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::board::{DEFAULT, EmulatedBoard, UnknownBoard};
use super::child::Child;

/// An emulated board, its firmware and its pack.
#[derive(Debug, Clone)]
pub struct Qemu {
    board: &'static EmulatedBoard,
    program: PathBuf,
    firmware: PathBuf,
    pack: PathBuf,
    exact: bool,
}

impl Qemu {
    /// The board `mps2-an386` with a firmware image (ELF) and a pack.
    pub fn new(firmware: impl Into<PathBuf>, pack: impl Into<PathBuf>) -> Self {
        Self::with(&DEFAULT, firmware.into(), pack.into())
    }

    /// A board by name, with a firmware image (ELF) and a pack.
    pub fn board(
        name: &str,
        firmware: impl Into<PathBuf>,
        pack: impl Into<PathBuf>,
    ) -> Result<Self, UnknownBoard> {
        Ok(Self::with(EmulatedBoard::named(name)?, firmware.into(), pack.into()))
    }

    fn with(board: &'static EmulatedBoard, firmware: PathBuf, pack: PathBuf) -> Self {
        Self { board, program: PathBuf::from(board.program), firmware, pack, exact: false }
    }

    /// Counts instructions, so that ticks are exact and the same at every run; slower.
    pub fn exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// Another program than the board's of the search path.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Starts the board; it runs until the line is dropped.
    pub fn start(&self) -> Result<Child, QemuError> {
        if !self.firmware.is_file() {
            return Err(QemuError::NoFirmware { path: self.firmware.clone(), board: self.board.name });
        }
        let pack = fs::metadata(&self.pack)
            .map_err(|source| QemuError::NoPack { path: self.pack.clone(), source })?;
        let (length, room) = (pack.len(), self.board.pack_room);
        if length > u64::from(room) {
            return Err(QemuError::PackTooLarge { path: self.pack.clone(), length, room });
        }
        Child::start(self.command()).map_err(|source| QemuError::CannotStart {
            program: self.program.display().to_string(),
            package: self.board.package(),
            source,
        })
    }

    /// The command that starts the board, its line on the standard streams.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.board.machine);
        command.args(["-nographic", "-monitor", "none", "-serial", "stdio"]);
        if self.exact {
            command.args(["-icount", &format!("shift={}", self.board.shift)]);
        }
        command.arg("-kernel").arg(&self.firmware);
        // Forced raw, or QEMU would guess a format from the pack's first bytes.
        let (pack, address) = (escaped(&self.pack), self.board.pack_address);
        command.arg("-device").arg(format!("loader,file={pack},addr={address:#x},force-raw=on"));
        command
    }
}

/// A comma ends a value in QEMU's options, two are one comma.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

/// Why an emulated board did not start.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// There is no firmware image.
    #[error(
        "there is no firmware image at {}; build it with `cargo xtask firmware --board {board}`",
        path.display()
    )]
    NoFirmware {
        /// Where it should be.
        path: PathBuf,
        /// The board.
        board: &'static str,
    },
    /// There is no pack.
    #[error("the pack {} cannot be read: {source}; make one with `supple pack`", path.display())]
    NoPack {
        /// Where it should be.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The pack is longer than its flash region.
    #[error(
        "the pack {} has {length} bytes, the board has room for {room}; train a smaller trunk, or leave it out: \
         `supple pack --heads-only`",
        path.display()
    )]
    PackTooLarge {
        /// The pack.
        path: PathBuf,
        /// Its length.
        length: u64,
        /// The region's.
        room: u32,
    },
    /// QEMU is not there or does not run.
    #[error(
        "{program} does not start: {source}; install it with `apt-get install --no-install-recommends \
         {package}` (Debian, Ubuntu) or `brew install qemu` (macOS), or run `cargo xtask setup`"
    )]
    CannotStart {
        /// The program tried.
        program: String,
        /// Debian's package of it.
        package: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_firmware_names_its_remedy() {
        let qemu = Qemu::board("mps2-an385", "/no/such.elf", "/no/such.supple").expect("a board");
        let error = qemu.start().expect_err("nothing is there");
        assert!(error.to_string().contains("`cargo xtask firmware --board mps2-an385`"), "{error}");
    }

    #[test]
    fn a_missing_qemu_names_its_package() {
        // Any file stands in for firmware and pack: nothing is started.
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let qemu = Qemu::new(&file, &file).program("/no/such/qemu-system-arm");
        let error = qemu.start().expect_err("nothing is there").to_string();
        assert!(error.contains("apt-get install --no-install-recommends qemu-system-arm"), "{error}");
        let qemu = Qemu::board("riscv32-virt", &file, &file).expect("a board").program("/no/such/qemu");
        let error = qemu.start().expect_err("nothing is there").to_string();
        assert!(error.contains("apt-get install --no-install-recommends qemu-system-misc"), "{error}");
    }

    #[test]
    fn a_pack_beyond_the_board_s_room_is_refused() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let pack = std::env::temp_dir().join(format!("supple-large-{}.supple", std::process::id()));
        fs::write(&pack, vec![0; (128 << 10) + 1]).expect("the temporary folder is writable");
        let error = Qemu::board("microbit", file, &pack).expect("a board").start();
        fs::remove_file(&pack).expect("it was written");
        let error = error.expect_err("one byte too long").to_string();
        assert!(error.contains("131073 bytes") && error.contains("room for 131072"), "{error}");
    }

    #[test]
    fn a_comma_in_the_pack_s_path_is_doubled() {
        assert_eq!(escaped(Path::new("a,b.supple")), "a,,b.supple");
    }
}
