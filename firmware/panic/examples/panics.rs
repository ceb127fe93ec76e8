//! A panic that can be reached: an index from outside. It must not link with `supple-panic`'s feature `refuse`.
#![no_std]
#![no_main]

use core::hint::black_box;

use supple_panic as _;

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let values: &[u32] = black_box(&[1, 2, 3]);
    let index: usize = black_box(1);
    loop {
        black_box(values[index]);
    }
}
