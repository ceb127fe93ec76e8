//! Inputs, sign-extended to 16 bits, two to a word.

use core::arch::naked_asm;

use supple_pack::op::INT8_GROUP;

use crate::kernels::int8::pairs::{Edge, Inputs};

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
