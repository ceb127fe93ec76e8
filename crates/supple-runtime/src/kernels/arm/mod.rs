//! Measured kernels for Arm cores, in assembly: the one place of this crate with unsafe code besides the feature `host`.
//!
//! They give the bits of the portable ones: the same products, the same sums, in the same order.
#![allow(unsafe_code)]

pub(super) mod dual;
#[cfg(supple_fpu)]
pub(super) mod head;
pub(super) mod quantise;
pub(super) mod single;
