//! Heads and support samples as bytes: what a device keeps of what it has learned.
//!
//! A snapshot is a header, a part for each head, then the support samples. Nothing is copied: parts are written from
//! where they lie, and read to where they shall lie, after a pass that has checked all of it through a small buffer.
//!
//! | bytes | header | |
//! |---|---|---|
//! | 0..4 | magic `SNAP` | |
//! | 4..6 | version | 1 |
//! | 6..8 | heads | |
//! | 8..24 | trunk hash | of the trunk that the heads are for |
//! | 24..26 | features | of a sample, at least 1 |
//! | 26..28 | samples | support samples kept; 0 where they are not |
//! | 28 | cache | 0: `f32`, 1: `i8` |
//! | 29..32 | zero | |
//!
//! | bytes | head | |
//! |---|---|---|
//! | 0..32 | name | UTF-8, zeros behind |
//! | 32 | task | 0: classes, 1: numbers |
//! | 33 | velocity | 1: kept |
//! | 34..36 | hidden | units of the hidden layer, 0 for none |
//! | 36..38 | way | classes or numbers, at least 1 |
//! | 38..40 | zero | |
//! | 40..44 | steps | taken since the start |
//! | then | rows | `u16 [way]`, zeros to a multiple of 4 bytes |
//! | then | parameters | `f32`: hidden weights `[hidden][features]` and biases, last weights `[way][inputs]` and biases |
//! | then | velocity | like the parameters, where it is kept |
//! | then | labels | `u16 [samples]`, zeros to a multiple of 4 bytes |
//! | then | targets | `f32 [samples][way]`, where the task is numbers |
//!
//! | bytes | support samples | |
//! |---|---|---|
//! | `f32` | features | `[samples][features]` |
//! | `i8` | scales, values | `f32 [samples]`, then `i8 [samples][features]` |
//!
//! All integers and floats are little-endian. A row is that of the learned start which a class began from (14 bits), with
//! 0x8000 while the class waits for its prototype and 0x4000 where the last adaptation placed it. A label is a class,
//! with 0x8000 where the sample is held back, or 0xffff for none. Targets of samples without label are zero.

mod read;

use bytemuck::cast_slice;
use heapless::String;
use supple_pack::{Element, TrunkHash};

use crate::journal::ReadError;

pub use read::{NumbersMut, Reader, Source};

/// Every snapshot begins with these bytes.
pub const MAGIC: [u8; 4] = *b"SNAP";
/// The version that this crate reads and writes.
pub const VERSION: u16 = 1;
/// Length of the header.
pub const HEADER_BYTES: usize = 32;
/// Length of what is said about a head; its numbers follow.
pub const ENTRY_BYTES: usize = 44;
/// The label of a sample without one.
pub const NO_LABEL: u16 = u16::MAX;

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Heads.
    pub heads: u16,
    /// Names the trunk that they are for.
    pub trunk: TrunkHash,
    /// Length of a feature vector.
    pub features: u16,
    /// Support samples kept; 0 where they are not.
    pub samples: u16,
    /// How they are cached.
    pub cache: Element,
}

/// What a snapshot says about a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As in the pack.
    pub name: String<32>,
    /// Whether it predicts numbers.
    pub numbers: bool,
    /// Whether its parameters' velocities are kept.
    pub velocity: bool,
    /// Units of its hidden layer; 0 where it has none.
    pub hidden: u16,
    /// Classes, or numbers.
    pub way: u16,
    /// Steps taken since the start.
    pub steps: u32,
}

/// A head's numbers, to be written.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    /// `[way]`.
    pub rows: &'a [u16],
    /// Layer after layer: weights, biases.
    pub parameters: [&'a [f32]; 4],
    /// Shaped as the parameters; all empty where there are none.
    pub velocity: [&'a [f32]; 4],
    /// `[samples]`, or longer.
    pub labels: &'a [u16],
    /// `[samples][way]`, or longer, where the head predicts numbers.
    pub targets: &'a [f32],
}

/// Why bytes are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// They do not read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Not a snapshot at all.
    #[error("it does not begin with `SNAP`: nothing that was saved; save anew")]
    Magic,
    /// Of another version.
    #[error("its format has version {0}, this program reads {VERSION}; save anew")]
    Version(u16),
    /// Shorter or longer than its parts.
    #[error("its length is not that of its parts; save anew")]
    Length,
    /// A field or number that cannot be.
    #[error("{0} cannot be as it says; save anew")]
    Content(&'static str),
}

impl Header {
    /// The header's bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let [magic, version, heads, features, samples] = [
            u32::from_le_bytes(MAGIC),
            VERSION.into(),
            self.heads.into(),
            self.features.into(),
            self.samples.into(),
        ];
        let mut bytes = [0; HEADER_BYTES];
        let front = magic.to_le_bytes().into_iter().chain((version | heads << 16).to_le_bytes());
        let back = (features | samples << 16).to_le_bytes().into_iter().chain([self.cache_code()]);
        for (place, byte) in bytes.iter_mut().zip(front.chain(self.trunk.0).chain(back)) {
            *place = byte;
        }
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`SnapshotError::Magic`], [`SnapshotError::Version`], [`SnapshotError::Content`].
    pub fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, SnapshotError> {
        let ([magic, fields], rest) = (take_words(bytes), bytes.get(8..).unwrap_or_default());
        if magic.to_le_bytes() != MAGIC {
            return Err(SnapshotError::Magic);
        }
        if fields as u16 != VERSION {
            return Err(SnapshotError::Version(fields as u16));
        }
        let broken = SnapshotError::Content("the header");
        let (trunk, rest) = rest.split_first_chunk::<16>().ok_or(broken)?;
        let [shape, cache] = take_words(rest);
        let header = Self {
            heads: (fields >> 16) as u16,
            trunk: TrunkHash(*trunk),
            features: shape as u16,
            samples: (shape >> 16) as u16,
            cache: if cache == 0 { Element::F32 } else { Element::I8 },
        };
        if cache > 1 || header.features == 0 { Err(broken) } else { Ok(header) }
    }

    /// Bytes of the support samples.
    pub fn support_bytes(&self) -> u64 {
        let (samples, features) = (u64::from(self.samples), u64::from(self.features));
        match self.cache {
            Element::F32 => 4 * samples * features,
            Element::I8 => samples * (4 + features),
        }
    }

    fn cache_code(&self) -> u8 {
        match self.cache {
            Element::F32 => 0,
            Element::I8 => 1,
        }
    }
}

impl Entry {
    /// The entry's bytes, without the numbers.
    pub fn to_bytes(&self) -> [u8; ENTRY_BYTES] {
        let kinds = u32::from(self.numbers) | u32::from(self.velocity) << 8 | u32::from(self.hidden) << 16;
        let words = [kinds, self.way.into(), self.steps];
        let mut bytes = [0; ENTRY_BYTES];
        for (place, byte) in bytes.iter_mut().zip(self.name.bytes()) {
            *place = byte;
        }
        for (place, byte) in bytes.iter_mut().skip(32).zip(words.into_iter().flat_map(u32::to_le_bytes)) {
            *place = byte;
        }
        bytes
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// [`SnapshotError::Content`].
    pub fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Result<Self, SnapshotError> {
        let (name, rest) = bytes.split_at_checked(32).unwrap_or_default();
        let [kinds, way, steps] = take_words(rest);
        let length = name.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let name = name.get(..length).and_then(|name| core::str::from_utf8(name).ok());
        let name = name.and_then(|name| String::try_from(name).ok());
        let entry = Self {
            name: name.ok_or(SnapshotError::Content("a head's name"))?,
            numbers: kinds & 1 != 0,
            velocity: kinds >> 8 & 1 != 0,
            hidden: (kinds >> 16) as u16,
            way: way as u16,
            steps,
        };
        let sound = entry.way > 0 && way >> 16 == 0 && kinds & 0xfefe == 0;
        if sound { Ok(entry) } else { Err(SnapshotError::Content("a head")) }
    }

    /// Bytes that a head takes with its numbers and labels.
    pub fn bytes(&self, header: &Header) -> u64 {
        let layers = if self.velocity { 2 } else { 1 };
        let parameters: u64 = self.parameters(header).into_iter().sum();
        ENTRY_BYTES as u64 + padded(self.way.into()) + 4 * parameters * layers + self.label_bytes(header)
    }

    /// Bytes of its labels and targets.
    fn label_bytes(&self, header: &Header) -> u64 {
        let (way, samples) = (u64::from(self.way), u64::from(header.samples));
        let targets = if self.numbers { samples * way } else { 0 };
        padded(samples) + 4 * targets
    }

    /// How many parameters there are, layer after layer: weights, biases.
    fn parameters(&self, header: &Header) -> [u64; 4] {
        let (hidden, way, features) = (self.hidden.into(), u64::from(self.way), u64::from(header.features));
        let inputs = if hidden > 0 { hidden } else { features };
        [hidden * features, hidden, way * inputs, way]
    }
}

/// Writes a head. `write` takes all bytes in order.
pub fn write_head<E>(
    header: &Header,
    entry: &Entry,
    numbers: &Numbers,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    write(&entry.to_bytes())?;
    write_padded(numbers.rows, &mut write)?;
    for part in numbers.parameters.iter().chain(&numbers.velocity) {
        write(cast_slice(part))?;
    }
    let samples = usize::from(header.samples);
    let labels = numbers.labels.get(..samples).unwrap_or(numbers.labels);
    write_padded(labels, &mut write)?;
    let way = usize::from(entry.way).max(1);
    // What lies there for a sample without label was never written.
    for (label, targets) in labels.iter().zip(numbers.targets.chunks_exact(way)) {
        match *label {
            NO_LABEL => targets.iter().try_for_each(|_| write(&[0; 4]))?,
            _ => write(cast_slice(targets))?,
        }
    }
    Ok(())
}

/// Bytes of so many words, with zeros behind to a multiple of 4.
fn padded(words: u64) -> u64 {
    words.div_ceil(2) * 4
}

fn write_padded<E>(words: &[u16], mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    write(cast_slice(words))?;
    if words.len().is_multiple_of(2) { Ok(()) } else { write(&[0; 2]) }
}

/// The first words; zeros for what is missing.
fn take_words<const COUNT: usize>(bytes: &[u8]) -> [u32; COUNT] {
    let mut words = bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    core::array::from_fn(|_| words.next().unwrap_or(0))
}

// Numbers are written as they lie in memory.
#[cfg(target_endian = "big")]
compile_error!("snapshots are little-endian; swap the words on this target");

#[cfg(test)]
mod tests;
