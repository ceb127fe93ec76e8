//! The public keys that a board trusts: a block that only a programmer writes, beside the packs in flash.
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | magic `SKEY` |
//! | 4..6 | version, 1 |
//! | 6..8 | number of keys, 1 to 4 |
//! | then 32 each | Ed25519 public keys, as RFC 8032 encodes them |
//! | then 4 | CRC-32C of all before |
//!
//! All integers are little-endian. What lies behind is not looked at: the block is read from the start of a region.

#[cfg(feature = "write")]
use alloc::vec::Vec;

use crate::header::crc32c;
use crate::signature::KeyId;

/// Every keys block begins with these bytes.
pub const MAGIC: [u8; 4] = *b"SKEY";
/// The version of the block that this crate reads and writes.
pub const VERSION: u16 = 1;
/// Length of a public key.
pub const KEY_BYTES: usize = 32;
/// The most keys of a block.
pub const MOST_KEYS: usize = 4;
/// The longest block.
pub const MOST_BYTES: usize = HEAD_BYTES + MOST_KEYS * KEY_BYTES + SUM_BYTES;

const HEAD_BYTES: usize = 8;
const SUM_BYTES: usize = 4;

/// The keys of a sound block, read in place. No keys by default: a board without a block trusts no one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keys<'k> {
    keys: &'k [[u8; KEY_BYTES]],
}

/// Why a region holds no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// Not a keys block at all; so is erased flash.
    #[error(
        "it does not begin with `SKEY`: no keys; make them with `supple key ring` and write them with a programmer"
    )]
    Magic,
    /// Of another version.
    #[error(
        "its keys are of version {0}, this program reads {VERSION}; make them with tools of this version"
    )]
    Version(u16),
    /// More keys than a block holds, or none.
    #[error(
        "it should hold {0} keys, but a block holds 1 to {MOST_KEYS}; make it again with `supple key ring`"
    )]
    Count(usize),
    /// Cut short.
    #[error("its keys are cut short; write them again, whole")]
    Short,
    /// Changed since it was written.
    #[error("the checksum of its keys is wrong: they were changed or damaged; write them again")]
    Checksum,
    /// Two keys of one id: a signature could not say which is meant.
    #[error("two of its keys have the id {0}; give each key once")]
    Twice(KeyId),
}

impl<'k> Keys<'k> {
    /// Reads the block at the start of a region, which may be longer.
    #[inline(never)]
    pub fn read(region: &'k [u8]) -> Result<Self, KeysError> {
        let (magic, rest) = region.split_first_chunk().ok_or(KeysError::Magic)?;
        if *magic != MAGIC {
            return Err(KeysError::Magic);
        }
        let (&version, rest) = rest.split_first_chunk().ok_or(KeysError::Short)?;
        let version = u16::from_le_bytes(version);
        if version != VERSION {
            return Err(KeysError::Version(version));
        }
        let (&count, rest) = rest.split_first_chunk().ok_or(KeysError::Short)?;
        let count = usize::from(u16::from_le_bytes(count));
        if !(1..=MOST_KEYS).contains(&count) {
            return Err(KeysError::Count(count));
        }
        let (keys, rest) = rest.split_at_checked(count * KEY_BYTES).ok_or(KeysError::Short)?;
        let (&sum, _) = rest.split_first_chunk().ok_or(KeysError::Short)?;
        let summed = region.get(..HEAD_BYTES + keys.len()).ok_or(KeysError::Short)?;
        if crc32c([summed, &[]]) != u32::from_le_bytes(sum) {
            return Err(KeysError::Checksum);
        }
        let (keys, _) = keys.as_chunks();
        let found = Self { keys };
        for key in keys {
            let id = KeyId::of(key);
            if keys.iter().filter(|other| KeyId::of(other) == id).count() > 1 {
                return Err(KeysError::Twice(id));
            }
        }
        Ok(found)
    }

    /// The key of this id.
    pub fn find(&self, id: KeyId) -> Option<&'k [u8; KEY_BYTES]> {
        self.keys.iter().find(|key| KeyId::of(key) == id)
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = &'k [u8; KEY_BYTES]> + use<'k> {
        self.keys.iter()
    }
}

/// The block of these keys. Reads it back before it returns it, so that no block leaves that a board refuses.
///
/// # Errors
/// [`KeysError::Count`] and [`KeysError::Twice`].
#[cfg(feature = "write")]
pub fn block(keys: &[[u8; KEY_BYTES]]) -> Result<Vec<u8>, KeysError> {
    let count = u16::try_from(keys.len()).map_err(|_| KeysError::Count(keys.len()))?;
    let mut bytes =
        [MAGIC.as_slice(), &VERSION.to_le_bytes(), &count.to_le_bytes(), keys.as_flattened()].concat();
    bytes.extend(crc32c([&bytes, &[]]).to_le_bytes());
    Keys::read(&bytes)?;
    Ok(bytes)
}

#[cfg(all(test, feature = "write"))]
#[path = "keys_tests.rs"]
mod tests;
