//! Asks a device and waits for its answer.

use std::time::{Duration, Instant};

use super::input::chunks;
use super::label::Label;
use super::transport::{Received, Transport, TransportError};
use crate::error::DeviceError;
use crate::frame::{BODY_MAX, FRAME_MAX, FrameError, decode, encode};
use crate::message::{Adaptation, Answer, HeadFacts, Info, PROTOCOL, Register, Request, Rows};
use crate::receiver::Receiver;

/// How long a board may take from its start to its first answer, and between tries.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TRIES: u32 = 10;

/// How long an answer may take. An emulated board on a busy host needs seconds for a large trunk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_TRIES: u32 = 3;

/// After a complaint, how long the answer may still take.
const QUIET: Duration = Duration::from_millis(50);

/// A device at the other end of a line.
///
/// What is lost or damaged on the way is sent again. That is safe for every request: a device carries out a
/// sequence number once, and repeats its answer when it comes again.
#[derive(Debug)]
pub struct Client<T> {
    transport: T,
    receiver: Receiver,
    /// Bytes that have come but were not looked at yet.
    pending: Vec<u8>,
    sequence: u16,
    timeout: Duration,
    tries: u32,
    repeated: u64,
}

/// What became of an adaptation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adapted {
    /// Timer ticks that it took.
    pub ticks: u32,
    /// Adapted or refused, with the losses.
    pub outcome: Adaptation,
}

/// Why the device could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nothing came back.
    #[error(
        "the board does not answer (tried {tries} times, {seconds} s each); check that it runs Supple's firmware, \
         the port, and that no other program has it open, then reset the board"
    )]
    NoAnswer {
        /// How often the request was sent.
        tries: u32,
        /// How long each time.
        seconds: f32,
    },
    /// What comes back is damaged every time.
    #[error("the line to the board is too noisy (tried {tries} times): {last}")]
    Noise {
        /// How often the request was sent.
        tries: u32,
        /// What was wrong the last time.
        last: FrameError,
    },
    /// The device speaks another version.
    #[error(
        "the board speaks version {device} of the protocol, this program {PROTOCOL}; update the older one"
    )]
    OtherProtocol {
        /// The device's version.
        device: u16,
    },
    /// The device refused the request.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The device answered something else than was asked.
    #[error(
        "the board's answer does not fit the request `{request}`; update firmware and tools to one version"
    )]
    Mismatch {
        /// What was asked.
        request: &'static str,
    },
    /// The request does not fit in a frame.
    #[error("{0}")]
    Frame(FrameError),
    /// The line is gone.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// One try's outcome, when the line itself held.
enum Try {
    Answered,
    Silent,
    Damaged(FrameError),
}

impl<T: Transport> Client<T> {
    /// Waits for the board to answer, and checks that both speak one version.
    pub fn connect(transport: T) -> Result<Self, LinkError> {
        let mut client = Self {
            transport,
            receiver: Receiver::new(),
            pending: Vec::new(),
            // Zero marks a first request: a device never takes it for one that it has already answered.
            sequence: u16::MAX,
            timeout: CONNECT_TIMEOUT,
            tries: CONNECT_TRIES,
            repeated: 0,
        };
        let protocol = client.info()?.protocol;
        if protocol != PROTOCOL {
            return Err(LinkError::OtherProtocol { device: protocol });
        }
        client.timeout = ANSWER_TIMEOUT;
        client.tries = ANSWER_TRIES;
        Ok(client)
    }

    /// How long to wait for each answer, and how often to ask.
    pub fn set_patience(&mut self, timeout: Duration, tries: u32) {
        self.timeout = timeout;
        self.tries = tries;
    }

    /// How often a request had to be sent again.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// The line, e.g. to send raw bytes in tests.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Who is there, what it holds, how much room it has.
    pub fn info(&mut self) -> Result<Info, LinkError> {
        self.ask("info", &Request::Info, |answer| match answer {
            Answer::Info(info) => Some(info),
            _ => None,
        })
    }

    /// Lets what follows concern this head of the pack, counted from 0; what it is. At first it is the first one.
    pub fn select(&mut self, head: u16) -> Result<HeadFacts, LinkError> {
        self.ask("select", &Request::Select { head }, |answer| match answer {
            Answer::Head(facts) => Some(facts),
            _ => None,
        })
    }

    /// Takes the head's labels off all samples and sets it to its start, for `way` classes. Where the pack has no
    /// other head, the support cache is cleared too.
    pub fn begin(&mut self, way: u16) -> Result<(), LinkError> {
        self.ask("begin", &Request::Begin { way }, done)
    }

    /// Like [`begin`](Self::begin), from chosen rows of the learned start; at most
    /// [`ROWS_MAX`](crate::message::ROWS_MAX) fit in a request.
    pub fn begin_rows(&mut self, rows: &[u16]) -> Result<(), LinkError> {
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
        self.ask("begin rows", &Request::BeginRows { rows: Rows(&bytes) }, done)
    }

    /// Sends a raw input; grey levels (every value exactly `k / 255`) take the fewest bytes.
    pub fn input(&mut self, values: &[f32]) -> Result<(), LinkError> {
        for chunk in chunks(values) {
            let request = Request::Input { offset: chunk.offset, values: chunk.values() };
            self.ask("input", &request, done)?;
        }
        Ok(())
    }

    /// Runs the trunk on the input just sent; the ticks that it took.
    pub fn features(&mut self) -> Result<u32, LinkError> {
        self.ask("features", &Request::Features, ticks)
    }

    /// Puts the feature vector into the support cache.
    pub fn push_support(&mut self, label: u16) -> Result<(), LinkError> {
        self.ask("push support", &Request::PushSupport { label }, done)
    }

    /// Puts the feature vector into the support cache; the sample's number. A sample held back only judges adaptations.
    pub fn push_sample(&mut self, label: Label, held_back: bool) -> Result<u16, LinkError> {
        let words = label.words();
        let label = label.with(&words);
        self.ask("push sample", &Request::PushSample { label, held_back }, |answer| match answer {
            Answer::Sample { sample } => Some(sample),
            _ => None,
        })
    }

    /// Says what a cached sample is to the head.
    pub fn label(&mut self, sample: u16, label: Label, held_back: bool) -> Result<(), LinkError> {
        let words = label.words();
        let label = label.with(&words);
        self.ask("label", &Request::Label { sample, label, held_back }, done)
    }

    /// One class more; its number.
    pub fn enrol(&mut self) -> Result<u16, LinkError> {
        self.ask("enrol", &Request::Enrol, |answer| match answer {
            Answer::Class { class } => Some(class),
            _ => None,
        })
    }

    /// One class less; later classes move down by one, its samples lose their label.
    pub fn forget(&mut self, class: u16) -> Result<(), LinkError> {
        self.ask("forget", &Request::Forget { class }, done)
    }

    /// Clears the support cache, and the labels of all heads.
    pub fn clear_support(&mut self) -> Result<(), LinkError> {
        self.ask("clear support", &Request::ClearSupport, done)
    }

    /// Sets the head to the start that it began with; the support cache and its labels stay.
    pub fn reset(&mut self) -> Result<(), LinkError> {
        self.ask("reset", &Request::Reset, done)
    }

    /// One gradient step; the ticks that it took.
    pub fn step(&mut self) -> Result<u32, LinkError> {
        self.ask("step", &Request::Step, ticks)
    }

    /// Several steps, undone when they make the support loss worse.
    pub fn adapt(&mut self, steps: u16) -> Result<Adapted, LinkError> {
        self.ask("adapt", &Request::Adapt { steps }, |answer| match answer {
            Answer::Adapted { ticks, outcome } => Some(Adapted { ticks, outcome }),
            _ => None,
        })
    }

    /// Runs the head on the feature vector: logits `[way]`, or numbers.
    pub fn logits(&mut self) -> Result<Vec<f32>, LinkError> {
        let (total, first) = self.ask("logits", &Request::Logits, chunk)?;
        self.read_rest(Register::Logits, total, first)
    }

    /// The feature vector of the last input.
    pub fn read_features(&mut self) -> Result<Vec<f32>, LinkError> {
        self.read(Register::Feature)
    }

    /// The head's layers, the hidden one first if there is one: weights `[outputs][inputs]`, then biases `[outputs]`;
    /// the last layer has `way` outputs.
    pub fn read_head(&mut self) -> Result<Vec<f32>, LinkError> {
        self.read(Register::Head)
    }

    /// The most bytes of stack that the device ever used since its start.
    pub fn stack_high_water(&mut self) -> Result<u32, LinkError> {
        self.ask("stack high water", &Request::StackHighWater, |answer| match answer {
            Answer::StackHighWater { bytes } => Some(bytes),
            _ => None,
        })
    }

    fn read(&mut self, register: Register) -> Result<Vec<f32>, LinkError> {
        let (total, first) = self.ask("read", &Request::Read { register, offset: 0 }, chunk)?;
        self.read_rest(register, total, first)
    }

    fn read_rest(
        &mut self,
        register: Register,
        total: u32,
        mut values: Vec<f32>,
    ) -> Result<Vec<f32>, LinkError> {
        while values.len() < total as usize {
            let offset = values.len() as u32;
            let (_, more) = self.ask("read", &Request::Read { register, offset }, chunk)?;
            // A chunk of nothing would never end the loop.
            if more.is_empty() {
                return Err(LinkError::Mismatch { request: "read" });
            }
            values.extend(more);
        }
        Ok(values)
    }

    /// Sends a request until its answer has come, and takes from the answer what it should hold.
    fn ask<R>(
        &mut self,
        name: &'static str,
        request: &Request,
        take: impl Fn(Answer) -> Option<R>,
    ) -> Result<R, LinkError> {
        self.sequence = match self.sequence {
            u16::MAX => 0,
            // After the first request zero is passed over: it would be carried out each time it came.
            sequence if sequence + 1 == u16::MAX => 1,
            sequence => sequence + 1,
        };
        let (mut body, mut frame) = ([0; BODY_MAX], [0; FRAME_MAX]);
        let length = encode(self.sequence, request, &mut body, &mut frame).map_err(LinkError::Frame)?;
        let mut taken = None;
        let mut last = None;
        for attempt in 0..self.tries {
            self.repeated += u64::from(attempt > 0);
            self.transport.send(&frame[..length])?;
            let outcome = self.wait(|answer| {
                taken = Some(match answer {
                    Answer::Failed(error) => Err(LinkError::Device(error)),
                    answer => take(answer).ok_or(LinkError::Mismatch { request: name }),
                });
            })?;
            match outcome {
                Try::Answered => break,
                Try::Silent => {}
                Try::Damaged(error) => last = Some(error),
            }
        }
        let tries = self.tries;
        taken.unwrap_or_else(|| {
            Err(match last {
                Some(last) => LinkError::Noise { tries, last },
                None => LinkError::NoAnswer { tries, seconds: self.timeout.as_secs_f32() },
            })
        })
    }

    /// Waits for the answer to the current sequence number.
    ///
    /// One burst of noise can leave several complaints on the line before the answer, so after the first the answer
    /// still has a moment to come. However much comes, it ends at its deadline.
    fn wait(&mut self, mut take: impl FnMut(Answer)) -> Result<Try, LinkError> {
        let mut deadline = Instant::now() + self.timeout;
        let mut damaged = None;
        loop {
            let mut looked_at = 0;
            let mut outcome = None;
            for &byte in &self.pending {
                looked_at += 1;
                outcome = match self.receiver.push(byte) {
                    None => None,
                    Some(Err(error)) => Some(Try::Damaged(error)),
                    Some(Ok(frame)) => match decode::<Answer>(frame.message) {
                        Err(error) if frame.sequence == self.sequence => Some(Try::Damaged(error)),
                        // The device could not read the number of what it did not understand.
                        Ok(Answer::Failed(DeviceError::Frame(error))) if frame.sequence == 0 => {
                            Some(Try::Damaged(error))
                        }
                        Ok(answer) if frame.sequence == self.sequence => {
                            take(answer);
                            Some(Try::Answered)
                        }
                        // A late answer to a request that was sent again.
                        _ => None,
                    },
                };
                if outcome.is_some() {
                    break;
                }
            }
            self.pending.drain(..looked_at);
            match outcome {
                Some(Try::Damaged(error)) => {
                    damaged = Some(error);
                    deadline = deadline.min(Instant::now() + QUIET);
                    continue;
                }
                Some(outcome) => return Ok(outcome),
                None => {}
            }
            let now = Instant::now();
            let nothing = now >= deadline
                || self.transport.receive(&mut self.pending, deadline - now)? == Received::Nothing;
            if nothing {
                return Ok(damaged.map_or(Try::Silent, Try::Damaged));
            }
        }
    }
}

fn done(answer: Answer) -> Option<()> {
    matches!(answer, Answer::Done).then_some(())
}

fn ticks(answer: Answer) -> Option<u32> {
    match answer {
        Answer::Took { ticks } => Some(ticks),
        _ => None,
    }
}

fn chunk(answer: Answer) -> Option<(u32, Vec<f32>)> {
    match answer {
        Answer::Values { total, words } => {
            let (words, _) = words.as_chunks::<4>();
            Some((total, words.iter().map(|&word| f32::from_le_bytes(word)).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
