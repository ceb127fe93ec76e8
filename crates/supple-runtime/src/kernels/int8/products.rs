//! Four outputs over a run of inputs: what convolutions and dense layers are made of.
//!
//! Weights of a run are `[ceil(run / 4)][4 outputs][4 inputs]`: a word of inputs meets sixteen bytes of weights. A
//! run's last word is filled up with zeros here, so that what fills up its weights does not matter.

use core::array::from_fn;

use supple_pack::op::{INT8_GROUP, INT8_OUTPUT_BLOCK};

/// One sum for each output of a block.
pub(super) type Sums = [i32; INT8_OUTPUT_BLOCK];

/// Consecutive inputs.
type Word = [i8; INT8_GROUP];

/// Weights of four outputs for a word of inputs.
const BLOCK: usize = INT8_OUTPUT_BLOCK * INT8_GROUP;

/// Bytes of the weights of four outputs over a run.
#[inline]
pub(super) fn weights_of_run(length: usize) -> usize {
    length.div_ceil(INT8_GROUP) * BLOCK
}

/// Adds the products of runs of one length at several places: what is unpacked of the weights serves them all.
#[inline]
pub(super) fn accumulate<const PLACES: usize>(
    sums: &mut [Sums; PLACES],
    runs: [&[i8]; PLACES],
    weights: &[i8],
) {
    let (blocks, _) = weights.as_chunks::<BLOCK>();
    let parts = runs.map(|run| run.as_chunks::<INT8_GROUP>());
    let whole = parts.iter().fold(blocks.len(), |least, (words, _)| words.len().min(least));
    // Here sums stay in registers.
    let mut held = *sums;
    for (at, block) in blocks.iter().take(whole).enumerate() {
        for (sums, (words, _)) in held.iter_mut().zip(&parts) {
            multiply(sums, words.get(at).unwrap_or(&[0; INT8_GROUP]), block);
        }
    }
    if let Some(block) = blocks.get(whole) {
        for (sums, (_, rest)) in held.iter_mut().zip(&parts) {
            multiply(sums, &from_fn(|i| rest.get(i).copied().unwrap_or(0)), block);
        }
    }
    *sums = held;
}

/// Adds the products of the run of `length` inputs that begins at `start` of a row; inputs that lie outside the row
/// count as `outside`.
pub(super) fn accumulate_edge(
    sums: &mut Sums,
    row: &[i8],
    start: usize,
    length: usize,
    outside: i8,
    weights: &[i8],
) {
    let (blocks, _) = weights.as_chunks::<BLOCK>();
    for (block, first) in blocks.iter().zip((0..length).step_by(INT8_GROUP)) {
        let word = from_fn(|i| match first + i {
            // Places before the row wrapped around and lie beyond its end too.
            place if place < length => row.get(start.wrapping_add(place)).copied().unwrap_or(outside),
            _ => 0,
        });
        multiply(sums, &word, block);
    }
}

/// Adds the products of a word.
#[inline]
fn multiply(sums: &mut Sums, word: &Word, block: &[i8; BLOCK]) {
    let (outputs, _) = block.as_chunks::<INT8_GROUP>();
    let words: Sums = from_fn(|output| {
        outputs.get(output).map_or(0, |weights| i32::from_le_bytes(weights.map(|weight| weight as u8)))
    });
    for (&input, left) in word.iter().zip([24, 16, 8, 0]) {
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(i32::from(input) * ((word << left) >> 24));
        }
    }
}
