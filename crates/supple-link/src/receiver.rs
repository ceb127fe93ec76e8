//! Bytes to frames, in a fixed buffer, undoing COBS as they come.

use crate::frame::{BODY_MAX, FrameError, open};

/// Takes bytes one at a time and tells when a frame is whole.
///
/// Empty frames (zeros in a row) are passed over in silence: every frame begins and ends with a zero.
#[derive(Debug)]
pub struct Receiver {
    body: [u8; BODY_MAX],
    length: usize,
    /// Bytes still to come in the current block.
    block: u8,
    /// Whether the block stands for a zero at its end, unless the frame ends there.
    zero_follows: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing since the last zero.
    Empty,
    /// Within a frame.
    Filling,
    /// More came than a frame may hold: wait for the next zero.
    Overflown,
}

/// A frame whose checksum was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The number that the answer repeats.
    pub sequence: u16,
    /// The message in postcard.
    pub message: &'a [u8],
}

impl Receiver {
    /// A receiver that has seen nothing.
    pub const fn new() -> Self {
        Self { body: [0; BODY_MAX], length: 0, block: 0, zero_follows: false, state: State::Empty }
    }

    /// Takes a byte; `Some` at the end of a frame, sound or not.
    pub fn push(&mut self, byte: u8) -> Option<Result<Frame<'_>, FrameError>> {
        if byte == 0 {
            return self.finish();
        }
        match self.state {
            State::Overflown => {}
            State::Empty => {
                self.state = State::Filling;
                self.begin_block(byte);
            }
            State::Filling if self.block > 0 => {
                self.block -= 1;
                self.store(byte);
            }
            State::Filling => {
                if self.zero_follows {
                    self.store(0);
                }
                self.begin_block(byte);
            }
        }
        None
    }

    fn begin_block(&mut self, code: u8) {
        self.block = code - 1;
        self.zero_follows = code != u8::MAX;
    }

    fn store(&mut self, byte: u8) {
        match self.body.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
            }
            None => self.state = State::Overflown,
        }
    }

    fn finish(&mut self) -> Option<Result<Frame<'_>, FrameError>> {
        let (state, length, block) = (self.state, self.length, self.block);
        self.state = State::Empty;
        self.length = 0;
        self.block = 0;
        match state {
            State::Empty => None,
            State::Overflown => Some(Err(FrameError::TooLong)),
            State::Filling if block > 0 => Some(Err(FrameError::Framing)),
            State::Filling => {
                let body = self.body.get(..length).unwrap_or_default();
                Some(open(body).map(|(sequence, message)| Frame { sequence, message }))
            }
        }
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{FRAME_MAX, VALUES_MAX, decode, encode};
    use crate::{Request, Values};

    fn frame_of(sequence: u16, request: &Request) -> Vec<u8> {
        let (mut body, mut frame) = ([0; BODY_MAX], [0; FRAME_MAX]);
        let length = encode(sequence, request, &mut body, &mut frame).expect("fits");
        frame[..length].to_vec()
    }

    /// Feeds bytes and collects what comes out: sequence and message, or why not.
    fn receive(receiver: &mut Receiver, bytes: &[u8]) -> Vec<Result<(u16, Vec<u8>), FrameError>> {
        let mut outcomes = Vec::new();
        for &byte in bytes {
            if let Some(outcome) = receiver.push(byte) {
                outcomes.push(outcome.map(|frame| (frame.sequence, frame.message.to_vec())));
            }
        }
        outcomes
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_a_sound_frame_after_them_is_received(
            garbage in prop::collection::vec(any::<u8>(), 0..1200),
            sequence in any::<u16>(),
            offset in any::<u32>(),
            values in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..=VALUES_MAX),
        ) {
            let request = Request::Input { offset, values: Values::Levels(&values) };
            let mut receiver = Receiver::new();
            let _ = receive(&mut receiver, &garbage);
            let outcomes = receive(&mut receiver, &frame_of(sequence, &request));
            let (got_sequence, message) = outcomes.last().expect("a frame").clone().expect("sound");
            prop_assert_eq!(got_sequence, sequence);
            prop_assert_eq!(decode::<Request>(&message), Ok(request));
        }

        #[test]
        fn a_damaged_frame_is_never_taken_for_another(
            values in prop::collection::vec(any::<u8>(), 1..100),
            place in any::<prop::sample::Index>(),
            mask in 1_u8..,
        ) {
            let request = Request::Input { offset: 0, values: Values::Levels(&values) };
            let mut frame = frame_of(3, &request);
            let place = 1 + place.index(frame.len() - 2);
            frame[place] ^= mask;
            for outcome in receive(&mut Receiver::new(), &frame) {
                prop_assert!(outcome.is_err());
            }
        }
    }

    #[test]
    fn an_endless_frame_is_refused_and_the_next_one_is_received() {
        let mut receiver = Receiver::new();
        let mut bytes = vec![0xff; 10 * FRAME_MAX];
        bytes.push(0);
        assert_eq!(receive(&mut receiver, &bytes), [Err(FrameError::TooLong)]);
        let outcomes = receive(&mut receiver, &frame_of(1, &Request::Info));
        assert_eq!(outcomes, [Ok((1, vec![0]))]);
    }

    #[test]
    fn a_frame_cut_short_is_refused() {
        let frame = frame_of(1, &Request::Begin { way: 300 });
        let mut cut = frame[..frame.len() - 2].to_vec();
        cut.push(0);
        assert_eq!(receive(&mut Receiver::new(), &cut), [Err(FrameError::Framing)]);
    }

    #[test]
    fn zeros_in_a_row_are_no_frames() {
        assert!(receive(&mut Receiver::new(), &[0; 20]).is_empty());
    }
}
