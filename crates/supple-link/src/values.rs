//! Elements of an input in one of their encodings, and labels.

use serde::{Deserialize, Serialize};

/// Elements of an input in one of their encodings. The order is the format: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values<'a> {
    /// Little-endian `f32`.
    Words(&'a [u8]),
    /// Each byte stands for `byte / 255` in `f32`: grey levels.
    Levels(&'a [u8]),
    /// Grey levels with runs of zeros left out, since a drawing is mostly paper and a serial line is slow.
    /// Each byte says how many zeros follow (high four bits), then how many levels stand behind it (low four).
    Sparse(&'a [u8]),
}

impl Values<'_> {
    /// How many elements these are.
    pub fn count(&self) -> usize {
        match *self {
            Values::Words(bytes) => bytes.len() / 4,
            Values::Levels(levels) => levels.len(),
            Values::Sparse(bytes) => segments(bytes).map(|(zeros, levels)| zeros + levels.len()).sum(),
        }
    }

    /// Writes the elements; what does not fit is left out, so compare [`Values::count`] first.
    pub fn write(&self, places: &mut [f32]) {
        let mut places = places.iter_mut();
        match *self {
            Values::Words(bytes) => {
                for (place, word) in places.zip(bytes.as_chunks::<4>().0) {
                    *place = f32::from_le_bytes(*word);
                }
            }
            Values::Levels(levels) => {
                for (place, &level) in places.zip(levels) {
                    *place = grey(level);
                }
            }
            Values::Sparse(bytes) => {
                for (zeros, levels) in segments(bytes) {
                    places.by_ref().take(zeros).for_each(|place| *place = 0.0);
                    for &level in levels {
                        let Some(place) = places.next() else { return };
                        *place = grey(level);
                    }
                }
            }
        }
    }
}

/// What a support sample is to a head. The order is the format: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Label<'a> {
    /// Nothing: the sample does not count.
    None,
    /// A class.
    Class(u16),
    /// Numbers, one for each that the head predicts.
    #[serde(borrow)]
    Numbers(Words<'a>),
}

/// Little-endian `f32`, wherever they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words<'a>(pub &'a [u8]);

impl Words<'_> {
    /// The numbers; a part of one at the end is left out.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = f32> + Clone {
        self.0.as_chunks::<4>().0.iter().map(|&word| f32::from_le_bytes(word))
    }
}

/// The value of a grey level. Both sides divide, so both get the same bits.
pub fn grey(level: u8) -> f32 {
    f32::from(level) / 255.0
}

/// Number of zeros and the levels behind them; levels that are missing at the end are left out.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        let (&header, after) = rest.split_first()?;
        let length = usize::from(header & 15).min(after.len());
        let (levels, after) = after.split_at_checked(length)?;
        rest = after;
        Some((usize::from(header >> 4), levels))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_encoding_gives_its_values() {
        let mut places = [9.0; 5];
        Values::Sparse(&[0x21, 255, 0x11, 51]).write(&mut places);
        assert_eq!(places, [0.0, 0.0, 1.0, 0.0, 0.2]);
        Values::Levels(&[255, 0]).write(&mut places);
        assert_eq!(places, [1.0, 0.0, 1.0, 0.0, 0.2]);
        Values::Words(&[0, 0, 0x80, 0xbf]).write(&mut places[1..]);
        assert_eq!(places, [1.0, -1.0, 1.0, 0.0, 0.2]);
    }

    proptest! {
        #[test]
        fn any_bytes_write_as_many_values_as_they_count(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            room in 0_usize..4000,
        ) {
            for values in [Values::Words(&bytes), Values::Levels(&bytes), Values::Sparse(&bytes)] {
                let mut places = std::vec![-7.0; room];
                values.write(&mut places);
                // Words may hold any f32, -7 too.
                if !matches!(values, Values::Words(_)) {
                    let written = places.iter().filter(|&&place| place != -7.0).count();
                    prop_assert_eq!(written, values.count().min(room));
                }
            }
        }
    }
}
