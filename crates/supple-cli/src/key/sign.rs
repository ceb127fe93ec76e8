//! Signs packs with a key from a file.

use std::path::{Path, PathBuf};

use ed25519_dalek::Signer;
use supple_pack::sign::{SignError, Terms, sign};
use supple_pack::signature::KeyId;

use super::pem::{self, KeyFileError};
use crate::arguments::key::TermsArguments;

/// Why a pack was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The pack, or what the signature should say.
    #[error("{path}: {source}")]
    Pack {
        /// The pack.
        path: PathBuf,
        /// What is wrong.
        source: SignError,
    },
}

/// The pack, signed; `path` is for the message.
pub fn signed(path: &Path, pack: &[u8], key: &Path, terms: &TermsArguments) -> Result<Vec<u8>, SigningError> {
    let key = pem::read_secret(key)?;
    let id = KeyId::of(key.verifying_key().as_bytes());
    let terms = Terms { counter: terms.counter, board: terms.for_board.clone() };
    sign(pack, id, &terms, |message| key.sign(message).to_bytes())
        .map_err(|source| SigningError::Pack { path: path.to_owned(), source })
}
