//! Supple on QEMU's RISC-V board `virt` with a core for rv32imac.
#![no_std]
#![no_main]

use core::arch::asm;

use riscv_rt::entry;
use supple_app::{Area, Board, Clock, Line, Memory, Places, Region};
use supple_panic as _;
use supple_parts::cfi::{Cfi, SECTOR};
use supple_parts::{linked, wait};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 64 * 1024;
/// The most support samples of any pack.
const LABELS: usize = 1024;

/// An NS16550A: data, interrupt enable, queue control, line control; line state.
const UART: *mut u8 = 0x1000_0000 as *mut u8;
/// The queue is on and tells of four bytes, which every frame has; the emulator gives as many at a time.
const QUEUE_OF_FOUR: u8 = 0x41;
const EIGHT_BITS: u8 = 3;
const INTERRUPT_RECEIVED: u8 = 1;
const STATE_RECEIVED: u8 = 1;
const STATE_TRANSMIT_EMPTY: u8 = 1 << 5;
const STATE_SENT: u8 = 1 << 6;

/// The interrupt controller: priorities; enable bits and claim of the core's machine mode.
const PLIC: u32 = 0x0c00_0000;
const UART_INTERRUPT: u32 = 10;
const PRIORITY: *mut u32 = (PLIC + 4 * UART_INTERRUPT) as *mut u32;
const ENABLE: *mut u32 = (PLIC + 0x2000) as *mut u32;
const THRESHOLD: *mut u32 = (PLIC + 0x20_0000) as *mut u32;
const CLAIM: *mut u32 = (PLIC + 0x20_0004) as *mut u32;
/// `mie`'s bit for external interrupts of machine mode.
const EXTERNAL: u32 = 1 << 11;

/// The emulator's way out: a value starts the board anew.
const TEST: *mut u32 = 0x0010_0000 as *mut u32;
const TEST_RESTART: u32 = 0x7777;

/// The second bank of flash; were there a first, the emulator would start in it.
const FLASH: *mut u32 = 0x2200_0000 as *mut u32;
const FLASH_BYTES: usize = 32 << 20;
const PACK_BYTES: u32 = 2 << 20;
const BOOT: Region = Region { start: 2 * PACK_BYTES, segment_bytes: SECTOR as u32, segments: 4 };
const HEADS: Region = Region { start: 3 * PACK_BYTES, segment_bytes: SECTOR as u32, segments: 4 };

struct Virt {
    flash: Cfi,
}

impl Virt {
    fn new() -> Self {
        // SAFETY: these are the peripherals' registers, used by this thread alone. The interrupt only wakes the
        // core: `mstatus` keeps all of them from being taken.
        unsafe {
            asm!("csrci mstatus, 8", "csrs mie, {}", in(reg) EXTERNAL);
            PRIORITY.write_volatile(1);
            THRESHOLD.write_volatile(0);
            ENABLE.write_volatile(1 << UART_INTERRUPT);
            UART.add(2).write_volatile(QUEUE_OF_FOUR);
            UART.add(3).write_volatile(EIGHT_BITS);
            UART.add(1).write_volatile(INTERRUPT_RECEIVED);
        }
        // SAFETY: the linker script leaves this bank alone but for the areas of packs, of which see `linked::pack`.
        Self { flash: unsafe { Cfi::new(FLASH, FLASH_BYTES) } }
    }
}

impl Board for Virt {
    const NAME: &'static str = "riscv32-virt";
    // Under QEMU's `-icount shift=0` an instruction takes 1 ns, and `mcycle` counts nanoseconds.
    const CLOCK: Clock = Clock { hertz: 1_000_000_000, instructions: (1, 1) };
    const PLACES: Places =
        Places { packs: [0, PACK_BYTES], pack_bytes: PACK_BYTES, boot: BOOT, heads: HEADS };
    type Flash = Cfi;

    fn read_byte(&mut self) -> u8 {
        // SAFETY: a register of the UART.
        wait::until(
            || unsafe { UART.add(5).read_volatile() } & STATE_RECEIVED != 0,
            || {
                // SAFETY: waits, then tells the interrupt controller that what it has was seen.
                unsafe {
                    asm!("wfi", options(nomem, nostack));
                    CLAIM.write_volatile(CLAIM.read_volatile());
                }
            },
        );
        // SAFETY: as above; reading the byte clears the state and the interrupt.
        unsafe { UART.read_volatile() }
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // SAFETY: registers of the UART.
            unsafe {
                while UART.add(5).read_volatile() & STATE_TRANSMIT_EMPTY == 0 {}
                UART.write_volatile(byte);
            }
        }
    }

    fn ticks(&mut self) -> u32 {
        let cycles;
        // SAFETY: reading the counter changes nothing.
        unsafe { asm!("csrr {}, mcycle", out(reg) cycles, options(nostack)) }
        cycles
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
        // SAFETY: registers of the UART and of the emulator.
        unsafe {
            while UART.add(5).read_volatile() & STATE_SENT == 0 {}
            TEST.write_volatile(TEST_RESTART);
        }
        loop {
            // SAFETY: changes nothing but time.
            unsafe { asm!("nop", options(nomem, nostack)) }
        }
    }
}

/// Starts the main loop.
#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    linked::paint_stack();
    let (pool, labels, line) = (&raw mut POOL, &raw mut LABELS_POOL, &raw mut LINE);
    // SAFETY: this function is called once, and nobody else names them.
    let (floats, labels, line) = unsafe { (&mut *pool, &mut *labels, &mut *line) };
    supple_app::run(Virt::new(), Memory { floats, labels }, line)
}
