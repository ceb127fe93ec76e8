//! What the linker script knows: where packs and keys lie, RAM, the stack.

use core::slice;

use supple_app::Area;

/// What fills a stack that was never used.
pub const PAINT: u32 = 0xcccc_cccc;

#[cfg(target_arch = "arm")]
const _: () = assert!(PAINT == cortex_m_rt::STACK_PAINT_VALUE);

unsafe extern "C" {
    static _keys_start: u8;
    static _keys_end: u8;
    static _pack_a_start: u8;
    static _pack_a_end: u8;
    static _pack_b_start: u8;
    static _pack_b_end: u8;
    static _ram_start: u32;
    static _stack_end: u32;
    static _stack_start: u32;
}

/// An area for a pack, as it lies in memory.
///
/// The flash driver writes only to the area that does not run, and the main loop asks for that one anew after every
/// write: nobody holds it across one.
pub fn pack(area: Area) -> &'static [u8] {
    match area {
        Area::A => between(&raw const _pack_a_start, &raw const _pack_a_end),
        Area::B => between(&raw const _pack_b_start, &raw const _pack_b_end),
    }
}

/// The keys block, which only a programmer writes.
pub fn keys() -> &'static [u8] {
    between(&raw const _keys_start, &raw const _keys_end)
}

/// A region that the linker script sets aside.
fn between(start: *const u8, end: *const u8) -> &'static [u8] {
    // SAFETY: nothing else lies there, and nothing writes there while this is held: see `pack` and `keys`.
    unsafe { slice::from_raw_parts(start, end as usize - start as usize) }
}

/// Bytes of RAM set aside before the program starts, the stack not among them.
pub fn fixed_memory() -> u32 {
    (&raw const _stack_end as u32) - (&raw const _ram_start as u32)
}

/// Bytes of RAM that the stack may grow to.
pub fn stack() -> u32 {
    (&raw const _stack_start as u32) - (&raw const _stack_end as u32)
}

/// The most bytes of stack that were ever used, if the start-up code painted it.
pub fn stack_high_water() -> u32 {
    let (mut word, end) = (&raw const _stack_end, &raw const _stack_start);
    // SAFETY: between these symbols lies the stack; reading it changes nothing.
    while word < end && unsafe { word.read_volatile() } == PAINT {
        word = word.wrapping_add(1);
    }
    (end as u32) - (word as u32)
}

/// Paints the stack below the caller, where the start-up code does not.
#[cfg(target_arch = "riscv32")]
#[inline(never)]
pub fn paint_stack() {
    // More than this function's own frame.
    const MARGIN: usize = 64;
    let here: usize;
    // SAFETY: copies the stack pointer.
    unsafe { core::arch::asm!("mv {}, sp", out(reg) here, options(nomem, nostack)) }
    let mut word = (&raw const _stack_end).cast_mut();
    while (word as usize) < here - MARGIN {
        // SAFETY: nobody uses the stack below the pointer.
        unsafe { word.write_volatile(PAINT) }
        word = word.wrapping_add(1);
    }
}
