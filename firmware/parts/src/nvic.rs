//! Sleep and restart on Cortex-M. Interrupts wake the core, but none is taken, for they are all masked.

use core::arch::asm;

/// Set-enable and clear-pending, one bit an interrupt.
const ENABLE: *mut u32 = 0xE000_E100 as *mut u32;
const CLEAR: *mut u32 = 0xE000_E280 as *mut u32;
/// Application interrupt and reset control: the key, and a request to reset the system.
const RESET: *mut u32 = 0xE000_ED0C as *mut u32;
const RESET_SYSTEM: u32 = 0x05fa_0004;

/// Masks all interrupts and lets one of them wake the core.
pub fn wake_on(interrupt: usize) {
    // SAFETY: a masked interrupt runs no handler.
    unsafe {
        asm!("cpsid i", options(nomem, nostack));
        ENABLE.add(interrupt / 32).write_volatile(1 << (interrupt % 32));
    }
}

/// Sleeps until an interrupt comes; it must be cleared afterwards, at its source first.
pub fn sleep() {
    // SAFETY: changes nothing but time.
    unsafe { asm!("wfi", options(nomem, nostack)) }
}

/// Forgets that an interrupt came.
pub fn clear(interrupt: usize) {
    // SAFETY: a masked interrupt runs no handler.
    unsafe { CLEAR.add(interrupt / 32).write_volatile(1 << (interrupt % 32)) }
}

/// Starts the chip anew.
pub fn restart() -> ! {
    // SAFETY: nothing that is under way is worth keeping; writes before it must have arrived.
    unsafe {
        asm!("dsb", options(nostack));
        RESET.write_volatile(RESET_SYSTEM);
    }
    loop {
        // SAFETY: changes nothing but time, of which the reset may take some.
        unsafe { asm!("nop", options(nomem, nostack)) }
    }
}
