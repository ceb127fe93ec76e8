//! Supple on ST's NUCLEO-F446RE (STM32F446RE, Cortex-M4F). The line is that of its debug probe: USART 2 on PA2 and PA3.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use supple_app::{Clock, Line, Memory, Places, Region};
use supple_panic as _;
use supple_parts::stm32f4::{Flash, Machine, Sector, Stm32f4, Usart, usart_2_on_pa2_pa3};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 28 * 1024;
/// The most support samples of any pack.
const LABELS: usize = 1024;

/// APB1's clock.
const BUS_HERTZ: u32 = 42_000_000;
const FLASH_BYTES: u32 = 512 << 10;
const UNIT: u32 = 16 << 10;
const PACK_BYTES: u32 = 128 << 10;
/// Of sector 4 no more than 16 KiB are used, so that all of the journals' have one length. Code lies in 0 and 5, built small.
const SECTORS: [Sector; 6] = [
    Sector { number: 1, start: 0x0_4000, bytes: UNIT },
    Sector { number: 2, start: 0x0_8000, bytes: UNIT },
    Sector { number: 3, start: 0x0_c000, bytes: UNIT },
    Sector { number: 4, start: 0x1_0000, bytes: UNIT },
    Sector { number: 6, start: 0x4_0000, bytes: PACK_BYTES },
    Sector { number: 7, start: 0x6_0000, bytes: PACK_BYTES },
];

struct Nucleo;

impl Machine for Nucleo {
    const NAME: &'static str = "nucleo-f446re";
    // Timers run at twice the bus's clock.
    const CLOCK: Clock = Clock { hertz: 2 * BUS_HERTZ, instructions: (0, 0) };
    const PRESCALER: u32 = 0;
    const LINE: Usart =
        Usart { registers: 0x4000_4400, interrupt: 38, divider: (BUS_HERTZ + 57_600) / 115_200 };
    const PLACES: Places = Places {
        packs: [0x4_0000, 0x6_0000],
        pack_bytes: PACK_BYTES,
        boot: Region { start: 0x4000, segment_bytes: UNIT, segments: 2 },
        heads: Region { start: 0xc000, segment_bytes: UNIT, segments: 2 },
    };
    const PACK_UNIT: u32 = PACK_BYTES;
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    // QEMU has no clock tree: what waits for it would wait for ever.
    #[cfg(not(feature = "qemu"))]
    supple_parts::stm32f4::clock_168_mhz();
    usart_2_on_pa2_pa3();
    // SAFETY: the linker script leaves these sectors alone but for the areas of packs, of which see `linked::pack`.
    let flash = unsafe { Flash::new(FLASH_BYTES, &SECTORS) };
    let memory = Memory { floats: POOL, labels: LABELS_POOL };
    supple_app::run(Stm32f4::<Nucleo>::new(flash), memory, LINE)
}
