//! Who signed a pack.

/// The first eight bytes of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub [u8; 8]);
