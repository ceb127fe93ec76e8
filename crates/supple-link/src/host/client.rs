//! Asks a device and waits for its answer.

mod error;
mod keep;
mod learn;
mod packs;

use std::thread;
use std::time::{Duration, Instant};

use super::transport::{Received, Transport};
use crate::error::DeviceError;
use crate::frame::{BODY_MAX, FRAME_MAX, FrameError, decode, encode};
use crate::message::{Answer, Info, PROTOCOL, Request};
use crate::receiver::Receiver;

pub use self::error::LinkError;
pub use self::learn::Adapted;
pub use self::packs::Sent;

/// How long a board may take from its start to its first answer, by default.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// A first request may come while a board still starts, and be lost: that is soon noticed.
const FIRST_WAIT: Duration = Duration::from_millis(300);
/// A board that starts slowly, or an emulated one on a busy host, is asked less often.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

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

/// One try's outcome, when the line itself held.
enum Try {
    Answered,
    Silent,
    Damaged(FrameError),
}

impl<T: Transport> Client<T> {
    /// Waits for the board to answer, and checks that both speak one version.
    pub fn connect(transport: T) -> Result<Self, LinkError> {
        Self::connect_within(transport, CONNECT_WITHIN)
    }

    /// Like [`connect`](Self::connect), but a board that does not answer is given up after that time.
    pub fn connect_within(transport: T, patience: Duration) -> Result<Self, LinkError> {
        let mut client = Self {
            transport,
            receiver: Receiver::new(),
            pending: Vec::new(),
            sequence: 0,
            timeout: ANSWER_TIMEOUT,
            tries: ANSWER_TRIES,
            repeated: 0,
        };
        client.greet(patience)?;
        Ok(client)
    }

    /// Waits until the board, which may just start, answers again; what it then says. A line that has failed is opened
    /// anew where that can be.
    pub fn reconnect(&mut self) -> Result<Info, LinkError> {
        // A start that tries a new pack checks its signature again, as long as the answer that took it.
        self.greet(CONNECT_WITHIN.max(self.timeout)).map(|(info, _)| info)
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
        self.ask("info", &Request::Info, info)
    }

    /// Asks who is there until someone answers; also how often it was asked.
    fn greet(&mut self, patience: Duration) -> Result<(Info, u32), LinkError> {
        // Zero marks a first request: a device never takes it for one that it has answered.
        const FIRST: u16 = 0;
        let (mut asked, mut waited, mut wait) = (0, Duration::ZERO, FIRST_WAIT.min(patience));
        let mut last = None;
        let info = loop {
            asked += 1;
            match self.exchange("info", &Request::Info, FIRST, wait, info) {
                Ok(outcome) => match outcome {
                    Ok(info) => break info,
                    Err(damage) => last = damage.or(last),
                },
                Err(LinkError::Transport(error)) => {
                    // Not at once: a port takes a while to come back.
                    thread::sleep(wait);
                    if !self.transport.reopen() || waited + wait >= patience {
                        return Err(error.into());
                    }
                    self.forget_received();
                }
                Err(error) => return Err(error),
            }
            waited += wait;
            if waited >= patience {
                return Err(no_answer(last, asked, patience));
            }
            wait = (2 * wait).min(LONGEST_WAIT).min(patience - waited);
        };
        self.repeated += u64::from(asked - 1);
        match info.protocol {
            PROTOCOL => Ok((info, asked)),
            device => Err(LinkError::OtherProtocol { device }),
        }
    }

    fn forget_received(&mut self) {
        self.receiver = Receiver::new();
        self.pending.clear();
    }

    /// Sends a request until its answer has come, and takes from the answer what it should hold.
    fn ask<R>(
        &mut self,
        name: &'static str,
        request: &Request,
        take: impl Fn(Answer) -> Option<R>,
    ) -> Result<R, LinkError> {
        let (sequence, tries) = (self.next_sequence(), self.tries);
        let mut last = None;
        for attempt in 0..tries {
            self.repeated += u64::from(attempt > 0);
            match self.exchange(name, request, sequence, self.timeout, &take)? {
                Ok(taken) => return Ok(taken),
                Err(damage) => last = damage.or(last),
            }
        }
        Err(no_answer(last, tries, tries * self.timeout))
    }

    /// Zero is passed over: such a request would be carried out each time it came.
    fn next_sequence(&self) -> u16 {
        self.sequence.checked_add(1).unwrap_or(1)
    }

    /// Sends a request once; the inner error says what was damaged, if anything came.
    fn exchange<R>(
        &mut self,
        name: &'static str,
        request: &Request,
        sequence: u16,
        timeout: Duration,
        take: impl Fn(Answer) -> Option<R>,
    ) -> Result<Result<R, Option<FrameError>>, LinkError> {
        self.sequence = sequence;
        let (mut body, mut frame) = ([0; BODY_MAX], [0; FRAME_MAX]);
        let length = encode(sequence, request, &mut body, &mut frame).map_err(LinkError::Frame)?;
        self.transport.send(&frame[..length])?;
        let mut taken = None;
        let outcome = self.wait(timeout, |answer| {
            taken = Some(match answer {
                Answer::Failed(error) => Err(LinkError::Device(error)),
                answer => take(answer).ok_or(LinkError::Mismatch { request: name }),
            });
        })?;
        match (taken, outcome) {
            (Some(taken), _) => taken.map(Ok),
            (None, Try::Damaged(error)) => Ok(Err(Some(error))),
            (None, _) => Ok(Err(None)),
        }
    }

    /// Waits for the answer to the current sequence number.
    ///
    /// One burst of noise can leave several complaints on the line before the answer, so after the first the answer
    /// still has a moment to come. However much comes, it ends at its deadline.
    fn wait(&mut self, timeout: Duration, mut take: impl FnMut(Answer)) -> Result<Try, LinkError> {
        let mut deadline = Instant::now() + timeout;
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

fn no_answer(last: Option<FrameError>, tries: u32, within: Duration) -> LinkError {
    match last {
        Some(last) => LinkError::Noise { tries, last },
        None => LinkError::NoAnswer { tries, seconds: within.as_secs_f32() },
    }
}

fn info(answer: Answer) -> Option<Info> {
    match answer {
        Answer::Info(info) => Some(info),
        _ => None,
    }
}

fn done(answer: Answer) -> Option<()> {
    matches!(answer, Answer::Done).then_some(())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
