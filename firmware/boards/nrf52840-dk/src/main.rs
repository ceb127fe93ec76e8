//! Supple on Nordic's nRF52840 DK (Cortex-M4F). The line is that of its debug probe: P0.06 out, P0.08 in.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use supple_app::{Area, Board, Clock, Line, Memory, Places, Region};
use supple_panic as _;
use supple_parts::nordic::{self, Peripherals, TIMER_HERTZ};
use supple_parts::nvmc::Nvmc;
use supple_parts::{linked, nvic};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 56 * 1024;
/// The most support samples of any pack.
const LABELS: usize = 1024;

/// The line's pins of port 0.
const TRANSMIT: u32 = 6;
const RECEIVE: u32 = 8;

/// Flash behind code and keys.
const FLASH: u32 = 0x0004_0000;
const FLASH_BYTES: usize = 768 << 10;
const PAGE: usize = 4 << 10;
const PACK_BYTES: u32 = 352 << 10;
const BOOT: Region = Region { start: 2 * PACK_BYTES, segment_bytes: PAGE as u32, segments: 4 };
const HEADS: Region = Region { start: 2 * PACK_BYTES + (16 << 10), segment_bytes: 16 << 10, segments: 3 };

struct Nrf52840 {
    peripherals: Peripherals,
    flash: Nvmc<PAGE>,
}

impl Board for Nrf52840 {
    const NAME: &'static str = "nrf52840-dk";
    const CLOCK: Clock = Clock { hertz: TIMER_HERTZ, instructions: (0, 0) };
    const PLACES: Places =
        Places { packs: [0, PACK_BYTES], pack_bytes: PACK_BYTES, boot: BOOT, heads: HEADS };
    type Flash = Nvmc<PAGE>;

    fn read_byte(&mut self) -> u8 {
        self.peripherals.read_byte()
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.peripherals.write_byte(byte));
    }

    fn ticks(&mut self) -> u32 {
        self.peripherals.ticks()
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

    fn flash(&mut self) -> &mut Self::Flash {
        &mut self.flash
    }

    fn pack(&self, area: Area) -> &'static [u8] {
        linked::pack(area)
    }

    fn keys(&self) -> &'static [u8] {
        linked::keys()
    }

    fn restart(&mut self) -> ! {
        nvic::restart()
    }
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    nordic::start_nrf52();
    nordic::rest_pins(TRANSMIT, RECEIVE);
    // SAFETY: the linker script leaves this flash alone but for the areas of packs, of which see `linked::pack`.
    let flash = unsafe { Nvmc::new(FLASH, FLASH_BYTES) };
    let board = Nrf52840 { peripherals: Peripherals::new(TRANSMIT, RECEIVE), flash };
    supple_app::run(board, Memory { floats: POOL, labels: LABELS_POOL }, LINE)
}
