//! Outputs of sums.

use core::arch::naked_asm;

use crate::kernels::int8::pairs::Finish;

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
