//! Supple on boards with Espressif's ESP32-C3 (RISC-V), by its maker's library. The line is UART 0: GPIO 21 out, GPIO 20
//! in, which most boards lead to USB.
#![no_std]
#![no_main]

mod descriptor;
mod flash;
mod stack;

use esp_hal::clock::CpuClock;
use esp_hal::timer::systimer::{SystemTimer, Unit};
use esp_hal::uart::{Config, Uart};
use esp_hal::{Blocking, system};
use flash::{Flash, PACK, PACK_BYTES};
use supple_app::{Area, Board, Clock, Line, Memory, Places, Region};
use supple_panic as _;
use supple_parts::linked;

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 60 * 1024;
/// The most support samples of any pack.
const LABELS: usize = 1024;

const JOURNALS: u32 = PACK + 2 * PACK_BYTES;

struct Esp32C3 {
    uart: Uart<'static, Blocking>,
    flash: Flash,
}

impl Board for Esp32C3 {
    const NAME: &'static str = "esp32-c3";
    // The system timer.
    const CLOCK: Clock = Clock { hertz: 16_000_000, instructions: (0, 0) };
    const PLACES: Places = Places {
        packs: [PACK, PACK + PACK_BYTES],
        pack_bytes: PACK_BYTES,
        boot: Region { start: JOURNALS, segment_bytes: 4 << 10, segments: 8 },
        heads: Region { start: JOURNALS + (32 << 10), segment_bytes: 32 << 10, segments: 5 },
    };
    type Flash = Flash;

    fn read_byte(&mut self) -> u8 {
        let mut byte = [0];
        // What the line garbles is for the frames' checksums to find.
        while !matches!(self.uart.read(&mut byte), Ok(1)) {}
        let [byte] = byte;
        byte
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let sent = self.uart.write(bytes).unwrap_or(0);
            bytes = bytes.get(sent..).unwrap_or_default();
        }
    }

    fn ticks(&mut self) -> u32 {
        SystemTimer::unit_value(Unit::Unit0) as u32
    }

    fn fixed_memory(&self) -> u32 {
        linked::fixed_memory()
    }

    fn stack(&self) -> u32 {
        linked::stack()
    }

    fn stack_high_water(&self) -> u32 {
        stack::high_water()
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
        // Nothing is lost but an answer when the line cannot send it.
        let _ = self.uart.flush();
        system::software_reset()
    }
}

#[esp_hal::main]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    // Before the guard is set.
    linked::paint_stack();
    let chip = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    let config = Config::default().with_baudrate(115_200);
    let Ok(uart) = Uart::new(chip.UART0, config) else { system::software_reset() };
    let uart = uart.with_tx(chip.GPIO21).with_rx(chip.GPIO20);
    let board = Esp32C3 { uart, flash: Flash::new(chip.FLASH) };
    // SAFETY: this is called once; nobody else has these.
    let (memory, line) = unsafe {
        let (floats, labels) = (&mut *(&raw mut POOL), &mut *(&raw mut LABELS_POOL));
        (Memory { floats, labels }, &mut *(&raw mut LINE))
    };
    supple_app::run(board, memory, line)
}
