//! Supple on the Netduino Plus 2 (STM32F405, Cortex-M4F), as QEMU emulates it: without a clock tree and pins, which a
//! real one must set up first, and with flash that cannot be written.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use supple_app::{Clock, Line, Memory, Places, Region};
use supple_panic as _;
use supple_parts::stm32f4::{Flash, Machine, Sector, Stm32f4, Usart};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 28 * 1024;
/// The most support samples of any pack.
const LABELS: usize = 1024;

const FLASH_BYTES: u32 = 1 << 20;
const UNIT: u32 = 16 << 10;
const LARGE: u32 = 128 << 10;
/// Of sector 4 no more than 16 KiB are used, so that all of the journals' have one length. Code lies in 0, 5 and 6, packs from 7 on.
const SECTORS: [Sector; 8] = [
    Sector { number: 1, start: 0x0_4000, bytes: UNIT },
    Sector { number: 2, start: 0x0_8000, bytes: UNIT },
    Sector { number: 3, start: 0x0_c000, bytes: UNIT },
    Sector { number: 4, start: 0x1_0000, bytes: UNIT },
    Sector { number: 7, start: 0x6_0000, bytes: LARGE },
    Sector { number: 8, start: 0x8_0000, bytes: LARGE },
    Sector { number: 9, start: 0xa_0000, bytes: LARGE },
    Sector { number: 10, start: 0xc_0000, bytes: LARGE },
];

struct Netduino;

impl Machine for Netduino {
    const NAME: &'static str = "netduinoplus2";
    // QEMU's timer counts nanoseconds, here by 64; so long is an instruction under its `-icount shift=6`.
    const CLOCK: Clock = Clock { hertz: 15_625_000, instructions: (1, 1) };
    const PRESCALER: u32 = 63;
    // USART 1, at 16 MHz.
    const LINE: Usart = Usart { registers: 0x4001_1000, interrupt: 37, divider: 139 };
    const PLACES: Places = Places {
        packs: [0x6_0000, 0xa_0000],
        pack_bytes: 2 * LARGE,
        boot: Region { start: 0x4000, segment_bytes: UNIT, segments: 2 },
        heads: Region { start: 0xc000, segment_bytes: UNIT, segments: 2 },
    };
    const PACK_UNIT: u32 = LARGE;
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    // SAFETY: the linker script leaves these sectors alone but for the areas of packs, of which see `linked::pack`.
    let flash = unsafe { Flash::new(FLASH_BYTES, &SECTORS) };
    let memory = Memory { floats: POOL, labels: LABELS_POOL };
    supple_app::run(Stm32f4::<Netduino>::new(flash), memory, LINE)
}
