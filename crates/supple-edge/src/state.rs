//! The state file: a header that says how large everything is, then the flash.
//!
//! | bytes | header | |
//! |---|---|---|
//! | 0..8 | magic `SUPPLEST` | |
//! | 8..12 | version | 1 |
//! | 12..16 | bytes of a pack area | a multiple of 4,096 |
//! | 16..20 | bytes of a segment of the heads' journal | a multiple of 4,096 |
//! | 20..24 | segments of the heads' journal | at least 2 |
//! | 24..28 | bytes of memory for the pack that runs | |
//! | 28..32 | CRC-32C of bytes 0..28 | |
//!
//! All integers are little-endian; zeros fill the header up to 4,096 bytes. Of the flash behind it the pack areas A and
//! B are first, then the boot journal (four segments of 4,096 bytes), then the heads' journal.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use supple_app::{Places, Region};
use supple_pack::header::crc32c;
use tempfile::NamedTempFile;

use crate::flash::{FileFlash, Storage, UNIT};

const MAGIC: [u8; 8] = *b"SUPPLEST";
const VERSION: u32 = 1;
/// Bytes of a header without the zeros behind.
const HEADER_BYTES: usize = 32;
/// Where the flash begins in the file.
const FLASH_AT: u64 = UNIT as u64;
const BOOT_SEGMENTS: u32 = 4;

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// How large everything is. Decided when a file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes for each of the two packs.
    pub pack: u32,
    /// Bytes for each version of the heads.
    pub heads: u32,
    /// How many versions are kept, the newest among them.
    pub versions: u32,
    /// Bytes of memory for the pack that runs.
    pub memory: u32,
}

impl Sizes {
    /// Of a new file, where nothing else is said.
    pub const DEFAULT: Self = Self { pack: 4 * MIB, heads: MIB, versions: 8, memory: 64 * MIB };

    /// Bytes of the flash; `None` beyond what can be addressed.
    fn flash_bytes(&self) -> Option<u32> {
        let packs = self.pack.checked_mul(2)?;
        let heads = self.heads.checked_mul(self.versions)?;
        packs.checked_add(BOOT_SEGMENTS * UNIT as u32)?.checked_add(heads)
    }

    /// Where in the flash things lie.
    pub const fn places(&self) -> Places {
        let unit = UNIT as u32;
        let boot = 2 * self.pack;
        Places {
            packs: [0, self.pack],
            pack_bytes: self.pack,
            boot: Region { start: boot, segment_bytes: unit, segments: BOOT_SEGMENTS },
            heads: Region {
                start: boot + BOOT_SEGMENTS * unit,
                segment_bytes: self.heads,
                segments: self.versions,
            },
        }
    }

    /// Rounds up to whole erase units, and says what cannot be.
    pub fn checked(self) -> Result<Self, String> {
        let rounded = |bytes: u32, name: &str| {
            let whole = bytes.max(1).checked_next_multiple_of(UNIT as u32);
            whole.ok_or_else(|| format!("{name} of {bytes} bytes is too large"))
        };
        let sizes = Self {
            pack: rounded(self.pack, "a pack area")?,
            heads: rounded(self.heads, "a version")?,
            ..self
        };
        if sizes.versions < 2 {
            return Err("at least 2 versions are needed: while one is written, the other is kept".to_owned());
        }
        if sizes.memory > 2 * 1024 * MIB {
            return Err("the memory is at most 2 GiB".to_owned());
        }
        match sizes.flash_bytes() {
            Some(_) => Ok(sizes),
            None => Err("packs and versions together are at most 4 GiB".to_owned()),
        }
    }

    fn to_header(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let words = [VERSION, self.pack, self.heads, self.versions, self.memory];
        let (head, sum) = bytes.split_at_mut(HEADER_BYTES - 4);
        let (magic, fields) = head.split_at_mut(MAGIC.len());
        magic.copy_from_slice(&MAGIC);
        for (place, word) in fields.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        sum.copy_from_slice(&crc32c([head, &[]]).to_le_bytes());
        bytes
    }

    /// `None` if it is no header of a state file, or of one of another version.
    fn from_header(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (head, sum) = bytes.split_last_chunk::<4>()?;
        let (magic, fields) = head.split_first_chunk::<8>()?;
        let mut words = fields.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        let sound = *magic == MAGIC && crc32c([head, &[]]) == u32::from_le_bytes(*sum);
        if !sound || words.next()? != VERSION {
            return None;
        }
        let mut word = || words.next();
        let sizes = Self { pack: word()?, heads: word()?, versions: word()?, memory: word()? };
        (sizes.checked().ok()? == sizes).then_some(sizes)
    }
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system's reason.
    #[error("the state file {} cannot be used: {source}; check the folder, its rights and the room on the disk", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Two servers would write over each other.
    #[error("another server uses {}; end it, or give this one a file of its own with --state", .0.display())]
    InUse(PathBuf),
    /// Something else, or cut short.
    #[error("{} is not a whole state file; name another with --state, or move it away to make a new one", .0.display())]
    NotState(PathBuf),
}

/// The part of a state file that is flash.
pub struct StateFile(File);

impl Storage for StateFile {
    fn read_at(&mut self, at: u32, bytes: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(bytes, FLASH_AT + u64::from(at))
    }

    fn write_at(&mut self, at: u32, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, FLASH_AT + u64::from(at))
    }

    fn sync(&mut self) -> io::Result<()> {
        let told = |error: &io::Error| {
            eprintln!("error: the state file cannot be synced: {error}; nothing is kept until a new start");
        };
        self.0.sync_data().inspect_err(told)
    }
}

/// A state file that this process alone uses, and its sizes.
pub struct State {
    /// As it was made.
    pub sizes: Sizes,
    /// Its flash.
    pub flash: FileFlash<StateFile>,
}

/// Opens a state file and locks it.
pub fn open(path: &Path) -> Result<State, StateError> {
    let failed = |source| StateError::Failed { path: path.to_owned(), source };
    let not_state = || StateError::NotState(path.to_owned());
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StateError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let mut header = [0; HEADER_BYTES];
    match file.read_exact_at(&mut header, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(not_state()),
        Err(error) => return Err(failed(error)),
    }
    let sizes = Sizes::from_header(&header).ok_or_else(not_state)?;
    let bytes = sizes.flash_bytes().ok_or_else(not_state)?;
    if file.metadata().map_err(failed)?.len() != FLASH_AT + u64::from(bytes) {
        return Err(not_state());
    }
    let flash = FileFlash::open(StateFile(file), bytes, 2 * sizes.pack).map_err(failed)?;
    Ok(State { sizes, flash })
}

/// Makes a new state file with a pack in area A. A file that is there already is left alone, and is an error.
pub fn create(path: &Path, sizes: &Sizes, pack: &[u8]) -> Result<(), StateError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let make = || {
        let bytes = sizes.flash_bytes().ok_or(ErrorKind::InvalidInput)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(&sizes.to_header())?;
        file.write_all(&[0; UNIT - HEADER_BYTES])?;
        file.write_all(pack)?;
        // Written, so that the room is there when it is needed.
        let rest = (bytes as usize).checked_sub(pack.len()).ok_or(ErrorKind::InvalidInput)?;
        io::copy(&mut io::Read::take(io::repeat(0xff), rest as u64), &mut file)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        // The name too.
        File::open(folder)?.sync_all()
    };
    make().map_err(|source| StateError::Failed { path: path.to_owned(), source })
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
