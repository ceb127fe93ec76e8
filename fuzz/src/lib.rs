//! What the fuzz targets share.
//!
//! | module | holds |
//! |---|---|
//! | [`bytes`] | a pack's bytes at an address that weights can be read from |
//! | [`samples`] | small sound packs |
//! | [`seeds`] | the first inputs of a campaign, made by code |
#![deny(unsafe_code)]

pub mod bytes;
pub mod samples;
pub mod seeds;
