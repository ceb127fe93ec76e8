//! Gradients of sixteen weights at a time, and the weights that they change.

use core::arch::naked_asm;
use core::ops::Range;
use core::ptr;

use super::Pointer;
use crate::kernels::head::rows::Rows;
use crate::kernels::head::sums::Grid;

/// A step of a layer's weights, in blocks of sixteen.
pub struct Steps<'a> {
    pub weights: &'a mut [f32],
    pub velocity: Option<&'a mut [f32]>,
    pub inputs: &'a Rows<'a>,
    /// Of the inputs.
    pub columns: &'a Range<usize>,
    pub deltas: Grid<'a>,
    pub rate: f32,
    pub momentum: f32,
}

impl Steps<'_> {
    /// Changes weights of one row, or of four that are as long as the inputs, by the first of the columns; how many.
    #[inline(never)]
    pub fn change(&mut self, outs: usize) -> usize {
        let block = if outs == 4 { 4 } else { 16 };
        let columns = self.columns.len() - self.columns.len() % block;
        let (length, first) = (self.inputs.length(), self.columns.start);
        if columns == 0 || first > length || columns > length - first {
            return 0;
        }
        let samples = self.inputs.samples();
        let stride = if outs == 4 { length } else { 4 };
        let (inputs, scales, add): (Pointer, &[f32], unsafe extern "C" fn()) = match (*self.inputs, outs) {
            (Rows::F32 { values, .. }, 4) => {
                (Grid { values, stride: length }.from(first).pointer(), &[], add_four_outputs)
            }
            (Rows::F32 { values, .. }, 1) => {
                (Grid { values, stride: length }.from(first).pointer(), &[], add_one_output)
            }
            (Rows::I8 { values, scales, .. }, 4) if scales.len() >= samples => {
                let first = values.get(first..).unwrap_or_default().as_ptr();
                (Pointer { first: first.cast_mut().cast(), stride: length }, scales, add_four_scaled)
            }
            _ => return 0,
        };
        let written = |values: &[f32]| Grid { values, stride }.holds(outs, columns);
        let fits = samples > 0
            && written(self.weights)
            && self.velocity.as_deref().is_none_or(written)
            && self.deltas.holds(samples, outs);
        if !fits {
            return 0;
        }
        let blocks = Blocks {
            weights: self.weights.as_mut_ptr(),
            stride: stride * 4,
            inputs,
            deltas: self.deltas.pointer(),
            samples,
            blocks: columns / block,
            velocity: self.velocity.as_mut().map_or(ptr::null_mut(), |velocity| velocity.as_mut_ptr()),
            advance: block * 4,
            inputs_advance: if scales.is_empty() { block * 4 } else { block },
            rate: self.rate,
            momentum: self.momentum,
            scales: scales.as_ptr(),
            add,
        };
        // SAFETY: `samples` whole rows of inputs are there, a scale for each if they are `i8`, and as many rows of deltas
        // with `outs` floats; so many rows of weights and velocities, of `columns` floats, are changed. All as checked.
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
    /// From block to block.
    advance: usize,
    inputs_advance: usize,
    rate: f32,
    momentum: f32,
    scales: *const f32,
    add: unsafe extern "C" fn(),
}

/// `velocity = momentum · velocity + gradient` of four numbers in a row at `r12`, the momentum in `s21`.
#[cfg(feature = "momentum")]
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

/// The same of all sixteen, where there are velocities; nothing in a build without momentum.
#[cfg(feature = "momentum")]
macro_rules! velocities {
    () => {
        concat!(
            "cmp r9, #0\n",
            "beq 3f\n",
            "vldr s21, [r0, #48]\n",
            "mov r12, r9\n",
            velocity!("s0" "s1" "s2" "s3"),
            velocity!("s4" "s5" "s6" "s7"),
            velocity!("s8" "s9" "s10" "s11"),
            velocity!("s12" "s13" "s14" "s15"),
            "ldr r12, [r0, #36]\n",
            "add r9, r9, r12\n",
            "3:\n",
        )
    };
}

#[cfg(not(feature = "momentum"))]
macro_rules! velocities {
    () => {
        ""
    };
}

/// `weight −= rate · velocity` of four numbers in a row at `r12`, the rate in `s20`.
macro_rules! weights {
    ($a:literal $b:literal $c:literal $d:literal) => {
        concat!(
            "vldmia r12, {{s16-s19}}\n",
            three!("vmul" "s28" "s20" $a),
            three!("vmul" "s29" "s20" $b),
            three!("vmul" "s30" "s20" $c),
            three!("vmul" "s31" "s20" $d),
            three!("vsub" "s16" "s16" "s28"),
            three!("vsub" "s17" "s17" "s29"),
            three!("vsub" "s18" "s18" "s30"),
            three!("vsub" "s19" "s19" "s31"),
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
        "ldr r12, [r0, #56]",
        "blx r12",
        "vldr s20, [r0, #44]",
        velocities!(),
        "mov r12, r1",
        weights!("s0" "s1" "s2" "s3"),
        weights!("s4" "s5" "s6" "s7"),
        weights!("s8" "s9" "s10" "s11"),
        weights!("s12" "s13" "s14" "s15"),
        "ldr r12, [r0, #36]",
        "add r1, r1, r12",
        "ldr r12, [r0, #40]",
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

/// As [`add_four_outputs`], of inputs in `i8`.
#[unsafe(naked)]
unsafe extern "C" fn add_four_scaled() {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r1, r2, r3, r8, r9}}",
        "ldr r8, [r0, #52]",
        "mov r12, r7",
        "2:",
        "ldrsb r1, [r10]",
        "ldrsb r2, [r10, #1]",
        "ldrsb r3, [r10, #2]",
        "ldrsb r9, [r10, #3]",
        "add r10, r10, r4",
        "vmov s16, s17, r1, r2",
        "vmov s18, s19, r3, r9",
        "vldmia r8!, {{s24}}",
        "vldmia r11, {{s20-s23}}",
        "add r11, r11, r6",
        "vcvt.f32.s32 s16, s16",
        "vcvt.f32.s32 s17, s17",
        "vcvt.f32.s32 s18, s18",
        "vcvt.f32.s32 s19, s19",
        "vmul.f32 s16, s24, s16",
        "vmul.f32 s17, s24, s17",
        "vmul.f32 s18, s24, s18",
        "vmul.f32 s19, s24, s19",
        products!("s20": "s0" "s16", "s1" "s17", "s2" "s18", "s3" "s19"),
        products!("s21": "s4" "s16", "s5" "s17", "s6" "s18", "s7" "s19"),
        products!("s22": "s8" "s16", "s9" "s17", "s10" "s18", "s11" "s19"),
        products!("s23": "s12" "s16", "s13" "s17", "s14" "s18", "s15" "s19"),
        "subs r12, r12, #1",
        "bne 2b",
        "pop {{r1, r2, r3, r8, r9}}",
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
