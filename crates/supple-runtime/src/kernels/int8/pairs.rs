//! Sums of products as cores with the DSP extension take them: two products of 16-bit numbers at once.
//!
//! Inputs are unpacked to 16 bits once, into a patch, and serve all outputs; weights are unpacked on their way and
//! serve up to four places.

use supple_pack::op::{INT8_GROUP, INT8_OUTPUT_BLOCK};

/// Products to add: each word of a patch times the weights of each block of outputs.
#[derive(Debug)]
pub(in crate::kernels) struct Products<'a> {
    /// How many places of the output are summed side by side: 1 to 4.
    pub places: usize,
    /// Words of the patch, at least 1.
    pub words: usize,
    /// Blocks of four outputs, at least 1.
    pub blocks: usize,
    /// `[4 · blocks][places]`.
    pub sums: &'a mut [i32],
    /// `[words][even, odd][places]`, each two 16-bit numbers, or more.
    pub patch: &'a [u32],
    /// Words of four weights: `[words][4 outputs]` for each block.
    pub weights: &'a [u32],
    /// Words of weights from the beginning of one block to that of the next.
    pub block: usize,
}

impl Products<'_> {
    /// Whether there is something to add and the slices fit together.
    #[inline]
    pub fn fit(&self) -> bool {
        let Some(blocks_before) = self.blocks.checked_sub(1) else { return false };
        // No slice of words is so long that eight times its length overflows.
        (1..=4).contains(&self.places)
            && self.words > 0
            && self.words <= self.patch.len()
            && self.words * (2 * self.places) <= self.patch.len()
            && self.blocks.checked_mul(INT8_OUTPUT_BLOCK * self.places) == Some(self.sums.len())
            && blocks_before.checked_mul(self.block).is_some_and(|before| {
                self.weights
                    .len()
                    .checked_sub(before)
                    .is_some_and(|last| self.words * INT8_OUTPUT_BLOCK <= last)
            })
    }
}

/// Inputs to unpack at each place: of each four, bytes 0 and 2, sign-extended, then bytes 1 and 3.
#[derive(Debug)]
pub(in crate::kernels) struct Inputs<'a> {
    /// 1 to 4.
    pub places: usize,
    /// Words at each place, at least 1.
    pub words: usize,
    /// Inputs in them; what fills up the last word counts as zero.
    pub length: usize,
    /// Place `p` begins at `p · step`; a last word must be there as a whole.
    pub from: &'a [i8],
    /// Inputs from one place to the next.
    pub step: usize,
    /// `[words][even, odd][places]`, or more.
    pub to: &'a mut [u32],
}

impl Inputs<'_> {
    /// Whether there is something to unpack and the slices fit together.
    #[inline]
    pub fn fit(&self) -> bool {
        let Some(span) = self.places.wrapping_sub(1).checked_mul(self.step) else { return false };
        let last = self.from.len().checked_sub(span);
        // In this order, the number of halves is less than 2^32.
        (1..=4).contains(&self.places)
            && self.words > 0
            && self.words == self.length.div_ceil(INT8_GROUP)
            && last.is_some_and(|last| self.words <= last / INT8_GROUP)
            && self.words * (2 * self.places) <= self.to.len()
    }
}

/// Inputs to unpack at each place, of which some lie outside their row.
#[derive(Debug)]
pub(in crate::kernels) struct Edge<'a> {
    /// 1 to 4.
    pub places: usize,
    /// Inputs at each place, at least 1; what fills up the last word counts as zero.
    pub length: usize,
    /// A row of the input.
    pub row: &'a [i8],
    /// The first input of place 0; before the row it wraps around.
    pub start: usize,
    /// Inputs from one place to the next.
    pub step: usize,
    /// What lies outside reads this.
    pub outside: i8,
    /// `[words][even, odd][places]`, or more.
    pub to: &'a mut [u32],
}

impl Edge<'_> {
    /// Whether there is something to unpack and room for it.
    #[inline]
    pub fn fit(&self) -> bool {
        let halves = self.length.div_ceil(INT8_GROUP).checked_mul(2 * self.places);
        halves.is_some_and(|halves| halves > 0 && halves <= self.to.len())
    }
}

/// Sums to become outputs: `(sum · multiplier >> 32) + raise >> shift`, held within -128 and 127.
#[derive(Debug)]
pub(in crate::kernels) struct Finish<'a> {
    /// 1 to 4.
    pub places: usize,
    /// `[channels][places]`.
    pub sums: &'a [i32],
    /// `[channels]`, or more.
    pub multipliers: &'a [i32],
    /// Half of what is shifted away, and the output's zero.
    pub raise: i32,
    /// 1 to 31.
    pub shift: u32,
    /// The channels of place `p` begin at `p · step`.
    pub outputs: &'a mut [i8],
    /// Outputs from one place to the next.
    pub step: usize,
}

impl Finish<'_> {
    /// How many; `None` where there are none or the slices do not fit together.
    #[inline]
    pub fn channels(&self) -> Option<usize> {
        let channels = self.sums.len().checked_div(self.places)?;
        let last = self.step.checked_mul(self.places.checked_sub(1)?)?;
        let fits = channels > 0
            && channels * self.places == self.sums.len()
            && channels <= self.multipliers.len()
            && last.checked_add(channels)? <= self.outputs.len();
        fits.then_some(channels)
    }
}

#[cfg(supple_dsp)]
pub(super) use crate::kernels::arm::dual::{add_products, finish, unpack, unpack_edge};
#[cfg(not(supple_dsp))]
pub(super) use emulated::{add_products, finish, unpack, unpack_edge};

/// What the functions of the same names do on the board, in assembly.
#[cfg(not(supple_dsp))]
mod emulated {
    use super::*;

    pub fn add_products(products: Products) {
        if !products.fit() {
            return;
        }
        let Products { places, words, sums, patch, weights, block, .. } = products;
        for (sums, weights) in sums.chunks_mut(INT8_OUTPUT_BLOCK * places).zip(weights.chunks(block)) {
            for (inputs, weights) in
                patch.chunks(2 * places).take(words).zip(weights.chunks(INT8_OUTPUT_BLOCK))
            {
                let (even_inputs, odd_inputs) = inputs.split_at(places);
                for (sums, &weights) in sums.chunks_mut(places).zip(weights) {
                    for (sum, (&even_input, &odd_input)) in
                        sums.iter_mut().zip(even_inputs.iter().zip(odd_inputs))
                    {
                        *sum = multiply_add(even_input, even(weights), *sum);
                        *sum = multiply_add(odd_input, odd(weights), *sum);
                    }
                }
            }
        }
    }

    pub fn unpack(inputs: Inputs) -> bool {
        if !inputs.fit() {
            return false;
        }
        let Inputs { places, words, length, from, step, to } = inputs;
        for (word, to) in to.chunks_mut(2 * places).take(words).enumerate() {
            for place in 0..places {
                let byte = |i: usize| match word * INT8_GROUP + i {
                    at if at < length => from[place * step + at] as u8,
                    _ => 0,
                };
                let word = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]);
                (to[place], to[places + place]) = (even(word), odd(word));
            }
        }
        true
    }

    pub fn unpack_edge(edge: Edge) {
        if !edge.fit() {
            return;
        }
        let Edge { places, length, row, start, step, outside, to } = edge;
        for (word, to) in to.chunks_mut(2 * places).take(length.div_ceil(INT8_GROUP)).enumerate() {
            for place in 0..places {
                let first = start.wrapping_add(place.wrapping_mul(step));
                let byte = |i: usize| match word * INT8_GROUP + i {
                    at if at < length => row.get(first.wrapping_add(at)).copied().unwrap_or(outside) as u8,
                    _ => 0,
                };
                let word = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]);
                (to[place], to[places + place]) = (even(word), odd(word));
            }
        }
    }

    pub fn finish(job: Finish) {
        let Some(_) = job.channels() else { return };
        let Finish { places, sums, multipliers, raise, shift, outputs, step } = job;
        for (channel, sums) in sums.chunks(places).enumerate() {
            for (place, &sum) in sums.iter().enumerate() {
                let product = i64::from(sum) * i64::from(multipliers[channel]);
                // SMMLA, ASR, SSAT.
                let rounded = ((product >> 32) as i32).wrapping_add(raise) >> shift;
                outputs[place * step + channel] = rounded.clamp(-128, 127) as i8;
            }
        }
    }

    /// SXTB16: bytes 0 and 2 of a word, sign-extended, in its halves.
    fn even(word: u32) -> u32 {
        let [first, _, third, _] = word.to_le_bytes().map(|byte| i16::from(byte as i8) as u16);
        u32::from(first) | u32::from(third) << 16
    }

    /// SXTB16 of the word rotated by a byte: bytes 1 and 3.
    fn odd(word: u32) -> u32 {
        even(word.rotate_right(8))
    }

    /// SMLAD: the products of both halves, added.
    fn multiply_add(left: u32, right: u32, sum: i32) -> i32 {
        let halves = |word: u32| [word as i16, (word >> 16) as i16].map(i32::from);
        let ([a, b], [c, d]) = (halves(left), halves(right));
        sum.wrapping_add((a * c).wrapping_add(b * d))
    }
}
