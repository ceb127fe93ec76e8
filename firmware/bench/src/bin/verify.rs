//! Counts what checking a pack's signature costs, on the boards that `supple-device-bench` runs on and in its way. The
//! pack lies at the start of its region, the keys block in the last 4 KiB.
#![no_std]
#![no_main]

#[path = "../console.rs"]
mod console;
#[path = "../meter.rs"]
mod meter;

use core::hint::black_box;
use core::panic::PanicInfo;
use core::slice;

use cortex_m_rt::entry;
use supple_pack::keys::Keys;
use supple_pack::signature::{claimed, verify};

use console::{end_well, fail, print};

const KEYS_BYTES: usize = 4096;

unsafe extern "C" {
    static _pack_start: u8;
    static _pack_end: u8;
}

#[entry]
fn main() -> ! {
    meter::start();
    let (start, end) = (&raw const _pack_start, &raw const _pack_end);
    // SAFETY: the linker script sets this region aside, and nothing ever writes there.
    let region = unsafe { slice::from_raw_parts(start, end as usize - start as usize) };
    let (pack, keys) = region.split_at_checked(region.len() - KEYS_BYTES).unwrap_or_default();
    let keys = Keys::read(keys).unwrap_or_default();
    meter::measure("claimed", &mut || {
        let _ = black_box(claimed(black_box(pack), &keys, "mps2-an386"));
    });
    let mut verdict = None;
    meter::measure("verify", &mut || verdict = Some(verify(black_box(pack), &keys, "mps2-an386")));
    match verdict {
        Some(Ok(block)) => print("verify", "counter", block.counter),
        _ => fail("no signature of these keys"),
    }
    end_well()
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    fail("panicked")
}
