//! A frame of 600 bytes, which the gate on stacks must name.
#![no_std]
#![no_main]

use core::hint::black_box;

use supple_panic as _;

#[inline(never)]
fn large() -> u8 {
    let mut array = [0_u8; 600];
    black_box(&mut array).iter().fold(0, |sum: u8, value| sum.wrapping_add(*value))
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        black_box(large());
    }
}
