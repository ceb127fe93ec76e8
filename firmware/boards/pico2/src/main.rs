//! Supple on Raspberry Pi's Pico 2 (RP2350, Cortex-M33). The line is UART 0: GPIO 0 out, GPIO 1 in.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use supple_app::{Area, Board, Clock, Line, Memory, Places, Region};
use supple_panic as _;
use supple_parts::linked;
use supple_parts::rp2350::{self, CORE_HERTZ, Flash, START_BLOCK, Uart};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 112 * 1024;
/// The most support samples of any pack.
const LABELS: usize = 1024;

#[unsafe(link_section = ".start_block")]
#[used]
static BLOCK: [u32; 5] = START_BLOCK;

const FLASH_BYTES: u32 = 4 << 20;
const PACK: u32 = 0x10_0000;
const PACK_BYTES: u32 = 1408 << 10;
const HEADS: u32 = PACK + 2 * PACK_BYTES;

struct Pico2 {
    uart: Uart,
    flash: Flash,
}

impl Board for Pico2 {
    const NAME: &'static str = "pico2";
    const CLOCK: Clock = Clock { hertz: CORE_HERTZ, instructions: (0, 0) };
    const PLACES: Places = Places {
        packs: [PACK, PACK + PACK_BYTES],
        pack_bytes: PACK_BYTES,
        heads: Region { start: HEADS, segment_bytes: 32 << 10, segments: 7 },
        boot: Region { start: HEADS + (224 << 10), segment_bytes: 4 << 10, segments: 8 },
    };
    type Flash = Flash;

    fn read_byte(&mut self) -> u8 {
        self.uart.read_byte()
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.uart.write_byte(byte));
    }

    fn ticks(&mut self) -> u32 {
        rp2350::cycles()
    }

    fn fixed_memory(&self) -> u32 {
        linked::fixed_memory()
    }

    fn stack(&self) -> u32 {
        linked::stack()
    }

    fn stack_high_water(&self) -> u32 {
        linked::stack_high_water()
    }

    fn flash(&mut self) -> &mut Flash {
        &mut self.flash
    }

    fn pack(&self, area: Area) -> &'static [u8] {
        linked::pack(area)
    }

    fn keys(&self) -> &'static [u8] {
        linked::keys()
    }

    fn restart(&mut self) -> ! {
        self.uart.flush();
        rp2350::restart()
    }
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    rp2350::start();
    // SAFETY: code lies before; behind are the areas of packs, of which see `linked::pack`, and the journals.
    let flash = unsafe { Flash::new(PACK, FLASH_BYTES) };
    let memory = Memory { floats: POOL, labels: LABELS_POOL };
    supple_app::run(Pico2 { uart: Uart::new(), flash }, memory, LINE)
}
