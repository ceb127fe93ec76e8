//! What postcard reads, this reads, and nothing else.

use alloc::vec::Vec;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

/// Reads with both and holds them together; gives the bytes of what was read.
///
/// Bytes are compared, not values: a NaN is not equal to itself.
fn both<T: Decode + Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<Vec<u8>> {
    let write = |(item, rest): (T, &[u8])| (postcard::to_allocvec(&item).expect("no limit"), rest.len());
    let expected = postcard::take_from_bytes::<T>(bytes).ok().map(write);
    let mut rest = bytes;
    let found = take::<T>(&mut rest).map(|item| write((item, rest)));
    assert_eq!(found, expected, "{bytes:?}");
    found.map(|(written, _)| written)
}

/// Small numbers mostly, as in plans; now and then a byte that goes on, or is a limit.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![6 => 0u8..=2, 2 => 3u8..=17, 1 => 0x7eu8..=0x84, 1 => any::<u8>()]
}

#[test]
fn every_operation_is_read() {
    let zeros = [0; 80];
    for variant in 0..=17 {
        let mut bytes = zeros;
        bytes[0] = variant;
        let written = both::<Op>(&bytes).expect("zeros are values of all kinds");
        assert_eq!(written[0], variant);
        // Too short by one byte.
        assert_eq!(both::<Op>(&written[..written.len() - 1]), None);
    }
    assert_eq!(both::<Op>(&[18; 80]), None);
}

#[test]
fn integers_end_at_their_highest_bit() {
    // A fill's number of 32 bits, and before it a value's offset, shape and rows.
    for (last, sound) in [(0x0f, true), (0x10, false), (0x8f, false), (0x00, true)] {
        let bytes = [13, 1, 1, 1, 1, 0, 1, 0xff, 0xff, 0xff, 0xff, last, 0, 0];
        assert_eq!(both::<Op>(&bytes).is_some(), sound, "{last}");
    }
    for (last, sound) in [(0x03, true), (0x04, false), (0x80, false)] {
        let bytes = [13, 1, 0xff, 0xff, last, 1, 1, 0, 1, 0];
        assert_eq!(both::<Op>(&bytes).is_some(), sound, "{last}");
    }
}

#[test]
fn names_are_text_of_at_most_32_bytes() {
    let spec = |name: &[u8]| {
        let mut bytes = Vec::from([name.len() as u8]);
        bytes.extend(name);
        bytes.extend([0; 40]);
        both::<TrunkSpec>(&bytes).is_some()
    };
    assert!(spec(&[b'a'; 32]) && spec("größe".as_bytes()) && spec(b""));
    assert!(!spec(&[b'a'; 33]) && !spec(&[0xc3]) && !spec(&[0xff, b'a']));
}

/// Bytes of names: characters of every length, their limits, and what looks like them.
fn text_byte() -> impl Strategy<Value = u8> {
    let lead = prop_oneof![
        Just(0xc0u8),
        Just(0xc1),
        Just(0xc2),
        Just(0xe0),
        Just(0xed),
        Just(0xf0),
        Just(0xf4),
        0xbeu8..
    ];
    prop_oneof![2 => 0x20u8..0x80, 3 => prop_oneof![Just(0x80u8), Just(0x8f), Just(0x90), Just(0x9f), Just(0xa0), Just(0xbf)], 2 => lead]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn names_are_utf_8(name in prop::collection::vec(text_byte(), 0..6), known in any::<char>(), at in 0..6usize) {
        // Random bytes are seldom text: a character among them, whole.
        let mut text = name.clone();
        let at = at.min(text.len());
        text.splice(at..at, known.to_string().into_bytes());
        for name in [name, text, known.to_string().into_bytes()] {
            let mut bytes = Vec::from([name.len() as u8]);
            bytes.extend(&name);
            bytes.extend([0; 40]);
            let sound = core::str::from_utf8(&name).is_ok();
            assert_eq!(both::<TrunkSpec>(&bytes).is_some(), sound, "{name:x?}");
        }
    }

    #[test]
    fn any_bytes_are_read_as_postcard_reads_them(mut bytes in prop::collection::vec(byte(), 0..120)) {
        both::<HeadSpec>(&bytes);
        both::<TrunkSpec>(&bytes);
        both::<Op>(&bytes);
        for variant in 0..=18 {
            if let Some(first) = bytes.first_mut() {
                *first = variant;
            }
            // What was sound, damaged in one place.
            if let Some(written) = both::<Op>(&bytes) {
                for at in 0..written.len() {
                    for bit in [0x01, 0x04, 0x80] {
                        let mut damaged = written.clone();
                        damaged[at] ^= bit;
                        both::<Op>(&damaged);
                    }
                }
            }
        }
    }
}
