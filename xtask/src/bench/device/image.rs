//! Builds the bench's images, each with what its cases need.

use std::path::{Path, PathBuf};
use std::{fs, io};

use object::Endianness;
use object::elf::{self, FileHeader32};
use object::read::elf::{FileHeader, ProgramHeader, Sym};

use super::boards::Board;
use crate::firmware::{cargo, flags};
use crate::setup::BareMetal;

const PACKAGE: &str = "supple-device-bench";
/// The function whose calls enclose what is measured.
const CLOCK: &[u8] = b"supple_bench_ticks";

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Cargo did not start.
    #[error("starting cargo failed: {0}; install Rust from https://rustup.rs")]
    NoCargo(io::Error),
    /// Cargo said why.
    #[error("the bench's image with the features `{0}` did not build; cargo's messages above say why")]
    DoesNotBuild(String),
    /// A file.
    #[error("{} cannot be copied: {source}; check the folder's rights", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The linker wrote something odd.
    #[error("{} is no image of the bench ({reason}); delete target/firmware and build again", path.display())]
    Odd {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bench {
    /// The ELF.
    pub path: PathBuf,
    /// The code from its first address on.
    pub code: Vec<u8>,
    /// That address.
    pub base: u32,
    /// Where the clock's function begins.
    pub clock: u32,
    /// Bytes of code and constants in flash.
    pub flash: u64,
}

/// Builds the image with some of the bench's features; without `product` it is the harness alone.
pub fn build(
    root: &Path,
    board: &Board,
    profile: &str,
    features: &str,
    tools: &BareMetal,
) -> Result<Bench, ImageError> {
    let target = root.join("target/firmware");
    let mut cargo = cargo(tools);
    cargo.current_dir(root.join("firmware"));
    cargo.args(["build", "--profile", profile, "--quiet", "--package", PACKAGE, "--target", board.target]);
    cargo.args(["--no-default-features", "--features", features, "--target-dir"]).arg(&target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(root));
    // Standard output is for results.
    let status = cargo.stdout(io::stderr()).status().map_err(ImageError::NoCargo)?;
    if !status.success() {
        return Err(ImageError::DoesNotBuild(features.to_owned()));
    }
    let built = target.join(board.target).join(profile).join(PACKAGE);
    // The next image is built in the same place.
    let name = features.replace(',', "-");
    let path = target.join(format!("bench-{}-{profile}-{name}.elf", board.target));
    fs::copy(&built, &path).map_err(|source| ImageError::Copy { path: path.clone(), source })?;
    let data = fs::read(&path).map_err(|source| ImageError::Copy { path: path.clone(), source })?;
    read(&path, &data).map_err(|reason| ImageError::Odd { path, reason })
}

fn read(path: &Path, data: &[u8]) -> Result<Bench, String> {
    let odd = |error: object::Error| error.to_string();
    let header = FileHeader32::<Endianness>::parse(data).map_err(odd)?;
    let endian = header.endian().map_err(odd)?;
    let (mut code, mut base, mut flash) = (Vec::new(), u32::MAX, 0);
    for segment in header.program_headers(endian, data).map_err(odd)? {
        let bytes = segment.data(endian, data).map_err(|()| "a segment lies outside the file".to_owned())?;
        if segment.p_type(endian) != elf::PT_LOAD || bytes.is_empty() {
            continue;
        }
        flash += bytes.len() as u64;
        // Segments come in the order of their addresses.
        let at = segment.p_paddr(endian);
        base = base.min(at);
        code.resize((at - base) as usize, 0);
        code.extend_from_slice(bytes);
    }
    let sections = header.sections(endian, data).map_err(odd)?;
    let symbols = sections.symbols(endian, data, elf::SHT_SYMTAB).map_err(odd)?;
    let clock =
        symbols.iter().find(|symbol| symbol.name(endian, symbols.strings()).is_ok_and(|name| name == CLOCK));
    // The lowest bit says that it is Thumb code.
    let clock = clock.ok_or("it has no clock")?.st_value(endian) & !1;
    Ok(Bench { path: path.to_owned(), code, base, clock, flash })
}
