//! One message to bytes and back.
//!
//! A body is a sequence number (two bytes, little-endian), the message in postcard, and the CRC-32C of both
//! (four bytes, little-endian). A frame is `0x00`, the body in COBS, `0x00`. The zero in front ends whatever
//! noise came before.

use crc::{CRC_32_ISCSI, Crc, Table};
use serde::{Deserialize, Serialize};

/// The longest frame, both zeros included.
pub const FRAME_MAX: usize = 512;

/// The longest body: what is left of a frame without its two zeros and COBS' three bytes.
pub const BODY_MAX: usize = FRAME_MAX - 5;

/// The most bytes of values that one message carries: what is left of a body beside sequence number, checksum
/// and the message's own fields. A multiple of four, so that no `f32` is cut.
pub const VALUES_MAX: usize = 480;

const SEQUENCE_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 4;

const CHECKSUM: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// Why bytes on the line are no message. The order is the format: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum FrameError {
    /// More bytes than [`BODY_MAX`] before the closing zero.
    #[error(
        "the frame is longer than {FRAME_MAX} bytes; send values in chunks of at most {VALUES_MAX} bytes"
    )]
    TooLong,
    /// The bytes are no COBS: a block is cut short.
    #[error("the frame ends within a COBS block; bytes were lost on the line, send it again")]
    Framing,
    /// Not even room for the sequence number and the checksum.
    #[error("the frame is too short to hold a message; bytes were lost on the line, send it again")]
    TooShort,
    /// The CRC-32C is not that of the bytes.
    #[error("the frame's checksum is wrong; bytes were changed on the line, send it again")]
    Checksum,
    /// The checksum is right but the message is not known: the two sides speak different versions.
    #[error("the message is not known; host and device speak different versions, update the older one")]
    Unknown,
    /// A message with bytes behind it.
    #[error(
        "there are bytes behind the message; host and device speak different versions, update the older one"
    )]
    Trailing,
    /// The message does not fit in a frame.
    #[error("the message does not fit in a frame; send values in chunks of at most {VALUES_MAX} bytes")]
    DoesNotFit,
}

/// Writes a message as a frame and gives the frame's length.
///
/// `body` is room to work in, [`BODY_MAX`] bytes are always enough; likewise [`FRAME_MAX`] for `frame`.
pub fn encode<T: Serialize>(
    sequence: u16,
    message: &T,
    body: &mut [u8],
    frame: &mut [u8],
) -> Result<usize, FrameError> {
    let length = encode_body(sequence, message, body)?;
    let body = body.get(..length).ok_or(FrameError::DoesNotFit)?;
    stuff(body, frame).ok_or(FrameError::DoesNotFit)
}

/// Writes sequence number, message and checksum, and gives their length.
fn encode_body<T: Serialize>(sequence: u16, message: &T, body: &mut [u8]) -> Result<usize, FrameError> {
    let (head, rest) = body.split_first_chunk_mut::<SEQUENCE_BYTES>().ok_or(FrameError::DoesNotFit)?;
    *head = sequence.to_le_bytes();
    let room = rest.len().min(BODY_MAX - SEQUENCE_BYTES).saturating_sub(CHECKSUM_BYTES);
    let room = rest.get_mut(..room).ok_or(FrameError::DoesNotFit)?;
    let message = postcard::to_slice(message, room).map_err(|_| FrameError::DoesNotFit)?.len();
    let end = SEQUENCE_BYTES + message;
    let checksum = CHECKSUM.checksum(body.get(..end).ok_or(FrameError::DoesNotFit)?);
    let place = body.get_mut(end..end + CHECKSUM_BYTES).ok_or(FrameError::DoesNotFit)?;
    place.copy_from_slice(&checksum.to_le_bytes());
    Ok(end + CHECKSUM_BYTES)
}

/// Checks a body and gives its sequence number and the message's bytes.
pub fn open(body: &[u8]) -> Result<(u16, &[u8]), FrameError> {
    let (covered, checksum) = body.split_last_chunk::<CHECKSUM_BYTES>().ok_or(FrameError::TooShort)?;
    let (sequence, message) = covered.split_first_chunk::<SEQUENCE_BYTES>().ok_or(FrameError::TooShort)?;
    if CHECKSUM.checksum(covered) != u32::from_le_bytes(*checksum) {
        return Err(FrameError::Checksum);
    }
    Ok((u16::from_le_bytes(*sequence), message))
}

/// Reads the message of an opened body; it may borrow from the body.
pub fn decode<'a, T: Deserialize<'a>>(message: &'a [u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(message) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(FrameError::Trailing),
        Err(_) => Err(FrameError::Unknown),
    }
}

/// COBS with a zero at either end; `None` when the frame is too small.
fn stuff(body: &[u8], frame: &mut [u8]) -> Option<usize> {
    *frame.first_mut()? = 0;
    let mut code_place = 1;
    let mut next = 2;
    let mut code = 1_u8;
    for (index, &byte) in body.iter().enumerate() {
        if byte != 0 {
            *frame.get_mut(next)? = byte;
            next += 1;
            code += 1;
        }
        // A full block at the very end needs no further, empty block.
        if byte == 0 || (code == u8::MAX && index + 1 < body.len()) {
            *frame.get_mut(code_place)? = code;
            code_place = next;
            next += 1;
            code = 1;
        }
    }
    *frame.get_mut(code_place)? = code;
    *frame.get_mut(next)? = 0;
    Some(next + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn stuffing_is_that_of_the_cobs_crate(body in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..BODY_MAX)) {
            let mut frame = [0; FRAME_MAX];
            let length = stuff(&body, &mut frame).expect("a body of any allowed length fits");
            let mut expected = [0; FRAME_MAX];
            let expected_length = cobs::encode(&body, &mut expected);
            prop_assert_eq!(frame[0], 0);
            prop_assert_eq!(&frame[1..length - 1], &expected[..expected_length]);
            prop_assert_eq!(frame[length - 1], 0);
        }

        #[test]
        fn no_body_makes_open_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = open(&body);
        }
    }

    #[test]
    fn the_longest_body_without_a_zero_fits_in_a_frame() {
        let mut frame = [0; FRAME_MAX];
        assert!(stuff(&[7; BODY_MAX], &mut frame).is_some());
    }

    #[test]
    fn a_flipped_bit_is_seen() {
        let mut body = [0; BODY_MAX];
        let length = encode_body(7, &crate::Request::Begin { way: 5 }, &mut body).expect("fits");
        assert_eq!(open(&body[..length]).expect("sound").0, 7);
        for bit in 0..length * 8 {
            let mut damaged = body;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&damaged[..length]), Err(FrameError::Checksum), "bit {bit}");
        }
    }

    #[test]
    fn a_message_with_bytes_behind_it_is_refused() {
        assert_eq!(decode::<crate::Request>(&[0, 1]), Err(FrameError::Trailing));
        assert_eq!(decode::<crate::Request>(&[200]), Err(FrameError::Unknown));
        assert_eq!(decode::<crate::Request>(&[]), Err(FrameError::Unknown));
    }
}
