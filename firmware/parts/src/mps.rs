//! Arm's MPS boards: CMSDK UART and timer at addresses that differ, with cores that differ.
//!
//! Their flash is a part of the large RAM, since what holds code cannot be written in the emulator as flash is.

use core::marker::PhantomData;

use supple_app::{Area, Board, Clock, Places, Region};

use crate::ram_flash::{RamFlash, UNIT};
use crate::{linked, nvic, wait};

/// Registers of the UART, in words.
const DATA: usize = 0;
const STATE: usize = 1;
const CONTROL: usize = 2;
const INTERRUPT: usize = 3;
const DIVIDER: usize = 4;
const STATE_TRANSMIT_FULL: u32 = 1;
const STATE_RECEIVE_FULL: u32 = 2;
/// Transmit, receive, receive interrupt.
const CONTROL_ON: u32 = 1 | 2 | 8;
const INTERRUPT_RECEIVE: u32 = 2;
/// The smallest that the UART runs with.
const DIVIDER_SMALLEST: u32 = 16;

/// Bytes of the large RAM that are flash.
const FLASH_BYTES: usize = 7 << 20;
const PACK_BYTES: u32 = 2 << 20;
const BOOT: Region = Region { start: 2 * PACK_BYTES, segment_bytes: UNIT as u32, segments: 4 };
const HEADS: Region = Region { start: 3 * PACK_BYTES, segment_bytes: 256 << 10, segments: 4 };

/// An MPS board.
pub trait Machine {
    /// As its folder is named.
    const NAME: &'static str;
    /// The large RAM.
    const FLASH: *mut u32;
    /// CMSDK UART 0.
    const UART: *mut u32;
    /// The interrupt by which the UART says that it has a byte.
    const RECEIVED: usize;
    /// What ticks.
    const TIMER: Timer;
    /// What a tick means.
    const CLOCK: Clock;
}

/// What ticks on a board.
#[derive(Debug, Clone, Copy)]
pub enum Timer {
    /// A CMSDK timer, counting down: control, value, reload.
    Cmsdk(*mut u32),
    /// An SSE system counter, counting up; only its control frame can start it.
    Sse {
        /// Control frame: control.
        control: *mut u32,
        /// Status frame: low word of the count.
        count: *mut u32,
    },
}

/// A running MPS board.
#[derive(Debug)]
pub struct Mps<M> {
    flash: RamFlash,
    machine: PhantomData<M>,
}

impl<M: Machine> Mps<M> {
    /// Starts UART and timer.
    #[expect(clippy::new_without_default, reason = "starts hardware")]
    pub fn new() -> Self {
        nvic::wake_on(M::RECEIVED);
        // SAFETY: these are the peripherals' registers, used by this thread alone.
        unsafe {
            M::UART.add(DIVIDER).write_volatile(DIVIDER_SMALLEST);
            M::UART.add(CONTROL).write_volatile(CONTROL_ON);
            match M::TIMER {
                Timer::Cmsdk(timer) => {
                    timer.add(1).write_volatile(u32::MAX);
                    timer.add(2).write_volatile(u32::MAX);
                    timer.write_volatile(1);
                }
                Timer::Sse { control, .. } => control.write_volatile(1),
            }
        }
        // SAFETY: the linker scripts leave this RAM alone but for the areas of packs, of which see `linked::pack`.
        Self { flash: unsafe { RamFlash::new(M::FLASH, FLASH_BYTES) }, machine: PhantomData }
    }

    /// Waits until the UART has sent what it was given.
    fn wait_to_send() {
        // SAFETY: a register of the UART.
        while unsafe { M::UART.add(STATE).read_volatile() } & STATE_TRANSMIT_FULL != 0 {}
    }
}

impl<M: Machine> Board for Mps<M> {
    const NAME: &'static str = M::NAME;
    const CLOCK: Clock = M::CLOCK;
    const PLACES: Places =
        Places { packs: [0, PACK_BYTES], pack_bytes: PACK_BYTES, boot: BOOT, heads: HEADS };
    type Flash = RamFlash;

    fn read_byte(&mut self) -> u8 {
        // SAFETY: registers of the UART.
        let received = || unsafe { M::UART.add(STATE).read_volatile() } & STATE_RECEIVE_FULL != 0;
        wait::until(received, || {
            nvic::sleep();
            // SAFETY: as above.
            unsafe { M::UART.add(INTERRUPT).write_volatile(INTERRUPT_RECEIVE) }
            nvic::clear(M::RECEIVED);
        });
        // SAFETY: as above.
        unsafe { M::UART.add(DATA).read_volatile() as u8 }
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            Self::wait_to_send();
            // SAFETY: a register of the UART.
            unsafe { M::UART.add(DATA).write_volatile(u32::from(byte)) }
        }
    }

    fn ticks(&mut self) -> u32 {
        match M::TIMER {
            // SAFETY: the timer's value, counting down from the largest.
            Timer::Cmsdk(timer) => u32::MAX - unsafe { timer.add(1).read_volatile() },
            // SAFETY: reading the counter changes nothing.
            Timer::Sse { count, .. } => unsafe { count.read_volatile() },
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
        Self::wait_to_send();
        nvic::restart()
    }
}
