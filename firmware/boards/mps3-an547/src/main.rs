//! Supple on Arm's MPS3 board with a Cortex-M55 (AN547), as QEMU emulates it.
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

struct An547;

impl Machine for An547 {
    const NAME: &'static str = "mps3-an547";
    const FLASH: *mut u32 = 0x6000_0000 as *mut u32;
    // The addresses are those that only the secure state reaches, in which the core starts.
    const UART: *mut u32 = 0x5930_3000 as *mut u32;
    const RECEIVED: usize = 33;
    const TIMER: Timer = Timer::Sse { control: 0x5810_0000 as *mut u32, count: 0x5810_1000 as *mut u32 };
    // Under QEMU's `-icount shift=6` an instruction takes 64 ns and a tick 31.25 ns.
    const CLOCK: Clock = Clock { hertz: 32_000_000, instructions: (125, 256) };
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    let memory = Memory { floats: POOL, labels: LABELS_POOL };
    supple_app::run(Mps::<An547>::new(), memory, LINE)
}
