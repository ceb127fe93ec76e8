//! Supple on the BBC micro:bit (nRF51822, Cortex-M0), as QEMU emulates it.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use supple_app::{Area, Board, Clock, Line, Memory, Places, Region};
use supple_panic as _;
use supple_parts::nordic::{Peripherals, TIMER_HERTZ};
use supple_parts::nvmc::Nvmc;
use supple_parts::{linked, nvic};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 1472;
/// The most support samples of any pack.
const LABELS: usize = 128;

/// Flash behind code and keys.
const FLASH: u32 = 0x0002_0000;
const FLASH_BYTES: usize = 128 << 10;
const PAGE: usize = 1 << 10;
const PACK_BYTES: u32 = 50 << 10;
const BOOT: Region = Region { start: 2 * PACK_BYTES, segment_bytes: PAGE as u32, segments: 4 };
const HEADS: Region = Region { start: 2 * PACK_BYTES + (4 << 10), segment_bytes: 8 << 10, segments: 3 };

struct Microbit {
    peripherals: Peripherals,
    flash: Nvmc<PAGE>,
}

impl Board for Microbit {
    const NAME: &'static str = "microbit";
    // Under QEMU's `-icount shift=6` an instruction takes 64 ns and a tick 62.5 ns.
    const CLOCK: Clock = Clock { hertz: TIMER_HERTZ, instructions: (125, 128) };
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

    fn keys(&self) -> &[u8] {
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
    // SAFETY: the linker script leaves this flash alone but for the areas of packs, of which see `linked::pack`.
    let flash = unsafe { Nvmc::new(FLASH, FLASH_BYTES) };
    let board = Microbit { peripherals: Peripherals::new(24, 25), flash };
    supple_app::run(board, Memory { floats: POOL, labels: LABELS_POOL }, LINE)
}
