//! What boards have in common.
//!
//! | module | holds |
//! |---|---|
//! | `linked` | what the linker script knows: where packs and keys lie, RAM, the stack |
//! | `wait` | waiting for a byte, awake and then asleep |
//! | `nvic` | sleep and restart on Cortex-M |
//! | `mps` | Arm's MPS boards, which differ in addresses alone |
//! | `ram_flash` | flash that is RAM, where an emulator has none that can be written |
//! | `nvmc` | the flash of Nordic's nRF51 and nRF52 |
//! | `nordic` | Nordic's nRF51 and nRF52 but for their flash |
//! | `rp2350` | Raspberry Pi's RP2350 |
//! | `stm32f4` | ST's STM32F4, and the boards made of it |
//! | `mapped` | reading flash that lies in memory |
//! | `cfi` | flash chips with Intel's command set |
//!
//! A driver that only one board has lies in that board's folder.
#![no_std]
#![deny(missing_docs)]

pub mod cfi;
pub mod linked;
mod mapped;
#[cfg(target_arch = "arm")]
pub mod mps;
#[cfg(target_arch = "arm")]
pub mod nordic;
#[cfg(target_arch = "arm")]
pub mod nvic;
#[cfg(target_arch = "arm")]
pub mod nvmc;
#[cfg(target_arch = "arm")]
pub mod ram_flash;
#[cfg(target_arch = "arm")]
pub mod rp2350;
#[cfg(target_arch = "arm")]
pub mod stm32f4;
pub mod wait;
