//! Holds this core's kernels, which may be in assembly, against what they must give, number by number: many small
//! layers, drawn at random but the same at every run, on an emulated board. Prints how many cases there were, or the
//! first that differs; ends the emulator with 0 or 1.
//!
//! | module | kernels |
//! |---|---|
//! | `float` | `f32` convolutions and dense layers |
//! | `int8` | the same over `i8`, and `f32` to `i8` |
//! | `heads` | layers of heads: forward, and gradient steps |
#![no_std]
#![no_main]

mod float;
mod heads;
mod int8;
mod pool;
mod random;

use core::arch::asm;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use supple_pack::{Shape, Window};

use pool::{FLOATS, Pool};
use random::Random;

/// Of outputs before and after those that a kernel is given, which it may not write.
const MARGIN: usize = 32;

/// A kind of case: whether the kernels are right. It says so if they are not.
type Case = fn(&mut Pool, &mut Random) -> bool;

/// By name and number.
const CASES: [(&str, u32, Case); 7] = [
    ("f32 convolution", 700, float::convolution_is_right),
    ("f32 dense", 1000, float::dense_is_right),
    ("i8 convolution", 700, int8::convolution_is_right),
    ("i8 dense", 1000, int8::dense_is_right),
    ("f32 to i8", 1000, int8::quantise_is_right),
    ("head forward", 300, heads::forward_is_right),
    ("head step", 300, heads::step_is_right),
];

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; FLOATS] = [0.0; FLOATS];
    for (kind, count, is_right) in CASES {
        let mut random = Random::new();
        for case in 0..count {
            if !is_right(&mut Pool::new(MEMORY), &mut random) {
                let _ = writeln!(Host, "kernels.wrong={kind} {case}");
                exit(1);
            }
        }
        let _ = writeln!(Host, "kernels.right={count} {kind}");
    }
    exit(0)
}

/// Where the input under a tap begins, if it lies inside.
fn position(from: &Shape, window: &Window, at: [usize; 2], tap: [usize; 2]) -> Option<usize> {
    let along = |axis: usize, length: u16| {
        let place =
            at[axis] * usize::from(window.stride[axis]) + tap[axis] * usize::from(window.dilation[axis]);
        place.checked_sub(window.pad[axis].into()).filter(|place| *place < length.into())
    };
    let (row, column) = (along(0, from.height)?, along(1, from.width)?);
    Some((row * usize::from(from.width) + column) * usize::from(from.channels))
}

/// Copies the rows of an image that row `y` of an output may read to their places in a ring of `rows` rows.
fn hold<T: Copy>(ring: &mut [T], rows: u16, input: &[T], from: &Shape, window: &Window, y: usize) {
    let length = usize::from(from.width) * usize::from(from.channels);
    let (start, pad) = (y * usize::from(window.stride[0]), usize::from(window.pad[0]));
    let past = (start + window.span() as usize).saturating_sub(pad);
    for y in start.saturating_sub(pad)..past.min(from.height.into()) {
        let place = y % usize::from(rows) * length;
        ring[place..place + length].copy_from_slice(&input[y * length..][..length]);
    }
}

/// The host's console, through semihosting.
struct Host;

impl Write for Host {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| call(3, &raw const byte as u32));
        Ok(())
    }
}

fn call(operation: u32, argument: u32) {
    // SAFETY: semihosting; the emulator reads what the argument points to.
    unsafe { asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument) }
}

/// Ends the emulator with this code.
fn exit(code: u32) -> ! {
    let block = [0x20026, code];
    call(0x20, block.as_ptr() as u32);
    loop {
        // SAFETY: waits for an interrupt; none has a handler.
        unsafe { asm!("wfi") }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    let _ = writeln!(Host, "{info}");
    exit(2)
}
