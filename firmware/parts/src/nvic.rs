//! Sleep on Cortex-M: interrupts wake the core, but none is taken, for they are all masked.

use core::arch::asm;

/// Set-enable and clear-pending, one bit an interrupt.
const ENABLE: *mut u32 = 0xE000_E100 as *mut u32;
const CLEAR: *mut u32 = 0xE000_E280 as *mut u32;

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
