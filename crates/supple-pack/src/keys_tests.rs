//! Keys blocks, sound and otherwise.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn key(first: u8) -> [u8; KEY_BYTES] {
    core::array::from_fn(|at| first.wrapping_add(at as u8))
}

#[test]
fn keys_are_read_as_written() {
    for count in 1..=MOST_KEYS as u8 {
        let given: Vec<_> = (0..count).map(|index| key(40 * index)).collect();
        let mut bytes = block(&given).expect("sound");
        assert_eq!(bytes.len(), 8 + 32 * usize::from(count) + 4);
        assert!(bytes.len() <= MOST_BYTES);
        // Erased flash behind it.
        bytes.resize(4096, 0xff);
        let keys = Keys::read(&bytes).expect("sound");
        assert_eq!(keys.iter().copied().collect::<Vec<_>>(), given);
        for key in &given {
            assert_eq!(keys.find(KeyId::of(key)), Some(key));
        }
        assert_eq!(keys.find(KeyId([0xee; 8])), None);
    }
    assert_eq!(Keys::default().find(KeyId::of(&key(0))), None);
}

/// As docs/format.md tells it.
#[test]
fn the_bytes_are_those_of_the_format() {
    let bytes = block(&[[0; KEY_BYTES]]).expect("sound");
    assert_eq!(bytes[..8], *b"SKEY\x01\x00\x01\x00");
    assert_eq!(bytes[8..40], [0; 32]);
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI).checksum(&bytes[..40]);
    assert_eq!(bytes[40..], sum.to_le_bytes());
}

#[test]
fn what_is_no_block_is_named() {
    assert_eq!(Keys::read(&[]), Err(KeysError::Magic));
    assert_eq!(Keys::read(&[0xff; 4096]), Err(KeysError::Magic));
    assert_eq!(Keys::read(b"SUPL"), Err(KeysError::Magic));
    assert_eq!(Keys::read(b"SKEY"), Err(KeysError::Short));
    assert_eq!(Keys::read(b"SKEY\x02\x00\x01\x00"), Err(KeysError::Version(2)));
    assert_eq!(Keys::read(b"SKEY\x01\x00\x00\x00"), Err(KeysError::Count(0)));
    assert_eq!(Keys::read(b"SKEY\x01\x00\x05\x00"), Err(KeysError::Count(5)));
    assert_eq!(block(&[]), Err(KeysError::Count(0)));
    assert_eq!(block(&[key(1), key(2), key(3), key(4), key(5)]), Err(KeysError::Count(5)));
    let mut other = key(1);
    other[8] ^= 1;
    assert_eq!(block(&[key(1), key(2), other]), Err(KeysError::Twice(KeyId::of(&key(1)))));
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let bytes = block(&[key(1), key(2)]).expect("sound");
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Keys::read(&changed).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(Keys::read(&bytes[..length]).is_err(), "{length} bytes");
    }
}

proptest! {
    /// Bytes from anywhere give an error, or the very keys that make these bytes.
    #[test]
    fn hostile_blocks(
        count in 0_u16..6,
        keys in proptest::collection::vec(any::<[u8; KEY_BYTES]>(), 0..6),
        flips in proptest::collection::vec((0_usize..256, any::<u8>()), 0..3),
        sums in any::<bool>(),
        cut in 0_usize..300,
    ) {
        let mut bytes = [MAGIC.as_slice(), &VERSION.to_le_bytes(), &count.to_le_bytes(), keys.as_flattened()].concat();
        for (at, value) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        if sums {
            let end = bytes.len().min(HEAD_BYTES + KEY_BYTES * usize::from(count));
            let sum = crc32c([&bytes[..end], &[]]);
            bytes.splice(end.., sum.to_le_bytes());
        }
        bytes.truncate(cut);
        if let Ok(found) = Keys::read(&bytes) {
            let read: Vec<_> = found.iter().copied().collect();
            let again = block(&read).expect("what is read can be written");
            prop_assert_eq!(&bytes[..again.len()], &again);
        }
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Keys::read(&bytes).is_err());
    }
}
