//! What a Supple device keeps in NOR flash, such that a power cut at any moment leaves the old or the new.
//!
//! | module | holds |
//! |---|---|
//! | [`journal`] | records of any bytes, one after another in a region of flash; the newest survives |
//! | [`snapshot`] | heads and support samples as bytes |
//! | [`boot`] | which pack runs, what is on trial, and the counters of keys |
//! | `simulated` (feature `simulated`) | flash in memory whose power can be cut at any operation |
//!
//! `docs/format.md` has every byte of what is written; `docs/adr/0014-a-journal-of-our-own.md` says why it is so, and
//! what its tests leave out.
//!
//! Not supported: more than one writer of a region, encryption, records that span segments.
#![cfg_attr(not(any(feature = "simulated", test)), no_std)]
#![deny(unsafe_code, missing_docs)]

pub mod boot;
pub mod journal;
#[cfg(feature = "simulated")]
pub mod simulated;
pub mod snapshot;

pub use boot::{Area, Boot};
pub use journal::{AppendError, Journal, OpenError, ReadError, Record, Region, Writer};
