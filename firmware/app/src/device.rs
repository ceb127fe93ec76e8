//! What each request does.

use bytemuck::cast_slice;
use supple_link::frame::VALUES_MAX;
use supple_link::message::{self, Adaptation, Counters, Info, PROTOCOL};
use supple_link::{Answer, DeviceError, Label, Register, Request};
use supple_pack::{Pack, TrunkHash};
use supple_runtime::{MemoryNeed, PlanTrunk, Trunk};

use crate::board::Board;
use crate::heads::Versions;
use crate::packs::Packs;
use crate::running::{self, Running};

/// The memory that a board gives to the pack.
#[derive(Debug)]
pub struct Memory<'m> {
    /// Activations, heads, support cache, work space.
    pub floats: &'m mut [f32],
    /// Labels of the support samples, and the rows of their classes.
    pub labels: &'m mut [u16],
}

/// How much that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    floats: usize,
    labels: usize,
}

impl Memory<'_> {
    pub(crate) fn given(&self) -> Given {
        Given { floats: self.floats.len(), labels: self.labels.len() }
    }
}

impl Given {
    pub(crate) fn bytes(self) -> u32 {
        (4 * self.floats + 2 * self.labels) as u32
    }

    pub(crate) fn holds(self, need: &MemoryNeed) -> bool {
        need.floats() <= self.floats && need.labels <= self.labels
    }
}

/// A pack at work, or the reason why it is not, and what is kept in flash.
pub struct Device<'m, T = PlanTrunk<'m, 'm>> {
    work: Work<'m, T>,
    counters: Counters,
}

struct Work<'m, T> {
    running: Result<Running<'m, T>, DeviceError>,
    packs: Packs,
    versions: Versions,
    given: Given,
    clock_overhead: u32,
    restart: bool,
}

impl<'m> Device<'m> {
    /// Starts with the pack that is to run, and the heads that were saved last for its trunk. A device without a sound
    /// pack still answers, saying why.
    pub fn start<B: Board>(memory: Memory<'m>, board: &mut B) -> Self {
        let packs = Packs::start(board);
        Self::with_packs(packs, memory, board)
    }

    /// Like [`start`](Device::start), once it is known which pack that is.
    #[inline(never)]
    pub fn with_packs<B: Board>(packs: Packs, memory: Memory<'m>, board: &mut B) -> Self {
        let pack = board.pack(packs.area());
        Self::with_trunk(packs, pack, memory, board, |pack, arena| PlanTrunk::new(pack, arena).ok())
    }
}

impl<'m, T: Trunk> Device<'m, T> {
    /// Like [`start`](Device::start), with a trunk of the caller's and the pack of the area that [`Packs`] names. `make`
    /// makes the trunk from the pack and an arena as long as its plan needs; `None` where it cannot.
    pub fn with_trunk<B: Board>(
        packs: Packs,
        pack: &'m [u8],
        memory: Memory<'m>,
        board: &mut B,
        make: impl FnOnce(&Pack<'m>, &'m mut [f32]) -> Option<T>,
    ) -> Self {
        let start = board.ticks();
        let clock_overhead = board.ticks().wrapping_sub(start);
        let given = memory.given();
        let mut running = match running::read(pack) {
            Ok(pack) => Running::new(&pack, memory, make),
            Err(error) => Err(error),
        };
        let versions = Versions::open(board);
        if let Ok(running) = &mut running {
            versions.restore_own(running, board);
        }
        let work = Work { running, packs, versions, given, clock_overhead, restart: false };
        Self { work, counters: Counters::default() }
    }

    /// Does what is asked; an error has changed nothing, but where the flash fails.
    pub fn answer<B: Board>(&mut self, request: &Request, board: &mut B) -> Result<Answer<'_>, DeviceError> {
        let counters = &mut self.counters;
        counters.requests = counters.requests.wrapping_add(1);
        let answer = self.work.answer(request, counters, board);
        if answer.is_err() {
            counters.refusals = counters.refusals.wrapping_add(1);
        }
        answer
    }

    /// Whether it was asked to start anew: whoever runs it does so once the answer is sent.
    pub fn is_to_restart(&self) -> bool {
        self.work.restart
    }
}

impl<T: Trunk> Work<'_, T> {
    fn answer<B: Board>(
        &mut self,
        request: &Request,
        counters: &mut Counters,
        board: &mut B,
    ) -> Result<Answer<'_>, DeviceError> {
        let overhead = self.clock_overhead;
        match *request {
            Request::Info => return Ok(Answer::Info(self.info(board))),
            Request::StackHighWater => return Ok(Answer::StackHighWater { bytes: board.stack_high_water() }),
            Request::Counters => {
                counters.ram_high_water = board.fixed_memory().saturating_add(board.stack_high_water());
                return Ok(Answer::Counters(*counters));
            }
            Request::Version { before } => {
                let trunk = self.running.as_ref().ok().map(|running| TrunkHash(running.facts().trunk));
                return self.versions.facts(before, trunk, board).map(Answer::Version);
            }
            Request::Packs => return Ok(Answer::Packs(self.packs.state(board))),
            Request::PackBegin { length, from } => {
                return self.packs.begin(length, from, board).map(|()| Answer::Done);
            }
            Request::PackChunk { offset, bytes } => {
                return self.packs.chunk(offset, bytes, board).map(|()| Answer::Done);
            }
            Request::PackDigest { length } => {
                return self.packs.digest(length, board).map(|checksum| Answer::Digest { checksum });
            }
            Request::PackFinish => return self.packs.finish(self.given, board).map(|()| Answer::Done),
            Request::Restart => {
                self.restart = true;
                return Ok(Answer::Done);
            }
            _ => {}
        }
        let running = self.running.as_mut().map_err(|error| *error)?;
        match *request {
            Request::Begin { way } => running.begin(way).map(|()| Answer::Done),
            Request::BeginRows { rows } => running.begin_rows(&rows).map(|()| Answer::Done),
            Request::Input { offset, values } => running.input(offset, &values).map(|()| Answer::Done),
            Request::Feature { offset, values } => {
                running.take_feature(offset, &values).map(|()| Answer::Done)
            }
            Request::PushSupport { label } => {
                running.push_sample(&Label::Class(label), false)?;
                add(&mut counters.samples, 1);
                Ok(Answer::Done)
            }
            Request::PushSample { label, held_back } => {
                let sample = running.push_sample(&label, held_back)?;
                add(&mut counters.samples, 1);
                Ok(Answer::Sample { sample })
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
                let ((), ticks) = timed(board, overhead, || running.step())?;
                add(&mut counters.steps, 1);
                Ok(Answer::Took { ticks })
            }
            Request::Adapt { steps } => {
                let (outcome, ticks) = timed(board, overhead, || running.adapt(steps))?;
                add(&mut counters.steps, steps);
                let (count, losses) = match outcome {
                    Adaptation::Adapted { before, after } => (&mut counters.adaptations, (before, after)),
                    Adaptation::Refused { before, after } => {
                        (&mut counters.adaptations_refused, (before, after))
                    }
                };
                add(count, 1);
                counters.losses = Some(losses);
                Ok(Answer::Adapted { ticks, outcome })
            }
            Request::Logits => {
                running.outputs()?;
                read(running, Register::Logits, 0)
            }
            Request::Read { register, offset } => read(running, register, offset),
            Request::Save { support } => {
                let version = self.versions.save(running, support, board)?;
                add(&mut counters.saves, 1);
                Ok(Answer::Saved(version))
            }
            Request::Restore { version, head } => {
                self.versions.restore(running, version, head, board).map(|()| Answer::Done)
            }
            // A pack that does not run is not to be kept.
            Request::Confirm => self.packs.confirm(board).map(|()| Answer::Done),
            // Answered above.
            Request::Info
            | Request::StackHighWater
            | Request::Counters
            | Request::Version { .. }
            | Request::Packs
            | Request::PackBegin { .. }
            | Request::PackChunk { .. }
            | Request::PackDigest { .. }
            | Request::PackFinish
            | Request::Restart => Ok(Answer::Done),
        }
    }

    fn info<B: Board>(&self, board: &B) -> Info {
        Info {
            protocol: PROTOCOL,
            board: B::NAME.try_into().unwrap_or_default(),
            clock: B::CLOCK,
            memory: message::Memory {
                given: self.given.bytes(),
                fixed: board.fixed_memory(),
                stack: board.stack(),
                stack_high_water: board.stack_high_water(),
            },
            pack: self.running.as_ref().map(Running::facts).map_err(|error| *error),
        }
    }
}

/// Counters go round at their end rather than stand still.
fn add(counter: &mut u32, more: u16) {
    *counter = counter.wrapping_add(more.into());
}

/// A chunk of a register, as long as a message carries.
fn read<'a, T: Trunk>(
    running: &'a Running<'_, T>,
    register: Register,
    offset: u32,
) -> Result<Answer<'a>, DeviceError> {
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

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
