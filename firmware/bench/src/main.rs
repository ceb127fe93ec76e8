//! Counts what a pack's trunk and its head's adaptation cost on Arm's MPS2 boards, emulated with `-icount shift=6`.
//! Prints `name.key=value` lines through semihosting.
//!
//! The features choose what is linked: `trunk` runs the trunk, `adapt` adapts the first head, the others are kernels of
//! the runtime. Without the feature `product` nothing of ours is in the image but the harness, whose size is taken off
//! that of the others.
#![no_std]
#![no_main]

mod console;
mod meter;

#[cfg(feature = "adapt")]
mod adapt;
#[cfg(any(feature = "trunk", feature = "adapt"))]
mod product;
#[cfg(feature = "trunk")]
mod trunk;

use core::panic::PanicInfo;

use console::{end_well, fail};
use cortex_m_rt::entry;

#[entry]
fn main() -> ! {
    meter::start();
    #[cfg(any(feature = "trunk", feature = "adapt"))]
    pack::measured();
    meter::measure("nothing", &mut || {});
    end_well()
}

#[cfg(any(feature = "trunk", feature = "adapt"))]
mod pack {
    use core::slice;

    use supple_pack::Pack;
    use supple_runtime::PlanTrunk;

    use crate::console::{fail, print};
    use crate::meter::measure;
    use crate::product;

    const POOL_FLOATS: usize = 64 * 1024;

    unsafe extern "C" {
        static _pack_a_start: u8;
        static _pack_a_end: u8;
    }

    /// Reads the pack in its region and measures what this image is built for.
    #[inline(never)]
    pub fn measured() {
        static POOL: Pool = Pool(core::cell::UnsafeCell::new([0.0; POOL_FLOATS]));
        let (start, end) = (&raw const _pack_a_start, &raw const _pack_a_end);
        // SAFETY: the linker script sets this region aside, and nothing ever writes there.
        let region = unsafe { slice::from_raw_parts(start, end as usize - start as usize) };
        let mut pack = None;
        measure("parse", &mut || pack = product::parse(region));
        let Some(pack) = pack else { fail("no sound pack") };
        let arena = pack.trunk().arena as usize;
        print("memory", "arena", 4 * arena as u32);
        print("memory", "trunk", (size_of::<Pack>() + size_of::<PlanTrunk>()) as u32);
        // SAFETY: this runs once, and no one else knows the pool.
        let pool: &mut [f32] = unsafe { &mut *POOL.0.get() };
        let Some((arena, floats)) = pool.split_at_mut_checked(arena) else { fail("the arena is too small") };
        #[cfg(feature = "adapt")]
        if let Some(head) = product::head(&pack) {
            return crate::adapt::run(&pack, head, arena, floats, &mut [0; 64]);
        }
        #[cfg(not(feature = "adapt"))]
        let _ = floats;
        #[cfg(feature = "trunk")]
        crate::trunk::run(&pack, arena);
    }

    struct Pool(core::cell::UnsafeCell<[f32; POOL_FLOATS]>);

    // SAFETY: there is one thread.
    unsafe impl Sync for Pool {}
}

/// A number that names many floats, to see whether a change has changed bits.
#[cfg(any(feature = "trunk", feature = "adapt"))]
#[inline(never)]
fn mix(values: &[f32]) -> u32 {
    values.iter().fold(0, |sum: u32, value| sum.rotate_left(5) ^ value.to_bits())
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    fail("panicked")
}
