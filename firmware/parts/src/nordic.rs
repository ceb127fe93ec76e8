//! Nordic's nRF51 and nRF52: serial line and timer, and what an nRF52 needs before them. Their flash is `nvmc`'s.
//!
//! Registers as in the product specification of the nRF52840; all of both families with a UART have them.

use crate::{nvic, wait};

/// A peripheral's register, from its offset in bytes.
const fn register(peripheral: u32, offset: u32) -> *mut u32 {
    (peripheral + offset) as *mut u32
}

const CLOCK: u32 = 0x4000_0000;
const START_CRYSTAL: *mut u32 = register(CLOCK, 0x000);
const CRYSTAL_STARTED: *mut u32 = register(CLOCK, 0x100);
const DEBUG_ACCESS: *mut u32 = register(CLOCK, 0x558);
const DEBUG_ACCESS_WANTED: *mut u32 = 0x1000_1208 as *mut u32;

const PORT: u32 = 0x5000_0000;
const PORT_SET: *mut u32 = register(PORT, 0x508);
const PORT_OUTPUT: *mut u32 = register(PORT, 0x518);
const PIN: u32 = PORT + 0x700;
/// An input with a pull-up: nobody need be on the line.
const PIN_PULLED_UP: u32 = 3 << 2;

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
/// The UART without DMA, which both families have, with six bytes of FIFO.
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

/// What timer 0 counts in a second.
pub const TIMER_HERTZ: u32 = 16_000_000;

/// Of an nRF52: keeps a debug probe's access where the configuration words grant it (later revisions of the chip close it at every reset,
/// and only erasing everything, packs and heads too, would open it again), and waits for the 32 MHz crystal, without which
/// the line's rate is not sure.
pub fn start_nrf52() {
    // SAFETY: registers of clock and access port, and a word of configuration.
    unsafe {
        DEBUG_ACCESS.write_volatile(DEBUG_ACCESS_WANTED.read_volatile());
        START_CRYSTAL.write_volatile(1);
        while CRYSTAL_STARTED.read_volatile() == 0 {}
    }
}

/// Lets two pins of port 0 rest as a silent line does, the one out, the other in.
pub fn rest_pins(transmit: u32, receive: u32) {
    // SAFETY: registers of the port, used by this thread alone.
    unsafe {
        PORT_SET.write_volatile(1 << transmit);
        PORT_OUTPUT.write_volatile(1 << transmit);
        register(PIN, 4 * receive).write_volatile(PIN_PULLED_UP);
    }
}

/// The serial line at 115,200 bits a second, and timer 0.
#[derive(Debug)]
pub struct Peripherals(());

impl Peripherals {
    /// Starts both; the line on two pins of port 0, out and in.
    pub fn new(transmit: u32, receive: u32) -> Self {
        nvic::wake_on(UART_INTERRUPT);
        // SAFETY: these are the peripherals' registers, used by this thread alone.
        unsafe {
            PIN_TRANSMIT.write_volatile(transmit);
            PIN_RECEIVE.write_volatile(receive);
            BAUD_RATE.write_volatile(BAUD_115200);
            ENABLE.write_volatile(ENABLED);
            INTERRUPT_SET.write_volatile(INTERRUPT_RECEIVED);
            START_TRANSMIT.write_volatile(1);
            START_RECEIVE.write_volatile(1);
            TIMER_BIT_MODE.write_volatile(BITS_32);
            TIMER_PRESCALER.write_volatile(0);
            TIMER_START.write_volatile(1);
        }
        Self(())
    }

    /// Waits for a byte, asleep.
    pub fn read_byte(&mut self) -> u8 {
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

    /// Sends a byte.
    pub fn write_byte(&mut self, byte: u8) {
        // SAFETY: registers of the UART.
        unsafe {
            TRANSMIT_DATA.write_volatile(u32::from(byte));
            while TRANSMITTED.read_volatile() == 0 {}
            TRANSMITTED.write_volatile(0);
        }
    }

    /// What timer 0 has counted.
    pub fn ticks(&mut self) -> u32 {
        // SAFETY: registers of the timer.
        unsafe {
            TIMER_CAPTURE.write_volatile(1);
            TIMER_CAPTURED.read_volatile()
        }
    }
}
