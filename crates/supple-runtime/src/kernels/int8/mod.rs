//! `i8` kernels: sums exact in `i32`, each rounded once.
//!
//! A value `q` stands for `scale · (q − zero)`; `docs/quantisation.md` has the arithmetic to the bit. No order of
//! summing changes a result, so that these kernels may block as they like.
//!
//! Sums wrap around: no pack that the compiler wrote comes near 2^31, and one that does must not stop a device.
//!
//! | module | computes |
//! |---|---|
//! | `convolution` | one row of a convolution |
//! | `depthwise` | one row of a depthwise convolution |
//! | `dense` | fully connected layers |
//! | `pairs` | what cores with the DSP extension do in assembly, and the same in Rust for tests |
//! | `patches` | convolutions and dense layers for those cores, in place of `convolution`, `dense` and `products` |
//! | `pool` | largest value and mean, of windows and of images |
//! | `pointwise` | sums and products of two values, `f32` to `i8` and back |
//! | `products` | four outputs over a run of inputs: what convolutions and dense layers are made of |
//! | `taps` | where the taps of a window lie |

#[cfg(not(supple_dsp))]
mod convolution;
#[cfg(not(supple_dsp))]
mod dense;
mod depthwise;
#[cfg(any(test, supple_dsp))]
pub(super) mod pairs;
#[cfg(any(test, supple_dsp))]
mod patches;
mod pointwise;
mod pool;
#[cfg(not(supple_dsp))]
mod products;
mod taps;

#[cfg(not(supple_dsp))]
pub use convolution::convolution_rows;
#[cfg(not(supple_dsp))]
pub use dense::dense;
pub use depthwise::depthwise_row;
#[cfg(supple_dsp)]
pub use patches::{convolution_rows, dense};
pub use pointwise::{dequantise, product, quantise, quantise_each, sum};
pub use pool::{average_pool_row, global_average, global_maximum, max_pool_row};
use supple_pack::op::{Requantise, Rescale};

/// So many channels are summed side by side where each is a sum of its own: as many sums as fit into registers.
const CHANNEL_BLOCK: usize = if cfg!(target_arch = "arm") { 4 } else { 16 };

/// What the outputs of a layer start from and how their sums become `i8`.
///
/// # Shapes
/// `bias` and `multipliers` `[out]`.
#[derive(Debug, Clone, Copy)]
pub struct Channelwise<'a> {
    /// The biases; they hold `−input_zero · Σ weights` already.
    pub bias: &'a [i32],
    /// What sums are multiplied by.
    pub multipliers: &'a [i32],
    /// The rest, which is the same for all channels.
    pub requantise: Requantise,
}

impl Channelwise<'_> {
    /// The output of a channel for its sum.
    #[inline]
    fn finish(&self, sum: i32, multiplier: i32) -> i8 {
        let Requantise { shift, output_zero, low, high, .. } = self.requantise;
        rescale(sum, &Rescale { multiplier, shift, output_zero, low, high })
    }

    /// The outputs of consecutive channels, the first of them `channel`, for their sums.
    #[inline]
    fn store(&self, outputs: &mut [i8], channel: usize, sums: &[i32]) {
        let multipliers = self.multipliers.get(channel..).unwrap_or_default();
        for ((output, &sum), &multiplier) in outputs.iter_mut().zip(sums).zip(multipliers) {
            *output = self.finish(sum, multiplier);
        }
    }

    /// The biases of consecutive channels, the first of them `channel`, as many as there are.
    #[inline]
    fn start<const N: usize>(&self, channel: usize) -> [i32; N] {
        let biases = self.bias.get(channel..).unwrap_or_default();
        if let Some(block) = biases.first_chunk() {
            return *block;
        }
        let mut sums = [0; N];
        sums.iter_mut().zip(biases).for_each(|(sum, &bias)| *sum = bias);
        sums
    }
}

/// `clamp((value · multiplier + 2^(shift − 1)) >> shift + output_zero, low, high)`: rounded once, halves up.
#[inline]
fn rescale(value: i32, to: &Rescale) -> i8 {
    let half = 1_i64.wrapping_shl(u32::from(to.shift).wrapping_sub(1));
    // At most 2^62 + 2^61.
    let scaled = i64::from(value).wrapping_mul(to.multiplier.into()).wrapping_add(half);
    // From a shift of 32 on, the upper word alone says it all: what a 32-bit processor shifts at once.
    let rounded = if let Some(more) = u32::from(to.shift).checked_sub(32) {
        ((scaled >> 32) as i32).wrapping_shr(more)
    } else {
        const ROOM: i64 = 1 << 30;
        scaled.wrapping_shr(to.shift.into()).clamp(-ROOM, ROOM) as i32
    };
    rounded.wrapping_add(to.output_zero.into()).max(to.low.into()).min(to.high.into()) as i8
}

#[cfg(test)]
mod definition;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
