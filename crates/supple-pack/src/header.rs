//! The first 32 bytes of a pack, and the checksum over everything.

use crc::{CRC_32_ISCSI, Crc, Table};

/// Every pack begins with these bytes.
pub const MAGIC: [u8; 4] = *b"SUPL";
/// The version of the format that this crate reads and writes.
pub const VERSION: u16 = 4;
/// Length of the header; the structure follows.
pub const HEADER_BYTES: usize = 32;
/// Weights begin at a multiple of this.
pub const ALIGNMENT: usize = 16;

const CHECKSUM: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// Where the checksum stands.
const CHECKSUM_AT: usize = 28;

/// The header's fields. All integers are little-endian.
///
/// | bytes | field |
/// |---|---|
/// | 0..4 | magic `SUPL` |
/// | 4..6 | version |
/// | 6..8 | zero |
/// | 8..12 | length of the pack in bytes |
/// | 12..16 | length of the structure in bytes |
/// | 16..20 | where the weights begin |
/// | 20..24 | length of the weights in bytes |
/// | 24..28 | zero |
/// | 28..32 | CRC-32C of all other bytes |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Length of the whole pack, in bytes.
    pub length: u32,
    /// Length of the postcard structure that follows the header, in bytes.
    pub structure: u32,
    /// Where the weights begin, in bytes from the start.
    pub weights_at: u32,
    /// Length of the weights, in bytes.
    pub weights: u32,
    /// CRC-32C of all bytes but these four.
    pub checksum: u32,
}

/// Why a header is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not a pack at all.
    #[error("it does not begin with `SUPL`: not a pack; make one with `supple pack` or `supple compile`")]
    Magic,
    /// Shorter than a header.
    #[error("it has only {0} bytes, less than a header; copy it again, whole")]
    Short(usize),
    /// Of another version.
    #[error(
        "its format has version {0}, this program reads {VERSION}; pack it again with tools of this version"
    )]
    Version(u16),
    /// The lengths do not add up.
    #[error("the lengths in its header do not add up; copy it again, or pack it again")]
    Lengths,
}

impl Header {
    /// Reads a header and checks that its fields agree with each other.
    pub fn read(bytes: &[u8]) -> Result<Self, HeaderError> {
        let head = bytes.first_chunk::<HEADER_BYTES>().ok_or(if bytes.starts_with(&MAGIC) {
            HeaderError::Short(bytes.len())
        } else {
            HeaderError::Magic
        })?;
        let word = |at: usize| {
            let four = head.get(at..).and_then(<[u8]>::first_chunk::<4>);
            u32::from_le_bytes(four.copied().unwrap_or_default())
        };
        if head.first_chunk() != Some(&MAGIC) {
            return Err(HeaderError::Magic);
        }
        let version = word(4) as u16;
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let header = Self {
            length: word(8),
            structure: word(12),
            weights_at: word(16),
            weights: word(20),
            checksum: word(CHECKSUM_AT),
        };
        let reserved = word(4) >> 16 | word(24);
        if reserved != 0 || !header.is_consistent() {
            return Err(HeaderError::Lengths);
        }
        Ok(header)
    }

    /// Whether structure and weights fill the pack, in order, with no gap but the alignment's.
    fn is_consistent(&self) -> bool {
        let structure_end = HEADER_BYTES as u64 + u64::from(self.structure);
        let weights_at = structure_end.next_multiple_of(ALIGNMENT as u64);
        u64::from(self.weights_at) == weights_at
            && u64::from(self.length) == weights_at + u64::from(self.weights)
            && self.weights.is_multiple_of(4)
    }

    /// The header's bytes.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let fields: [(usize, [u8; 4]); 7] = [
            (0, MAGIC),
            (4, u32::from(VERSION).to_le_bytes()),
            (8, self.length.to_le_bytes()),
            (12, self.structure.to_le_bytes()),
            (16, self.weights_at.to_le_bytes()),
            (20, self.weights.to_le_bytes()),
            (CHECKSUM_AT, self.checksum.to_le_bytes()),
        ];
        for (at, field) in fields {
            for (place, byte) in bytes.iter_mut().skip(at).zip(field) {
                *place = byte;
            }
        }
        bytes
    }
}

/// The CRC-32C of a whole pack, its own four bytes left out.
pub fn checksum(pack: &[u8]) -> u32 {
    crc32c([pack.get(..CHECKSUM_AT).unwrap_or(pack), pack.get(HEADER_BYTES..).unwrap_or_default()])
}

/// The CRC-32C of two pieces, one behind the other.
#[inline(never)]
pub fn crc32c(pieces: [&[u8]; 2]) -> u32 {
    let mut digest = CHECKSUM.digest();
    pieces.iter().for_each(|piece| digest.update(piece));
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { length: 96, structure: 40, weights_at: 80, weights: 16, checksum: 0xdead_beef };

    #[test]
    fn a_header_is_read_as_written() {
        assert_eq!(Header::read(&HEADER.to_bytes()), Ok(HEADER));
    }

    #[test]
    fn what_is_no_header_is_named() {
        let bytes = HEADER.to_bytes();
        assert_eq!(Header::read(&bytes[..20]), Err(HeaderError::Short(20)));
        assert_eq!(Header::read(b"PK"), Err(HeaderError::Magic));
        let with = |at: usize, value: u8| {
            let mut changed = bytes;
            changed[at] = value;
            Header::read(&changed)
        };
        assert_eq!(with(0, b'X'), Err(HeaderError::Magic));
        assert_eq!(with(4, 1), Err(HeaderError::Version(1)));
        for at in [6, 8, 12, 16, 20, 24] {
            assert_eq!(with(at, 99), Err(HeaderError::Lengths), "byte {at}");
        }
    }

    /// RFC 3720, B.4: 32 zero bytes, and 32 that rise.
    #[test]
    fn the_checksum_is_castagnoli_s() {
        assert_eq!(CHECKSUM.checksum(&[0; 32]), 0x8a91_36aa);
        let rising: [u8; 32] = core::array::from_fn(|at| at as u8);
        assert_eq!(CHECKSUM.checksum(&rising), 0x46dd_794e);
    }
}
