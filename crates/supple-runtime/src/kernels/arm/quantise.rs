//! `f32` to `i8`, with the floating-point unit's own rounding towards minus infinity.
#![cfg(supple_fpu)]

use core::arch::naked_asm;

/// Numbers that are quantised together: so few that rows of any length leave little over.
pub const TOGETHER: usize = 4;

/// Quantises fours from `from` up to `end`, as `int8::quantise` does one. Only the conversion may round down: so the
/// products and sums come first, for four at a time.
#[unsafe(naked)]
unsafe extern "C" fn quantise_all(
    from: *const f32,
    to: *mut i8,
    end: *const f32,
    zero: i32,
    inverse_scale: u32,
    half: u32,
) {
    naked_asm!(
        // The assembler of a function in assembly does not know of the target's unit.
        ".fpu fpv4-sp-d16",
        "push {{r4-r7, lr}}",
        "ldrd r4, r5, [sp, #20]",
        "vmov s4, s5, r4, r5",
        "vmrs lr, fpscr",
        "orr r12, lr, #0x800000",
        "2:",
        "vldmia r0!, {{s0-s3}}",
        "vmul.f32 s0, s0, s4",
        "vmul.f32 s1, s1, s4",
        "vmul.f32 s2, s2, s4",
        "vmul.f32 s3, s3, s4",
        "vadd.f32 s0, s0, s5",
        "vadd.f32 s1, s1, s5",
        "vadd.f32 s2, s2, s5",
        "vadd.f32 s3, s3, s5",
        "vmsr fpscr, r12",
        "vcvtr.s32.f32 s0, s0",
        "vcvtr.s32.f32 s1, s1",
        "vcvtr.s32.f32 s2, s2",
        "vcvtr.s32.f32 s3, s3",
        "vmsr fpscr, lr",
        "vmov r4, r5, s0, s1",
        "vmov r6, r7, s2, s3",
        // So that the zero cannot carry what is huge around.
        "ssat r4, #16, r4",
        "ssat r5, #16, r5",
        "ssat r6, #16, r6",
        "ssat r7, #16, r7",
        "add r4, r4, r3",
        "add r5, r5, r3",
        "add r6, r6, r3",
        "add r7, r7, r3",
        "ssat r4, #8, r4",
        "ssat r5, #8, r5",
        "ssat r6, #8, r6",
        "ssat r7, #8, r7",
        "strb r5, [r1, #1]",
        "strb r6, [r1, #2]",
        "strb r7, [r1, #3]",
        "strb r4, [r1], #4",
        "cmp r0, r2",
        "bne 2b",
        "pop {{r4-r7, pc}}",
    )
}

/// Quantises as many as there are of both; see `int8::quantise`.
pub fn quantise(from: &[[f32; TOGETHER]], to: &mut [[i8; TOGETHER]], inverse_scale: f32, zero: i8) {
    let count = from.len().min(to.len());
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    if count > 0 {
        // SAFETY: reads and writes `count` fours, at least one, of slices that are at least as long.
        unsafe {
            let end = from.add(count);
            quantise_all(
                from.cast(),
                to.cast(),
                end.cast(),
                zero.into(),
                inverse_scale.to_bits(),
                0.5_f32.to_bits(),
            );
        }
    }
}
