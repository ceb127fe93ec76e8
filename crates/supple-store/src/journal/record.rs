//! One record: header, payload, trailer.
//!
//! | bytes | header | |
//! |---|---|---|
//! | 0..2 | magic `SJ` | |
//! | 2..4 | version | 1 |
//! | 4..8 | sequence | greater than that of every record before |
//! | 8..12 | length of the payload in bytes | |
//! | 12..16 | CRC-32C of bytes 0..12 | |
//!
//! | bytes | trailer | |
//! |---|---|---|
//! | 0..4 | CRC-32C of the header's 16 bytes and the payload | |
//! | 4..8 | `DONE` | |
//!
//! All integers are little-endian. Header, payload and trailer each fill a whole number of the flash's units.

use crc::{CRC_32_ISCSI, Crc, Digest, Table};
use embedded_storage::nor_flash::NorFlash;

use super::region::{BLOCK_BYTES, Unit};

/// Bytes of a header, before the flash's units round it up.
pub(super) const HEADER_BYTES: usize = 16;
/// Bytes of a trailer, before the flash's units round it up.
pub(super) const TRAILER_BYTES: usize = 8;

const MAGIC: [u8; 2] = *b"SJ";
const VERSION: u16 = 1;
const DONE: [u8; 4] = *b"DONE";

/// Bytes of a header under its own checksum.
const CHECKED_BYTES: usize = 12;

static CHECKSUM: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// The CRC-32C of header and payload, in the making.
pub(super) type Checksum = Digest<'static, u32, Table<1>>;

/// A record that was whole when it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Rises from record to record.
    pub sequence: u32,
    /// Bytes of its payload.
    pub length: u32,
    /// Where it begins in the flash.
    pub(super) at: u32,
    /// The segment that it lies in.
    pub(super) segment: u32,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sequence: u32,
    pub(super) length: u32,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [m0, m1] = MAGIC;
        let [v0, v1] = VERSION.to_le_bytes();
        let [s0, s1, s2, s3] = self.sequence.to_le_bytes();
        let [l0, l1, l2, l3] = self.length.to_le_bytes();
        let checked = [m0, m1, v0, v1, s0, s1, s2, s3, l0, l1, l2, l3];
        let [c0, c1, c2, c3] = CHECKSUM.checksum(&checked).to_le_bytes();
        [m0, m1, v0, v1, s0, s1, s2, s3, l0, l1, l2, l3, c0, c1, c2, c3]
    }

    /// `None` if it is no header, or one of another version.
    pub(super) fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (checked, checksum) = bytes.split_first_chunk::<CHECKED_BYTES>()?;
        let [m0, m1, v0, v1, s0, s1, s2, s3, l0, l1, l2, l3] = *checked;
        let sound = [m0, m1] == MAGIC
            && u16::from_le_bytes([v0, v1]) == VERSION
            && checksum == CHECKSUM.checksum(checked).to_le_bytes();
        sound.then_some(Self {
            sequence: u32::from_le_bytes([s0, s1, s2, s3]),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
        })
    }

    /// The checksum that goes on with the payload.
    pub(super) fn checksum(self) -> Checksum {
        let mut digest = CHECKSUM.digest();
        digest.update(&self.to_bytes());
        digest
    }
}

/// The trailer's bytes.
pub(super) fn trailer(checksum: u32) -> [u8; TRAILER_BYTES] {
    let [c0, c1, c2, c3] = checksum.to_le_bytes();
    let [d0, d1, d2, d3] = DONE;
    [c0, c1, c2, c3, d0, d1, d2, d3]
}

/// The flash did not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Reads from any place in multiples of the flash's read size.
///
/// Reads at most up to the end of the unit that the last byte lies in, and no unit twice within one call if `at`
/// begins a block.
// With a frame of its own, as what follows: blocks on the stack shall not add up in the caller's.
#[inline(never)]
pub(super) fn read<F: NorFlash>(flash: &mut F, at: u32, bytes: &mut [u8]) -> Result<(), Unreadable> {
    let mut block = [0; BLOCK_BYTES];
    let mut at = at as usize;
    let mut rest = bytes;
    while !rest.is_empty() {
        let skipped = at % F::READ_SIZE;
        let taken = rest.len().min(BLOCK_BYTES.saturating_sub(skipped));
        let covered = (skipped + taken).next_multiple_of(F::READ_SIZE);
        let (piece, behind) = rest.split_at_mut_checked(taken).ok_or(Unreadable)?;
        let window = block.get_mut(..covered).ok_or(Unreadable)?;
        flash.read((at - skipped) as u32, window).map_err(|_| Unreadable)?;
        for (byte, read) in piece.iter_mut().zip(window.iter().skip(skipped)) {
            *byte = *read;
        }
        at += taken;
        rest = behind;
    }
    Ok(())
}

/// What lies at a place where a record may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole record, where the next may begin, and its checksum.
    Whole { header: Header, end: u32, checksum: u32 },
    /// A header of a record that is not whole.
    Torn { sequence: u32 },
    /// No header.
    Nothing,
    /// The header does not read.
    Unreadable,
}

/// Looks at one place; a record must end at `limit` or before. Reads every byte at most once.
#[inline(never)]
pub(super) fn find<F: NorFlash>(flash: &mut F, at: u32, limit: u32) -> Found {
    let room = limit.saturating_sub(at);
    if room < Unit::<F>::HEADER + Unit::<F>::TRAILER {
        return Found::Nothing;
    }
    let mut bytes = [0; HEADER_BYTES];
    if read(flash, at, &mut bytes).is_err() {
        return Found::Unreadable;
    }
    let Some(header) = Header::from_bytes(&bytes) else { return Found::Nothing };
    match whole(flash, header, at, room) {
        Some((end, checksum)) => Found::Whole { header, end, checksum },
        None => Found::Torn { sequence: header.sequence },
    }
}

/// Where a record ends and its checksum, if it is whole.
fn whole<F: NorFlash>(flash: &mut F, header: Header, at: u32, room: u32) -> Option<(u32, u32)> {
    let size = Unit::<F>::record(header.length).filter(|size| *size <= room)?;
    let checksum = payload_checksum(flash, header, at.checked_add(Unit::<F>::HEADER)?).ok()?;
    let trailer_at = at.checked_add(Unit::<F>::to_trailer(header.length)?)?;
    let mut found = [0; TRAILER_BYTES];
    read(flash, trailer_at, &mut found).ok()?;
    (found == trailer(checksum)).then_some((at.checked_add(size)?, checksum))
}

#[inline(never)]
fn payload_checksum<F: NorFlash>(flash: &mut F, header: Header, at: u32) -> Result<u32, Unreadable> {
    let mut digest = header.checksum();
    let mut block = [0; BLOCK_BYTES];
    let (mut at, mut rest) = (at, header.length as usize);
    while rest > 0 {
        let taken = rest.min(BLOCK_BYTES);
        let piece = block.get_mut(..taken).ok_or(Unreadable)?;
        read(flash, at, piece)?;
        digest.update(piece);
        at = at.wrapping_add(taken as u32);
        rest -= taken;
    }
    Ok(digest.finalize())
}
