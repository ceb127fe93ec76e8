//! A device with a small pack, on a board whose flash is a few kilobytes of memory.

use std::sync::OnceLock;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use supple_app::{Area, Board, Clock, Device, Line, Memory, Places, Region, Session};
use supple_fuzz::samples;
use supple_link::frame::decode;
use supple_link::{Answer, Receiver};
use supple_pack::AlignedBytes;

use crate::Takes;

/// Bytes of a pack area.
const AREA: usize = 1280;
/// Bytes that are erased at once.
const ERASE: usize = 256;
/// Bytes of the whole flash.
const FLASH: usize = 2 * AREA + 2 * ERASE + 3 * 3 * ERASE;

/// The pack in area A, with what lies behind it there.
fn pack() -> &'static AlignedBytes {
    static PACK: OnceLock<AlignedBytes> = OnceLock::new();
    PACK.get_or_init(|| {
        let mut area = samples::learning();
        assert!(area.len() <= AREA, "a pack of {} bytes", area.len());
        area.resize(AREA, 0xff);
        AlignedBytes::copy_of(&area)
    })
}

/// A device that bytes are sent to.
pub struct Fuzzed<'l, 'm> {
    session: Session<'l>,
    device: Device<'m>,
    desk: &'l mut Desk,
    /// The host's end.
    receiver: Receiver,
    /// What the device's end makes of the same bytes.
    listener: Receiver,
    /// The last frame's sequence number, and its answer.
    last: Option<(u16, Vec<u8>)>,
}

/// Starts a device, lets it be used, starts it again with the flash that it has left, and asks once more.
pub fn with(mut use_it: impl FnMut(&mut Fuzzed)) {
    let mut desk = Desk { flash: Flash { bytes: [0xff; FLASH] }, ticks: 0 };
    desk.flash.bytes[..AREA].copy_from_slice(pack());
    for run in 0..2 {
        let (mut floats, mut labels, mut line) = ([f32::NAN; 400], [7; 64], Line::new());
        let memory = Memory { floats: &mut floats, labels: &mut labels };
        let device = Device::start(memory, &mut desk);
        let mut fuzzed = Fuzzed {
            session: Session::new(&mut line),
            device,
            desk: &mut desk,
            receiver: Receiver::new(),
            listener: Receiver::new(),
            last: None,
        };
        if run == 0 {
            use_it(&mut fuzzed);
        }
        fuzzed.is_alive();
    }
}

impl Fuzzed<'_, '_> {
    /// Takes a byte; the answer's sequence number and bytes, where it ends a frame, and whether that was a sound one.
    fn take(&mut self, byte: u8) -> Option<(u16, &[u8], bool)> {
        let is_sound = matches!(self.listener.push(byte), Some(Ok(_)));
        let answer = self.session.take(byte, &mut self.device, self.desk)?;
        let (last, before) = answer.split_last().expect("an answer is not empty");
        for &byte in before {
            assert!(self.receiver.push(byte).is_none(), "a frame within an answer");
        }
        let frame = self.receiver.push(*last).expect("an answer ends").expect("an answer is sound");
        decode::<Answer>(frame.message).expect("an answer is understood");
        Some((frame.sequence, answer, is_sound))
    }

    /// Whatever came before, a request is answered.
    fn is_alive(&mut self) {
        // A zero, then "who are you?" with the sequence number 0.
        let (mut body, mut frame) = ([0; 64], [0; 64]);
        let length = supple_link::frame::encode(0, &supple_link::Request::Info, &mut body, &mut frame);
        let frame = &frame[..length.expect("short")];
        let mut answers = 0;
        for &byte in frame {
            answers += usize::from(self.take(byte).is_some());
        }
        assert!(answers >= 1, "no answer");
    }
}

impl Takes for Fuzzed<'_, '_> {
    fn plain(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // Among bytes as they are there may be a frame all the same, which the next answers come after.
            if let Some((sequence, answer, true)) = self.take(byte) {
                self.last = Some((sequence, answer.to_vec()));
            }
        }
    }

    fn frame(&mut self, frame: &[u8], sequence: u16, _: &[u8]) {
        // The zero in front ends whatever came before.
        self.plain(&frame[..1]);
        let mut answered = None;
        for &byte in &frame[1..] {
            if let Some((sequence, answer, _)) = self.take(byte) {
                assert!(answered.is_none(), "two answers");
                answered = Some((sequence, answer.to_vec()));
            }
        }
        let answered = answered.expect("no answer");
        assert_eq!(answered.0, sequence);
        if let Some(last) = self.last.as_ref().filter(|last| last.0 == sequence && sequence != 0) {
            assert_eq!(*last, answered, "another answer to the same request");
        }
        self.last = Some(answered);
    }
}

struct Desk {
    flash: Flash,
    ticks: u32,
}

impl Board for Desk {
    const NAME: &'static str = "desk";
    const CLOCK: Clock = Clock { hertz: 1, instructions: (0, 0) };
    const PLACES: Places = Places {
        packs: [0, AREA as u32],
        pack_bytes: AREA as u32,
        boot: Region { start: 2 * AREA as u32, segment_bytes: ERASE as u32, segments: 2 },
        heads: Region { start: (2 * AREA + 2 * ERASE) as u32, segment_bytes: 3 * ERASE as u32, segments: 3 },
    };

    type Flash = Flash;

    fn read_byte(&mut self) -> u8 {
        0
    }
    fn write(&mut self, _: &[u8]) {}
    fn ticks(&mut self) -> u32 {
        self.ticks = self.ticks.wrapping_add(0x1001);
        self.ticks
    }
    fn fixed_memory(&self) -> u32 {
        1000
    }
    fn stack(&self) -> u32 {
        1000
    }
    fn stack_high_water(&self) -> u32 {
        100
    }
    fn flash(&mut self) -> &mut Flash {
        &mut self.flash
    }
    fn pack(&self, area: Area) -> &'static [u8] {
        assert_eq!(area, Area::A, "no signed pack was sent");
        pack()
    }
    fn content(&self, area: Area) -> &[u8] {
        &self.flash.bytes[area.index() * AREA..][..AREA]
    }
    fn keys(&self) -> &[u8] {
        &[]
    }
    fn restart(&mut self) -> ! {
        unreachable!("only `run` restarts a board")
    }
}

/// Flash that is always sound.
struct Flash {
    bytes: [u8; FLASH],
}

impl Flash {
    fn part(&mut self, from: u32, length: usize, unit: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let from = from as usize;
        if !from.is_multiple_of(unit) || !length.is_multiple_of(unit) {
            return Err(NorFlashErrorKind::NotAligned);
        }
        self.bytes
            .get_mut(from..)
            .and_then(|rest| rest.get_mut(..length))
            .ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        bytes.copy_from_slice(self.part(offset, bytes.len(), 1)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        FLASH
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        assert!(from as usize >= AREA, "the running pack is erased");
        let length = to.checked_sub(from).ok_or(NorFlashErrorKind::OutOfBounds)?;
        self.part(from, length as usize, ERASE)?.fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        assert!(offset as usize >= AREA, "the running pack is written");
        let places = self.part(offset, bytes.len(), 4)?;
        assert!(places.iter().all(|byte| *byte == 0xff), "a word is written twice");
        places.copy_from_slice(bytes);
        Ok(())
    }
}
