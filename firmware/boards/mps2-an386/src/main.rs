//! Supple on Arm's MPS2 board with a Cortex-M4F (AN386), as QEMU emulates it.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use supple_app::{Clock, Line, Memory};
use supple_panic as _;
use supple_parts::mps::{Machine, Mps, Timer};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 64 * 1024;
/// The most support samples of any pack.
const LABELS: usize = 1024;

struct An386;

impl Machine for An386 {
    const NAME: &'static str = "mps2-an386";
    const FLASH: *mut u32 = 0x2100_0000 as *mut u32;
    const UART: *mut u32 = 0x4000_4000 as *mut u32;
    const RECEIVED: usize = 0;
    const TIMER: Timer = Timer::Cmsdk(0x4000_0000 as *mut u32);
    // Under QEMU's `-icount shift=6` an instruction takes 64 ns and a tick 40 ns.
    const CLOCK: Clock = Clock { hertz: 25_000_000, instructions: (10, 16) };
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    let memory = Memory { floats: POOL, labels: LABELS_POOL };
    supple_app::run(Mps::<An386>::new(), memory, LINE)
}
