//! Where in a recording the word is.
//!
//! Of a longer recording, the second with the most energy; there, the middle of the word, which is the mean place
//! weighted by how loud it is. Words begin softly and end in silence of any length, so beginnings and ends are hard to
//! find in noise, while this middle moves little. Blocks are 10 ms of 8 kHz.

use crate::log_mel::WINDOW;
use crate::pcm::{Pcm, at, mean};

const BLOCK: usize = 80;
/// Blocks of the loudest second.
const SECOND: usize = 100;

/// A word's window of [`WINDOW`] values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The window's first value, counted from the recording's; negative if the window begins before it.
    pub start: isize,
    /// The recording's mean, to be subtracted.
    pub mean: f32,
}

/// Finds the word in a recording at 8 kHz of any length.
pub fn locate<P: Pcm>(recording: &[P]) -> Place {
    let mean = mean(recording);
    let blocks = recording.len() / BLOCK;
    let first = loudest_second(recording, mean, blocks);
    let (mut weighted, mut loudness) = (0.0, 0.0);
    for offset in 0..SECOND.min(blocks) {
        let loud = block(recording, first.wrapping_add(offset), mean, |value| value.abs());
        weighted += loud * (offset as f32 + 0.5);
        loudness += loud;
    }
    let middle = if loudness > 0.0 {
        first.wrapping_mul(BLOCK).wrapping_add((weighted / loudness * BLOCK as f32) as usize)
    } else {
        recording.len() / 2
    };
    Place { start: (middle as isize).wrapping_sub(WINDOW as isize / 2), mean }
}

/// The first block of the second with the most energy; the first of equals.
fn loudest_second<P: Pcm>(recording: &[P], mean: f32, blocks: usize) -> usize {
    let energy = |index| block(recording, index, mean, |value| value * value);
    let mut sum = (0..SECOND.min(blocks)).fold(0.0, |sum, index| sum + energy(index));
    let (mut best, mut most) = (0, sum);
    for next in SECOND..blocks {
        sum += energy(next) - energy(next - SECOND);
        if sum > most {
            (best, most) = (next - SECOND + 1, sum);
        }
    }
    best
}

fn block<P: Pcm>(recording: &[P], index: usize, mean: f32, of: impl Fn(f32) -> f32) -> f32 {
    let begin = index.wrapping_mul(BLOCK);
    (0..BLOCK).fold(0.0, |sum, n| sum + of(at(recording, begin.wrapping_add(n) as isize, mean)))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::noise::Noise;

    /// `length` values, of which `word` is loud noise and the rest soft.
    fn recording(length: usize, word: core::ops::Range<usize>) -> Vec<i16> {
        let mut noise = Noise::new(3);
        (0..length).map(|n| noise.sample() / if word.contains(&n) { 4 } else { 4000 }).collect()
    }

    #[test]
    fn the_middle_of_the_word_is_the_windows() {
        for (length, word) in [(24_000, 17_000..20_000), (4_000, 1_000..3_000), (8_000, 0..8_000)] {
            let middle = (word.start + word.end) as isize / 2;
            let found = locate(&recording(length, word)).start + WINDOW as isize / 2;
            assert!((found - middle).abs() < 100, "{found} for {middle}");
        }
    }

    #[test]
    fn an_offset_is_no_sound() {
        let plain = recording(16_000, 3_000..6_000);
        let offset: Vec<i16> = plain.iter().map(|value| value + 9_000).collect();
        let (a, b) = (locate(&plain), locate(&offset));
        assert!((a.start - b.start).abs() <= 1, "{a:?} {b:?}");
        assert!((b.mean - a.mean - 9_000.0 / 32768.0).abs() < 1e-3);
    }

    #[test]
    fn silence_and_scraps_have_a_place() {
        for length in [0, 1, 79, 80, 81, 8_000, 20_000] {
            let place = locate(&std::vec![0i16; length]);
            assert_eq!(place.start, length as isize / 2 - WINDOW as isize / 2);
        }
        let place = locate(&[f32::NAN; 9_000]);
        assert_eq!(place.mean, 0.0);
    }
}
