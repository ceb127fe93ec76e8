//! ST's STM32F4: clock tree, serial line, timer and flash, and the boards made of them.
//!
//! Registers and their bits as in RM0390 (STM32F446) and RM0090 (STM32F405), which agree on all that is used here.

use core::marker::PhantomData;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_write};
use supple_app::{Area, Board, Clock, Places};

use crate::{linked, mapped, nvic, wait};

const fn register(peripheral: u32, offset: u32) -> *mut u32 {
    (peripheral + offset) as *mut u32
}

/// Writes what a register should hold, of the bits in `mask` alone.
fn change(register: *mut u32, mask: u32, value: u32) {
    // SAFETY: a register of a peripheral, used by this thread alone.
    unsafe { register.write_volatile(register.read_volatile() & !mask | value) }
}

/// Waits until the bits in `mask` are `value`.
fn await_bits(register: *mut u32, mask: u32, value: u32) {
    // SAFETY: as above; reading changes nothing.
    while unsafe { register.read_volatile() } & mask != value {}
}

const RCC: u32 = 0x4002_3800;
const RCC_CONTROL: *mut u32 = register(RCC, 0x00);
const RCC_PLL: *mut u32 = register(RCC, 0x04);
const RCC_CLOCKS: *mut u32 = register(RCC, 0x08);
const RCC_AHB1: *mut u32 = register(RCC, 0x30);
const RCC_APB1: *mut u32 = register(RCC, 0x40);
const GPIO_A: u32 = 0x4002_0000;
const GPIO_MODE: *mut u32 = register(GPIO_A, 0x00);
const GPIO_PULL: *mut u32 = register(GPIO_A, 0x0c);
const GPIO_FUNCTION: *mut u32 = register(GPIO_A, 0x20);
const FLASH: u32 = 0x4002_3c00;
const FLASH_ACCESS: *mut u32 = register(FLASH, 0x00);
const FLASH_KEY: *mut u32 = register(FLASH, 0x04);
const FLASH_STATE: *mut u32 = register(FLASH, 0x0c);
const FLASH_CONTROL: *mut u32 = register(FLASH, 0x10);
const TIMER_2: u32 = 0x4000_0000;

/// Runs the core at 168 MHz from the oscillator within the chip (16 MHz, within 1 % at room temperature), so that it needs
/// no crystal. APB1, with USART 2 and timer 2, gets 42 MHz, its timers twice that; APB2 gets 84 MHz. Faster ones of the
/// family could go on to 180 MHz, with a voltage over-drive that is not worth 7 %.
pub fn clock_168_mhz() {
    const PLL_ON: u32 = 1 << 24;
    const PLL_READY: u32 = 1 << 25;
    // Five wait states at 2.7 V and more, prefetch, both caches.
    change(FLASH_ACCESS, 0xf, 5);
    await_bits(FLASH_ACCESS, 0xf, 5);
    change(FLASH_ACCESS, 0, CACHES | 1 << 8);
    // 16 MHz / 8 * 168 / 2; the output for USB is 336 MHz / 7.
    let (divide, multiply, halve, usb) = (8, 168 << 6, 0 << 16, 7 << 24);
    change(RCC_PLL, 0x0f43_7fff, divide | multiply | halve | usb);
    change(RCC_CONTROL, 0, PLL_ON);
    await_bits(RCC_CONTROL, PLL_READY, PLL_READY);
    // The slow buses first: APB1 / 4, APB2 / 2.
    change(RCC_CLOCKS, 0xfcf0, 0b101 << 10 | 0b100 << 13);
    change(RCC_CLOCKS, 0b11, 0b10);
    await_bits(RCC_CLOCKS, 0b11 << 2, 0b10 << 2);
}

/// Gives USART 2 the pins PA2 (out) and PA3 (in), and lets its clock and timer 2's run.
pub fn usart_2_on_pa2_pa3() {
    change(RCC_AHB1, 0, 1);
    change(RCC_APB1, 0, 1 << 17 | 1);
    // Function 7 is USART 2; nobody need be on the line, so the input is pulled up.
    change(GPIO_FUNCTION, 0xff << 8, 0x77 << 8);
    change(GPIO_PULL, 0b11 << 6, 0b01 << 6);
    change(GPIO_MODE, 0b1111 << 4, 0b1010 << 4);
}

/// A serial line: 8 bits, no parity.
#[derive(Debug, Clone, Copy)]
pub struct Usart {
    /// Its registers.
    pub registers: u32,
    /// Its interrupt.
    pub interrupt: usize,
    /// Its clock by the bits a second, rounded.
    pub divider: u32,
}

impl Usart {
    const RECEIVED: u32 = 1 << 5;
    const TRANSMIT_EMPTY: u32 = 1 << 7;
    const TRANSMITTED: u32 = 1 << 6;
    /// On; transmit, receive, receive interrupt.
    const ON: u32 = 1 << 13 | 1 << 3 | 1 << 2 | 1 << 5;

    fn state(self) -> u32 {
        // SAFETY: a register of the USART; reading it changes nothing.
        unsafe { register(self.registers, 0x00).read_volatile() }
    }

    fn start(self) {
        nvic::wake_on(self.interrupt);
        // SAFETY: registers of the USART, used by this thread alone.
        unsafe {
            register(self.registers, 0x08).write_volatile(self.divider);
            register(self.registers, 0x0c).write_volatile(Self::ON);
        }
    }

    fn read(self) -> u8 {
        wait::until(
            || self.state() & Self::RECEIVED != 0,
            || {
                nvic::sleep();
                nvic::clear(self.interrupt);
            },
        );
        // SAFETY: a register of the USART; reading the byte clears the state and the interrupt.
        unsafe { register(self.registers, 0x04).read_volatile() as u8 }
    }

    fn write(self, byte: u8) {
        while self.state() & Self::TRANSMIT_EMPTY == 0 {}
        // SAFETY: a register of the USART.
        unsafe { register(self.registers, 0x04).write_volatile(u32::from(byte)) }
    }

    fn flush(self) {
        while self.state() & Self::TRANSMITTED == 0 {}
    }
}

/// A sector of flash that may be erased and written.
#[derive(Debug, Clone, Copy)]
pub struct Sector {
    /// Its number, as the chip counts.
    pub number: u8,
    /// Its first byte, counted from the start of flash.
    pub start: u32,
    /// The bytes of it that are in use, from the first on; all are erased with them.
    pub bytes: u32,
}

/// The chip's flash, of which some sectors may be erased and written. Addresses count from its start.
///
/// Sectors differ in length; [`NorFlash::ERASE_SIZE`] is that of the shortest, and what is erased must be whole sectors.
/// While a sector is erased (up to 2 s for 128 KiB) or a word written, the core waits.
#[derive(Debug)]
pub struct Flash {
    sectors: &'static [Sector],
    capacity: u32,
}

const KEYS: [u32; 2] = [0x4567_0123, 0xcdef_89ab];
const LOCK: u32 = 1 << 31;
const START: u32 = 1 << 16;
const BUSY: u32 = 1 << 16;
const SECTOR: u32 = 1 << 1;
const PROGRAM: u32 = 1;
/// 32 bits at a time, which wants 2.7 V.
const WORDS: u32 = 0b10 << 8;
/// Programming sequence, parallelism, alignment, protection, operation.
const FAULTS: u32 = 0b1111 << 4 | 1 << 1;
/// Instruction and data cache: on, and their reset.
const CACHES: u32 = 0b11 << 9;
const RESET_CACHES: u32 = 0b11 << 11;

impl Flash {
    /// Where the core sees its first byte.
    pub const START: u32 = 0x0800_0000;

    /// The flash of a chip that has so many bytes of it.
    ///
    /// # Safety
    /// The sectors are for this value alone: no code, and who else reads there must not hold what it writes to.
    pub const unsafe fn new(capacity: u32, sectors: &'static [Sector]) -> Self {
        Self { sectors, capacity }
    }

    /// Lets the controller do what `act` starts, and waits until it is done.
    fn with(&mut self, control: u32, act: impl FnOnce()) -> Result<(), NorFlashErrorKind> {
        // SAFETY: the order of keys that the controller asks for.
        unsafe { KEYS.iter().for_each(|&key| FLASH_KEY.write_volatile(key)) }
        await_bits(FLASH_STATE, BUSY, 0);
        // SAFETY: registers of the controller; faults of before are cleared by writing them.
        unsafe {
            FLASH_STATE.write_volatile(FAULTS);
            FLASH_CONTROL.write_volatile(control | WORDS);
        }
        act();
        await_bits(FLASH_STATE, BUSY, 0);
        // SAFETY: as above.
        let state = unsafe {
            FLASH_CONTROL.write_volatile(LOCK);
            FLASH_STATE.read_volatile()
        };
        // What they hold may be what was there before; only when off can they be reset.
        // SAFETY: reading a register.
        let caches = unsafe { FLASH_ACCESS.read_volatile() } & CACHES;
        change(FLASH_ACCESS, CACHES, 0);
        change(FLASH_ACCESS, 0, RESET_CACHES);
        change(FLASH_ACCESS, RESET_CACHES, caches);
        if state & FAULTS == 0 { Ok(()) } else { Err(NorFlashErrorKind::Other) }
    }

    /// Whether a range lies within sectors that may be written.
    fn may_write(&self, from: u32, to: u32) -> bool {
        let mut at = from;
        for sector in self.sectors {
            if (sector.start..sector.start + sector.bytes).contains(&at) {
                at = sector.start + sector.bytes;
            }
        }
        to <= at
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        // SAFETY: flash lies there; `bytes` is none of it.
        unsafe { mapped::read(self, Self::START as *const u8, offset, bytes) }
    }

    fn capacity(&self) -> usize {
        self.capacity as usize
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 16 * 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        if from > to || to > self.capacity {
            return Err(NorFlashErrorKind::OutOfBounds);
        }
        let sectors = self.sectors;
        let within = |sector: &&Sector| from <= sector.start && sector.start + sector.bytes <= to;
        // Nothing is erased unless it is asked for as a whole.
        if sectors.iter().filter(within).map(|sector| sector.bytes).sum::<u32>() != to - from {
            return Err(NorFlashErrorKind::NotAligned);
        }
        for sector in sectors.iter().filter(within) {
            let control = SECTOR | u32::from(sector.number) << 3;
            self.with(control, || change(FLASH_CONTROL, 0, START))?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        if !self.may_write(offset, offset + bytes.len() as u32) {
            return Err(NorFlashErrorKind::OutOfBounds);
        }
        let place = (Self::START + offset) as *mut u32;
        self.with(PROGRAM, || {
            for (index, &word) in bytes.as_chunks::<4>().0.iter().enumerate() {
                // SAFETY: a word of sectors for this value alone, as was checked; the bus waits while the last is written.
                unsafe { place.wrapping_add(index).write_volatile(u32::from_le_bytes(word)) }
                await_bits(FLASH_STATE, BUSY, 0);
            }
        })
    }
}

/// A board with an STM32F4.
pub trait Machine {
    /// As its folder is named.
    const NAME: &'static str;
    /// What a tick of timer 2 means.
    const CLOCK: Clock;
    /// Timer 2's clock by its ticks, less one.
    const PRESCALER: u32;
    /// The line to the host.
    const LINE: Usart;
    /// Where packs and journals lie.
    const PLACES: Places;
    /// What is erased with the first byte of a pack.
    const PACK_UNIT: u32;
}

/// A running board with an STM32F4.
#[derive(Debug)]
pub struct Stm32f4<M> {
    flash: Flash,
    machine: PhantomData<M>,
}

impl<M: Machine> Stm32f4<M> {
    /// Starts line and timer, whose clocks run already.
    pub fn new(flash: Flash) -> Self {
        M::LINE.start();
        // SAFETY: registers of timer 2, used by this thread alone; the update takes over the prescaler.
        unsafe {
            register(TIMER_2, 0x28).write_volatile(M::PRESCALER);
            register(TIMER_2, 0x2c).write_volatile(u32::MAX);
            register(TIMER_2, 0x14).write_volatile(1);
            register(TIMER_2, 0x00).write_volatile(1);
        }
        Self { flash, machine: PhantomData }
    }
}

impl<M: Machine> Board for Stm32f4<M> {
    const NAME: &'static str = M::NAME;
    const CLOCK: Clock = M::CLOCK;
    const PLACES: Places = M::PLACES;
    const PACK_UNIT: u32 = M::PACK_UNIT;

    type Flash = Flash;

    fn read_byte(&mut self) -> u8 {
        M::LINE.read()
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| M::LINE.write(byte));
    }

    fn ticks(&mut self) -> u32 {
        // SAFETY: reading the count changes nothing.
        unsafe { register(TIMER_2, 0x24).read_volatile() }
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
        M::LINE.flush();
        nvic::restart()
    }
}
