//! Builds boards' firmware, and the images that test kernels.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use supple_link::host::{BOARDS, EmulatedBoard, HARDWARE, HardwareBoard, Image, ImageError, UnknownBoard};

use crate::setup::BareMetal;

/// The board built when none is named.
pub const DEFAULT_BOARD: &str = "mps2-an386";

/// The boards whose memory maps and targets serve to test kernels on every core that has some in assembly; the image of
/// the first runs on a Cortex-M7 too.
const KERNEL_BOARDS: [&str; 3] = [DEFAULT_BOARD, "mps2-an505", "mps3-an547"];

/// The board of silicon whose firmware runs on an emulated relative too, built with its feature `qemu`.
pub const EMULATED_TOO: &str = "nucleo-f446re";

/// The profile of boards that have room for it.
const RELEASE: &str = "release";

/// A firmware image that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// The ELF, `target/firmware/BOARD.elf`.
    pub path: PathBuf,
    /// What is in it.
    pub image: Image,
}

/// Why there is no firmware.
#[derive(Debug, thiserror::Error)]
pub enum FirmwareError {
    /// No such board.
    #[error(transparent)]
    UnknownBoard(#[from] UnknownBoard),
    /// Cargo said why.
    #[error("the firmware for {board} did not build; cargo's messages above say why")]
    DoesNotBuild {
        /// The board.
        board: String,
    },
    /// A program or a file failed.
    #[error("{what} failed: {source}; check that it exists and the folder's rights")]
    Failed {
        /// The program or the file.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The linker wrote something odd.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Builds a board's firmware and copies it to `target/firmware/BOARD.elf`.
///
/// The same sources and compiler give the same bytes, wherever they lie.
pub fn build(root: &Path, board: &str, bare_metal: &BareMetal) -> Result<Built, FirmwareError> {
    let compiled_for = target(board)?;
    let target = root.join("target/firmware");
    let mut cargo = cargo_build(root, compiled_for, profile(board), bare_metal);
    cargo.args(["--package", board]);
    run(&mut cargo, board)?;
    let built = target.join(compiled_for).join(profile(board)).join(board);
    let path = target.join(format!("{board}.elf"));
    copy(&built, &path)?;
    let image = Image::read(&path)?;
    Ok(Built { path, image })
}

/// Builds the firmware of [`EMULATED_TOO`] for its emulated relative, `target/firmware/BOARD-qemu.elf`.
pub fn build_emulated_too(root: &Path, bare_metal: &BareMetal) -> Result<PathBuf, FirmwareError> {
    let compiled_for = target(EMULATED_TOO)?;
    let folder = root.join("target/firmware");
    let profile = profile(EMULATED_TOO);
    let mut cargo = cargo_build(root, compiled_for, profile, bare_metal);
    cargo.args(["--package", EMULATED_TOO, "--features", "qemu"]);
    run(&mut cargo, EMULATED_TOO)?;
    let path = folder.join(format!("{EMULATED_TOO}-qemu.elf"));
    copy(&folder.join(compiled_for).join(profile).join(EMULATED_TOO), &path)?;
    Ok(path)
}

/// Builds the images that hold kernels against their definition, `target/firmware/kernels-BOARD.elf`.
pub fn build_kernels(root: &Path, bare_metal: &BareMetal) -> Result<Vec<PathBuf>, FirmwareError> {
    let target_folder = root.join("target/firmware");
    let mut images = Vec::new();
    for board in KERNEL_BOARDS {
        let compiled_for = target(board)?;
        let mut cargo = cargo_build(root, compiled_for, RELEASE, bare_metal);
        cargo.args(["--package", "supple-device-bench", "--bin", "kernels", "--features", "dsp"]);
        // Where other images of the bench are built too, which lie in the usual board's memory by themselves.
        if board != DEFAULT_BOARD {
            cargo.env("SUPPLE_BENCH_BOARD", board);
        }
        run(&mut cargo, board)?;
        let path = target_folder.join(format!("kernels-{board}.elf"));
        copy(&target_folder.join(compiled_for).join("release/kernels"), &path)?;
        images.push(path);
    }
    Ok(images)
}

/// What the images that test kernels are compiled for.
pub fn kernel_targets() -> Result<BTreeSet<&'static str>, UnknownBoard> {
    KERNEL_BOARDS.into_iter().map(target).collect()
}

/// Cargo, about to build something of the firmware.
fn cargo_build(root: &Path, target: &str, profile: &str, bare_metal: &BareMetal) -> Command {
    let mut cargo = cargo(bare_metal);
    cargo.current_dir(root.join("firmware"));
    cargo.args(["build", "--profile", profile, "--quiet", "--target", target]);
    cargo.arg("--target-dir").arg(root.join("target/firmware"));
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(root));
    cargo
}

fn run(cargo: &mut Command, board: &str) -> Result<(), FirmwareError> {
    let status = cargo.status();
    let status =
        status.map_err(|source| FirmwareError::Failed { what: "starting cargo".to_owned(), source })?;
    if status.success() { Ok(()) } else { Err(FirmwareError::DoesNotBuild { board: board.to_owned() }) }
}

fn copy(from: &Path, to: &Path) -> Result<(), FirmwareError> {
    let failed = |source| FirmwareError::Failed { what: format!("copying {}", from.display()), source };
    fs::copy(from, to).map_err(failed)?;
    Ok(())
}

/// The boards' names, those of silicon last.
pub fn boards() -> impl Iterator<Item = &'static str> {
    BOARDS.iter().map(|board| board.name).chain(HARDWARE.iter().map(|board| board.name))
}

/// What a board's firmware is compiled for.
pub fn target(board: &str) -> Result<&'static str, UnknownBoard> {
    let emulated = EmulatedBoard::named(board).map(|board| board.target);
    emulated.or_else(|_| HardwareBoard::named(board).map(|board| board.target))
}

/// The profile that a board's firmware is built with.
pub fn profile(board: &str) -> &'static str {
    let emulated = EmulatedBoard::named(board).map(|board| board.profile);
    emulated.or_else(|_| HardwareBoard::named(board).map(|board| board.profile)).unwrap_or(RELEASE)
}

/// The bare-metal compiler's cargo.
pub fn cargo(bare_metal: &BareMetal) -> Command {
    match bare_metal {
        BareMetal::Current => Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))),
        BareMetal::Debian { linker } => {
            let mut cargo = Command::new("/usr/bin/cargo");
            cargo.env("RUSTC", "/usr/bin/rustc");
            // Not by the environment, whose names have no place for the dot of `thumbv8m.main`.
            for (target, linker) in targets().into_iter().zip(linker.iter().cycle()) {
                let linker = linker.display();
                cargo.arg("--config").arg(format!("target.'{target}'.linker = '{linker}'"));
            }
            // Debian has no prebuilt core library for these targets; building it is still called unstable.
            cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=core");
            cargo
        }
    }
}

/// What the boards are compiled for, each once.
pub fn targets() -> BTreeSet<&'static str> {
    BOARDS.iter().map(|board| board.target).chain(HARDWARE.iter().map(|board| board.target)).collect()
}

/// What the compiler is told besides. Paths of this machine become the same everywhere, for they would end up in the
/// image; SHA-512 is not unrolled, which would take 26 KB of flash.
pub fn flags(root: &Path) -> OsString {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut flags = OsString::from("--cfg=sha2_backend_soft=\"compact\"");
    for (from, to) in [(cargo_home.as_path(), "/cargo"), (root, "/supple")] {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}
