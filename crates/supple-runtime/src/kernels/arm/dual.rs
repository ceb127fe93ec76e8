//! Two products of 16-bit numbers at once, on cores with the DSP extension.
//!
//! Naked functions, for they need every register that there is. What each computes is said, and tested on the host,
//! by the function of the same name in `int8::pairs`. That they agree is tested on emulated cores, by the image
//! `kernels` of `firmware/bench`.
//!
//! | module | computes |
//! |---|---|
//! | here | sums of products |
//! | `finish` | outputs of sums |
//! | `unpack` | patches |
#![cfg(supple_dsp)]

use core::arch::naked_asm;

use crate::kernels::int8::pairs::Products;

/// The assembler knows this option of an Armv8-M core only as part of a processor that has it.
#[cfg(supple_armv8m)]
macro_rules! extension {
    () => {
        ".cpu cortex-m33"
    };
}
#[cfg(not(supple_armv8m))]
macro_rules! extension {
    () => {
        ""
    };
}

mod finish;
mod unpack;

pub use finish::finish;
pub use unpack::{unpack, unpack_edge};

/// One word of inputs at four places, two outputs: 32 products. Sums in r4 to r11, weights pass through r0 and r3,
/// inputs through r12 and lr. Weights are read twice, because no register is left to keep them.
macro_rules! four_places {
    () => {
        "
        ldrd r0, r3, [r2]
        sxtb16 r0, r0
        sxtb16 r3, r3
        ldrd r12, lr, [r1], #8
        smlad r4, r12, r0, r4
        smlad r5, lr, r0, r5
        smlad r8, r12, r3, r8
        smlad r9, lr, r3, r9
        ldrd r12, lr, [r1], #8
        smlad r6, r12, r0, r6
        smlad r7, lr, r0, r7
        smlad r10, r12, r3, r10
        smlad r11, lr, r3, r11
        ldrd r0, r3, [r2], #16
        sxtb16 r0, r0, ror #8
        sxtb16 r3, r3, ror #8
        ldrd r12, lr, [r1], #8
        smlad r4, r12, r0, r4
        smlad r5, lr, r0, r5
        smlad r8, r12, r3, r8
        smlad r9, lr, r3, r9
        ldrd r12, lr, [r1], #8
        smlad r6, r12, r0, r6
        smlad r7, lr, r0, r7
        smlad r10, r12, r3, r10
        smlad r11, lr, r3, r11
        "
    };
}

/// The same at three places: sums in r4 to r9, weights in r0 and r3 and unpacked in lr, inputs in r10 to r12.
macro_rules! three_places {
    () => {
        "
        ldrd r0, r3, [r2], #16
        ldm r1!, {{r10, r11, r12}}
        sxtb16 lr, r0
        smlad r4, r10, lr, r4
        smlad r5, r11, lr, r5
        smlad r6, r12, lr, r6
        sxtb16 lr, r3
        smlad r7, r10, lr, r7
        smlad r8, r11, lr, r8
        smlad r9, r12, lr, r9
        ldm r1!, {{r10, r11, r12}}
        sxtb16 r0, r0, ror #8
        sxtb16 r3, r3, ror #8
        smlad r4, r10, r0, r4
        smlad r5, r11, r0, r5
        smlad r6, r12, r0, r6
        smlad r7, r10, r3, r7
        smlad r8, r11, r3, r8
        smlad r9, r12, r3, r9
        "
    };
}

/// The same at two places: sums in r4 to r7, weights in r0 and r3 and unpacked in r12, inputs in r8 to r11.
macro_rules! two_places {
    () => {
        "
        ldrd r0, r3, [r2], #16
        ldm r1!, {{r8, r9, r10, r11}}
        sxtb16 r12, r0
        sxtb16 r0, r0, ror #8
        smlad r4, r8, r12, r4
        smlad r5, r9, r12, r5
        smlad r4, r10, r0, r4
        smlad r5, r11, r0, r5
        sxtb16 r12, r3
        sxtb16 r3, r3, ror #8
        smlad r6, r8, r12, r6
        smlad r7, r9, r12, r7
        smlad r6, r10, r3, r6
        smlad r7, r11, r3, r7
        "
    };
}

/// One word of inputs at one place, four outputs: sums in r4 to r7, weights in r8 to r11 and unpacked in r12, inputs
/// in r0 and r3.
macro_rules! one_place {
    () => {
        "
        ldm r2!, {{r8, r9, r10, r11}}
        ldrd r0, r3, [r1], #8
        sxtb16 r12, r8
        sxtb16 r8, r8, ror #8
        smlad r4, r0, r12, r4
        smlad r4, r3, r8, r4
        sxtb16 r12, r9
        sxtb16 r9, r9, ror #8
        smlad r5, r0, r12, r5
        smlad r5, r3, r9, r5
        sxtb16 r12, r10
        sxtb16 r10, r10, ror #8
        smlad r6, r0, r12, r6
        smlad r6, r3, r10, r6
        sxtb16 r12, r11
        sxtb16 r11, r11, ror #8
        smlad r7, r0, r12, r7
        smlad r7, r3, r11, r7
        "
    };
}

/// A function that goes through all outputs, as many at a time as `$sums` serve.
///
/// On the stack, from its end: sums, patch, end of the patch, what was saved; then, from the caller, the end of the
/// sums, two steps of the weights, taken by turns, and the rest of the number of words by four. A loop goes through
/// `$word` several times; the rest says at which label of `$entries` the first round begins.
macro_rules! kernel {
    ($name:ident, $sums:literal, $entries:literal, $($word:expr),+) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(
            sums: *mut i32,
            patch: *const u32,
            weights: *const u32,
            patch_end: *const u32,
            sums_end: *const i32,
            step: usize,
            next_step: usize,
            rest: usize,
        ) {
            naked_asm!(
                extension!(),
                "push {{r4-r11, lr}}",
                "push {{r0, r1, r3}}",
                "2:",
                "ldrd r12, r1, [sp]",
                concat!("ldm r12, ", $sums),
                "ldr r0, [sp, #60]",
                "tbb [pc, r0]",
                "7:",
                concat!(".byte ", $entries),
                $($word,)+
                "ldr r12, [sp, #8]",
                "cmp r1, r12",
                "bne 3b",
                "ldr r12, [sp]",
                concat!("stm r12!, ", $sums),
                "str r12, [sp]",
                "ldrd r0, r3, [sp, #52]",
                "add r2, r2, r0",
                "strd r3, r0, [sp, #52]",
                "ldr r0, [sp, #48]",
                "cmp r12, r0",
                "bne 2b",
                "add sp, sp, #12",
                "pop {{r4-r11, pc}}",
            )
        }
    };
    (four times $name:ident, $word:ident, $sums:literal) => {
        kernel!(
            $name, $sums, "(3f-7b)/2, (6f-7b)/2, (5f-7b)/2, (4f-7b)/2",
            "3:", $word!(), "4:", $word!(), "5:", $word!(), "6:", $word!()
        );
    };
    (twice $name:ident, $word:ident, $sums:literal) => {
        kernel!(
            $name, $sums, "(3f-7b)/2, (4f-7b)/2, (3f-7b)/2, (4f-7b)/2",
            "3:", $word!(), "4:", $word!()
        );
    };
}

kernel!(four times add_at_four, four_places, "{{r4-r11}}");
kernel!(four times add_at_three, three_places, "{{r4-r9}}");
kernel!(twice add_at_two, two_places, "{{r4-r7}}");
kernel!(twice add_at_one, one_place, "{{r4-r7}}");

type Kernel =
    unsafe extern "C" fn(*mut i32, *const u32, *const u32, *const u32, *const i32, usize, usize, usize);

/// Adds products; see [`Products`].
#[inline]
pub fn add_products(products: Products) {
    if !products.fit() {
        return;
    }
    let Products { places, words, sums, patch, weights, block, .. } = products;
    let word = size_of::<u32>();
    let block = word.wrapping_mul(block);
    // From behind the last word of two outputs back to the first word of the next two, or of the next block's.
    let back = (words * 4 * word).wrapping_neg();
    let next_two = back.wrapping_add(2 * word);
    let next_block = back.wrapping_add(block).wrapping_sub(2 * word);
    let (kernel, steps): (Kernel, _) = match places {
        1 => (add_at_one, [back.wrapping_add(block); 2]),
        2 => (add_at_two, [next_two, next_block]),
        3 => (add_at_three, [next_two, next_block]),
        4 => (add_at_four, [next_two, next_block]),
        _ => return,
    };
    let (sums, patch, weights) = (sums.as_mut_ptr_range(), patch.as_ptr(), weights.as_ptr());
    // SAFETY: `fit` has seen that there is a word and that the patch holds them all, that the sums are those of
    // whole blocks of outputs, at least one, and that the weights of the last block end within the slice. Sums, patch
    // and weights lie at words. A kernel ends when it is exactly at the end of the sums.
    unsafe {
        kernel(
            sums.start,
            patch,
            weights,
            patch.add(words * 2 * places),
            sums.end,
            steps[0],
            steps[1],
            words % 4,
        );
    }
}
