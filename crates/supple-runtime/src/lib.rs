//! Runs a pack's trunk and adapts its heads, in memory that the caller gives.
//!
//! No allocator, no `std`, no `f64`; unsafe code only in the measured kernels of Arm's cores and of the feature `host`.
//! The host runs the same code as the twin of a device: what it computes, the device computes bit for bit. So every sum is taken in one fixed order, multiply and add are two
//! operations on every target, and blocking goes across outputs, never across a sum.
//!
//! | module | holds |
//! |---|---|
//! | [`kernels`] | slices in, slices out |
//! | [`trunk`] | what runs a trunk: [`PlanTrunk`] from flash, or tract (feature `tract`, needs `std`) |
//! | [`head`] | heads, the support samples they share, their gradient steps |
//! | [`memory`] | how much memory a pack needs, to the byte |
//!
//! The feature `host` (needs `std`) adds kernels for processors with wide registers. They block otherwise, so they
//! give the same bits.
//!
//! The default features name the kernels that the plan executor is built with; a device that runs one kind of pack leaves
//! out the others, with what reads and checks their operations; others name what heads may be. Whoever reads a pack or makes a learner
//! is told which feature is missing. No feature changes a result.
//!
//! Not supported: training of the trunk, heads of more than two layers.
#![cfg_attr(not(any(feature = "host", feature = "tract", test)), no_std)]
#![deny(unsafe_code, missing_docs)]

pub mod head;
pub mod kernels;
pub mod memory;
pub mod trunk;

pub use head::{
    AdaptError, Adaptation, CacheError, CacheMut, HeadMemory, Kept, KeptMut, Label, Learner, SupportCache,
    Use,
};
pub use memory::MemoryNeed;
#[cfg(feature = "tract")]
pub use trunk::tract::TractTrunk;
pub use trunk::{PlanTrunk, RunError, Trunk};
