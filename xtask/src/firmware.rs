//! Builds a board's firmware.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::setup::{BareMetal, TARGET};
use supple_link::host::{Image, ImageError};

/// The board built when none is named.
pub const DEFAULT_BOARD: &str = "mps2-an386";

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
    /// No folder of that name.
    #[error("there is no board `{board}`; there are: {}", known.join(", "))]
    UnknownBoard {
        /// The name given.
        board: String,
        /// The boards' folders.
        known: Vec<String>,
    },
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
    let known = boards(root)?;
    if !known.iter().any(|name| name == board) {
        return Err(FirmwareError::UnknownBoard { board: board.to_owned(), known });
    }
    let target = root.join("target/firmware");
    let mut cargo = cargo(bare_metal);
    cargo.current_dir(root.join("firmware"));
    cargo.args(["build", "--release", "--quiet", "--package", board, "--target", TARGET, "--target-dir"]);
    cargo.arg(&target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(root));
    let status = cargo
        .status()
        .map_err(|source| FirmwareError::Failed { what: "starting cargo".to_owned(), source })?;
    if !status.success() {
        return Err(FirmwareError::DoesNotBuild { board: board.to_owned() });
    }
    let built = target.join(TARGET).join("release").join(board);
    let path = target.join(format!("{board}.elf"));
    let failed = |source| FirmwareError::Failed { what: format!("copying {}", built.display()), source };
    fs::copy(&built, &path).map_err(failed)?;
    let image = Image::read(&path)?;
    Ok(Built { path, image })
}

/// The boards' folders.
pub fn boards(root: &Path) -> Result<Vec<String>, FirmwareError> {
    let folder = root.join("firmware/boards");
    let entries = fs::read_dir(&folder)
        .map_err(|source| FirmwareError::Failed { what: format!("reading {}", folder.display()), source })?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// Cargo for bare metal.
pub fn cargo(bare_metal: &BareMetal) -> Command {
    match bare_metal {
        BareMetal::Current => Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))),
        BareMetal::Debian { linker } => {
            let mut cargo = Command::new("/usr/bin/cargo");
            cargo.env("RUSTC", "/usr/bin/rustc");
            // Debian has no prebuilt core library for the target; building it is still called unstable.
            cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=core");
            if let Some(linker) = linker {
                cargo.env("CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER", linker);
            }
            cargo
        }
    }
}

/// Paths of this machine become the same everywhere, for they would end up in the image.
pub fn flags(root: &Path) -> OsString {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut flags = OsString::new();
    for (from, to) in [(cargo_home.as_path(), "/cargo"), (root, "/supple")] {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}
