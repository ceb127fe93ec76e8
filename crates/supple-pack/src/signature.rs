//! Who vouches for a pack: a block of 128 bytes directly behind it, with an Ed25519 signature (RFC 8032) over the pack
//! and the block's own first half.
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | magic `SIGN` |
//! | 4..6 | version, 1 |
//! | 6..8 | zero |
//! | 8..16 | key id: the first 8 bytes of the public key |
//! | 16..20 | security counter |
//! | 20..52 | board the pack is for, printable ASCII without spaces, zeros behind; all zero: any board |
//! | 52..64 | zero |
//! | 64..128 | signature of the pack's bytes and of bytes 0..64 of this block |
//!
//! All integers are little-endian. What is signed lies in one piece, so that it is checked in place, in flash.

#[cfg(feature = "verify")]
use crate::ed25519;
use crate::header::{Header, HeaderError};
use crate::keys::{KEY_BYTES, Keys};

/// Every block begins with these bytes.
pub const MAGIC: [u8; 4] = *b"SIGN";
/// The version of the block that this crate reads and writes.
pub const VERSION: u16 = 1;
/// Length of the block.
pub const BLOCK_BYTES: usize = 128;
/// Length of the longest name of a board.
pub const BOARD_BYTES: usize = 32;
/// Length of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Length of the block's first part, which is signed with the pack.
pub const SIGNED_BYTES: usize = BLOCK_BYTES - SIGNATURE_BYTES;
/// Zeros between board and signature.
const SPARE_BYTES: usize = 12;

/// Names a public key: its first 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// The id of a public key.
    pub fn of(key: &[u8; KEY_BYTES]) -> Self {
        Self(key.first_chunk().copied().unwrap_or_default())
    }
}

/// 16 hexadecimal digits.
impl core::fmt::Display for KeyId {
    fn fmt(&self, to: &mut core::fmt::Formatter) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(to, "{byte:02x}"))
    }
}

/// The block behind a signed pack. Its fields are only claims until [`verify`] has said that they are genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The key that is said to have signed.
    pub key: KeyId,
    /// The security counter: a board takes no pack of a key whose counter is below that of one it has confirmed.
    pub counter: u32,
    /// The board that the pack is for, zeros behind its name; all zero where it is for any.
    pub board: [u8; BOARD_BYTES],
    /// Over the pack and the block's first half.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// Why a pack is not vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no pack.
    #[error("the pack cannot be read: {0}")]
    Header(#[from] HeaderError),
    /// The pack is cut short.
    #[error("the pack should have {expected} bytes but has {found}: copy it again, whole")]
    Length {
        /// As its header says.
        expected: u32,
        /// As they are.
        found: usize,
    },
    /// There is no block behind the pack.
    #[error("the pack is not signed: sign it with `supple key sign`")]
    Unsigned,
    /// There is one, but not as this version writes it.
    #[error(
        "the pack's signature block is damaged or of another version: sign it again with `supple key sign`"
    )]
    Malformed,
    /// Signed with a key that is not trusted here.
    #[error(
        "the pack is signed with the key {0}, which is none of this board's: sign it with a key whose public half is in \
         the board's keys block"
    )]
    UnknownKey(KeyId),
    /// The trusted key is no point of the curve.
    #[error("the board's key {0} is no Ed25519 public key: make its keys block again with `supple key ring`")]
    UnusableKey(KeyId),
    /// For another board.
    #[error(
        "the pack is signed for another board: give the pack of this board, or sign one for it with --for-board"
    )]
    OtherBoard,
    /// The signature is not that of this key over these bytes.
    #[error(
        "the pack's signature is wrong: the pack was changed after it was signed, or forged; sign it again"
    )]
    Wrong,
}

impl Block {
    /// The block behind the pack at the start of a region, which may be longer; `None` where something else lies there,
    /// be it nothing. Of the pack only the header is looked at.
    ///
    /// # Errors
    /// [`SignatureError::Header`] and [`SignatureError::Length`] where there is no whole pack,
    /// [`SignatureError::Malformed`] for a block that is none of this version's.
    pub fn behind(region: &[u8]) -> Result<Option<Self>, SignatureError> {
        let (_, rest) = split(region)?;
        if !rest.starts_with(&MAGIC) {
            return Ok(None);
        }
        Self::read(rest).map(Some).ok_or(SignatureError::Malformed)
    }

    /// Reads a block from the start of some bytes.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk()?;
        let (&version, rest) = rest.split_first_chunk()?;
        let (&zero, rest) = rest.split_first_chunk()?;
        let (&key, rest) = rest.split_first_chunk()?;
        let (&counter, rest) = rest.split_first_chunk()?;
        let (&board, rest) = rest.split_first_chunk()?;
        let (spare, rest) = rest.split_first_chunk::<SPARE_BYTES>()?;
        let (&signature, _) = rest.split_first_chunk()?;
        let right = *magic == MAGIC
            && u16::from_le_bytes(version) == VERSION
            && u16::from_le_bytes(zero) == 0
            && *spare == [0; SPARE_BYTES]
            && is_board(&board);
        right.then_some(Self { key: KeyId(key), counter: u32::from_le_bytes(counter), board, signature })
    }

    /// The block's bytes.
    pub fn to_bytes(&self) -> [u8; BLOCK_BYTES] {
        let mut bytes = [0; BLOCK_BYTES];
        let version = VERSION.to_le_bytes();
        let counter = self.counter.to_le_bytes();
        let fields: [&[u8]; 8] = [
            &MAGIC,
            &version,
            &[0; 2],
            &self.key.0,
            &counter,
            &self.board,
            &[0; SPARE_BYTES],
            &self.signature,
        ];
        for (place, byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        bytes
    }

    /// The name of the board that the pack is for; `None` for any.
    pub fn board_name(&self) -> Option<&str> {
        let name = self.board.split(|&byte| byte == 0).next()?;
        core::str::from_utf8(name).ok().filter(|name| !name.is_empty())
    }
}

/// A board's name as a block holds it; `None` where it is empty, longer than 32 bytes, or not of printable ASCII
/// without spaces.
pub fn board_field(name: &str) -> Option<[u8; BOARD_BYTES]> {
    let mut field = [0; BOARD_BYTES];
    field.get_mut(..name.len())?.iter_mut().zip(name.bytes()).for_each(|(place, byte)| *place = byte);
    // A zero in the name would end it early.
    (!name.is_empty() && !name.contains('\0') && is_board(&field)).then_some(field)
}

/// Whether a field is a name with zeros behind: nothing in it can trouble who prints it.
fn is_board(field: &[u8; BOARD_BYTES]) -> bool {
    field.iter().skip_while(|byte| byte.is_ascii_graphic()).all(|&byte| byte == 0)
}

/// The pack at the start of a region, as long as its header says, and what lies behind.
pub(crate) fn split(region: &[u8]) -> Result<(&[u8], &[u8]), SignatureError> {
    let length = Header::read(region)?.length;
    let short = SignatureError::Length { expected: length, found: region.len() };
    region.split_at_checked(length as usize).ok_or(short)
}

/// Whether this board may trust the pack at the start of a region, as far as its block says; the signature itself is not
/// looked at, so this is cheap. The order is header and length, block, key, board.
///
/// # Errors
/// All but [`SignatureError::Wrong`] and [`SignatureError::UnusableKey`].
#[inline(never)]
pub fn claimed(region: &[u8], keys: &Keys, board: &str) -> Result<Block, SignatureError> {
    let block = Block::behind(region)?.ok_or(SignatureError::Unsigned)?;
    keys.find(block.key).ok_or(SignatureError::UnknownKey(block.key))?;
    if block.board != [0; BOARD_BYTES] && board_field(board) != Some(block.board) {
        return Err(SignatureError::OtherBoard);
    }
    Ok(block)
}

/// Whether the pack at the start of a region is one that this board may trust: all that [`claimed`] looks at, then the
/// signature, in time that grows with the pack's length. Whether the pack is sound is for [`Pack::parse`](crate::Pack)
/// to say, and whether its counter is not too old for who keeps counters.
///
/// # Errors
/// Any of [`SignatureError`].
#[cfg(feature = "verify")]
#[inline(never)]
pub fn verify(region: &[u8], keys: &Keys, board: &str) -> Result<Block, SignatureError> {
    let block = claimed(region, keys, board)?;
    let (pack, _) = split(region)?;
    let signed = region.get(..pack.len() + SIGNED_BYTES).ok_or(SignatureError::Malformed)?;
    let key = keys.find(block.key).ok_or(SignatureError::UnknownKey(block.key))?;
    match ed25519::is_genuine(key, signed, &block.signature) {
        Ok(true) => Ok(block),
        Ok(false) => Err(SignatureError::Wrong),
        Err(ed25519::NoPoint) => Err(SignatureError::UnusableKey(block.key)),
    }
}

#[cfg(all(test, feature = "write", feature = "verify"))]
#[path = "signature_tests.rs"]
mod tests;
