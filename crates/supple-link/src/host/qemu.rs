//! Emulated boards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempPath;

use super::board::{DEFAULT, EmulatedBoard, Flash, UnknownBoard};
use super::child::Child;
use super::flash_file::{self, FlashFileError};

/// An emulated board, its firmware and its pack.
#[derive(Debug, Clone)]
pub struct Qemu {
    board: &'static EmulatedBoard,
    program: PathBuf,
    firmware: PathBuf,
    pack: Option<PathBuf>,
    keys: Option<PathBuf>,
    flash_file: Option<PathBuf>,
    serial: String,
    control: Option<PathBuf>,
    exact: bool,
}

/// What starts a board.
#[derive(Debug)]
pub struct Prepared {
    /// The command, its line where [`Qemu::serial`] says.
    pub command: Command,
    /// Its flash, where no file was named for it; deleted when this is dropped.
    pub flash: Option<TempPath>,
}

impl Qemu {
    /// The board `mps2-an386` with a firmware image (ELF) and a pack.
    pub fn new(firmware: impl Into<PathBuf>, pack: impl Into<PathBuf>) -> Self {
        Self::with(&DEFAULT, firmware.into(), Some(pack.into()))
    }

    /// A board by name, with a firmware image (ELF) and a pack.
    pub fn board(
        name: &str,
        firmware: impl Into<PathBuf>,
        pack: impl Into<PathBuf>,
    ) -> Result<Self, UnknownBoard> {
        Ok(Self::with(EmulatedBoard::named(name)?, firmware.into(), Some(pack.into())))
    }

    /// A board by name with a firmware image (ELF) and no pack: one can be sent to it.
    ///
    /// Where the emulator has the flash inside, as on `microbit`, it puts a pack that it was given back at every
    /// restart, over what was sent to the same area.
    pub fn bare(name: &str, firmware: impl Into<PathBuf>) -> Result<Self, UnknownBoard> {
        Ok(Self::with(EmulatedBoard::named(name)?, firmware.into(), None))
    }

    fn with(board: &'static EmulatedBoard, firmware: PathBuf, pack: Option<PathBuf>) -> Self {
        Self {
            board,
            program: PathBuf::from(board.program),
            firmware,
            pack,
            keys: None,
            flash_file: None,
            serial: "stdio".to_owned(),
            control: None,
            exact: false,
        }
    }

    /// The public keys that the board trusts, a file of `supple key ring`.
    pub fn keys(mut self, keys: impl Into<PathBuf>) -> Self {
        self.keys = Some(keys.into());
        self
    }

    /// Keeps what the board writes to its flash in a file, for a later start. The pack is put there only where the file
    /// is new. Not on every board: see [`EmulatedBoard::keeps_flash`]. Only one emulator may use it at a time.
    pub fn flash_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.flash_file = Some(path.into());
        self
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

    /// Where the board's line is, as QEMU's `-serial` names it; at first, the command's standard streams. [`Self::start`]
    /// needs those.
    pub fn serial(mut self, serial: impl Into<String>) -> Self {
        self.serial = serial.into();
        self
    }

    /// Lets the emulator be controlled (QMP) through a socket that it makes at this path.
    pub fn control(mut self, socket: impl Into<PathBuf>) -> Self {
        self.control = Some(socket.into());
        self
    }

    /// Starts the board; it runs until the line is dropped.
    pub fn start(&self) -> Result<Child, QemuError> {
        let Prepared { command, flash } = self.prepare()?;
        let child = Child::start(command).map_err(|source| QemuError::CannotStart {
            program: self.program.display().to_string(),
            package: self.board.package(),
            source,
        })?;
        Ok(child.with_file(flash))
    }

    /// Checks the files and makes the flash; then the command starts the board.
    pub fn prepare(&self) -> Result<Prepared, QemuError> {
        if !self.firmware.is_file() {
            return Err(QemuError::NoFirmware { path: self.firmware.clone(), board: self.board.name });
        }
        if let Some(path) = &self.pack {
            let unreadable = |source| QemuError::NoPack { path: path.clone(), source };
            let (length, room) = (fs::metadata(path).map_err(unreadable)?.len(), self.board.pack_room);
            if length > u64::from(room) {
                return Err(QemuError::PackTooLarge { path: path.clone(), length, room });
            }
        }
        if let Some(path) = &self.keys {
            fs::metadata(path).map_err(|source| QemuError::NoKeys { path: path.clone(), source })?;
        }
        let mut command = self.command();
        let (Flash::Memory(bytes) | Flash::Bank(bytes)) = self.board.flash else {
            if self.flash_file.is_some() {
                return Err(QemuError::NoFlashFile { board: self.board.name });
            }
            if let Some(pack) = &self.pack {
                load(&mut command, pack, self.board.pack_address);
            }
            return Ok(Prepared { command, flash: None });
        };
        let pack = self.pack.as_deref();
        let temporary = match &self.flash_file {
            Some(path) => {
                flash_file::kept(path, bytes, pack)?;
                None
            }
            None => Some(flash_file::temporary(bytes, pack)?),
        };
        if let Some(path) = temporary.as_deref().or(self.flash_file.as_deref()) {
            use_flash(&mut command, self.board.flash, path);
        }
        Ok(Prepared { command, flash: temporary })
    }

    /// The command without pack and flash.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.board.machine);
        command.args(["-nographic", "-monitor", "none", "-serial", &self.serial]);
        if let Some(socket) = &self.control {
            command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", escaped(socket)));
        }
        if self.exact {
            command.args(["-icount", &format!("shift={}", self.board.shift)]);
        }
        command.arg(self.board.image).arg(&self.firmware);
        if let Some(keys) = &self.keys {
            load(&mut command, keys, self.board.keys_address);
        }
        command
    }
}

/// Lets the emulator put a file into memory at every reset.
fn load(command: &mut Command, file: &Path, address: u32) {
    // Forced raw, or QEMU would guess a format from the file's first bytes.
    let file = escaped(file);
    command.arg("-device").arg(format!("loader,file={file},addr={address:#x},force-raw=on"));
}

/// Lets a file be the flash.
fn use_flash(command: &mut Command, flash: Flash, file: &Path) {
    let file = escaped(file);
    match flash {
        Flash::Inside => {}
        Flash::Memory(bytes) => {
            let memory = format!("memory-backend-file,id=flash,mem-path={file},size={bytes},share=on");
            command.args(["-object", &memory, "-machine", "memory-backend=flash"]);
        }
        Flash::Bank(_) => {
            command.arg("-drive").arg(format!("if=pflash,unit=1,format=raw,file={file}"));
        }
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
    /// There are no keys.
    #[error("the keys {} cannot be read: {source}; make them with `supple key ring`", path.display())]
    NoKeys {
        /// Where they should be.
        path: PathBuf,
        /// Why they cannot be read.
        source: std::io::Error,
    },
    /// The emulator keeps this board's flash itself.
    #[error(
        "{board}'s flash is inside the emulator and cannot be a file; leave the file out, or take another board"
    )]
    NoFlashFile {
        /// The board.
        board: &'static str,
    },
    /// The flash file is not there, or another one.
    #[error(transparent)]
    FlashFile(#[from] FlashFileError),
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
        fs::write(&pack, vec![0; (50 << 10) + 1]).expect("the temporary folder is writable");
        let error = Qemu::board("microbit", file, &pack).expect("a board").start();
        fs::remove_file(&pack).expect("it was written");
        let error = error.expect_err("one byte too long").to_string();
        assert!(error.contains("51201 bytes") && error.contains("room for 51200"), "{error}");
    }

    #[test]
    fn flash_inside_the_emulator_is_no_file() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let qemu = Qemu::bare("microbit", file).expect("a board").flash_file("/no/such/flash");
        let error = qemu.start().expect_err("it has none").to_string();
        assert!(error.contains("microbit's flash is inside the emulator"), "{error}");
    }

    #[test]
    fn a_comma_in_the_pack_s_path_is_doubled() {
        assert_eq!(escaped(Path::new("a,b.supple")), "a,,b.supple");
    }
}
