//! How far an interrupted transfer is sound: found by checksums, so that a device keeps no state of a transfer.

use crc::{CRC_32_ISCSI, Crc, Table};

const CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// CRC-32C, as a device computes it of what it holds.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    CHECKSUM.checksum(bytes)
}

/// The last erase unit in which something of a pack lies: a transfer never begins behind it, so that it always has
/// something to send.
pub(super) fn last_start(length: usize, unit: u32) -> u32 {
    let last = length.saturating_sub(1) / unit.max(1) as usize;
    u32::try_from(last).unwrap_or(0)
}

/// The most units, up to `most`, of which all are sound. What is sound up to one unit is so up to each before it, so
/// halving finds it; the first unit is looked at first, for mostly there is nothing.
pub(super) fn soundest<E>(most: u32, mut sound: impl FnMut(u32) -> Result<bool, E>) -> Result<u32, E> {
    if most == 0 || !sound(1)? {
        return Ok(0);
    }
    // All below `from` is sound; nothing above `to` is.
    let (mut from, mut to) = (1, most);
    while from < to {
        let middle = from + (to - from).div_ceil(2);
        match sound(middle)? {
            true => from = middle,
            false => to = middle - 1,
        }
    }
    Ok(from)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn halving_finds_the_last_sound_unit_in_few_questions() {
        for most in [0, 1, 2, 3, 100, 512] {
            for truth in 0..=most {
                let mut asked = 0;
                let found = soundest(most, |units| {
                    assert!((1..=most).contains(&units));
                    asked += 1;
                    Ok::<_, Infallible>(units <= truth)
                });
                assert_eq!(found, Ok(truth));
                assert!(asked <= 11, "{asked} questions of {most}");
            }
        }
    }

    #[test]
    fn something_is_always_left_to_send() {
        assert_eq!([1, 4096, 4097, 8192].map(|length| last_start(length, 4096)), [0, 0, 1, 1]);
        assert_eq!(last_start(0, 4096), 0);
        // A device that tells nonsense of itself.
        assert_eq!(last_start(10, 0), 9);
    }

    #[test]
    fn the_checksum_is_that_of_castagnoli() {
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
    }
}
