//! Layers of heads: sums of products in sixteen registers.
//!
//! A product and its sum are two instructions: on a Cortex-M4 they take 2 cycles, `vmla` takes 3. Four products come
//! before their four sums, so that no sum waits for its product.

use core::arch::naked_asm;
use core::ptr;

use crate::kernels::head::sums::Grid;

/// Adds `columns` products to each of four by four outputs; see `kernels::head::sums`. Does nothing where a slice is too
/// short.
pub fn four_by_four(weights: Grid, inputs: Grid, columns: usize, outputs: &mut [f32], outs: usize) {
    let pairs = columns / 2;
    let fits = weights.holds(4, columns)
        && inputs.holds(4, columns)
        && Grid { values: outputs, stride: outs }.holds(4, 4);
    if fits && pairs > 0 {
        // SAFETY: four rows of `columns` floats are read from each grid, four rows of four are changed, as checked.
        unsafe {
            add_four_by_four(&weights.pointer(), &inputs.pointer(), pairs, outputs.as_mut_ptr(), outs * 4)
        }
    }
    if fits && columns % 2 == 1 {
        for (sample, outputs) in outputs.chunks_mut(outs).take(4).enumerate() {
            add_last(weights, inputs.below(sample).row(columns), columns, outputs, 1);
        }
    }
}

/// Adds `columns` products of one row to each of four outputs; see `kernels::head::sums`. Does nothing where a slice is
/// too short.
pub fn four_by_one(rows: Grid, row: &[f32], columns: usize, outputs: &mut [f32], stride: usize) {
    let pairs = columns / 2;
    let fits = rows.holds(4, columns) && row.len() >= columns && Grid { values: outputs, stride }.holds(4, 1);
    if fits && pairs > 0 {
        // SAFETY: four rows of `columns` floats and one such row are read, four floats changed, as checked.
        unsafe { add_four_by_one(&rows.pointer(), row.as_ptr(), pairs, outputs.as_mut_ptr(), stride * 4) }
    }
    if fits && columns % 2 == 1 {
        add_last(rows, row, columns, outputs, stride);
    }
}

/// Adds the products of the last column, where columns do not come in pairs.
fn add_last(rows: Grid, row: &[f32], columns: usize, outputs: &mut [f32], stride: usize) {
    let Some(x) = row.get(columns - 1) else { return };
    for (at, output) in outputs.iter_mut().step_by(stride.max(1)).take(4).enumerate() {
        if let Some(other) = rows.below(at).values.get(columns - 1) {
            *output += x * other;
        }
    }
}

/// A grid as assembly reads it.
#[repr(C)]
struct Pointer {
    first: *const f32,
    /// Bytes from row to row.
    stride: usize,
}

impl Grid<'_> {
    fn pointer(&self) -> Pointer {
        Pointer { first: self.values.as_ptr(), stride: self.stride.wrapping_mul(4) }
    }
}

/// Four products of one number with four, then their sums.
macro_rules! products {
    ($by:literal: $a:literal $x:literal, $b:literal $y:literal, $c:literal $z:literal, $d:literal $w:literal) => {
        concat!(
            "vmul.f32 s28, ",
            $by,
            ", ",
            $x,
            "\n",
            "vmul.f32 s29, ",
            $by,
            ", ",
            $y,
            "\n",
            "vmul.f32 s30, ",
            $by,
            ", ",
            $z,
            "\n",
            "vmul.f32 s31, ",
            $by,
            ", ",
            $w,
            "\n",
            "vadd.f32 ",
            $a,
            ", ",
            $a,
            ", s28\n",
            "vadd.f32 ",
            $b,
            ", ",
            $b,
            ", s29\n",
            "vadd.f32 ",
            $c,
            ", ",
            $c,
            ", s30\n",
            "vadd.f32 ",
            $d,
            ", ",
            $d,
            ", s31\n",
        )
    };
}

/// `s0`–`s15`: outputs, a row of four for each sample. `s16`–`s23`: two numbers of each sample. `s24`, `s25`: two weights
/// of an output.
#[unsafe(naked)]
unsafe extern "C" fn add_four_by_four(
    weights: &Pointer,
    inputs: &Pointer,
    pairs: usize,
    outputs: *mut f32,
    outputs_stride: usize,
) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r3-r11, lr}}",
        "vpush {{s16-s31}}",
        "mov r12, r2",
        "ldrd r8, r7, [r1]",
        "add r9, r8, r7",
        "add r10, r9, r7",
        "add r11, r10, r7",
        "ldrd r4, r7, [r0]",
        "add r5, r4, r7",
        "add r6, r5, r7",
        "add r7, r6, r7",
        "ldr r2, [sp, #104]",
        "vldmia r3, {{s0-s3}}",
        "add r3, r3, r2",
        "vldmia r3, {{s4-s7}}",
        "add r3, r3, r2",
        "vldmia r3, {{s8-s11}}",
        "add r3, r3, r2",
        "vldmia r3, {{s12-s15}}",
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
        "subs r12, r12, #1",
        "bne 2b",
        "vstmia r3, {{s12-s15}}",
        "subs r3, r3, r2",
        "vstmia r3, {{s8-s11}}",
        "subs r3, r3, r2",
        "vstmia r3, {{s4-s7}}",
        "subs r3, r3, r2",
        "vstmia r3, {{s0-s3}}",
        "vpop {{s16-s31}}",
        "pop {{r3-r11, pc}}",
    )
}

/// `s0`–`s3`: outputs. `s4`–`s11`: two numbers of each of four rows. `s12`, `s13`: two numbers of the one row.
#[unsafe(naked)]
unsafe extern "C" fn add_four_by_one(
    rows: &Pointer,
    row: *const f32,
    pairs: usize,
    outputs: *mut f32,
    outputs_stride: usize,
) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r7, lr}}",
        "vpush {{s28-s31}}",
        "ldrd r4, r7, [r0]",
        "add r5, r4, r7",
        "add r6, r5, r7",
        "add r7, r6, r7",
        "ldr r12, [sp, #36]",
        "mov r0, r3",
        "vldr s0, [r0]",
        "add r0, r0, r12",
        "vldr s1, [r0]",
        "add r0, r0, r12",
        "vldr s2, [r0]",
        "add r0, r0, r12",
        "vldr s3, [r0]",
        "2:",
        "vldmia r1!, {{s12-s13}}",
        "vldmia r4!, {{s4-s5}}",
        "vldmia r5!, {{s6-s7}}",
        "vldmia r6!, {{s8-s9}}",
        "vldmia r7!, {{s10-s11}}",
        products!("s12": "s0" "s4", "s1" "s6", "s2" "s8", "s3" "s10"),
        products!("s13": "s0" "s5", "s1" "s7", "s2" "s9", "s3" "s11"),
        "subs r2, r2, #1",
        "bne 2b",
        "vstr s0, [r3]",
        "add r3, r3, r12",
        "vstr s1, [r3]",
        "add r3, r3, r12",
        "vstr s2, [r3]",
        "add r3, r3, r12",
        "vstr s3, [r3]",
        "vpop {{s28-s31}}",
        "pop {{r4-r7, pc}}",
    )
}

/// A step of a layer's weights, in blocks of sixteen.
pub struct Steps<'a> {
    pub weights: &'a mut [f32],
    pub velocity: Option<&'a mut [f32]>,
    pub inputs: Grid<'a>,
    pub deltas: Grid<'a>,
    pub samples: usize,
    pub rate: f32,
    pub momentum: f32,
}

impl Steps<'_> {
    /// Changes four rows of weights, `length` apart, in blocks of four columns; how many columns.
    pub fn four_rows(&mut self, length: usize) -> usize {
        self.change(length, length - length % 4, 4, add_four_outputs)
    }

    /// Changes one row of weights in blocks of sixteen columns; how many columns.
    pub fn one_row(&mut self, length: usize) -> usize {
        self.change(4, length - length % 16, 1, add_one_output)
    }

    /// Changes the first `columns` of `outs` rows; blocks are four rows `stride` apart. Nothing where a slice is too
    /// short.
    fn change(&mut self, stride: usize, columns: usize, outs: usize, add: unsafe extern "C" fn()) -> usize {
        let block = 16 / outs;
        let written = |values: &[f32]| Grid { values, stride }.holds(outs, columns);
        let fits = columns > 0
            && self.samples > 0
            && written(self.weights)
            && self.velocity.as_deref().is_none_or(written)
            && self.inputs.holds(self.samples, columns)
            && self.deltas.holds(self.samples, outs);
        if !fits {
            return 0;
        }
        let blocks = Blocks {
            weights: self.weights.as_mut_ptr(),
            stride: stride * 4,
            inputs: self.inputs.pointer(),
            deltas: self.deltas.pointer(),
            samples: self.samples,
            blocks: columns / block,
            velocity: self.velocity.as_mut().map_or(ptr::null_mut(), |velocity| velocity.as_mut_ptr()),
            advance: block * 4,
            rate: self.rate,
            momentum: self.momentum,
            add,
        };
        // SAFETY: as checked, `samples` rows of inputs have `columns` floats and as many rows of deltas have `outs`; so
        // do `outs` rows of weights and velocities, which are changed.
        unsafe { change_blocks(&blocks) };
        columns
    }
}

/// What [`change_blocks`] reads; strides in bytes.
#[repr(C)]
struct Blocks {
    weights: *mut f32,
    stride: usize,
    inputs: Pointer,
    deltas: Pointer,
    samples: usize,
    blocks: usize,
    velocity: *mut f32,
    advance: usize,
    rate: f32,
    momentum: f32,
    add: unsafe extern "C" fn(),
}

/// `velocity = momentum · velocity + gradient` of four numbers in a row at `r12`, the momentum in `s21`.
macro_rules! velocity {
    ($a:literal $b:literal $c:literal $d:literal) => {
        concat!(
            "vldmia r12, {{s16-s19}}\n",
            products!("s21": $a "s16", $b "s17", $c "s18", $d "s19"),
            "vstmia r12, {{", $a, "-", $d, "}}\n",
            "add r12, r12, r2\n",
        )
    };
}

/// `weight −= rate · velocity` of four numbers in a row at `r12`, the rate in `s20`.
macro_rules! weights {
    ($a:literal $b:literal $c:literal $d:literal) => {
        concat!(
            "vldmia r12, {{s16-s19}}\n",
            "vmul.f32 s28, s20, ",
            $a,
            "\n",
            "vmul.f32 s29, s20, ",
            $b,
            "\n",
            "vmul.f32 s30, s20, ",
            $c,
            "\n",
            "vmul.f32 s31, s20, ",
            $d,
            "\n",
            "vsub.f32 s16, s16, s28\n",
            "vsub.f32 s17, s17, s29\n",
            "vsub.f32 s18, s18, s30\n",
            "vsub.f32 s19, s19, s31\n",
            "vstmia r12, {{s16-s19}}\n",
            "add r12, r12, r2\n",
        )
    };
}

/// Changes block after block by its gradient, which `add` leaves in `s0`–`s15`.
#[unsafe(naked)]
unsafe extern "C" fn change_blocks(blocks: &Blocks) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r11, lr}}",
        "vpush {{s16-s31}}",
        "ldm r0, {{r1-r9}}",
        "2:",
        "adr r12, 4f",
        "vldmia r12, {{s0-s15}}",
        "mov r10, r3",
        "mov r11, r5",
        "ldr r12, [r0, #48]",
        "blx r12",
        "vldr s20, [r0, #40]",
        "cmp r9, #0",
        "beq 3f",
        "vldr s21, [r0, #44]",
        "mov r12, r9",
        velocity!("s0" "s1" "s2" "s3"),
        velocity!("s4" "s5" "s6" "s7"),
        velocity!("s8" "s9" "s10" "s11"),
        velocity!("s12" "s13" "s14" "s15"),
        "ldr r12, [r0, #36]",
        "add r9, r9, r12",
        "3:",
        "mov r12, r1",
        weights!("s0" "s1" "s2" "s3"),
        weights!("s4" "s5" "s6" "s7"),
        weights!("s8" "s9" "s10" "s11"),
        weights!("s12" "s13" "s14" "s15"),
        "ldr r12, [r0, #36]",
        "add r1, r1, r12",
        "add r3, r3, r12",
        "subs r8, r8, #1",
        "bne 2b",
        "vpop {{s16-s31}}",
        "pop {{r4-r11, pc}}",
        ".balign 4",
        "4:",
        ".space 64",
    )
}

/// Gradients of four outputs by four inputs; `r10` and `r11` point to the first sample's, `r7` counts the samples.
#[unsafe(naked)]
unsafe extern "C" fn add_four_outputs() {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "mov r12, r7",
        "2:",
        "vldmia r10, {{s16-s19}}",
        "add r10, r10, r4",
        "vldmia r11, {{s20-s23}}",
        "add r11, r11, r6",
        products!("s20": "s0" "s16", "s1" "s17", "s2" "s18", "s3" "s19"),
        products!("s21": "s4" "s16", "s5" "s17", "s6" "s18", "s7" "s19"),
        products!("s22": "s8" "s16", "s9" "s17", "s10" "s18", "s11" "s19"),
        products!("s23": "s12" "s16", "s13" "s17", "s14" "s18", "s15" "s19"),
        "subs r12, r12, #1",
        "bne 2b",
        "bx lr",
    )
}

/// Gradients of one output by sixteen inputs; registers as for [`add_four_outputs`].
#[unsafe(naked)]
unsafe extern "C" fn add_one_output() {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "mov r12, r7",
        "2:",
        "vldr s24, [r11]",
        "add r11, r11, r6",
        "vldmia r10!, {{s16-s23}}",
        products!("s24": "s0" "s16", "s1" "s17", "s2" "s18", "s3" "s19"),
        products!("s24": "s4" "s20", "s5" "s21", "s6" "s22", "s7" "s23"),
        "vldmia r10!, {{s16-s23}}",
        "sub r10, r10, #64",
        "add r10, r10, r4",
        products!("s24": "s8" "s16", "s9" "s17", "s10" "s18", "s11" "s19"),
        products!("s24": "s12" "s20", "s13" "s21", "s14" "s22", "s15" "s23"),
        "subs r12, r12, #1",
        "bne 2b",
        "bx lr",
    )
}
