//! Triangular filters, equally wide on the mel scale, made by the compiler.
//!
//! The scale is HTK's, mel(f) = 2595 log₁₀(1 + f/700) (Young et al., The HTK Book): bands equally far apart in mel are
//! a constant ratio apart in 1 + f/700, so powers of one number give all edges and no logarithm is needed.

use crate::fft::{FRAME, Work};
use crate::log_mel::{BANDS, RATE};

/// Where the lowest band begins, Hz.
const LOWEST: i128 = 100;
/// Where the highest band ends, Hz.
const HIGHEST: i128 = 3800;

/// A fixed-point 1.
const ONE: i128 = 1 << 40;
/// The lowest bin that a filter takes, and the number of those.
const FIRST_BIN: usize = LOWEST as usize * FRAME / RATE as usize + 1;
const BINS: usize = HIGHEST as usize * FRAME / RATE as usize + 1 - FIRST_BIN;

/// One bin of the spectrum: it lies on the falling side of one band and on the rising side of the next.
#[derive(Clone, Copy)]
struct Bin {
    /// The band it rises in; it falls in the one before, with what is left of 1.
    rises_in: u8,
    /// How far it is up.
    height: f32,
}

static BINS_OF_BANDS: [Bin; BINS] = bins();

/// `base` to the power of `exponent`, fixed point.
const fn power(base: i128, exponent: usize) -> i128 {
    let mut product = ONE;
    let mut k = 0;
    while k < exponent {
        product = (product * base) >> 40;
        k += 1;
    }
    product
}

/// The edges of the bands in Hz, fixed point: band b rises from edge b to b + 1 and falls to b + 2.
const fn edges() -> [i128; BANDS + 2] {
    let ratio = ONE * (700 + HIGHEST) / (700 + LOWEST);
    // The (BANDS + 1)th root of `ratio`, by halving.
    let (mut low, mut high) = (ONE, 2 * ONE);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if power(middle, BANDS + 1) > ratio { high = middle } else { low = middle }
    }
    let mut edges = [0; BANDS + 2];
    let mut k = 0;
    while k < BANDS + 2 {
        edges[k] = (700 + LOWEST) * power(low, k) - 700 * ONE;
        k += 1;
    }
    edges[BANDS + 1] = HIGHEST * ONE;
    edges
}

const fn bins() -> [Bin; BINS] {
    let edges = edges();
    let mut table = [Bin { rises_in: 0, height: 0.0 }; BINS];
    let mut band = 0;
    let mut k = 0;
    while k < BINS {
        let frequency = (FIRST_BIN + k) as i128 * RATE as i128 * ONE / FRAME as i128;
        while frequency > edges[band + 1] {
            band += 1;
        }
        let height = ((frequency - edges[band]) << 24) / (edges[band + 1] - edges[band]);
        table[k] = Bin { rises_in: band as u8, height: height as f32 / (1 << 24) as f32 };
        k += 1;
    }
    table
}

/// The power in each band of a transformed frame.
pub fn bands(spectrum: &Work, output: &mut [f32]) {
    output.fill(0.0);
    for (bin, k) in BINS_OF_BANDS.iter().zip(FIRST_BIN..) {
        let power = spectrum.power(k);
        let band = usize::from(bin.rises_in);
        // The first and the last have one side only.
        if let Some(rising) = output.get_mut(band) {
            *rising += bin.height * power;
        }
        if let Some(falling) = output.get_mut(band.wrapping_sub(1)) {
            *falling += (1.0 - bin.height) * power;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_those_of_the_formula() {
        // The reference may use f64.
        let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
        let hertz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
        let (low, high) = (mel(LOWEST as f64), mel(HIGHEST as f64));
        let edge = |k: usize| hertz(low + (high - low) * k as f64 / (BANDS + 1) as f64);
        for (k, &found) in edges().iter().enumerate() {
            let found = found as f64 / ONE as f64;
            assert!((found - edge(k)).abs() < 1e-6, "edge {k}: {found} for {}", edge(k));
        }
        let mut sums = [0.0f64; BANDS];
        for bin in 0..=FRAME / 2 {
            let frequency = bin as f64 * f64::from(RATE) / FRAME as f64;
            let known = bin.checked_sub(FIRST_BIN).and_then(|k| BINS_OF_BANDS.get(k));
            for (band, sum) in sums.iter_mut().enumerate() {
                let rise = (frequency - edge(band)) / (edge(band + 1) - edge(band));
                let fall = (edge(band + 2) - frequency) / (edge(band + 2) - edge(band + 1));
                let expected = rise.min(fall).max(0.0);
                let found = known.map_or(0.0, |known| match usize::from(known.rises_in) {
                    rising if rising == band => f64::from(known.height),
                    rising if rising == band + 1 => 1.0 - f64::from(known.height),
                    _ => 0.0,
                });
                assert!((found - expected).abs() < 2e-7, "bin {bin} in {band}: {found} for {expected}");
                *sum += expected;
            }
        }
        assert!(sums.iter().all(|&sum| sum > 0.9), "a band without a bin: {sums:?}");
    }
}
