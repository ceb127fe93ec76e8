//! What a board does on a panic: nothing, for ever. The firmware has no way to panic, and this crate proves it.
//!
//! With the feature `refuse` the handler calls a function that nobody has. The linker drops a handler that nothing
//! reaches, and its call with it; if anything does reach it, the image does not link.
//!
//! | example | shows that |
//! |---|---|
//! | `alone` | pack and runtime link so without the firmware's main loop |
//! | `store` | what is kept in flash links so by itself |
//! | `panics` | a reachable panic is refused |
//! | `large_frame` | a large frame is refused by the gate on stacks |
#![no_std]
#![deny(missing_docs)]

use core::panic::PanicInfo;

#[cfg(not(feature = "refuse"))]
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    // Silence is what the host understands: it names the board as not answering.
    loop {
        // SAFETY: waits for an interrupt, on Arm and on RISC-V; none has a handler.
        unsafe { core::arch::asm!("wfi") }
    }
}

#[cfg(feature = "refuse")]
unsafe extern "C" {
    fn a_panic_is_reachable() -> !;
}

#[cfg(feature = "refuse")]
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    // SAFETY: never called: an image with this call does not link.
    unsafe { a_panic_is_reachable() }
}
