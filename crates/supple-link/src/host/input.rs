//! Cuts an input into chunks, in the shortest encoding that keeps every bit.

use crate::Values;
use crate::frame::VALUES_MAX;
use crate::values::grey;

/// A chunk of an input: its first element and its encoding.
pub(super) struct Chunk {
    pub offset: u32,
    bytes: Vec<u8>,
    encoding: Encoding,
}

#[derive(Clone, Copy)]
enum Encoding {
    Words,
    Sparse,
}

impl Chunk {
    pub fn values(&self) -> Values<'_> {
        match self.encoding {
            Encoding::Words => Values::Words(&self.bytes),
            Encoding::Sparse => Values::Sparse(&self.bytes),
        }
    }
}

/// The chunks of an input, in order; none for an empty input.
pub(super) fn chunks(values: &[f32]) -> Vec<Chunk> {
    match grey_levels(values) {
        Some(levels) => sparse(&levels),
        None => words(values),
    }
}

fn words(values: &[f32]) -> Vec<Chunk> {
    let starts = (0..values.len()).step_by(VALUES_MAX / 4);
    let chunk = |start: usize| Chunk {
        offset: start as u32,
        bytes: values[start..].iter().take(VALUES_MAX / 4).flat_map(|value| value.to_le_bytes()).collect(),
        encoding: Encoding::Words,
    };
    starts.map(chunk).collect()
}

fn sparse(levels: &[u8]) -> Vec<Chunk> {
    let empty = |offset: usize| Chunk {
        offset: offset as u32,
        bytes: Vec::with_capacity(VALUES_MAX),
        encoding: Encoding::Sparse,
    };
    let mut chunks = Vec::new();
    let mut chunk = empty(0);
    let mut done = 0;
    while done < levels.len() {
        let rest = &levels[done..];
        let zeros = rest.iter().take(15).take_while(|&&level| level == 0).count();
        let inked = inked_run(&rest[zeros..]);
        if chunk.bytes.len() + 1 + inked.len() > VALUES_MAX {
            chunks.push(std::mem::replace(&mut chunk, empty(done)));
        }
        chunk.bytes.push((zeros as u8) << 4 | inked.len() as u8);
        chunk.bytes.extend(inked);
        done += zeros + inked.len();
    }
    chunks.push(chunk);
    chunks
}

/// Levels up to the next zeros, at most 15. A single zero amid ink is cheaper kept than a new segment.
fn inked_run(levels: &[u8]) -> &[u8] {
    let mut length = 0;
    while length < levels.len().min(15) {
        let after = levels.get(length + 1).copied().unwrap_or(0);
        if levels[length] == 0 && (after == 0 || length == 0) {
            break;
        }
        length += 1;
    }
    &levels[..length]
}

/// The grey level of each value, if every value is exactly `k / 255`.
fn grey_levels(values: &[f32]) -> Option<Vec<u8>> {
    let level = |value: f32| {
        let level = (value * 255.0).round() as u8;
        (grey(level).to_bits() == value.to_bits()).then_some(level)
    };
    values.iter().map(|&value| level(value)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put_together(chunks: &[Chunk], length: usize) -> Vec<f32> {
        let mut values = vec![f32::NAN; length];
        let mut received = 0;
        for chunk in chunks {
            assert_eq!(chunk.offset as usize, received);
            assert!(chunk.bytes.len() <= VALUES_MAX);
            chunk.values().write(&mut values[received..]);
            received += chunk.values().count();
        }
        assert_eq!(received, length);
        values
    }

    proptest! {
        #[test]
        fn grey_levels_come_through_bit_for_bit(
            levels in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 1..2000),
        ) {
            let values: Vec<f32> = levels.iter().map(|&level| grey(level)).collect();
            prop_assert_eq!(put_together(&chunks(&values), values.len()), values);
        }

        #[test]
        fn any_values_come_through_bit_for_bit(bits in prop::collection::vec(any::<u32>(), 1..500)) {
            let values: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).collect();
            let got: Vec<u32> =
                put_together(&chunks(&values), values.len()).iter().map(|value| value.to_bits()).collect();
            prop_assert_eq!(got, bits);
        }
    }

    #[test]
    fn only_exact_grey_levels_are_sent_as_such() {
        let levels: Vec<f32> = (0..=255).map(grey).collect();
        assert_eq!(grey_levels(&levels), Some((0..=255).collect()));
        for value in [0.5, -0.0, 1.1, -1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(grey_levels(&[value]), None, "{value}");
        }
    }

    #[test]
    fn paper_costs_a_fifteenth() {
        assert_eq!(sparse(&[0; 784])[0].bytes.len(), 784_usize.div_ceil(15));
    }
}
