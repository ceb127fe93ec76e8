//! A linked firmware image: its functions, what it has in memory, what the compiler said about frames.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use object::Endianness;
use object::elf::{self, FileHeader32};
use object::read::elf::{FileHeader, SectionHeader, Sym};

/// Whose instructions an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Thumb.
    Arm,
    /// RISC-V, 32 bits.
    RiscV,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its names, for several may share a place.
    pub names: Vec<String>,
    /// Its first byte.
    pub start: u32,
    /// Behind its last byte.
    pub end: u32,
    /// Whether the image tells where it ends; if not, that is where the next one starts.
    pub sized: bool,
    /// Its frame as the compiler tells it, what it saves of registers included; `None` for assembly and for parts of
    /// the core library that were compiled before.
    pub frame: Option<u32>,
}

impl Function {
    /// The first of its names.
    pub fn name(&self) -> &str {
        self.names.first().map_or("?", String::as_str)
    }

    /// Its name as it stands in the source.
    pub fn readable(&self) -> String {
        format!("{:#}", rustc_demangle::demangle(self.name()))
    }
}

/// Why an image cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No such file.
    #[error("{path} cannot be read: {source}; build it again")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// No ELF, or a damaged one.
    #[error("{path} is no firmware image ({reason}); build it again")]
    NoImage {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// An image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its instructions.
    pub machine: Machine,
    /// Where it starts.
    pub entry: u32,
    /// Ordered by their places, none over another.
    pub functions: Vec<Function>,
    /// Every symbol that is no function's.
    pub symbols: BTreeMap<String, u32>,
    /// What is in memory, by section: name, address, bytes.
    pub sections: Vec<(String, u32, Vec<u8>)>,
    /// Where code (`true`) and data among it (`false`) begin.
    marks: BTreeMap<u32, bool>,
}

impl Image {
    /// An image put together by hand.
    #[cfg(test)]
    pub fn of(
        machine: Machine,
        entry: u32,
        functions: Vec<Function>,
        sections: Vec<(String, u32, Vec<u8>)>,
    ) -> Self {
        let (symbols, marks) = (BTreeMap::new(), BTreeMap::new());
        Self { machine, entry, functions, symbols, sections, marks }
    }

    /// Reads an ELF file.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let name = || path.display().to_string();
        let data = fs::read(path).map_err(|source| ImageError::Unreadable { path: name(), source })?;
        Self::parse(&data).map_err(|reason| ImageError::NoImage { path: name(), reason })
    }

    fn parse(data: &[u8]) -> Result<Self, String> {
        let header = FileHeader32::<Endianness>::parse(data).map_err(text)?;
        let endian = header.endian().map_err(text)?;
        let machine = match header.e_machine(endian) {
            elf::EM_ARM => Machine::Arm,
            elf::EM_RISCV => Machine::RiscV,
            other => return Err(format!("machine {other} is neither Arm nor RISC-V")),
        };
        let table = header.sections(endian, data).map_err(text)?;
        let (mut sections, mut sizes, mut code) = (Vec::new(), BTreeMap::new(), Vec::new());
        for section in table.iter() {
            let name =
                String::from_utf8_lossy(table.section_name(endian, section).map_err(text)?).into_owned();
            let bytes = section.data(endian, data).map_err(text)?;
            if name == ".stack_sizes" {
                sizes = frames(bytes)?;
            }
            let flags = section.sh_flags(endian);
            let start = section.sh_addr(endian);
            if flags & elf::SHF_ALLOC == elf::SHF_ALLOC {
                if flags & elf::SHF_EXECINSTR == elf::SHF_EXECINSTR {
                    code.push((start, start + section.sh_size(endian)));
                }
                sections.push((name, start, bytes.to_vec()));
            }
        }
        let mut image = Self {
            machine,
            entry: place(machine, header.e_entry(endian)),
            functions: Vec::new(),
            symbols: BTreeMap::new(),
            sections,
            marks: BTreeMap::new(),
        };
        let symbols = table.symbols(endian, data, elf::SHT_SYMTAB).map_err(text)?;
        let mut functions: BTreeMap<u32, (Vec<String>, u32)> = BTreeMap::new();
        for symbol in symbols.iter() {
            let name = symbol.name(endian, symbols.strings()).map_err(text)?;
            let name = String::from_utf8_lossy(name).into_owned();
            let value = symbol.st_value(endian);
            if symbol.st_type() == elf::STT_FUNC && symbol.st_shndx(endian) != elf::SHN_UNDEF {
                let (names, size) = functions.entry(place(machine, value)).or_default();
                names.push(name);
                *size = (*size).max(symbol.st_size(endian));
            } else if let Some(is_code) = mark(&name) {
                image.marks.insert(value, is_code);
            } else {
                image.symbols.insert(name, value);
            }
        }
        // Start-up code in assembly may be a mere label.
        for (name, &value) in &image.symbols {
            let before = functions.range(..=value).next_back();
            let inside = before.is_some_and(|(start, (_, size))| value < start + (*size).max(1));
            if !inside
                && !name.starts_with(".L")
                && code.iter().any(|(from, to)| (*from..*to).contains(&value))
            {
                functions.entry(value).or_default().0.push(name.clone());
            }
        }
        let starts: Vec<u32> = functions.keys().copied().collect();
        for (index, (start, (names, size))) in functions.into_iter().enumerate() {
            // Assembly often tells no size: up to the next function then.
            let next = starts.get(index + 1).copied().unwrap_or(u32::MAX);
            let section = code.iter().find(|(from, to)| (*from..*to).contains(&start));
            let end = section.map_or(start, |(_, to)| next.min(*to));
            let end = if size == 0 { end } else { end.min(start + size) };
            let (sized, frame) = (size > 0, sizes.get(&start).copied());
            image.functions.push(Function { names, start, end, sized, frame });
        }
        Ok(image)
    }

    /// The function that an address lies in.
    pub fn function_at(&self, address: u32) -> Option<usize> {
        let index = self.functions.partition_point(|function| function.start <= address).checked_sub(1)?;
        (address < self.functions[index].end).then_some(index)
    }

    /// Whether instructions lie at an address, or constants among them.
    pub fn is_code(&self, address: u32) -> bool {
        self.marks.range(..=address).next_back().is_none_or(|(_, is_code)| *is_code)
    }

    /// Two bytes of what is in memory.
    pub fn half(&self, address: u32) -> Option<u16> {
        self.bytes(address).map(u16::from_le_bytes)
    }

    /// Four bytes of what is in memory.
    pub fn word(&self, address: u32) -> Option<u32> {
        self.bytes(address).map(u32::from_le_bytes)
    }

    fn bytes<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        self.sections.iter().find_map(|(_, start, bytes)| {
            let at = address.checked_sub(*start)? as usize;
            bytes.get(at..)?.first_chunk().copied()
        })
    }

    /// Words of a section, such as the vector table.
    pub fn words_of(&self, section: &str) -> Vec<u32> {
        let found = self.sections.iter().find(|(name, _, _)| name == section);
        let chunks = found.map_or(&[][..], |(_, _, bytes)| bytes.as_chunks::<4>().0);
        chunks.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
    }
}

/// An address without the bit that says Thumb.
pub fn place(machine: Machine, address: u32) -> u32 {
    if machine == Machine::Arm { address & !1 } else { address }
}

/// Of a mapping symbol, whether code begins there.
fn mark(name: &str) -> Option<bool> {
    let name = name.split('.').next()?;
    match name {
        "$t" | "$x" => Some(true),
        "$d" => Some(false),
        _ if name.starts_with("$xrv") => Some(true),
        _ => None,
    }
}

/// What `-Z emit-stack-sizes` writes: an address and a size in LEB128 for each function.
fn frames(mut bytes: &[u8]) -> Result<BTreeMap<u32, u32>, String> {
    let mut frames = BTreeMap::new();
    while let Some((address, rest)) = bytes.split_first_chunk::<4>() {
        bytes = rest;
        let mut size = 0_u32;
        for shift in (0..32).step_by(7) {
            let (byte, rest) = bytes.split_first().ok_or("half an entry in .stack_sizes")?;
            bytes = rest;
            size |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        frames.insert(u32::from_le_bytes(*address) & !1, size);
    }
    Ok(frames)
}

fn text(error: object::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_the_compiler_writes_them() {
        let bytes = [0x01, 0x10, 0, 0, 0x08, 0x40, 0x20, 0, 0x20, 0x98, 0x0a];
        let expected = BTreeMap::from([(0x1000, 8), (0x2000_2040, 1304)]);
        assert_eq!(frames(&bytes), Ok(expected));
        assert!(frames(&bytes[..10]).is_err());
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let error = Image::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")));
        assert!(error.expect_err("no ELF").to_string().contains("no firmware image"));
    }
}
