//! A board's check of a pack's signature, which rests on a crate that indexes.
#![no_std]
#![no_main]

use core::hint::black_box;

use supple_pack::keys::Keys;
use supple_pack::signature::verify;
use supple_panic as _;

/// What stands for regions of flash; the compiler must not know what is in them.
static REGION: [u8; 512] = [0; 512];

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        let (region, keys): (&[u8], &[u8]) = (black_box(&REGION), black_box(&REGION));
        let keys = Keys::read(keys).unwrap_or_default();
        let _ = black_box(verify(region, &keys, black_box("board")));
    }
}
