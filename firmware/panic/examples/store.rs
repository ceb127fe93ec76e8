//! The store alone: the journal over any flash, with anything in it, and the boot record.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::hint::black_box;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use supple_pack::signature::KeyId;
use supple_panic as _;
use supple_store::{AppendError, Boot, Journal, Region};

/// Stands for a driver; the compiler must not know what it reads, nor whether it fails.
struct Unknown<const WRITE: usize>;

fn outcome() -> Result<(), NorFlashErrorKind> {
    if black_box(true) { Ok(()) } else { Err(NorFlashErrorKind::Other) }
}

impl<const WRITE: usize> ErrorType for Unknown<WRITE> {
    type Error = NorFlashErrorKind;
}

impl<const WRITE: usize> ReadNorFlash for Unknown<WRITE> {
    const READ_SIZE: usize = WRITE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        black_box(offset);
        bytes.fill_with(|| black_box(0));
        outcome()
    }

    fn capacity(&self) -> usize {
        black_box(1 << 20)
    }
}

impl<const WRITE: usize> NorFlash for Unknown<WRITE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        black_box((from, to));
        outcome()
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        black_box((offset, bytes));
        outcome()
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        black_box(keep(&mut Unknown::<1>));
        black_box(keep(&mut Unknown::<4>));
        black_box(keep(&mut Unknown::<32>));
    }
}

/// Everything that a device does with what it keeps, in an order from outside.
fn keep<F: NorFlash>(flash: &mut F) -> Option<Infallible> {
    let region = Region { start: black_box(0), segment_bytes: black_box(4096), segments: black_box(3) };
    let mut bytes = [0; 100];
    loop {
        let mut journal = Journal::open(flash, region).ok()?;
        black_box(Journal::longest::<F>(&region));
        let record = journal.before(flash, black_box(7)).ok()?.or(journal.newest())?;
        let part = bytes.get_mut(..black_box(72))?;
        journal.read(flash, &record, black_box(0), part).ok()?;
        let boot = Boot::from_bytes(part)?;
        let next = match black_box(0_u32) {
            0 => boot.install(KeyId(black_box([1; 8])), black_box(2), |key| black_box(key.0) == [1; 8]).ok(),
            1 => boot.confirm(),
            2 => boot.withdraw(),
            _ => boot.start().1,
        }?;
        black_box((
            next.running().index(),
            next.is_trial(),
            next.outcome(),
            next.counter(&KeyId(black_box([1; 8]))),
        ));
        let written = journal.append(flash, black_box(72), |writer| {
            writer.write(&next.to_bytes())?;
            if black_box(true) { Ok(()) } else { Err(AppendError::Content) }
        });
        black_box(written).ok()?;
    }
}
