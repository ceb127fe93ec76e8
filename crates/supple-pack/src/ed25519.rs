//! Checks an Ed25519 signature as RFC 8032, 5.1.7 says, on salty's curve and RustCrypto's SHA-512.
//!
//! salty's own check stands back for three reasons. The compiler cannot see that its hash stays inside its buffer, so it
//! brings ways to panic. It takes scalars that are not reduced, so that who has a signature could write it in other ways.
//! And it multiplies twice in constant time; here nothing is secret, and the two products share their doublings (Straus
//! 1964): 256 doublings and some 190 additions of points instead of 1024.

use salty::{CompressedY, EdwardsPoint, Scalar};
use sha2::{Digest, Sha512};

/// The order of the curve's group, 2^252 + 27742317777372353535851937790883648493, the lowest byte first.
pub(crate) const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, //
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A public key that is no point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoPoint;

/// Whether a signature is that of a key over a message.
pub(crate) fn is_genuine(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<bool, NoPoint> {
    let point = CompressedY(*key).decompressed().map_err(|_| NoPoint)?;
    let (&[commitment, response], _) = signature.as_chunks::<32>() else { return Ok(false) };
    if response.iter().rev().ge(ORDER.iter().rev()) {
        return Ok(false);
    }
    let hash = Sha512::new().chain_update(commitment).chain_update(key).chain_update(message).finalize();
    let challenge = Scalar::from_u512_le(&hash.into());
    let found = sum_of_products(&response, &EdwardsPoint::basepoint(), challenge.as_bytes(), &-&point);
    Ok(found.compressed().0 == commitment)
}

/// `a · p + b · q`, the scalars' lowest bytes first.
fn sum_of_products(a: &[u8; 32], p: &EdwardsPoint, b: &[u8; 32], q: &EdwardsPoint) -> EdwardsPoint {
    let both = p + q;
    let mut sum = EdwardsPoint::neutral_element();
    for (a, b) in a.iter().zip(b).rev() {
        for bit in (0..8).rev() {
            sum = &sum + &sum;
            sum = match (a >> bit & 1, b >> bit & 1) {
                (0, 0) => continue,
                (_, 0) => &sum + p,
                (0, _) => &sum + q,
                (_, _) => &sum + &both,
            };
        }
    }
    sum
}
