//! Instructions by the timer, and the stack by painting it.

use core::arch::asm;
use core::hint::black_box;

use cortex_m_rt::STACK_PAINT_VALUE;

use crate::console::print;

/// CMSDK timer 0, counting down: control, value, reload. With `-icount shift=6` it counts 16 for 10 instructions.
const TIMER: *mut u32 = 0x4000_0000 as *mut u32;
/// Of the measuring function itself, below which the stack is painted.
const MARGIN: u32 = 64;
/// Bytes painted: a stack that reaches further is reported as that much.
const PAINTED: u32 = 8 * 1024;

/// Sets the timer going, from the largest number down.
pub fn start() {
    // SAFETY: the timer's registers.
    unsafe {
        TIMER.add(1).write_volatile(u32::MAX);
        TIMER.add(2).write_volatile(u32::MAX);
        TIMER.write_volatile(1);
    }
}

/// Whoever counts executed instructions looks for the calls of this: four for each measurement, of which the first
/// two enclose nothing, the last two the work.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn supple_bench_ticks() -> u32 {
    // SAFETY: the timer's value.
    u32::MAX - unsafe { TIMER.add(1).read_volatile() }
}

/// Does something; prints the instructions and the stack that it took. One copy, so that it weighs the same in all
/// images.
#[inline(never)]
pub fn measure(name: &str, work: &mut dyn FnMut()) {
    let here: u32;
    // SAFETY: reads the stack pointer; paints what lies below it.
    unsafe {
        asm!("mov {}, sp", out(reg) here);
        let mut word = (here - PAINTED) as *mut u32;
        while (word as u32) < here - MARGIN {
            word.write_volatile(STACK_PAINT_VALUE);
            word = word.add(1);
        }
    }
    let mut nothing = || {};
    let mut took = [0; 2];
    for (took, work) in took.iter_mut().zip([black_box(&mut nothing as &mut dyn FnMut()), work]) {
        let start = supple_bench_ticks();
        work();
        *took = supple_bench_ticks() - start;
    }
    let mut word = (here - PAINTED) as *const u32;
    // SAFETY: as above.
    while unsafe { word.read_volatile() } == STACK_PAINT_VALUE {
        word = word.wrapping_add(1);
    }
    print(name, "instructions", took[1].saturating_sub(took[0]) * 10 / 16);
    print(name, "stack", here - word as u32);
}
