//! Counts what a pack's trunk and a gradient step cost on Arm's MPS2 board with a Cortex-M4F (AN386), emulated with
//! `-icount shift=6`. Prints `key=value` lines through semihosting.
#![no_std]
#![no_main]

use core::arch::asm;
use core::panic::PanicInfo;
use core::slice;

use cortex_m_rt::{STACK_PAINT_VALUE, entry};
use supple_pack::Pack;
use supple_runtime::{HeadMemory, Label, Learner, MemoryNeed, PlanTrunk, SupportCache, Use};

const POOL_FLOATS: usize = 64 * 1024;
const LABELS: usize = 1024;
/// CMSDK timer 0, counting down: control, value, reload.
const TIMER: *mut u32 = 0x4000_0000 as *mut u32;

unsafe extern "C" {
    static _pack_start: u8;
    static _pack_end: u8;
    static mut _stack_end: u32;
}

fn ticks() -> u32 {
    // SAFETY: the timer's value, counting down from the largest.
    u32::MAX - unsafe { TIMER.add(1).read_volatile() }
}

/// Does something; prints the instructions and the stack that it took.
#[inline(never)]
fn measure<R>(name: &str, work: impl FnOnce() -> R) -> R {
    let here: u32;
    // SAFETY: reads the stack pointer; paints what lies below it, less a margin for this function itself.
    unsafe {
        asm!("mov {}, sp", out(reg) here);
        let mut word = &raw mut _stack_end;
        while (word as u32) < here - 64 {
            word.write_volatile(STACK_PAINT_VALUE);
            word = word.add(1);
        }
    }
    let overhead = {
        let start = ticks();
        ticks() - start
    };
    let start = ticks();
    let result = work();
    let took = ticks() - start - overhead;
    let mut word = &raw const _stack_end;
    // SAFETY: as above.
    while unsafe { word.read_volatile() } == STACK_PAINT_VALUE {
        word = word.wrapping_add(1);
    }
    print(name, "instructions", took * 10 / 16);
    print(name, "stack", here - word as u32);
    result
}

fn call(operation: u32, argument: u32) {
    // SAFETY: semihosting; the emulator reads what the argument points to.
    unsafe { asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument) }
}

fn say(text: &str) {
    for byte in text.bytes() {
        call(3, &raw const byte as u32);
    }
}

fn print(name: &str, key: &str, mut value: u32) {
    say(name);
    say(".");
    say(key);
    say("=");
    let mut digits = [0; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    digits[at..].iter().for_each(|byte| call(3, byte as *const u8 as u32));
    say("\n");
}

/// A number that names many floats, to see whether a change has changed bits.
fn mix(values: &[f32]) -> u32 {
    values.iter().fold(0, |sum: u32, value| sum.rotate_left(5) ^ value.to_bits())
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    // SAFETY: the timer's registers.
    unsafe {
        TIMER.add(1).write_volatile(u32::MAX);
        TIMER.add(2).write_volatile(u32::MAX);
        TIMER.write_volatile(1);
    }
    let (start, end) = (&raw const _pack_start, &raw const _pack_end);
    // SAFETY: the linker script sets this region aside, and nothing ever writes there.
    let region = unsafe { slice::from_raw_parts(start, end as usize - start as usize) };
    let Ok(pack) = measure("parse", || Pack::parse_region(region)) else { fail("no sound pack") };
    let need = MemoryNeed::of(&pack);
    let Some((arena, floats)) = POOL.split_at_mut_checked(need.arena) else { fail("the arena is too small") };
    let Ok(mut trunk) = PlanTrunk::new(&pack, arena) else { fail("the arena is too small") };
    for (at, place) in trunk.input_mut().iter_mut().enumerate() {
        *place = (at % 17) as f32 / 17.0;
    }
    if measure("trunk", || trunk.run().is_err()) {
        fail("the trunk did not run");
    }
    print("trunk", "bits", mix(trunk.feature()));
    let Some(head) = pack.heads().next() else { end_well() };
    let (features, way, samples) =
        (head.spec.features.into(), head.spec.capacity.into(), head.spec.max_support);
    let Some((words, floats)) = floats.split_at_mut_checked(need.support()) else {
        fail("the support's memory is too small")
    };
    let Ok(mut support) = SupportCache::new(&head.spec, words) else {
        fail("the support's memory is too small")
    };
    let Ok(mut learner) = Learner::new(head, HeadMemory { floats, labels: LABELS_POOL }) else {
        fail("the head's memory is too small")
    };
    if learner.begin(way).is_err() {
        fail("the head does not begin")
    }
    let mut state = 12345_u32;
    for sample in 0..usize::from(samples) {
        let feature = trunk.input_mut();
        for place in feature.iter_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *place = state as i32 as f32 / 2_147_483_648.0;
        }
        let pushed = support.push(feature.get(..features).unwrap_or_default());
        if pushed.is_err() || learner.label(sample, Label::Class(sample % way), Use::Support).is_err() {
            fail("a sample is refused")
        }
    }
    if measure("step", || learner.step(&mut support).is_err()) {
        fail("the step is refused")
    }
    print("step", "bits", mix(learner.last().weights));
    end_well()
}

fn end_well() -> ! {
    call(0x18, 0x20026);
    stop()
}

fn fail(why: &str) -> ! {
    say("error=");
    say(why);
    say("\n");
    call(0x18, 0x20024);
    stop()
}

fn stop() -> ! {
    loop {
        // SAFETY: waits for an interrupt; none has a handler.
        unsafe { asm!("wfi") }
    }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    fail("panicked")
}
