//! Labels as a host has them.

use crate::values::{self, Words};

/// What a support sample is to a head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Label<'a> {
    /// Nothing: the sample does not count.
    None,
    /// A class.
    Class(u16),
    /// Numbers, one for each that the head predicts; at most 120 fit in a request.
    Numbers(&'a [f32]),
}

impl Label<'_> {
    /// The bytes of its numbers.
    pub(super) fn words(self) -> Vec<u8> {
        match self {
            Self::Numbers(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::None | Self::Class(_) => Vec::new(),
        }
    }

    /// As it is sent, with those bytes.
    pub(super) fn with(self, words: &[u8]) -> values::Label<'_> {
        match self {
            Self::None => values::Label::None,
            Self::Class(class) => values::Label::Class(class),
            Self::Numbers(_) => values::Label::Numbers(Words(words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;
    use crate::frame::{BODY_MAX, FRAME_MAX, FrameError, encode};

    #[test]
    fn numbers_go_over_the_line_as_they_are() {
        let numbers = [1.5, -0.0, f32::MIN_POSITIVE];
        let words = Label::Numbers(&numbers).words();
        let values::Label::Numbers(sent) = Label::Numbers(&numbers).with(&words) else {
            panic!("no numbers")
        };
        assert!(sent.iter().map(f32::to_bits).eq(numbers.map(f32::to_bits)));
    }

    #[test]
    fn as_many_numbers_as_promised_fit_in_a_request() {
        let length = |count: usize| {
            let words = vec![0xff; 4 * count];
            let label = values::Label::Numbers(Words(&words));
            let request = Request::Label { sample: u16::MAX, label, held_back: true };
            encode(7, &request, &mut [0; BODY_MAX], &mut [0; FRAME_MAX])
        };
        assert!(length(120).is_ok());
        assert_eq!(length(130), Err(FrameError::DoesNotFit));
    }
}
