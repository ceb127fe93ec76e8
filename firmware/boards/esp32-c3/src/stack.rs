//! The stack, in which esp-hal guards a word.

use supple_parts::linked;

unsafe extern "C" {
    /// A word near the stack's end that esp-hal writes when it starts; then nothing else may.
    static __stack_chk_guard: u32;
    static _stack_start: u32;
}

/// The most bytes of stack that were ever used, the words before the guard left out.
pub fn high_water() -> u32 {
    let (mut word, end) = ((&raw const __stack_chk_guard).wrapping_add(1), &raw const _stack_start);
    // SAFETY: between these symbols lies the stack; reading it changes nothing.
    while word < end && unsafe { word.read_volatile() } == linked::PAINT {
        word = word.wrapping_add(1);
    }
    end as u32 - word as u32
}
