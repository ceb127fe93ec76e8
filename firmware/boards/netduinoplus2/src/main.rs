//! Supple on the Netduino Plus 2 (STM32F405, Cortex-M4F), as QEMU emulates it: without a clock tree and pins, which a
//! real one must set up first.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use supple_app::{Board, Clock, Line, Memory};
use supple_panic as _;
use supple_parts::{linked, nvic, wait};

/// What the pack may use for activations, head and support cache.
const POOL_FLOATS: usize = 28 * 1024;
/// The most support samples of any pack.
const LABELS: usize = 1024;

/// USART 1: state, data, rate, control.
const USART: *mut u32 = 0x4001_1000 as *mut u32;
const STATE_RECEIVED: u32 = 1 << 5;
const STATE_TRANSMIT_EMPTY: u32 = 1 << 7;
/// On; transmit, receive, receive interrupt.
const CONTROL: u32 = 1 << 13 | 1 << 3 | 1 << 2 | 1 << 5;
const USART_INTERRUPT: usize = 37;
/// 16 MHz / 115,200.
const RATE: u32 = 139;

/// Timer 2, of 32 bits.
const TIMER: u32 = 0x4000_0000;
const TIMER_CONTROL: *mut u32 = TIMER as *mut u32;
const TIMER_COUNT: *mut u32 = (TIMER + 0x24) as *mut u32;
const TIMER_PRESCALER: *mut u32 = (TIMER + 0x28) as *mut u32;
const TIMER_RELOAD: *mut u32 = (TIMER + 0x2c) as *mut u32;

struct Netduino;

impl Netduino {
    fn new() -> Self {
        nvic::wake_on(USART_INTERRUPT);
        // SAFETY: these are the peripherals' registers, used by this thread alone.
        unsafe {
            USART.add(2).write_volatile(RATE);
            USART.add(3).write_volatile(CONTROL);
            TIMER_PRESCALER.write_volatile(63);
            TIMER_RELOAD.write_volatile(u32::MAX);
            TIMER_CONTROL.write_volatile(1);
        }
        Self
    }
}

impl Board for Netduino {
    const NAME: &'static str = "netduinoplus2";
    // QEMU's timer counts nanoseconds, here by 64; so long is an instruction under its `-icount shift=6`.
    const CLOCK: Clock = Clock { hertz: 15_625_000, instructions: (1, 1) };

    fn read_byte(&mut self) -> u8 {
        // SAFETY: a register of the USART.
        wait::until(
            || unsafe { USART.read_volatile() } & STATE_RECEIVED != 0,
            || {
                nvic::sleep();
                nvic::clear(USART_INTERRUPT);
            },
        );
        // SAFETY: as above; reading the byte clears the state and the interrupt.
        unsafe { USART.add(1).read_volatile() as u8 }
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // SAFETY: registers of the USART.
            unsafe {
                while USART.read_volatile() & STATE_TRANSMIT_EMPTY == 0 {}
                USART.add(1).write_volatile(u32::from(byte));
            }
        }
    }

    fn ticks(&mut self) -> u32 {
        // SAFETY: reading the count changes nothing.
        unsafe { TIMER_COUNT.read_volatile() }
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
}

#[entry]
fn main() -> ! {
    static mut POOL: [f32; POOL_FLOATS] = [0.0; POOL_FLOATS];
    static mut LABELS_POOL: [u16; LABELS] = [0; LABELS];
    static mut LINE: Line = Line::new();
    let memory = Memory { floats: POOL, labels: LABELS_POOL };
    supple_app::run(Netduino::new(), linked::pack(), memory, LINE)
}
