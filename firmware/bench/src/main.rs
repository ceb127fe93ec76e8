//! Counts what a pack's trunk and a gradient step cost on Arm's MPS2 board with a Cortex-M4F (AN386), emulated with
//! `-icount shift=6`. Prints `key=value` lines through semihosting.
#![no_std]
#![no_main]

use core::arch::asm;
use core::panic::PanicInfo;

use cortex_m_rt::{STACK_PAINT_VALUE, entry};
/// CMSDK timer 0, counting down: control, value, reload.
const TIMER: *mut u32 = 0x4000_0000 as *mut u32;

unsafe extern "C" {
    static mut _stack_end: u32;
}

fn ticks() -> u32 {
    // SAFETY: the timer's value, counting down from the largest.
    u32::MAX - unsafe { TIMER.add(1).read_volatile() }
}

/// Does something; prints the instructions and the stack that it took.
#[inline(never)]
fn measure<R>(name: &str, work: impl FnOnce() -> R) -> u32 {
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
    work();
    let took = ticks() - start - overhead;
    let mut word = &raw const _stack_end;
    // SAFETY: as above.
    while unsafe { word.read_volatile() } == STACK_PAINT_VALUE {
        word = word.wrapping_add(1);
    }
    print(name, "instructions", took * 10 / 16);
    print(name, "stack", here - word as u32);
    took * 10 / 16
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


use supple_runtime::kernels::head::{LayerMut, descent::*, forward::forward, loss::class_deltas, rows::Rows};
static mut STATE: u32 = 12345;
fn random() -> f32 {
    unsafe { STATE = STATE.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); STATE as i32 as f32 / 2_147_483_648.0 }
}
const D: usize = 64; const H: usize = 32; const C: usize = 5; const N: usize = 25;
static mut X: [f32; N*D] = [0.0; N*D];
static mut Q: [i8; N*D] = [0; N*D];
static mut SC: [f32; N] = [0.0; N];
static mut W: [f32; H*D+H] = [0.0; H*D+H];
static mut W2: [f32; C*H+C] = [0.0; C*H+C];
static mut A: [f32; N*H] = [0.0; N*H];
static mut Z: [f32; N*C] = [0.0; N*C];
static mut G: [f32; C] = [0.0; C];

#[inline(never)]
fn deltas(z: &mut [f32], n: usize) {
    let scale = C as f32 / n as f32;
    for (i, z) in z.chunks_exact_mut(C).enumerate() { class_deltas(z, Some(i % C), scale); }
}
fn sum(name: &str, parts: [u32; 5], n: usize, per: usize) {
    let total: u32 = parts.iter().sum();
    print(name, "total", total);
    print(name, "permac*1000", (total as u64 * 1000 / (n * per) as u64) as u32);
}
#[entry]
fn main() -> ! {
    unsafe {
        TIMER.add(1).write_volatile(u32::MAX);
        TIMER.add(2).write_volatile(u32::MAX);
        TIMER.write_volatile(1);
    }
    #[allow(static_mut_refs)]
    let (x, q, sc, w, w2, a, z, g) = unsafe { (&mut X, &mut Q, &mut SC, &mut W, &mut W2, &mut A, &mut Z, &mut G) };
    for kind in 0..2 { for n in [5, 25] {
        say(if kind == 0 {"f32 "} else {"i8 "}); print("case", "n", n as u32);
        x.iter_mut().for_each(|x| *x = random());
        q.iter_mut().for_each(|x| *x = (random() * 127.0) as i8);
        sc.iter_mut().for_each(|x| *x = random() * 0.01);
        w.iter_mut().for_each(|x| *x = random() * 0.1);
        w2.iter_mut().for_each(|x| *x = random() * 0.1);
        let rows = if kind == 0 { Rows::F32 { values: &x[..n * D], length: D } } else { Rows::I8 { values: &q[..n*D], scales: &sc[..n], length: D } };
        let rows = core::hint::black_box(rows);
        let rates = core::hint::black_box([0.1, 0.2]);
        {
            let (weights, rest) = w.split_at_mut(C * D);
            let bias = &mut rest[..C];
            let z = &mut z[..n * C];
            let f = measure("lin.forward", || forward(weights, bias, &rows, z, false));
            print("lin.forward", "bits", mix(z));
            let d = measure("lin.deltas", || deltas(z, n));
            let e = measure("lin.descend", || descend(&mut LayerMut { weights, bias }, &rows, z, &mut Descent { rates, momentum: 0.0, velocity: None }));
            print("lin.descend", "bits", mix(weights) ^ mix(bias));
            sum("LIN", [f, d, e, 0, 0], n, 640);
        }
        {
            let (weights, bias) = w.split_at_mut(H * D);
            let (weights2, bias2) = w2.split_at_mut(C * H);
            let z = &mut z[..n * C];
            let h = &mut a[..n * H];
            let f = measure("hid.forward1", || forward(weights, bias, &rows, h, true));
            print("hid.forward1", "bits", mix(h));
            let f2 = measure("hid.forward2", || forward(weights2, bias2, &Rows::F32 { values: h, length: H }, z, false));
            let d = measure("hid.deltas", || deltas(z, n));
            let p = measure("hid.pass", || descend_and_pass(&mut LayerMut { weights: weights2, bias: bias2 }, h, H, z, g, &mut Descent { rates, momentum: 0.0, velocity: None }));
            print("hid.pass", "bits", mix(weights2) ^ mix(bias2) ^ mix(h));
            let e = measure("hid.descend", || descend(&mut LayerMut { weights, bias }, &rows, h, &mut Descent { rates, momentum: 0.0, velocity: None }));
            print("hid.descend", "bits", mix(weights) ^ mix(bias));
            sum("HID", [f, f2, d, p, e], n, 4576);
        }
    } }
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
