//! Single-precision sums in the registers of a floating-point unit.
//!
//! Multiplies, then adds: on a Cortex-M4 that is two cycles, where VMLA and VFMA take three and VFMA gives other bits.
//! Two neighbouring pixels by eight outputs fill half of the registers with sums, so that a weight is loaded once
//! for both; the other half holds eight weights, two inputs of each pixel and four products.

use core::arch::naked_asm;
use core::mem::offset_of;

use supple_pack::Activation;
use supple_pack::op::OUTPUT_BLOCK;

use crate::kernels::strip::Strip;
use crate::kernels::window::Lines;
use crate::kernels::{Block, activate};

/// Writes whole blocks of outputs, or nothing if the strip reaches outside one of its slices.
pub fn sum_blocks(strip: &Strip, pixels: usize, output: &mut [f32]) {
    let (bias, _) = strip.bias.as_chunks::<OUTPUT_BLOCK>();
    if strip.stays_inside(bias.len(), pixels, output.len()).is_none() {
        return;
    }
    let first = strip.inputs.as_ptr().wrapping_add(strip.lines.first + strip.first_input);
    let weights = strip.weights.as_ptr().wrapping_add(strip.first_weight);
    let end = strip.inputs.as_ptr().wrapping_add(strip.lines.end());
    let relu = usize::from(strip.activation == Activation::Relu);
    let (bias, blocks, place, pairs) = (bias.as_ptr(), bias.len(), output.as_mut_ptr(), pixels / 2);
    if pairs > 0 {
        // SAFETY: the pixels stay inside the slices.
        unsafe { sum_two(strip, first, weights, bias, place, end, pairs, blocks, relu) }
    }
    if pixels % 2 > 0 {
        let first = first.wrapping_add(2 * pairs * strip.pixel_step);
        let place = place.wrapping_add(2 * pairs * strip.output_step);
        // SAFETY: the last of the pixels, as above.
        unsafe { sum_one(strip, first, weights, bias, place, end, 1, blocks, relu) }
    }
    if let Activation::Clip { .. } = strip.activation {
        clip(strip, blocks * OUTPUT_BLOCK, pixels, output);
    }
}

/// Applies what the assembly does not.
#[inline(never)]
fn clip(strip: &Strip, channels: usize, pixels: usize, output: &mut [f32]) {
    for pixel in output.chunks_mut(strip.output_step.max(1)).take(pixels) {
        for sum in pixel.iter_mut().take(channels) {
            *sum = activate(*sum, strip.activation);
        }
    }
}

/// Adds the products of eight weights in registers with an input of a pixel.
///
/// No sum comes right after its product, which it would have to wait for.
macro_rules! products_of_one {
    ($a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal, $x:literal) => {
        concat!(
            products_of_one!(@ $a $b $c $d 0 1 2 3 $x),
            products_of_one!(@ $e $f $g $h 4 5 6 7 $x),
        )
    };
    (@ $a:literal $b:literal $c:literal $d:literal
        $sum_a:literal $sum_b:literal $sum_c:literal $sum_d:literal $x:literal) => {
        concat!(
            "vmul.f32 s28, s", $a, ", s", $x, "\n",
            "vmul.f32 s29, s", $b, ", s", $x, "\n",
            "vmul.f32 s30, s", $c, ", s", $x, "\n",
            "vmul.f32 s31, s", $d, ", s", $x, "\n",
            "vadd.f32 s", $sum_a, ", s", $sum_a, ", s28\n",
            "vadd.f32 s", $sum_b, ", s", $sum_b, ", s29\n",
            "vadd.f32 s", $sum_c, ", s", $sum_c, ", s30\n",
            "vadd.f32 s", $sum_d, ", s", $sum_d, ", s31\n",
        )
    };
}

/// Loads eight weights from `r3` and adds their products with an input of each of two pixels.
macro_rules! products_of_two {
    ($x:literal, $y:literal) => {
        concat!(
            "vldmia r3!, {{s16-s23}}\n",
            products_of_two!(@ 16 17 0 1 8 9 $x $y),
            products_of_two!(@ 18 19 2 3 10 11 $x $y),
            products_of_two!(@ 20 21 4 5 12 13 $x $y),
            products_of_two!(@ 22 23 6 7 14 15 $x $y),
        )
    };
    (@ $a:literal $b:literal $sum_a:literal $sum_b:literal
        $other_a:literal $other_b:literal $x:literal $y:literal) => {
        concat!(
            "vmul.f32 s28, s", $a, ", s", $x, "\n",
            "vmul.f32 s29, s", $b, ", s", $x, "\n",
            "vmul.f32 s30, s", $a, ", s", $y, "\n",
            "vmul.f32 s31, s", $b, ", s", $y, "\n",
            "vadd.f32 s", $sum_a, ", s", $sum_a, ", s28\n",
            "vadd.f32 s", $sum_b, ", s", $sum_b, ", s29\n",
            "vadd.f32 s", $other_a, ", s", $other_a, ", s30\n",
            "vadd.f32 s", $other_b, ", s", $other_b, ", s31\n",
        )
    };
}

/// `if x > 0 { x } else { 0 }`, so that NaN and the other zero become 0; `s16` holds 0.
macro_rules! relu {
    ($($sum:literal)*) => {
        concat!($(
            "vcmp.f32 s", $sum, ", #0.0\n",
            "vmrs APSR_nzcv, fpscr\n",
            "it le\n",
            "vmovle.f32 s", $sum, ", s16\n",
        )*)
    };
}

/// A function that sums `tiles` tiles of one or two pixels by `blocks` blocks of outputs; `first` is the first input
/// of the first pixel, `end` where the lines end, `relu` 1 or 0. What only tiles of two pixels need is left to
/// `second…`.
///
/// `r0` strip, `r1` and `r2` inputs of the two pixels, `r3` weights, `r4` fours of inputs left, `r5` where the first
/// pixel's inputs in this row begin, `r6` rows left, `r7` runs left, `r8` a run's length, `r9` tiles left, `r10`
/// outputs, `r11` the tile's first input, `r12` the block's first weight; on the stack, above the registers saved,
/// the arguments, of which `bias`, `output` and `blocks` go on with each block.
macro_rules! sum_tiles {
    (
        $(#[$doc:meta])*
        $name:ident,
        second_start: $start:expr, second_row: $row:expr, second_gap: $gap:expr, second_store: $store:expr,
        pair: $pair:expr, last: $last:expr, relu: $relu:expr $(,)?
    ) => {
        $(#[$doc])*
        #[unsafe(naked)]
        unsafe extern "C" fn $name(
            strip: &Strip,
            first: *const f32,
            weights: *const Block,
            bias: *const Block,
            output: *mut f32,
            end: *const f32,
            tiles: usize,
            blocks: usize,
            relu: usize,
        ) {
            naked_asm!(
                // The assembler of a function in assembly does not know of the target's unit.
                ".fpu fpv4-sp-d16",
                "push {{r1, r3-r11, lr}}",
                "vpush {{s16-s31}}",
                "mov r12, r2",
                "ldr r8, [r0, #{run}]",
                "20:", // A block of outputs.
                "ldr r9, [sp, #{tiles}]",
                "ldr r10, [sp, #{output}]",
                "ldr r11, [sp, #{first}]",
                "21:", // A tile.
                "ldr lr, [sp, #{bias}]",
                "ldr r6, [r0, #{rows}]",
                "vldmia lr, {{s0-s7}}",
                $start,
                "mov r3, r12",
                "mov r5, r11",
                "cmp r6, #0",
                "beq 28f",
                "22:", // A kernel row.
                "ldr r7, [r0, #{runs}]",
                $row,
                "mov r1, r5",
                "23:", // A run. If its pairs of inputs are odd in number, it begins with the second of two.
                "adds r4, r8, #2",
                "lsrs r4, r4, #2",
                "beq 26f",
                "tst r8, #2",
                "bne 25f",
                ".p2align 2",
                "24:",
                $pair,
                "25:",
                $pair,
                "subs r4, r4, #1",
                "bne 24b",
                "26:",
                "tst r8, #1",
                "beq 27f",
                $last,
                "27:",
                "subs r7, r7, #1",
                "bne 30f",
                "subs r6, r6, #1",
                "beq 28f",
                "ldr lr, [r0, #{weight_gap}]",
                "ldr r4, [r0, #{line_step}]",
                "ldr r7, [sp, #{end}]",
                "add r3, r3, lr, lsl #5",
                "add r5, r5, r4, lsl #2",
                "cmp r5, r7",
                "blo 22b",
                "ldr r4, [r0, #{lines}]",
                "sub r5, r5, r4, lsl #2",
                "b 22b",
                "28:",
                "ldr lr, [sp, #{relu}]",
                "ldr r4, [r0, #{output_step}]",
                "ldr r5, [r0, #{pixel_step}]",
                "cmp lr, #0",
                "beq 29f",
                "mov lr, #0",
                "vmov s16, lr",
                $relu,
                "29:",
                "vstmia r10, {{s0-s7}}",
                "add r10, r10, r4, lsl #2",
                "add r11, r11, r5, lsl #2",
                $store,
                "subs r9, r9, #1",
                "bne 21b",
                "ldr r4, [sp, #{blocks}]",
                "ldr r5, [sp, #{bias}]",
                "ldr r6, [sp, #{output}]",
                "ldr r7, [r0, #{weight_block}]",
                "add r5, r5, #{block}",
                "add r6, r6, #{block}",
                "str r5, [sp, #{bias}]",
                "str r6, [sp, #{output}]",
                "add r12, r12, r7, lsl #5",
                "subs r4, r4, #1",
                "str r4, [sp, #{blocks}]",
                "bne 20b",
                "vpop {{s16-s31}}",
                "pop {{r1, r3-r11, pc}}",
                "30:", // The next run of a row: only where taps do not lie side by side.
                "ldr lr, [r0, #{run_step}]",
                "sub lr, lr, r8",
                "add r1, r1, lr, lsl #2",
                $gap,
                "b 23b",
                rows = const offset_of!(Strip, rows),
                runs = const offset_of!(Strip, runs),
                run = const offset_of!(Strip, run),
                run_step = const offset_of!(Strip, run_step),
                pixel_step = const offset_of!(Strip, pixel_step),
                weight_gap = const offset_of!(Strip, weight_gap),
                weight_block = const offset_of!(Strip, weight_block),
                output_step = const offset_of!(Strip, output_step),
                line_step = const offset_of!(Strip, lines) + Lines::STEP_AND_END.0,
                lines = const offset_of!(Strip, lines) + Lines::STEP_AND_END.1,
                first = const SAVED,
                bias = const SAVED + 4,
                output = const SAVED + 44,
                end = const SAVED + 48,
                tiles = const SAVED + 52,
                blocks = const SAVED + 56,
                relu = const SAVED + 60,
                block = const size_of::<Block>(),
            )
        }
    };
}

/// Bytes of the floating-point registers saved, below the others.
const SAVED: usize = 64;

sum_tiles! {
    /// Tiles of two pixels.
    sum_two,
    second_start: "vldmia lr, {{s8-s15}}",
    second_row: "ldr lr, [r0, #{pixel_step}]\nadd r2, r5, lr, lsl #2",
    second_gap: "add r2, r2, lr, lsl #2",
    second_store: "vstmia r10, {{s8-s15}}\nadd r10, r10, r4, lsl #2\nadd r11, r11, r5, lsl #2",
    pair: concat!(
        "vldmia r1!, {{s24, s25}}\n",
        "vldmia r2!, {{s26, s27}}\n",
        products_of_two!(24, 26),
        products_of_two!(25, 27),
    ),
    last: concat!("vldmia r1!, {{s24}}\nvldmia r2!, {{s26}}\n", products_of_two!(24, 26)),
    relu: relu!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15),
}

sum_tiles! {
    /// Tiles of one pixel.
    sum_one,
    second_start: "",
    second_row: "",
    second_gap: "",
    second_store: "",
    pair: concat!(
        "vldmia r1!, {{s24, s25}}\n",
        "vldmia r3!, {{s8-s23}}\n",
        products_of_one!(8 9 10 11 12 13 14 15, 24),
        products_of_one!(16 17 18 19 20 21 22 23, 25),
    ),
    last: concat!(
        "vldmia r1!, {{s24}}\n",
        "vldmia r3!, {{s8-s15}}\n",
        products_of_one!(8 9 10 11 12 13 14 15, 24),
    ),
    relu: relu!(0 1 2 3 4 5 6 7),
}
