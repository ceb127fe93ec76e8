//! The firmware as shipped has no way to panic: the linker kept none of core's panicking functions.
//!
//! Needs `target/firmware/mps2-an386.elf` (`cargo xtask firmware`).

use object::elf::FileHeader32;
use object::read::elf::{FileHeader, Sym};
use object::{Endianness, elf};
use supple_tests::run::{firmware, read};

/// The names of the functions in an image, mangled.
fn functions(image: &[u8]) -> Vec<String> {
    let header = FileHeader32::<Endianness>::parse(image).expect("an ELF");
    let endian = header.endian().expect("of some byte order");
    let sections = header.sections(endian, image).expect("with sections");
    let symbols = sections.symbols(endian, image, elf::SHT_SYMTAB).expect("and symbols");
    let functions = symbols.iter().filter(|symbol| symbol.st_type() == elf::STT_FUNC);
    functions
        .map(|symbol| symbol.name(endian, symbols.strings()).expect("a name"))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

#[test]
fn the_firmware_holds_no_panicking_function() {
    let functions = functions(&read(firmware()));
    // The image is not stripped: what runs is there by name.
    assert!(functions.iter().any(|name| name.contains("supple_app")), "{functions:?}");
    let panics: Vec<&String> = functions
        .iter()
        .filter(|name| ["panicking", "len_mismatch_fail", "unwrap_failed"].iter().any(|p| name.contains(p)))
        .collect();
    assert!(panics.is_empty(), "what can panic is linked again: {panics:?}");
}
