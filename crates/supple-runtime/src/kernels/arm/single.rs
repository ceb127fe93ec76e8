//! Single-precision sums in the registers of a floating-point unit.
//!
//! Multiplies, then adds: on a Cortex-M4 that is two cycles, where VMLA and VFMA take three and VFMA gives other bits.
//! Two neighbouring pixels by eight outputs fill half of the registers with sums, so that a weight is loaded once
//! for both; the other half holds eight weights, two inputs of each pixel and four products.

use core::arch::naked_asm;
use core::mem::offset_of;

use supple_pack::Activation;
use supple_pack::op::OUTPUT_BLOCK;

use crate::kernels::Block;
use crate::kernels::strip::Strip;

/// Sums whole blocks of outputs and applies relu, if that is the activation. Writes nothing if the strip reaches
/// outside one of its slices.
pub fn sum_blocks(strip: &Strip, pixels: usize, output: &mut [f32]) {
    let Some(mut job) = checked(strip, pixels, output) else { return };
    job.tiles = pixels / 2;
    if job.tiles > 0 {
        // SAFETY: `checked` found that all pixels lie inside the slices, which live until the end of this call.
        unsafe { sum_two(&mut job) }
    }
    if pixels % 2 > 0 {
        let before = job.tiles;
        job.first_line = job.first_line.wrapping_add(before * 2 * strip.pixel_step);
        job.output = job.output.wrapping_add(before * 2 * strip.output_step);
        job.tiles = 1;
        // SAFETY: as above, for the last pixel.
        unsafe { sum_one(&mut job) }
    }
}

/// What the assembly reads. Steps in bytes; it changes none of the fields.
#[repr(C)]
struct Job {
    /// The first pixel's first input.
    first_line: *const f32,
    /// The first block's first weight inside.
    weights: *const Block,
    bias: *const Block,
    output: *mut f32,
    /// Tiles of one or two pixels, at least one.
    tiles: usize,
    /// Of outputs, at least one.
    blocks: usize,
    rows: usize,
    /// At least one, if there are rows.
    runs: usize,
    /// Inputs, at least one if there are rows.
    run: usize,
    pixel_step: usize,
    output_step: usize,
    /// From the end of a run of inputs to the next one.
    run_gap: usize,
    /// From the end of a kernel row's weights to the next one's.
    row_gap: usize,
    weight_block: usize,
    line_step: usize,
    /// Past the last row held; from there it goes on `lines` further up.
    lines_end: *const f32,
    lines: usize,
    /// 1 or 0.
    relu: usize,
}

/// The job of all pixels, if it stays inside the slices.
fn checked(strip: &Strip, pixels: usize, output: &mut [f32]) -> Option<Job> {
    const FLOAT: usize = size_of::<f32>();
    let (bias, _) = strip.bias.as_chunks::<OUTPUT_BLOCK>();
    let blocks = bias.len();
    let (before, blocks_before) = (pixels.checked_sub(1)?, blocks.checked_sub(1)?);
    // A window wholly outside leaves the bias.
    let rows = if strip.run == 0 || strip.runs == 0 { 0 } else { strip.rows };
    let weights_of_row = strip.runs.checked_mul(strip.run)?;
    if rows > 0 {
        let last_run = strip.runs.checked_sub(1)?.checked_mul(strip.run_step)?;
        let extent = before.checked_mul(strip.pixel_step)?.checked_add(last_run)?;
        let extent = extent.checked_add(strip.first_input)?.checked_add(strip.run)?;
        strip.lines.within(strip.inputs.len(), extent).then_some(())?;
        let last = rows.checked_sub(1)?.checked_mul(strip.weight_row)?;
        let last = last.checked_add(blocks_before.checked_mul(strip.weight_block)?)?;
        strip.weights.get(strip.first_weight..)?.get(last..)?.get(..weights_of_row)?;
    }
    let last = before.checked_mul(strip.output_step)?;
    output.get(last..)?.get(..blocks.checked_mul(OUTPUT_BLOCK)?)?;
    let (line_step, lines) = strip.lines.step_and_end();
    Some(Job {
        first_line: strip.inputs.as_ptr().wrapping_add(strip.lines.first + strip.first_input),
        weights: strip.weights.as_ptr().wrapping_add(strip.first_weight),
        bias: bias.as_ptr(),
        output: output.as_mut_ptr(),
        tiles: 0,
        blocks,
        rows,
        runs: strip.runs,
        run: strip.run,
        pixel_step: strip.pixel_step * FLOAT,
        output_step: strip.output_step * FLOAT,
        run_gap: strip.run_step.wrapping_sub(strip.run).wrapping_mul(FLOAT),
        row_gap: strip.weight_row.wrapping_sub(weights_of_row).wrapping_mul(size_of::<Block>()),
        weight_block: strip.weight_block.wrapping_mul(size_of::<Block>()),
        line_step: line_step * FLOAT,
        lines_end: strip.inputs.as_ptr().wrapping_add(lines),
        lines: lines * FLOAT,
        relu: usize::from(strip.activation == Activation::Relu),
    })
}

/// Adds the products of eight weights, from `r3` on, with one input of a pixel.
///
/// No sum comes right after its product, which it would have to wait for.
macro_rules! products_of_one {
    ($x:literal) => {
        concat!(
            "vldmia r3!, {{s16-s23}}\n",
            products_of_one!(@ 16 17 18 19 0 1 2 3 $x),
            products_of_one!(@ 20 21 22 23 4 5 6 7 $x),
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

/// As `products_of_one`, for an input of each of two pixels.
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

/// A function that does a [`Job`]; what it does with the second of two pixels is left to `second…`.
///
/// `r0` job, `r1` and `r2` inputs of the two pixels, `r3` weights, `r4` pairs of inputs left, `r5` the first pixel's
/// row, `r6` rows left, `r7` runs left, `r8` a run's length, `r9` tiles left, `r10` outputs, `r11` the tile's first
/// row, `r12` the block's weights.
macro_rules! sum_tiles {
    (
        $(#[$doc:meta])*
        $name:ident,
        start: $start:expr, row: $row:expr, pair: $pair:expr, last: $last:expr, gap: $gap:expr,
        relu: $relu:expr, store: $store:expr $(,)?
    ) => {
        $(#[$doc])*
        #[unsafe(naked)]
        unsafe extern "C" fn $name(job: &Job) {
            naked_asm!(
                // The assembler of a function in assembly does not know of the target's unit.
                ".fpu fpv4-sp-d16",
                "push {{r4-r11, lr}}",
                "vpush {{s16-s31}}",
                "ldr r8, [r0, #{run}]",
                "ldr r9, [r0, #{blocks}]",
                "ldr r10, [r0, #{output}]",
                "ldr r11, [r0, #{bias}]",
                "ldr r12, [r0, #{weights}]",
                "20:", // A block of outputs.
                "push {{r9-r11}}",
                "ldr r9, [r0, #{tiles}]",
                "ldr r11, [r0, #{first_line}]",
                "21:", // A tile.
                "ldr lr, [sp, #8]",
                "vldmia lr, {{s0-s7}}",
                $start,
                "ldr r6, [r0, #{rows}]",
                "mov r3, r12",
                "mov r5, r11",
                "cmp r6, #0",
                "beq 27f",
                "22:", // A kernel row.
                "ldr r7, [r0, #{runs}]",
                "mov r1, r5",
                $row,
                "23:", // A run.
                "lsrs r4, r8, #1",
                "beq 25f",
                ".p2align 2",
                "24:", // Two inputs of each pixel.
                $pair,
                "subs r4, r4, #1",
                "bne 24b",
                "25:",
                "lsls lr, r8, #31",
                "beq 26f",
                $last,
                "26:",
                "subs r7, r7, #1",
                "bne 29f",
                "subs r6, r6, #1",
                "beq 27f",
                "ldr lr, [r0, #{row_gap}]",
                "ldr r4, [r0, #{line_step}]",
                "ldr r7, [r0, #{lines_end}]",
                "add r3, r3, lr",
                "add r5, r5, r4",
                "cmp r5, r7",
                "blo 22b",
                "ldr r4, [r0, #{lines}]",
                "sub r5, r5, r4",
                "b 22b",
                "27:",
                "ldr r4, [r0, #{relu}]",
                "cmp r4, #0",
                "beq 28f",
                "mov r4, #0",
                "vmov s16, r4",
                $relu,
                "28:",
                "ldr r4, [r0, #{output_step}]",
                "ldr r5, [r0, #{pixel_step}]",
                "vstmia r10, {{s0-s7}}",
                "add r10, r10, r4",
                "add r11, r11, r5",
                $store,
                "subs r9, r9, #1",
                "bne 21b",
                "pop {{r9-r11}}",
                "ldr r4, [r0, #{weight_block}]",
                "add r10, r10, #{block}",
                "add r11, r11, #{block}",
                "add r12, r12, r4",
                "subs r9, r9, #1",
                "bne 20b",
                "vpop {{s16-s31}}",
                "pop {{r4-r11, pc}}",
                "29:", // The next run of a row: only where taps do not lie side by side.
                "ldr lr, [r0, #{run_gap}]",
                "add r1, r1, lr",
                $gap,
                "b 23b",
                first_line = const offset_of!(Job, first_line),
                weights = const offset_of!(Job, weights),
                bias = const offset_of!(Job, bias),
                output = const offset_of!(Job, output),
                tiles = const offset_of!(Job, tiles),
                blocks = const offset_of!(Job, blocks),
                rows = const offset_of!(Job, rows),
                runs = const offset_of!(Job, runs),
                run = const offset_of!(Job, run),
                pixel_step = const offset_of!(Job, pixel_step),
                output_step = const offset_of!(Job, output_step),
                run_gap = const offset_of!(Job, run_gap),
                row_gap = const offset_of!(Job, row_gap),
                weight_block = const offset_of!(Job, weight_block),
                line_step = const offset_of!(Job, line_step),
                lines_end = const offset_of!(Job, lines_end),
                lines = const offset_of!(Job, lines),
                relu = const offset_of!(Job, relu),
                block = const size_of::<Block>(),
            )
        }
    };
}

sum_tiles! {
    /// Tiles of two pixels.
    sum_two,
    start: "vldmia lr, {{s8-s15}}",
    row: "ldr lr, [r0, #{pixel_step}]\nadd r2, r5, lr",
    pair: concat!(
        "vldmia r1!, {{s24, s25}}\n",
        "vldmia r2!, {{s26, s27}}\n",
        products_of_two!(24, 26),
        products_of_two!(25, 27),
    ),
    last: concat!("vldmia r1!, {{s24}}\nvldmia r2!, {{s26}}\n", products_of_two!(24, 26)),
    gap: "add r2, r2, lr",
    relu: relu!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15),
    store: "vstmia r10, {{s8-s15}}\nadd r10, r10, r4\nadd r11, r11, r5",
}

sum_tiles! {
    /// Tiles of one pixel.
    sum_one,
    start: "",
    row: "",
    pair: concat!("vldmia r1!, {{s24, s25}}\n", products_of_one!(24), products_of_one!(25)),
    last: concat!("vldmia r1!, {{s24}}\n", products_of_one!(24)),
    gap: "",
    relu: relu!(0 1 2 3 4 5 6 7),
    store: "",
}
