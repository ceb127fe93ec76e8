//! What each request does.

use bytemuck::cast_slice;
use supple_link::frame::VALUES_MAX;
use supple_link::message::{self, Info, PROTOCOL};
use supple_link::{Answer, DeviceError, Label, Register, Request};

use crate::board::Board;
use crate::running::Running;

/// The memory that a board gives to the pack.
#[derive(Debug)]
pub struct Memory<'m> {
    /// Activations, heads, support cache, work space.
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
            Request::PushSupport { label } => {
                running.push_sample(&Label::Class(label), false).map(|_| Answer::Done)
            }
            Request::PushSample { label, held_back } => {
                running.push_sample(&label, held_back).map(|sample| Answer::Sample { sample })
            }
            Request::Label { sample, label, held_back } => {
                running.label(sample, &label, held_back).map(|()| Answer::Done)
            }
            Request::Select { head } => running.select(head).map(Answer::Head),
            Request::Enrol => running.enrol().map(|class| Answer::Class { class }),
            Request::Forget { class } => running.forget(class).map(|()| Answer::Done),
            Request::ClearSupport => {
                running.clear_support();
                Ok(Answer::Done)
            }
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
                running.outputs()?;
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
    let parts = match register {
        Register::Feature => [running.feature()?, &[], &[], &[]],
        Register::Logits => [running.last_outputs()?, &[], &[], &[]],
        Register::Head => running.head()?,
    };
    let total = parts.iter().map(|part| part.len() as u32).sum();
    let mut start = offset as usize;
    for part in parts {
        // A chunk ends where its part does; the host asks on from there.
        if let Some(rest) = part.get(start..).filter(|rest| !rest.is_empty()) {
            let chunk = rest.get(..VALUES_MAX / 4).unwrap_or(rest);
            return Ok(Answer::Values { total, words: cast_slice(chunk) });
        }
        start -= part.len();
    }
    Err(DeviceError::ReadOutOfRange { offset, total })
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
