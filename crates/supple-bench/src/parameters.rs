//! Where learning starts: the distributions of the other programs, our own random numbers.
//!
//! A network is a list of parameters. Dense weights are `[input][output]`, the output fastest; convolution weights
//! `[output][input][row][column]`.

use rand::RngExt;
use supple_data::random::{ChaCha8Rng, Purpose, stream};

use crate::protocol::{BLOCKS, CONV, FEATURES, FILTERS, HEAD, HIDDEN};

fn uniform(random: &mut ChaCha8Rng, count: usize, bound: f32) -> Vec<f32> {
    (0..count).map(|_| random.random_range(-bound..bound)).collect()
}

/// 1 over the root of what a unit sums, PyTorch's own start of dense layers.
fn bound(inputs: usize) -> f32 {
    1.0 / (inputs as f32).sqrt()
}

/// The network for sinusoids: weights and bias of three dense layers, relu between them.
pub fn sine(seed: u64) -> Vec<Vec<f32>> {
    let mut random = stream(seed, Purpose::Initialisation, 0, 0);
    let layers = [(1, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1)];
    let parameters = layers.map(|(inputs, outputs)| {
        let bound = bound(inputs);
        [uniform(&mut random, inputs * outputs, bound), uniform(&mut random, outputs, bound)]
    });
    parameters.into_iter().flatten().collect()
}

/// The convolutional network: for each block weights, scale and shift; then the linear layer's weights and bias.
pub fn conv(seed: u64) -> Vec<Vec<f32>> {
    let mut random = stream(seed, Purpose::Initialisation, 0, 0);
    let mut parameters = Vec::new();
    for block in 0..BLOCKS {
        let channels = if block == 0 { 1 } else { FILTERS };
        let bound = (6.0 / (9 * channels + 9 * FILTERS) as f32).sqrt();
        parameters.push(uniform(&mut random, FILTERS * channels * 9, bound));
        parameters.push(vec![1.0; FILTERS]);
        parameters.push(vec![0.0; FILTERS]);
    }
    parameters.push(uniform(&mut random, FILTERS * CONV.way, bound(FILTERS)));
    parameters.push(vec![0.0; CONV.way]);
    parameters
}

/// The head: weights and bias.
pub fn head(seed: u64) -> Vec<Vec<f32>> {
    let mut random = stream(seed, Purpose::Initialisation, 0, 0);
    vec![uniform(&mut random, FEATURES * HEAD.way, bound(FEATURES)), vec![0.0; HEAD.way]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_have_their_sizes_and_depend_on_the_seed() {
        let sizes = |parameters: Vec<Vec<f32>>| parameters.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(sine(1)), [40, 40, 1600, 40, 40, 1]);
        assert_eq!(sizes(head(1)), [320, 5]);
        let block = [36_864, 64, 64];
        let expected = [&[576, 64, 64], &block[..], &block[..], &block[..], &[320, 5]].concat();
        assert_eq!(sizes(conv(1)), expected);
        assert_ne!(sine(1), sine(2));
        assert_eq!(conv(7), conv(7));
    }

    #[test]
    fn weights_fill_their_range() {
        let weights = &sine(1)[2];
        let largest = weights.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        assert!(largest <= bound(HIDDEN) && largest > 0.99 * bound(HIDDEN));
    }
}
