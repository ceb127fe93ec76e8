//! What each request does. (stub until the runtime lands)
use crate::board::Board;
use supple_link::Values;
use supple_link::frame::VALUES_MAX;
use supple_link::message::{self, Answer, DeviceError, Info, PROTOCOL, PackFault, Request};

/// Memory a board gives.
pub struct Memory<'m> {
    /// Values.
    pub floats: &'m mut [f32],
    /// Labels.
    pub labels: &'m mut [u16],
}
/// Device
pub struct Device<'m> {
    memory: Memory<'m>,
    received: usize,
}
impl<'m> Device<'m> {
    /// New
    pub fn new<B: Board>(_pack: &'m [u8], memory: Memory<'m>, _board: &mut B) -> Self {
        Device { memory, received: 0 }
    }
    /// Answer
    pub fn answer<B: Board>(&mut self, request: &Request, board: &mut B) -> Result<Answer<'_>, DeviceError> {
        Ok(match request {
            Request::Info => Answer::Info(Info {
                protocol: PROTOCOL,
                board: B::NAME.try_into().unwrap_or_default(),
                clock: B::CLOCK,
                memory: message::Memory {
                    given: 4 * self.memory.floats.len() as u32,
                    fixed: board.fixed_memory(),
                    stack: board.stack(),
                    stack_high_water: board.stack_high_water(),
                },
                pack: Err(DeviceError::Pack(PackFault::Missing)),
            }),
            Request::Input { offset, values } => {
                values.write(&mut self.memory.floats[*offset as usize..]);
                Answer::Done
            }
            Request::Logits => {
                let n = VALUES_MAX / 4;
                Answer::Values { total: 1000, words: bytemuck::cast_slice(&self.memory.floats[..n]) }
            }
            _ => Answer::Took { ticks: board.ticks() },
        })
    }
}
