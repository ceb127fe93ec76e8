//! Supple on the BBC micro:bit (nRF51822, Cortex-M0), as QEMU emulates it.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use supple_app::{Area, Board, Clock, Line, Memory, Places, Region};
use supple_panic as _;
use supple_parts::nvmc::Nvmc;
use supple_parts::{linked, nvic, wait};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 1472;
/// The most support samples of any pack.
const LABELS: usize = 128;

/// A peripheral's register, from its offset in bytes.
const fn register(peripheral: u32, offset: u32) -> *mut u32 {
    (peripheral + offset) as *mut u32
}

const UART: u32 = 0x4000_2000;
const START_RECEIVE: *mut u32 = register(UART, 0x000);
const START_TRANSMIT: *mut u32 = register(UART, 0x008);
const RECEIVED: *mut u32 = register(UART, 0x108);
const TRANSMITTED: *mut u32 = register(UART, 0x11c);
const INTERRUPT_SET: *mut u32 = register(UART, 0x304);
const ENABLE: *mut u32 = register(UART, 0x500);
const PIN_TRANSMIT: *mut u32 = register(UART, 0x50c);
const PIN_RECEIVE: *mut u32 = register(UART, 0x514);
const RECEIVE_DATA: *mut u32 = register(UART, 0x518);
const TRANSMIT_DATA: *mut u32 = register(UART, 0x51c);
const BAUD_RATE: *mut u32 = register(UART, 0x524);

const INTERRUPT_RECEIVED: u32 = 1 << 2;
const ENABLED: u32 = 4;
const BAUD_115200: u32 = 0x01d7_e000;
const UART_INTERRUPT: usize = 2;

const TIMER: u32 = 0x4000_8000;
const TIMER_START: *mut u32 = register(TIMER, 0x000);
const TIMER_CAPTURE: *mut u32 = register(TIMER, 0x040);
const TIMER_BIT_MODE: *mut u32 = register(TIMER, 0x508);
const TIMER_PRESCALER: *mut u32 = register(TIMER, 0x510);
const TIMER_CAPTURED: *mut u32 = register(TIMER, 0x540);
const BITS_32: u32 = 3;

/// Flash behind code and keys.
const FLASH: u32 = 0x0002_0000;
const FLASH_BYTES: usize = 128 << 10;
const PAGE: usize = 1 << 10;
const PACK_BYTES: u32 = 50 << 10;
const BOOT: Region = Region { start: 2 * PACK_BYTES, segment_bytes: PAGE as u32, segments: 4 };
const HEADS: Region = Region { start: 2 * PACK_BYTES + (4 << 10), segment_bytes: 8 << 10, segments: 3 };

struct Microbit {
    flash: Nvmc<PAGE>,
}

impl Microbit {
    fn new() -> Self {
        nvic::wake_on(UART_INTERRUPT);
        // SAFETY: these are the peripherals' registers, used by this thread alone.
        unsafe {
            PIN_TRANSMIT.write_volatile(24);
            PIN_RECEIVE.write_volatile(25);
            BAUD_RATE.write_volatile(BAUD_115200);
            ENABLE.write_volatile(ENABLED);
            INTERRUPT_SET.write_volatile(INTERRUPT_RECEIVED);
            START_TRANSMIT.write_volatile(1);
            START_RECEIVE.write_volatile(1);
            TIMER_BIT_MODE.write_volatile(BITS_32);
            TIMER_PRESCALER.write_volatile(0);
            TIMER_START.write_volatile(1);
        }
        // SAFETY: the linker script leaves this flash alone but for the areas of packs, of which see `linked::pack`.
        Self { flash: unsafe { Nvmc::new(FLASH, FLASH_BYTES) } }
    }
}

impl Board for Microbit {
    const NAME: &'static str = "microbit";
    // Under QEMU's `-icount shift=6` an instruction takes 64 ns and a tick 62.5 ns.
    const CLOCK: Clock = Clock { hertz: 16_000_000, instructions: (125, 128) };
    const PLACES: Places =
        Places { packs: [0, PACK_BYTES], pack_bytes: PACK_BYTES, boot: BOOT, heads: HEADS };
    type Flash = Nvmc<PAGE>;

    fn read_byte(&mut self) -> u8 {
        // SAFETY: a register of the UART.
        wait::until(
            || unsafe { RECEIVED.read_volatile() } != 0,
            || {
                nvic::sleep();
                nvic::clear(UART_INTERRUPT);
            },
        );
        // SAFETY: registers of the UART. Taking the byte out says that the next one has come, if it has; so what
        // said that this one had is cleared before.
        unsafe {
            RECEIVED.write_volatile(0);
            RECEIVE_DATA.read_volatile() as u8
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // SAFETY: registers of the UART.
            unsafe {
                TRANSMIT_DATA.write_volatile(u32::from(byte));
                while TRANSMITTED.read_volatile() == 0 {}
                TRANSMITTED.write_volatile(0);
            }
        }
    }

    fn ticks(&mut self) -> u32 {
        // SAFETY: registers of the timer.
        unsafe {
            TIMER_CAPTURE.write_volatile(1);
            TIMER_CAPTURED.read_volatile()
        }
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
    let memory = Memory { floats: POOL, labels: LABELS_POOL };
    supple_app::run(Microbit::new(), memory, LINE)
}
