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

/// Whether a signature is that of a key over a message. Its steps are functions of their own, so that their stacks lie
/// in one place.
pub(crate) fn is_genuine(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<bool, NoPoint> {
    let (&[commitment, response], _) = signature.as_chunks::<32>() else { return Ok(false) };
    if response.iter().rev().ge(ORDER.iter().rev()) {
        return Ok(false);
    }
    let negated = negated(key).ok_or(NoPoint)?;
    let challenge = challenge(&commitment, key, message);
    Ok(sum_of_products(&response, challenge.as_bytes(), &negated).compressed().0 == commitment)
}

/// The key's point, the other way round.
#[inline(never)]
fn negated(key: &[u8; 32]) -> Option<EdwardsPoint> {
    CompressedY(*key).decompressed().ok().map(|point| -&point)
}

#[inline(never)]
fn challenge(commitment: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(commitment).chain_update(key).chain_update(message).finalize();
    Scalar::from_u512_le(&hash.into())
}

/// `a` times the curve's base point and `b` times a point, the scalars' lowest bytes first.
#[inline(never)]
fn sum_of_products(a: &[u8; 32], b: &[u8; 32], point: &EdwardsPoint) -> EdwardsPoint {
    let base = EdwardsPoint::basepoint();
    let both = &base + point;
    let mut sum = EdwardsPoint::neutral_element();
    for (a, b) in a.iter().zip(b).rev() {
        for bit in (0..8).rev() {
            sum = &sum + &sum;
            sum = match (a >> bit & 1, b >> bit & 1) {
                (0, 0) => continue,
                (_, 0) => &sum + &base,
                (0, _) => &sum + point,
                (_, _) => &sum + &both,
            };
        }
    }
    sum
}
