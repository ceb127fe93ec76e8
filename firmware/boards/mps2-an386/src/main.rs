//! Supple on Arm's MPS2 board with a Cortex-M4F (AN386), as QEMU emulates it.
#![no_std]
#![no_main]

use core::arch::asm;
use core::slice;

use cortex_m_rt::{STACK_PAINT_VALUE, entry};
use supple_app::{Board, Clock, Line, Memory};
use supple_panic as _;

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 64 * 1024;
/// How often to look for a byte before going to sleep. Waking up takes an emulated core longer than the next byte
/// takes to come, and a core that never sleeps takes the host's processor from the emulated line.
const LOOKS: u32 = 500;
/// The most support samples of any pack.
const LABELS: usize = 1024;

/// CMSDK UART 0: data, state, control, interrupt.
const UART: *mut u32 = 0x4000_4000 as *mut u32;
const STATE_TRANSMIT_FULL: u32 = 1;
const STATE_RECEIVE_FULL: u32 = 2;
/// Transmit, receive, receive interrupt.
const CONTROL: u32 = 1 | 2 | 8;
const INTERRUPT_RECEIVE: u32 = 2;
/// CMSDK timer 0, counting down: control, value, reload.
const TIMER: *mut u32 = 0x4000_0000 as *mut u32;
/// Set-enable and clear-pending of interrupts 0 to 31; the UART receives on 0.
const NVIC_ENABLE: *mut u32 = 0xE000_E100 as *mut u32;
const NVIC_CLEAR: *mut u32 = 0xE000_E280 as *mut u32;

unsafe extern "C" {
    static _pack_start: u8;
    static _pack_end: u8;
    static _ram_start: u32;
    static _stack_end: u32;
    static _stack_start: u32;
}

struct Mps2;

impl Mps2 {
    fn new() -> Self {
        // SAFETY: these are the peripherals' registers, used by this thread alone. The interrupt only wakes
        // the core: it is masked, so that no handler runs.
        unsafe {
            asm!("cpsid i");
            UART.add(4).write_volatile(16);
            UART.add(2).write_volatile(CONTROL);
            NVIC_ENABLE.write_volatile(1);
            TIMER.add(1).write_volatile(u32::MAX);
            TIMER.add(2).write_volatile(u32::MAX);
            TIMER.write_volatile(1);
        }
        Self
    }
}

impl Board for Mps2 {
    const NAME: &'static str = "mps2-an386";
    // Under QEMU's `-icount shift=6` an instruction takes 64 ns and a tick 40 ns.
    const CLOCK: Clock = Clock { hertz: 25_000_000, instructions: (10, 16) };

    fn read_byte(&mut self) -> u8 {
        // SAFETY: registers of the UART and the interrupt controller. The interrupt is cleared before the
        // state is read: a byte that comes in between wakes the core at once.
        unsafe {
            let mut looks = 0;
            while UART.add(1).read_volatile() & STATE_RECEIVE_FULL == 0 {
                looks += 1;
                if looks < LOOKS {
                    continue;
                }
                asm!("wfi");
                UART.add(3).write_volatile(INTERRUPT_RECEIVE);
                NVIC_CLEAR.write_volatile(1);
            }
            UART.read_volatile() as u8
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // SAFETY: registers of the UART.
            unsafe {
                while UART.add(1).read_volatile() & STATE_TRANSMIT_FULL != 0 {}
                UART.write_volatile(u32::from(byte));
            }
        }
    }

    fn ticks(&mut self) -> u32 {
        // SAFETY: the timer's value, counting down from the largest.
        u32::MAX - unsafe { TIMER.add(1).read_volatile() }
    }

    fn fixed_memory(&self) -> u32 {
        (&raw const _stack_end as u32) - (&raw const _ram_start as u32)
    }

    fn stack(&self) -> u32 {
        (&raw const _stack_start as u32) - (&raw const _stack_end as u32)
    }

    fn stack_high_water(&self) -> u32 {
        let (mut word, end) = (&raw const _stack_end, &raw const _stack_start);
        // SAFETY: between these symbols lies the stack, painted at start-up; reading it changes nothing.
        while word < end && unsafe { word.read_volatile() } == STACK_PAINT_VALUE {
            word = word.wrapping_add(1);
        }
        (end as u32) - (word as u32)
    }
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    let (start, end) = (&raw const _pack_start, &raw const _pack_end);
    // SAFETY: the linker script sets this region aside, and nothing ever writes there.
    let pack = unsafe { slice::from_raw_parts(start, end as usize - start as usize) };
    supple_app::run(Mps2::new(), pack, Memory { floats: POOL, labels: LABELS_POOL }, LINE)
}
