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
    /// `[4 · blocks][places]`.
    pub sums: &'a mut [i32],
    /// `[words][even, odd][places]`, each two 16-bit numbers.
    pub patch: &'a [u32],
    /// Words of four weights: `[words][4 outputs]` for each block.
    pub weights: &'a [u32],
    /// Words of weights from the beginning of one block to that of the next.
    pub block: usize,
}

impl Products<'_> {
    /// Blocks of outputs; `None` where there is nothing to add or the slices do not fit together.
    #[inline]
    pub fn blocks(&self) -> Option<usize> {
        let words = self.patch.len().checked_div(2 * self.places)?;
        let blocks = self.sums.len().checked_div(INT8_OUTPUT_BLOCK * self.places)?;
        let last = blocks.checked_sub(1)?.checked_mul(self.block)?;
        let fits = words > 0
            && words * 2 * self.places == self.patch.len()
            && blocks * INT8_OUTPUT_BLOCK * self.places == self.sums.len()
            && last.checked_add(words * INT8_OUTPUT_BLOCK)? <= self.weights.len();
        fits.then_some(blocks)
    }
}

/// Bytes 0 and 2 of a word, sign-extended, in its halves.
#[inline]
pub(super) fn even(word: u32) -> u32 {
    let [first, _, third, _] = word.to_le_bytes().map(|byte| i16::from(byte as i8) as u16);
    u32::from(first) | u32::from(third) << 16
}

/// Bytes 1 and 3.
#[inline]
pub(super) fn odd(word: u32) -> u32 {
    even(word.rotate_right(8))
}

/// What a naked function does on the board.
#[cfg(not(supple_dsp))]
pub(super) use emulated::add_products;

#[cfg(supple_dsp)]
pub(super) use crate::kernels::arm::dual::add_products;

#[cfg(not(supple_dsp))]
mod emulated {
    use super::*;

    pub fn add_products(products: Products) {
        let Some(_) = products.blocks() else { return };
        let Products { places, sums, patch, weights, block } = products;
        for (sums, weights) in sums.chunks_mut(INT8_OUTPUT_BLOCK * places).zip(weights.chunks(block.max(1))) {
            for (inputs, weights) in patch.chunks_exact(2 * places).zip(weights.chunks_exact(INT8_OUTPUT_BLOCK)) {
                let (even_inputs, odd_inputs) = inputs.split_at(places);
                for (sums, &weights) in sums.chunks_mut(places).zip(weights) {
                    for (sum, (&even_input, &odd_input)) in sums.iter_mut().zip(even_inputs.iter().zip(odd_inputs)) {
                        *sum = multiply_add(even_input, even(weights), *sum);
                        *sum = multiply_add(odd_input, odd(weights), *sum);
                    }
                }
            }
        }
    }

    /// The instruction SMLAD: products of both halves, added.
    fn multiply_add(left: u32, right: u32, sum: i32) -> i32 {
        let halves = |word: u32| [word as i16, (word >> 16) as i16].map(i32::from);
        let ([a, b], [c, d]) = (halves(left), halves(right));
        sum.wrapping_add((a * c).wrapping_add(b * d))
    }
}
