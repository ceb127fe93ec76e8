//! Signs packs, on a host. Who keeps the secret key gives the signature; here is only what it is of.

use alloc::string::String;
use alloc::vec::Vec;

use crate::read::{Pack, PackError};
use crate::signature::{BOARD_BYTES, Block, KeyId, SIGNATURE_BYTES, SIGNED_BYTES, board_field};
use crate::write::AlignedBytes;

/// What a signature says of a pack besides who vouches for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The security counter: a board that has confirmed a pack with it takes none of the same key with a lower one.
    pub counter: u32,
    /// The only board that may run it; `None` for any.
    pub board: Option<String>,
}

/// Why a pack is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// No sound pack.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A name that no block can hold.
    #[error("`{0}` cannot name a board: give up to {BOARD_BYTES} letters, digits and signs, without spaces")]
    Board(String),
}

/// The pack with a block behind it. A block that was there is replaced. `sign` is given what is to be signed and gives
/// its Ed25519 signature by the key of that id.
///
/// # Errors
/// What makes the pack unsound, or [`SignError::Board`].
pub fn sign(
    pack: &[u8],
    key: KeyId,
    terms: &Terms,
    sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_BYTES],
) -> Result<Vec<u8>, SignError> {
    let length = Pack::parse(&AlignedBytes::copy_of(pack))?.header().length as usize;
    let board = match &terms.board {
        None => [0; BOARD_BYTES],
        Some(name) => board_field(name).ok_or_else(|| SignError::Board(name.clone()))?,
    };
    let unsigned = Block { key, counter: terms.counter, board, signature: [0; SIGNATURE_BYTES] };
    let mut bytes: Vec<u8> = pack.iter().take(length).copied().collect();
    bytes.extend(unsigned.to_bytes().iter().take(SIGNED_BYTES));
    let signature = sign(&bytes);
    bytes.extend(signature);
    Ok(bytes)
}
