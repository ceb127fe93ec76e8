//! An operator's day with the `supple` command: a board is flashed, learns, keeps what it has learned, gets new packs.
//!
//! Needs the built command, `target/firmware/mps2-an386.elf` (`cargo xtask firmware`) and QEMU (`cargo xtask setup`).

#[path = "device_cli/boards.rs"]
mod boards;
#[path = "device_cli/learning.rs"]
mod learning;
#[path = "device_cli/packs.rs"]
mod packs;
#[path = "device_cli/proxy.rs"]
mod proxy;
#[path = "device_cli/silicon.rs"]
mod silicon;
#[path = "device_cli/usage.rs"]
mod usage;
