//! Four by four sums of products, and four.

use core::arch::naked_asm;

use super::Pointer;
use crate::kernels::head::sums::Grid;

/// Four by four sums; see `kernels::head::sums`. Does nothing where a slice is too short.
#[inline(never)]
pub fn four_by_four(
    weights: Grid,
    inputs: Grid,
    columns: usize,
    bias: Option<&[f32]>,
    outputs: &mut [f32],
    outs: usize,
) {
    let fits = weights.holds_four(columns)
        && inputs.holds_four(columns)
        && bias.is_none_or(|bias| bias.len() >= 4)
        && Grid { values: outputs, stride: outs }.holds_four(4);
    if !fits {
        return;
    }
    let place = Pointer { first: outputs.as_mut_ptr(), stride: outs * 4 };
    let start = bias.map_or(place, |bias| Pointer { first: bias.as_ptr().cast_mut(), stride: 0 });
    let sums = Sums { rows: weights.pointer(), others: inputs.pointer(), start, outputs: place, columns };
    // SAFETY: four rows of `columns` floats are read from each grid; four floats of each of four rows are written, and
    // read before if there is no bias, of which four are read otherwise. All as checked.
    unsafe { add_four_by_four(&sums) }
}

/// Four sums; see `kernels::head::sums`. Does nothing where a slice is too short.
#[inline(never)]
pub fn four_by_one(
    rows: Grid,
    row: &[f32],
    columns: usize,
    start: Option<Grid>,
    outputs: &mut [f32],
    stride: usize,
) {
    let fits = rows.holds_four(columns)
        && row.len() >= columns
        && start.is_none_or(|start| start.holds_four(1))
        && Grid { values: outputs, stride }.holds_four(1);
    if !fits {
        return;
    }
    let place = Pointer { first: outputs.as_mut_ptr(), stride: stride * 4 };
    let start = start.map_or(place, |start| start.pointer());
    let others = Grid { values: row, stride: 0 }.pointer();
    let sums = Sums { rows: rows.pointer(), others, start, outputs: place, columns };
    // SAFETY: four rows of `columns` floats and one such row are read, four floats read and four written, as checked.
    unsafe { add_four_by_one(&sums) }
}

/// What [`add_four_by_four`] and [`add_four_by_one`] read.
#[repr(C)]
struct Sums {
    rows: Pointer,
    others: Pointer,
    start: Pointer,
    outputs: Pointer,
    columns: usize,
}

/// `s0`–`s15`: sums, a row of four for each sample. `s16`–`s23`: two numbers of each sample. `s24`–`s27`: two weights of
/// each of two outputs.
#[unsafe(naked)]
unsafe extern "C" fn add_four_by_four(sums: &Sums) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r11, lr}}",
        "vpush {{s16-s31}}",
        "ldm r0, {{r4, r7, r8, r11}}",
        "add r5, r4, r7",
        "add r6, r5, r7",
        "add r7, r6, r7",
        "add r9, r8, r11",
        "add r10, r9, r11",
        "add r11, r10, r11",
        "ldrd r2, r3, [r0, #16]",
        "vldmia r2, {{s0-s3}}",
        "add r2, r2, r3",
        "vldmia r2, {{s4-s7}}",
        "add r2, r2, r3",
        "vldmia r2, {{s8-s11}}",
        "add r2, r2, r3",
        "vldmia r2, {{s12-s15}}",
        "ldr r12, [r0, #32]",
        "lsrs r1, r12, #1",
        "beq 3f",
        "2:",
        "vldmia r8!, {{s16-s17}}",
        "vldmia r9!, {{s18-s19}}",
        "vldmia r10!, {{s20-s21}}",
        "vldmia r11!, {{s22-s23}}",
        "vldmia r4!, {{s24-s25}}",
        "vldmia r5!, {{s26-s27}}",
        products!("s24": "s0" "s16", "s4" "s18", "s8" "s20", "s12" "s22"),
        products!("s26": "s1" "s16", "s5" "s18", "s9" "s20", "s13" "s22"),
        products!("s25": "s0" "s17", "s4" "s19", "s8" "s21", "s12" "s23"),
        products!("s27": "s1" "s17", "s5" "s19", "s9" "s21", "s13" "s23"),
        "vldmia r6!, {{s24-s25}}",
        "vldmia r7!, {{s26-s27}}",
        products!("s24": "s2" "s16", "s6" "s18", "s10" "s20", "s14" "s22"),
        products!("s26": "s3" "s16", "s7" "s18", "s11" "s20", "s15" "s22"),
        products!("s25": "s2" "s17", "s6" "s19", "s10" "s21", "s14" "s23"),
        products!("s27": "s3" "s17", "s7" "s19", "s11" "s21", "s15" "s23"),
        "subs r1, r1, #1",
        "bne 2b",
        "3:",
        "lsls r12, r12, #31",
        "beq 4f",
        "vldr s16, [r8]",
        "vldr s18, [r9]",
        "vldr s20, [r10]",
        "vldr s22, [r11]",
        "vldr s24, [r4]",
        "vldr s25, [r5]",
        "vldr s26, [r6]",
        "vldr s27, [r7]",
        products!("s24": "s0" "s16", "s4" "s18", "s8" "s20", "s12" "s22"),
        products!("s25": "s1" "s16", "s5" "s18", "s9" "s20", "s13" "s22"),
        products!("s26": "s2" "s16", "s6" "s18", "s10" "s20", "s14" "s22"),
        products!("s27": "s3" "s16", "s7" "s18", "s11" "s20", "s15" "s22"),
        "4:",
        "ldrd r2, r3, [r0, #24]",
        "vstmia r2, {{s0-s3}}",
        "add r2, r2, r3",
        "vstmia r2, {{s4-s7}}",
        "add r2, r2, r3",
        "vstmia r2, {{s8-s11}}",
        "add r2, r2, r3",
        "vstmia r2, {{s12-s15}}",
        "vpop {{s16-s31}}",
        "pop {{r4-r11, pc}}",
    )
}

/// `s0`–`s3`: sums. `s4`–`s11`: two numbers of each of four rows. `s12`, `s13`: two numbers of the one row.
#[unsafe(naked)]
unsafe extern "C" fn add_four_by_one(sums: &Sums) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r8, lr}}",
        "vpush {{s28-s31}}",
        "ldm r0, {{r4, r7, r8}}",
        "add r5, r4, r7",
        "add r6, r5, r7",
        "add r7, r6, r7",
        "ldrd r2, r3, [r0, #16]",
        "vldr s0, [r2]",
        "add r2, r2, r3",
        "vldr s1, [r2]",
        "add r2, r2, r3",
        "vldr s2, [r2]",
        "add r2, r2, r3",
        "vldr s3, [r2]",
        "ldr r12, [r0, #32]",
        "lsrs r1, r12, #1",
        "beq 3f",
        "2:",
        "vldmia r8!, {{s12-s13}}",
        "vldmia r4!, {{s4-s5}}",
        "vldmia r5!, {{s6-s7}}",
        "vldmia r6!, {{s8-s9}}",
        "vldmia r7!, {{s10-s11}}",
        products!("s12": "s0" "s4", "s1" "s6", "s2" "s8", "s3" "s10"),
        products!("s13": "s0" "s5", "s1" "s7", "s2" "s9", "s3" "s11"),
        "subs r1, r1, #1",
        "bne 2b",
        "3:",
        "lsls r12, r12, #31",
        "beq 4f",
        "vldr s12, [r8]",
        "vldr s4, [r4]",
        "vldr s6, [r5]",
        "vldr s8, [r6]",
        "vldr s10, [r7]",
        products!("s12": "s0" "s4", "s1" "s6", "s2" "s8", "s3" "s10"),
        "4:",
        "ldrd r2, r3, [r0, #24]",
        "vstr s0, [r2]",
        "add r2, r2, r3",
        "vstr s1, [r2]",
        "add r2, r2, r3",
        "vstr s2, [r2]",
        "add r2, r2, r3",
        "vstr s3, [r2]",
        "vpop {{s28-s31}}",
        "pop {{r4-r8, pc}}",
    )
}
