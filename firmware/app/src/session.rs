//! Frames in, frames out, each request carried out once.

use supple_link::frame::{BODY_MAX, FRAME_MAX, decode, encode};
use supple_link::{Answer, DeviceError, Receiver, Request};
use supple_runtime::Trunk;

use crate::board::Board;
use crate::device::Device;

/// The buffers of a line, about 1.5 KB; a board keeps them in a static.
#[derive(Debug)]
pub struct Line {
    receiver: Receiver,
    body: [u8; BODY_MAX],
    /// The last answer, kept until the next request for when it is lost.
    frame: [u8; FRAME_MAX],
    /// The answer to what was no message; apart, or damaged repeats would wipe out the last answer.
    complaint: [u8; COMPLAINT_MAX],
}

/// Room for the longest answer about a frame.
const COMPLAINT_MAX: usize = 24;

impl Line {
    /// Empty buffers.
    pub const fn new() -> Self {
        Self {
            receiver: Receiver::new(),
            body: [0; BODY_MAX],
            frame: [0; FRAME_MAX],
            complaint: [0; COMPLAINT_MAX],
        }
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

/// A line and the last answer given on it.
#[derive(Debug)]
pub struct Session<'a> {
    line: &'a mut Line,
    /// Sequence number and length of the answer that `line.frame` still holds.
    last: Option<(u16, usize)>,
    /// Whether the host knows of this start: it has begun with zero, or was told.
    met: bool,
}

impl<'a> Session<'a> {
    /// A session that has answered nothing.
    pub fn new(line: &'a mut Line) -> Self {
        Self { line, last: None, met: false }
    }

    /// Takes a byte from the line; the frame to send back, when it ends a request.
    pub fn take<B: Board, T: Trunk>(
        &mut self,
        byte: u8,
        device: &mut Device<'_, T>,
        board: &mut B,
    ) -> Option<&[u8]> {
        let Line { receiver, body, frame, complaint } = &mut *self.line;
        let received = match receiver.push(byte)? {
            Ok(received) => received,
            Err(error) => {
                // Its sequence number may be wrong too.
                let length = reply(0, &Answer::Failed(DeviceError::Frame(error)), body, complaint);
                return complaint.get(..length);
            }
        };
        let length = match self.last {
            // The same number again: the answer was lost. Zero marks a host's first request.
            Some((sequence, length)) if sequence == received.sequence && sequence != 0 => length,
            _ => {
                self.met |= received.sequence == 0;
                let answer = match decode::<Request>(received.message) {
                    // It has been done, or a host would not go on counting: only its answer was lost. Doing it again
                    // would end a trial that has just begun.
                    Ok(Request::Restart) if !self.met => {
                        self.met = true;
                        Answer::Done
                    }
                    // Done on what an earlier life held, or not at all; on what this one holds it means something else.
                    Ok(request) if !self.met && !request.only_asks() => {
                        self.met = true;
                        Answer::Failed(DeviceError::StartedAnew)
                    }
                    Ok(request) => device.answer(&request, board).unwrap_or_else(Answer::Failed),
                    Err(error) => Answer::Failed(DeviceError::Frame(error)),
                };
                let length = reply(received.sequence, &answer, body, frame);
                self.last = Some((received.sequence, length));
                length
            }
        };
        frame.get(..length)
    }
}

/// Writes an answer; one that does not fit becomes the error that says so.
fn reply(sequence: u16, answer: &Answer, body: &mut [u8], frame: &mut [u8]) -> usize {
    encode(sequence, answer, body, frame)
        .or_else(|error| encode(sequence, &Answer::Failed(DeviceError::Frame(error)), body, frame))
        .unwrap_or(0)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
