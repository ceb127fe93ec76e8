//! Speed of meta-training on the host, in cases that other programs run as well (`docs/benchmarks.md`), and the packs
//! whose cost on a device is measured (`docs/device.md`).
//!
//! | module | what |
//! |---|---|
//! | [`protocol`] | the cases and their fixed numbers |
//! | [`tasks`] | what is learned from |
//! | [`parameters`] | where learning starts |
//! | [`cases`] | one outer iteration of each case |
//! | [`evaluation`] | what was learned |
//! | [`measure`] | the processor's time |
//! | [`plan`] | a trunk's plan beside tract |
//! | [`device`] | the packs that are measured on emulated boards |
//!
//! Not supported: processor time on systems other than Unix, pinning on systems other than Linux.
#![deny(unsafe_code, missing_docs)]

pub mod cases;
pub mod device;
pub mod evaluation;
pub mod measure;
pub mod parameters;
pub mod plan;
pub mod protocol;
pub mod tasks;
