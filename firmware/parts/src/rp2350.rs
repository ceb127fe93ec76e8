//! Raspberry Pi's RP2350: clock tree, serial line, cycle counter, and the flash beside it.
//!
//! Registers and the boot ROM's functions as in the RP2350 datasheet.

use core::mem;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_write,
};

use crate::{mapped, nvic, wait};

const fn register(peripheral: u32, offset: u32) -> *mut u32 {
    (peripheral + offset) as *mut u32
}

/// Writes to a register.
fn write(register: *mut u32, value: u32) {
    // SAFETY: a register of a peripheral, used by this thread alone.
    unsafe { register.write_volatile(value) }
}

/// Waits until the bits in `mask` are all set.
fn await_set(register: *mut u32, mask: u32) {
    // SAFETY: as above; reading changes nothing.
    while unsafe { register.read_volatile() } & mask != mask {}
}

/// Where a write sets, or clears, the bits that it has.
const SET: u32 = 0x2000;
const CLEAR: u32 = 0x3000;
const CLOCKS: u32 = 0x4001_0000;
const RESETS: u32 = 0x4002_0000;
const PINS: u32 = 0x4002_8000;
const PADS: u32 = 0x4003_8000;
const CRYSTAL: u32 = 0x4004_8000;
const PLL: u32 = 0x4005_0000;
const UART: u32 = 0x4007_0000;
const POWER_ON: u32 = 0x4001_8000;
const WATCHDOG: u32 = 0x400d_8000;
const UART_INTERRUPT: usize = 33;

/// The core's clock, and the UART's.
pub const CORE_HERTZ: u32 = 150_000_000;

/// Lets peripherals go whose bits these are.
fn release(bits: u32) {
    write(register(RESETS, CLEAR), bits);
    await_set(register(RESETS, 0x08), bits);
}

/// Runs the core at 150 MHz from the crystal of 12 MHz, and counts its cycles.
pub fn start() {
    // Megahertz from 1 to 15; it is stable after a millisecond, to be sure after 64 (in 256 cycles).
    write(register(CRYSTAL, 0x00), 0xaa0);
    write(register(CRYSTAL, 0x0c), 46 * 64);
    write(register(CRYSTAL, 0x00), 0xaa0 | 0xfab << 12);
    await_set(register(CRYSTAL, 0x04), 1 << 31);
    // Both clocks away from what is set up below: the core's to the reference, the reference to the crystal.
    write(register(CLOCKS, 0x3c + CLEAR), 1);
    await_set(register(CLOCKS, 0x44), 1);
    write(register(CLOCKS, 0x30), 2);
    await_set(register(CLOCKS, 0x38), 1 << 2);
    // 12 MHz * 125 / 5 / 2.
    write(register(RESETS, SET), 1 << 14);
    release(1 << 14);
    write(register(PLL, 0x00), 1);
    write(register(PLL, 0x08), 125);
    write(register(PLL, 0x04 + CLEAR), 1 | 1 << 5);
    await_set(register(PLL, 0x00), 1 << 31);
    write(register(PLL, 0x0c), 5 << 16 | 2 << 12);
    write(register(PLL, 0x04 + CLEAR), 1 << 3);
    // The source behind the switch first, then the switch; peripherals get the core's clock.
    write(register(CLOCKS, 0x3c), 0);
    write(register(CLOCKS, 0x3c), 1);
    await_set(register(CLOCKS, 0x44), 1 << 1);
    write(register(CLOCKS, 0x48), 1 << 11);
    // The debug unit's counter of cycles.
    write(0xe000_edfc as *mut u32, 1 << 24);
    write(0xe000_1004 as *mut u32, 0);
    write(0xe000_1000 as *mut u32, 1);
}

/// Starts the whole chip anew, through the boot ROM; a reset that the core asks for would leave the peripherals as they
/// are.
pub fn restart() -> ! {
    // All but the oscillators.
    write(register(POWER_ON, 0x08), 0x01ff_ffff & !(0b11 << 2));
    // Nothing there says that the ROM should start something else than the flash's program.
    write(register(WATCHDOG, 0x1c), 0);
    write(register(WATCHDOG, 0x00), 1 << 31);
    loop {
        core::hint::spin_loop();
    }
}

/// Cycles of the core.
pub fn cycles() -> u32 {
    // SAFETY: reading the counter changes nothing.
    unsafe { (0xe000_1004 as *const u32).read_volatile() }
}

/// UART 0 on GPIO 0 (out) and 1 (in), at 115,200 bits a second.
#[derive(Debug)]
pub struct Uart(());

impl Uart {
    const DATA: *mut u32 = register(UART, 0x00);
    const STATE: *mut u32 = register(UART, 0x18);
    const RECEIVE_EMPTY: u32 = 1 << 4;
    const TRANSMIT_FULL: u32 = 1 << 5;
    const INTERRUPT_CLEAR: *mut u32 = register(UART, 0x44);
    /// A byte has come; bytes have lain there for a while.
    const INTERRUPTS: u32 = 1 << 4 | 1 << 6;

    /// Starts it; the core's clock must run.
    #[expect(clippy::new_without_default, reason = "starts hardware")]
    pub fn new() -> Self {
        // Pins, pads, UART 0.
        release(1 << 6 | 1 << 9 | 1 << 26);
        // An output; an input with a pull-up, for nobody need be on the line. Both no longer isolated.
        write(register(PADS, 0x04), 1 << 6 | 1 << 4);
        write(register(PADS, 0x08), 1 << 6 | 1 << 4 | 1 << 3);
        write(register(PINS, 0x04), 2);
        write(register(PINS, 0x0c), 2);
        // 150 MHz / 16 / 115,200 = 81 + 24.3 / 64. The next write takes them over: 8 bits, FIFOs.
        write(register(UART, 0x24), 81);
        write(register(UART, 0x28), 24);
        write(register(UART, 0x2c), 0b11 << 5 | 1 << 4);
        // From 4 bytes in the FIFO on, or after a pause.
        write(register(UART, 0x34), 0);
        write(register(UART, 0x38), Self::INTERRUPTS);
        write(register(UART, 0x30), 1 << 9 | 1 << 8 | 1);
        nvic::wake_on(UART_INTERRUPT);
        Self(())
    }

    /// Waits for a byte, asleep.
    pub fn read_byte(&mut self) -> u8 {
        // SAFETY: a register of the UART; reading it changes nothing.
        let received = || unsafe { Self::STATE.read_volatile() } & Self::RECEIVE_EMPTY == 0;
        wait::until(received, || {
            nvic::sleep();
            write(Self::INTERRUPT_CLEAR, Self::INTERRUPTS);
            nvic::clear(UART_INTERRUPT);
        });
        // SAFETY: a register of the UART.
        unsafe { Self::DATA.read_volatile() as u8 }
    }

    /// Sends a byte.
    pub fn write_byte(&mut self, byte: u8) {
        // SAFETY: a register of the UART; reading it changes nothing.
        while unsafe { Self::STATE.read_volatile() } & Self::TRANSMIT_FULL != 0 {}
        write(Self::DATA, byte.into());
    }

    /// Waits until all is sent.
    pub fn flush(&mut self) {
        // SAFETY: as above.
        while unsafe { Self::STATE.read_volatile() } & 1 << 3 != 0 {}
    }
}

/// A block by which the boot ROM knows an Arm program for the RP2350, to be put into the section `.start_block`.
pub const START_BLOCK: [u32; 5] = [
    0xffff_ded3,
    // One word: an executable, secure, for Arm, on the RP2350.
    0x1021_0142,
    // The last item; one word before it.
    0x0000_01ff,
    // No other block.
    0,
    0xab12_3579,
];

/// Functions of the boot ROM for the flash.
struct Rom {
    connect: extern "C" fn(),
    leave_mapping: extern "C" fn(),
    erase: extern "C" fn(u32, usize, u32, u8),
    program: extern "C" fn(u32, *const u8, usize),
    forget_cached: extern "C" fn(),
}

/// What maps flash into memory as it was mapped at the start: the boot ROM leaves a function of position-independent code
/// for it at the start of its own RAM, from which nothing can be run.
static mut MAP: [u32; 64] = [0; 64];
const MAP_SOURCE: *const u32 = 0x400e_0000 as *const u32;

impl Rom {
    /// Looks them up. On its own, as the gate on stacks knows it.
    #[inline(never)]
    fn new() -> Self {
        /// Erase, program and so on for secure Arm code.
        const SECURE_ARM: u32 = 4;
        type LookUp = extern "C" fn(u32, u32) -> usize;
        // SAFETY: where the datasheet says that the address of this function is, of revisions A2 and later.
        let look_up: LookUp = unsafe { mem::transmute(usize::from((0x16 as *const u16).read_volatile())) };
        let find = |name: [u8; 2]| look_up(u16::from_le_bytes(name).into(), SECURE_ARM);
        // SAFETY: functions that every ROM has, with the arguments that the datasheet gives them.
        unsafe {
            Self {
                connect: mem::transmute::<usize, extern "C" fn()>(find(*b"IF")),
                leave_mapping: mem::transmute::<usize, extern "C" fn()>(find(*b"EX")),
                erase: mem::transmute::<usize, extern "C" fn(u32, usize, u32, u8)>(find(*b"RE")),
                program: mem::transmute::<usize, extern "C" fn(u32, *const u8, usize)>(find(*b"RP")),
                forget_cached: mem::transmute::<usize, extern "C" fn()>(find(*b"FC")),
            }
        }
    }
}

/// Erases a sector, or programs a page where there is one; from RAM, for flash cannot be read meanwhile. Interrupts are
/// masked anyway.
#[unsafe(link_section = ".data.rp2350_flash")]
#[inline(never)]
extern "C" fn change_flash(rom: &Rom, offset: u32, page: *const u8, map: extern "C" fn()) {
    (rom.connect)();
    (rom.leave_mapping)();
    if page.is_null() {
        (rom.erase)(offset, SECTOR, 1 << 16, 0xd8);
    } else {
        (rom.program)(offset, page, PAGE);
    }
    (rom.forget_cached)();
    map();
}

const SECTOR: usize = 4096;
const PAGE: usize = 256;

/// The flash beside the chip, as far as it may be erased and written. Addresses count from its start.
///
/// A page is programmed as a whole; of what is not written the bits are programmed as 1, which changes nothing.
#[derive(Debug)]
pub struct Flash {
    writable: u32,
    capacity: u32,
}

impl Flash {
    /// Where the core sees its first byte.
    pub const START: u32 = 0x1000_0000;

    /// Flash of so many bytes, to be changed from an offset on.
    ///
    /// # Safety
    /// That part is for this value alone: no code, and who else reads there must not hold what it writes to.
    pub unsafe fn new(writable: u32, capacity: u32) -> Self {
        for (index, word) in (0..64).zip(unsafe { (*(&raw mut MAP)).iter_mut() }) {
            // SAFETY: the boot ROM's RAM; reading it changes nothing.
            *word = unsafe { MAP_SOURCE.add(index).read_volatile() };
        }
        Self { writable, capacity }
    }

    /// Programs a page, or erases a sector.
    fn change(&mut self, offset: u32, page: Option<&[u8; PAGE]>) -> Result<(), NorFlashErrorKind> {
        if offset < self.writable {
            return Err(NorFlashErrorKind::OutOfBounds);
        }
        // SAFETY: Thumb code that was copied there.
        let map = unsafe { mem::transmute::<usize, extern "C" fn()>(&raw const MAP as usize | 1) };
        change_flash(&Rom::new(), offset, page.map_or(core::ptr::null(), |page| page.as_ptr()), map);
        Ok(())
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
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        (from..to).step_by(SECTOR).try_for_each(|offset| self.change(offset, None))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        let (mut offset, mut bytes) = (offset, bytes);
        while !bytes.is_empty() {
            let mut page = [0xff; PAGE];
            let into = page.iter_mut().skip(offset as usize % PAGE);
            let written = into.zip(bytes).map(|(place, &byte)| *place = byte).count();
            self.change(offset - offset % PAGE as u32, Some(&page))?;
            offset += written as u32;
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}
