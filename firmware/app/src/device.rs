//! What each request does.

use bytemuck::cast_slice;
use supple_link::frame::VALUES_MAX;
use supple_link::message::{self, Info, PROTOCOL};
use supple_link::{Answer, DeviceError, Register, Request};

use crate::board::Board;
use crate::running::Running;

/// The memory that a board gives to the pack.
#[derive(Debug)]
pub struct Memory<'m> {
    /// Activations, head, support cache.
    pub floats: &'m mut [f32],
    /// Labels of the support samples, and the rows of their classes.
    pub labels: &'m mut [u16],
}

impl Memory<'_> {
    pub(crate) fn bytes(&self) -> u32 {
        (size_of_val(self.floats) + size_of_val(self.labels)) as u32
    }
}

/// A pack at work, or the reason why it is not.
pub struct Device<'m> {
    running: Result<Running<'m>, DeviceError>,
    memory_bytes: u32,
    clock_overhead: u32,
}

impl<'m> Device<'m> {
    /// Reads the pack. A device without a sound one still answers, saying why.
    pub fn new<B: Board>(pack: &'m [u8], memory: Memory<'m>, board: &mut B) -> Self {
        let start = board.ticks();
        let clock_overhead = board.ticks().wrapping_sub(start);
        Self { memory_bytes: memory.bytes(), running: Running::new(pack, memory), clock_overhead }
    }

    /// Does what is asked; an error has changed nothing.
    pub fn answer<B: Board>(&mut self, request: &Request, board: &mut B) -> Result<Answer<'_>, DeviceError> {
        let overhead = self.clock_overhead;
        match *request {
            Request::Info => return Ok(Answer::Info(self.info(board))),
            Request::StackHighWater => return Ok(Answer::StackHighWater { bytes: board.stack_high_water() }),
            _ => {}
        }
        let running = self.running.as_mut().map_err(|error| *error)?;
        match *request {
            // Answered above.
            Request::Info | Request::StackHighWater => Ok(Answer::Done),
            Request::Begin { way } => running.begin(way).map(|()| Answer::Done),
            Request::BeginRows { rows } => running.begin_rows(&rows).map(|()| Answer::Done),
            Request::Input { offset, values } => running.input(offset, &values).map(|()| Answer::Done),
            Request::PushSupport { label } => running.push_support(label).map(|()| Answer::Done),
            Request::Reset => running.reset().map(|()| Answer::Done),
            Request::Features => {
                timed(board, overhead, || running.features()).map(|((), ticks)| Answer::Took { ticks })
            }
            Request::Step => {
                timed(board, overhead, || running.step()).map(|((), ticks)| Answer::Took { ticks })
            }
            Request::Adapt { steps } => timed(board, overhead, || running.adapt(steps))
                .map(|(outcome, ticks)| Answer::Adapted { ticks, outcome }),
            Request::Logits => {
                running.logits()?;
                read(running, Register::Logits, 0)
            }
            Request::Read { register, offset } => read(running, register, offset),
        }
    }

    fn info<B: Board>(&self, board: &B) -> Info {
        Info {
            protocol: PROTOCOL,
            board: B::NAME.try_into().unwrap_or_default(),
            clock: B::CLOCK,
            memory: message::Memory {
                given: self.memory_bytes,
                fixed: board.fixed_memory(),
                stack: board.stack(),
                stack_high_water: board.stack_high_water(),
            },
            pack: self.running.as_ref().map(Running::facts).map_err(|error| *error),
        }
    }
}

/// A chunk of a register, as long as a message carries.
fn read<'a>(running: &'a Running<'_>, register: Register, offset: u32) -> Result<Answer<'a>, DeviceError> {
    let (first, second) = match register {
        Register::Feature => (running.feature()?, &[][..]),
        Register::Logits => (running.last_logits()?, &[][..]),
        Register::Head => running.head()?,
    };
    let total = (first.len() + second.len()) as u32;
    let start = offset as usize;
    // A chunk ends where the first part does; the host asks on from there.
    let rest = first.get(start..).filter(|rest| !rest.is_empty());
    let rest = rest.or_else(|| second.get(start.checked_sub(first.len())?..));
    let rest = rest.filter(|rest| !rest.is_empty()).ok_or(DeviceError::ReadOutOfRange { offset, total })?;
    let chunk = rest.get(..VALUES_MAX / 4).unwrap_or(rest);
    Ok(Answer::Values { total, words: cast_slice(chunk) })
}

/// Does something and tells the ticks that it took.
fn timed<B: Board, R>(
    board: &mut B,
    overhead: u32,
    act: impl FnOnce() -> Result<R, DeviceError>,
) -> Result<(R, u32), DeviceError> {
    let start = board.ticks();
    let result = act();
    let ticks = board.ticks().wrapping_sub(start).saturating_sub(overhead);
    Ok((result?, ticks))
}

// Words are sent as they lie in memory.
#[cfg(target_endian = "big")]
compile_error!("the protocol is little-endian; swap the words in `read` for this target");
