//! The artifact a Supple device runs from: one trunk's plan, its weights, and heads to adapt, read in place from
//! flash.
//!
//! | module | holds |
//! |---|---|
//! | [`header`] | the first 32 bytes, and the checksum over everything |
//! | [`op`] | the operations of a plan |
//! | [`head`] | what is said about a head |
//! | `built` | which operations this build can read |
//! | `geometry` | what each operation reads, writes and costs |
//! | [`read`] | a pack's bytes, checked once, then read in place |
//! | `decode` | the structure's bytes to operations and heads |
//! | `check` | what makes a plan safe to run |
//! | `head_check` | what makes a head safe to adapt |
//! | [`signature`] | who vouches for a pack: the block behind it; feature `verify` checks it |
//! | `ed25519` (feature `verify`) | whether a signature is that of a key |
//! | [`keys`] | whom a board trusts |
//! | `write` (feature `write`) | a trunk and its heads to bytes |
//! | `sign` (feature `write`) | a block for a pack |
//!
//! Layout: header (32 bytes), structure in postcard, zeros up to a multiple of 16, weights in little-endian
//! words: `f32`, `i32`, and `i8` by fours. A signature block may follow. `docs/format.md` tells it byte by byte.
//! A reader treats the bytes as hostile: after [`Pack::parse`] every offset, size and dimension is known to lie
//! inside, so a plan cannot reach out of its memory or run for ever.
//!
//! Not supported: several trunks in one pack, compression, encryption.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code, missing_docs)]

#[cfg(any(feature = "write", test))]
extern crate alloc;

mod built;
mod check;
mod decode;
#[cfg(feature = "verify")]
mod ed25519;
mod geometry;
pub mod head;
mod head_check;
pub mod header;
pub mod keys;
pub mod op;
pub mod read;
#[cfg(feature = "write")]
pub mod sign;
pub mod signature;
#[cfg(feature = "write")]
pub mod write;

pub use check::PlanError;
pub use geometry::{Constants, int8_runs};
pub use head::{HeadSpec, HeadTask, LabelMeaning, Start, TrunkHash};
pub use head_check::HeadProblem;
pub use op::{Activation, Element, Op, Shape, Value, Window};
pub use read::{Head, Heads, LayerRef, Pack, PackError, TrunkSpec};
#[cfg(feature = "write")]
pub use write::AlignedBytes;

// Weights are read as they lie in flash.
#[cfg(target_endian = "big")]
compile_error!("a pack's weights are little-endian; swap them on load for this target");
