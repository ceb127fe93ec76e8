//! What boards have in common.
//!
//! | module | holds |
//! |---|---|
//! | `linked` | what the linker script knows: the pack's region, RAM, the stack |
//! | `wait` | waiting for a byte, awake and then asleep |
//! | `nvic` | sleep on Cortex-M |
//! | `mps` | Arm's MPS boards, which differ in addresses alone |
//!
//! A driver that only one board has lies in that board's folder.
#![no_std]
#![deny(missing_docs)]

pub mod linked;
#[cfg(target_arch = "arm")]
pub mod mps;
#[cfg(target_arch = "arm")]
pub mod nvic;
pub mod wait;
