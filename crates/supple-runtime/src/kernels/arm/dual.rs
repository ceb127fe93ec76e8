//! Two products of 16-bit numbers at once, on cores with the DSP extension.
//!
//! Naked functions, for they need every register that there is. What each computes is said, and tested on the host,
//! by the function of the same name in `int8::pairs`. That they agree is seen on a board: `examples/int8_shapes.rs` says
//! how.
#![cfg(supple_dsp)]

use core::arch::naked_asm;

use supple_pack::op::INT8_GROUP;

use crate::kernels::int8::pairs::{Edge, Finish, Inputs, Products};

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

/// A function that unpacks a word of inputs at each place of `$raw` at a time, into `$halves`, the even ones first.
/// The word behind the whole ones is not read where nothing of it is kept.
macro_rules! unpack {
    ($name:ident, $halves:literal, $bytes:literal, $($load:literal),+; $($raw:literal $even:literal),+) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(
            from: *const i8,
            to: *mut u32,
            whole_end: *const u32,
            step: usize,
            kept: u32,
        ) {
            naked_asm!(
                extension!(),
                "push {{r4-r11, lr}}",
                "mov r12, r3",
                "add lr, r12, r12, lsl #1",
                "mov r3, #-1",
                "b 3f",
                "2:",
                $($load,)+
                "add r0, r0, #4",
                $(
                    concat!("and ", $raw, ", r3"),
                    concat!("sxtb16 ", $even, ", ", $raw),
                    concat!("sxtb16 ", $raw, ", ", $raw, ", ror #8"),
                )+
                concat!("stm r1!, ", $halves),
                "3:",
                "cmp r1, r2",
                "bne 2b",
                "ldr r3, [sp, #36]",
                "mov r4, #0",
                "str r4, [sp, #36]",
                concat!("add r2, #", $bytes),
                "cmp r3, #0",
                "bne 2b",
                "pop {{r4-r11, pc}}",
            )
        }
    };
}

unpack!(unpack_one, "{{r4, r5}}", "8", "ldr r5, [r0]"; "r5" "r4");
unpack!(unpack_two, "{{r4-r7}}", "16", "ldr r6, [r0]", "ldr r7, [r0, r12]"; "r6" "r4", "r7" "r5");
unpack!(
    unpack_three, "{{r4-r9}}", "24",
    "ldr r7, [r0]", "ldr r8, [r0, r12]", "ldr r9, [r0, r12, lsl #1]";
    "r7" "r4", "r8" "r5", "r9" "r6"
);
unpack!(
    unpack_four, "{{r4-r11}}", "32",
    "ldr r8, [r0]", "ldr r9, [r0, r12]", "ldr r10, [r0, r12, lsl #1]", "ldr r11, [r0, lr]";
    "r8" "r4", "r9" "r5", "r10" "r6", "r11" "r7"
);

type Unpack = unsafe extern "C" fn(*const i8, *mut u32, *const u32, usize, u32);

/// Unpacks inputs; see [`Inputs`]. False where they do not fit.
#[inline]
pub fn unpack(inputs: Inputs) -> bool {
    if !inputs.fit() {
        return false;
    }
    let Inputs { places, length, from, step, to, .. } = inputs;
    let unpack: Unpack = match places {
        1 => unpack_one,
        2 => unpack_two,
        3 => unpack_three,
        4 => unpack_four,
        _ => return false,
    };
    let kept = kept(length);
    let to = to.as_mut_ptr();
    // SAFETY: `fit` has seen that there is a word, that all of them lie within the slice to write, and that each read
    // lies within the inputs. The reads need no alignment.
    unsafe { unpack(from.as_ptr(), to, to.add(length / INT8_GROUP * 2 * places), step, kept) }
    true
}

/// Unpacks place by place. Words that lie inside the row in `r0`, which is `r1` long, and words that lie outside are
/// gone through in loops of their own; any other is put together of its bytes, each of the row or from outside.
///
/// `r2` and `r3` are where the place's inputs begin and where its first word goes, `r9` and `r5` where those of the
/// next word do, `r10` how many whole words are left.
#[unsafe(naked)]
unsafe extern "C" fn unpack_places(
    row: *const i8,
    length: usize,
    start: usize,
    to: *mut u32,
    whole: usize,
    step: usize,
    half: usize,
    outside: u32,
    kept: u32,
) {
    naked_asm!(
        extension!(),
        "push {{r4-r11, lr}}",
        "ldrd r6, r7, [sp, #44]",
        "add r4, r3, r6",
        "2:", // A place.
        "mov r9, r2",
        "mov r5, r3",
        "ldr r10, [sp, #36]",
        "3:",
        "cmp r10, #0",
        "beq 8f",
        "cmp r9, #0",
        "bmi 5f",
        "mov r11, r10",
        "subs r12, r1, r9",
        "bls 6f",
        "lsrs r11, r12, #2",
        "beq 7f",
        "cmp r11, r10",
        "it hi",
        "movhi r11, r10",
        "sub r10, r10, r11",
        "add r8, r0, r9",
        "add r9, r9, r11, lsl #2",
        "4:", // Words inside.
        "ldr r12, [r8], #4",
        "sxtb16 lr, r12",
        "sxtb16 r12, r12, ror #8",
        "str lr, [r5]",
        "str r12, [r5, r6]",
        "add r5, r5, r6, lsl #1",
        "subs r11, r11, #1",
        "bne 4b",
        "b 3b",
        "5:",
        "rsb r11, r9, #0",
        "lsrs r11, r11, #2",
        "beq 7f",
        "cmp r11, r10",
        "it hi",
        "movhi r11, r10",
        "6:", // Words outside.
        "sub r10, r10, r11",
        "add r9, r9, r11, lsl #2",
        "sxtb16 lr, r7",
        "9:",
        "str lr, [r5]",
        "str lr, [r5, r6]",
        "add r5, r5, r6, lsl #1",
        "subs r11, r11, #1",
        "bne 9b",
        "b 3b",
        "7:",
        "sub r10, r10, #1",
        "mov r8, #-1",
        "20:", // A word of which the bits in r8 count; it may lie inside.
        "adds r12, r9, #4",
        "bcs 22f",
        "cmp r12, r1",
        "itt ls",
        "ldrls r11, [r0, r9]",
        "bls 23f",
        "22:",
        "cmp r9, r1",
        "ite lo",
        "ldrblo r11, [r0, r9]",
        "uxtbhs r11, r7",
        "add r9, r9, #1",
        "cmp r9, r1",
        "ite lo",
        "ldrblo lr, [r0, r9]",
        "uxtbhs lr, r7",
        "orr r11, r11, lr, lsl #8",
        "add r9, r9, #1",
        "cmp r9, r1",
        "ite lo",
        "ldrblo lr, [r0, r9]",
        "uxtbhs lr, r7",
        "orr r11, r11, lr, lsl #16",
        "add r9, r9, #1",
        "cmp r9, r1",
        "ite lo",
        "ldrblo lr, [r0, r9]",
        "uxtbhs lr, r7",
        "orr r11, r11, lr, lsl #24",
        "add r9, r9, #1",
        "23:",
        "and r11, r11, r8",
        "sxtb16 lr, r11",
        "sxtb16 r11, r11, ror #8",
        "str lr, [r5]",
        "str r11, [r5, r6]",
        "add r5, r5, r6, lsl #1",
        "cmp r8, #-1",
        "beq 3b",
        "21:",
        "ldr r12, [sp, #40]",
        "add r2, r2, r12",
        "add r3, r3, #4",
        "cmp r3, r4",
        "bne 2b",
        "pop {{r4-r11, pc}}",
        "8:",
        "ldr r8, [sp, #52]",
        "cmp r8, #0",
        "bne 20b",
        "b 21b",
    )
}

/// Unpacks inputs at an edge; see [`Edge`].
#[inline]
pub fn unpack_edge(edge: Edge) {
    if !edge.fit() {
        return;
    }
    let Edge { places, length, row, start, step, outside, to } = edge;
    let (half, outside) = (size_of::<u32>() * places, u32::from_le_bytes([outside as u8; INT8_GROUP]));
    // SAFETY: `fit` has seen that there is a place and a word and that all of them lie within the slice to write. Of the
    // row nothing is read whose place is not below its length.
    unsafe {
        let whole = length / INT8_GROUP;
        unpack_places(
            row.as_ptr(),
            row.len(),
            start,
            to.as_mut_ptr(),
            whole,
            step,
            half,
            outside,
            kept(length),
        );
    }
}

/// The bits of the word behind the whole ones that count; none where there is no such word.
#[inline]
fn kept(length: usize) -> u32 {
    (1 << (8 * (length % INT8_GROUP))) - 1
}

/// A function that makes outputs of the sums of a channel at each place, the last place first: sums in `$sums`.
macro_rules! finish {
    ($name:ident, $load:literal, $($sum:literal $to:literal),+) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(
            outputs: *mut i8,
            sums: *const i32,
            multipliers: *const i32,
            sums_end: *const i32,
            raise: i32,
            shift: u32,
            step: usize,
        ) {
            naked_asm!(
                extension!(),
                "push {{r4-r11, lr}}",
                "add r12, sp, #36",
                "ldm r12, {{r5, r6, r7}}",
                "add r8, r7, r7, lsl #1",
                "2:",
                $load,
                "ldr r9, [r2], #4",
                $(
                    concat!("smmla ", $sum, ", ", $sum, ", r9, r5"),
                    concat!("asr ", $sum, ", r6"),
                    concat!("ssat ", $sum, ", #8, ", $sum),
                    concat!("strb ", $sum, ", ", $to),
                )+
                "cmp r1, r3",
                "bne 2b",
                "pop {{r4-r11, pc}}",
            )
        }
    };
}

finish!(finish_one, "ldr r10, [r1], #4", "r10" "[r0], #1");
finish!(finish_two, "ldm r1!, {{r10, r11}}", "r11" "[r0, r7]", "r10" "[r0], #1");
finish!(
    finish_three, "ldm r1!, {{r10, r11, r12}}",
    "r12" "[r0, r7, lsl #1]", "r11" "[r0, r7]", "r10" "[r0], #1"
);
finish!(
    finish_four, "ldm r1!, {{r10, r11, r12, lr}}",
    "lr" "[r0, r8]", "r12" "[r0, r7, lsl #1]", "r11" "[r0, r7]", "r10" "[r0], #1"
);

/// Makes outputs; see [`Finish`].
pub fn finish(job: Finish) {
    let (Some(_), Finish { places, sums, multipliers, raise, shift, outputs, step }) = (job.channels(), job)
    else {
        return;
    };
    let finish: unsafe extern "C" fn(_, _, _, _, _, _, _) = match places {
        1 => finish_one,
        2 => finish_two,
        3 => finish_three,
        4 => finish_four,
        _ => return,
    };
    let (ends, to) = (sums.as_ptr_range(), outputs.as_mut_ptr());
    // SAFETY: `channels` has seen that there is a channel, that the sums are those of whole channels, that there is a
    // multiplier for each of them, and that the last output lies within the slice.
    unsafe { finish(to, ends.start, multipliers.as_ptr(), ends.end, raise, shift, step) }
}
