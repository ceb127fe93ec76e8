//! What is in a firmware image: code size, static RAM, hash.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf::{self, FileHeader32};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use sha2::{Digest, Sha256};

/// A firmware image in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Bytes of code and constants in flash.
    pub code: u64,
    /// Bytes of RAM set aside before the program starts; the stack is not among them.
    pub fixed_ram: u64,
    /// SHA-256, in hexadecimal, of all that is flashed, with its addresses.
    pub sha256: String,
}

/// Why an image could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No such file.
    #[error("{} cannot be read: {source}; build it with `cargo xtask firmware`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No ELF for a 32-bit machine.
    #[error("{} is no firmware image ({reason}); build it with `cargo xtask firmware`", path.display())]
    NoImage {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Image {
    /// Reads an ELF file.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let unreadable = |source| ImageError::Unreadable { path: path.to_owned(), source };
        let data = fs::read(path).map_err(unreadable)?;
        Self::parse(&data).map_err(|reason| ImageError::NoImage { path: path.to_owned(), reason })
    }

    fn parse(data: &[u8]) -> Result<Self, String> {
        let header = FileHeader32::<Endianness>::parse(data).map_err(damaged)?;
        let endian = header.endian().map_err(damaged)?;
        let mut hash = Sha256::new();
        let mut code = 0;
        for segment in header.program_headers(endian, data).map_err(damaged)? {
            let flashed =
                segment.data(endian, data).map_err(|()| "a segment lies outside the file".to_owned())?;
            if segment.p_type(endian) == elf::PT_LOAD && !flashed.is_empty() {
                hash.update(segment.p_paddr(endian).to_le_bytes());
                hash.update(flashed);
                code += flashed.len() as u64;
            }
        }
        let sections = header.sections(endian, data).map_err(damaged)?;
        let in_ram = elf::SHF_ALLOC | elf::SHF_WRITE;
        // Some linker scripts make a section of the room that they leave to the stack.
        let stack = |section| sections.section_name(endian, section).is_ok_and(|name| name == b".stack");
        let fixed_ram = sections
            .iter()
            .filter(|section| section.sh_flags(endian) & in_ram == in_ram && !stack(section))
            .map(|section| u64::from(section.sh_size(endian)))
            .sum();
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { code, fixed_ram, sha256 })
    }
}

fn damaged(error: object::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_image_is_refused_with_a_remedy() {
        let error = Image::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").as_path());
        let error = error.expect_err("no ELF").to_string();
        assert!(error.contains("no firmware image") && error.contains("cargo xtask firmware"), "{error}");
    }
}
