//! 2-d convolution as a matrix product over gathered patches.
//!
//! Images are NHWC, so an image is a column-major matrix `[channels, height · width]` and a batch is those side
//! by side. Weights are `[output channels, kernel · kernel · input channels]`, column-major, the second axis in
//! the order kernel row, kernel column, input channel.

use crate::matrix::{Operand, Real, multiply_into};

/// The geometry of a convolution over square images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Height and width of the input.
    pub input_side: usize,
    /// Channels of the input.
    pub input_channels: usize,
    /// Channels of the output.
    pub output_channels: usize,
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Stride on both axes.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
}

/// Patches are gathered for so many values at a time: about what the second-level cache holds.
const PATCH_VALUES: usize = 1 << 17;

impl Convolution {
    /// Height and width of the output.
    pub fn output_side(&self) -> usize {
        (self.input_side + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Length of a patch: weights per output channel.
    pub fn patch(&self) -> usize {
        self.kernel * self.kernel * self.input_channels
    }

    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.patch() * self.output_channels
    }

    /// Values of one input image.
    pub fn input_values(&self) -> usize {
        self.input_side * self.input_side * self.input_channels
    }

    /// Output positions of one image.
    pub fn positions(&self) -> usize {
        self.output_side() * self.output_side()
    }

    /// Multiply-accumulates for one image, padding counted.
    pub fn macs(&self) -> usize {
        self.positions() * self.weights()
    }

    fn images_at_once(&self) -> usize {
        (PATCH_VALUES / (self.patch() * self.positions())).max(1)
    }

    /// Runs `visit` on every patch of an image that lies partly inside: position, kernel row, first kernel column
    /// inside, and the range of input values that a row of the kernel covers there.
    fn runs(&self, mut visit: impl FnMut(usize, std::ops::Range<usize>)) {
        let side = self.output_side();
        let channels = self.input_channels;
        for position in 0..side * side {
            let top = (position / side * self.stride) as isize - self.padding as isize;
            let left = (position % side * self.stride) as isize - self.padding as isize;
            let first = (-left).max(0) as usize;
            let last = self.kernel.min((self.input_side as isize - left).max(0) as usize);
            for row in 0..self.kernel {
                let y = top + row as isize;
                if y < 0 || y >= self.input_side as isize || first >= last {
                    continue;
                }
                let start = (y as usize * self.input_side + (left + first as isize) as usize) * channels;
                let patch = position * self.patch() + (row * self.kernel + first) * channels;
                visit(patch, start..start + (last - first) * channels);
            }
        }
    }

    fn gather<T: Real>(&self, image: &[T], patches: &mut [T]) {
        if self.padding > 0 {
            patches.fill(T::zero());
        }
        self.runs(|patch, range| {
            patches[patch..patch + range.len()].copy_from_slice(&image[range]);
        });
    }

    fn scatter_add<T: Real>(&self, patches: &[T], image: &mut [T]) {
        self.runs(|patch, range| {
            let length = range.len();
            for (value, part) in image[range].iter_mut().zip(&patches[patch..patch + length]) {
                *value += *part;
            }
        });
    }

    /// `output[n] = weights ⋆ input[n]` for every image of the batch.
    pub fn forward<T: Real>(&self, weights: &[T], input: &[T], output: &mut [T], scratch: &mut Scratch<T>) {
        let (patch, positions) = (self.patch(), self.positions());
        let weights = Operand::new(weights, self.output_channels, patch);
        let images = self.images_at_once();
        let outputs = output.chunks_mut(images * positions * self.output_channels);
        for (input, output) in input.chunks(images * self.input_values()).zip(outputs) {
            let patches = self.gather_batch(input, &mut scratch.patches);
            let columns = patches.len() / patch;
            multiply_into(output, T::zero(), weights, Operand::new(patches, patch, columns));
        }
    }

    /// Adds to `weights_gradient`; overwrites `input_gradient` where it is wanted.
    pub fn backward<T: Real>(
        &self,
        weights: &[T],
        input: &[T],
        output_gradient: &[T],
        weights_gradient: &mut [T],
        mut input_gradient: Option<&mut [T]>,
        scratch: &mut Scratch<T>,
    ) {
        let (patch, positions) = (self.patch(), self.positions());
        let weights = Operand::new(weights, self.output_channels, patch);
        let images = self.images_at_once();
        let gradients = output_gradient.chunks(images * positions * self.output_channels);
        for (index, (input, gradient)) in
            input.chunks(images * self.input_values()).zip(gradients).enumerate()
        {
            let columns = gradient.len() / self.output_channels;
            let gradient = Operand::new(gradient, self.output_channels, columns);
            let patches = self.gather_batch(input, &mut scratch.patches);
            let patches = Operand::new(patches, patch, columns);
            multiply_into(weights_gradient, T::one(), gradient, patches.transposed());
            if let Some(input_gradient) = &mut input_gradient {
                scratch.patch_gradients.resize(patch * columns, T::zero());
                let patch_gradients = &mut scratch.patch_gradients[..patch * columns];
                multiply_into(patch_gradients, T::zero(), weights.transposed(), gradient);
                let start = index * images * self.input_values();
                let target = &mut input_gradient[start..start + input.len()];
                target.fill(T::zero());
                for (image, patches) in target
                    .chunks_exact_mut(self.input_values())
                    .zip(patch_gradients.chunks_exact(patch * positions))
                {
                    self.scatter_add(patches, image);
                }
            }
        }
    }

    fn gather_batch<'s, T: Real>(&self, input: &[T], buffer: &'s mut Vec<T>) -> &'s [T] {
        let size = self.patch() * self.positions();
        let images = input.len() / self.input_values();
        if buffer.len() < images * size {
            buffer.resize(images * size, T::zero());
        }
        for (image, patches) in input.chunks_exact(self.input_values()).zip(buffer.chunks_exact_mut(size)) {
            self.gather(image, patches);
        }
        &buffer[..images * size]
    }
}

/// Buffers that convolutions reuse.
#[derive(Debug)]
pub struct Scratch<T> {
    patches: Vec<T>,
    patch_gradients: Vec<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self { patches: Vec::new(), patch_gradients: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [Convolution; 3] = [
        Convolution {
            input_side: 5,
            input_channels: 2,
            output_channels: 3,
            kernel: 3,
            stride: 2,
            padding: 1,
        },
        Convolution {
            input_side: 4,
            input_channels: 3,
            output_channels: 2,
            kernel: 4,
            stride: 1,
            padding: 0,
        },
        Convolution {
            input_side: 6,
            input_channels: 1,
            output_channels: 4,
            kernel: 5,
            stride: 2,
            padding: 2,
        },
    ];

    fn wave(length: usize, seed: f64) -> Vec<f64> {
        (0..length).map(|i| (i as f64 * 1.7 + seed).sin()).collect()
    }

    fn naive(c: &Convolution, weights: &[f64], image: &[f64]) -> Vec<f64> {
        let side = c.output_side();
        let mut output = vec![0.0; side * side * c.output_channels];
        for (index, value) in output.iter_mut().enumerate() {
            let (position, out) = (index / c.output_channels, index % c.output_channels);
            for ky in 0..c.kernel {
                for kx in 0..c.kernel {
                    let y = (position / side * c.stride + ky) as isize - c.padding as isize;
                    let x = (position % side * c.stride + kx) as isize - c.padding as isize;
                    let inside = 0..c.input_side as isize;
                    if inside.contains(&y) && inside.contains(&x) {
                        for ci in 0..c.input_channels {
                            let pixel = (y as usize * c.input_side + x as usize) * c.input_channels + ci;
                            let weight = (ky * c.kernel + kx) * c.input_channels + ci;
                            *value += image[pixel] * weights[weight * c.output_channels + out];
                        }
                    }
                }
            }
        }
        output
    }

    #[test]
    fn agrees_with_the_definition() {
        for c in &CASES {
            let weights = wave(c.weights(), 0.3);
            let input = wave(3 * c.input_values(), 0.9);
            let mut output = vec![0.0; 3 * c.positions() * c.output_channels];
            c.forward(&weights, &input, &mut output, &mut Scratch::default());
            let expected: Vec<f64> =
                input.chunks(c.input_values()).flat_map(|image| naive(c, &weights, image)).collect();
            assert!(output.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }

    #[test]
    fn gradients_are_the_adjoint() {
        // The convolution is bilinear, so ⟨g, conv(w, x)⟩ = ⟨∂w, w⟩ = ⟨∂x, x⟩ exactly.
        for c in &CASES {
            let weights = wave(c.weights(), 0.3);
            let input = wave(2 * c.input_values(), 0.9);
            let gradient = wave(2 * c.positions() * c.output_channels, 0.1);
            let mut scratch = Scratch::default();
            let mut output = vec![0.0; gradient.len()];
            c.forward(&weights, &input, &mut output, &mut scratch);
            let mut weights_gradient = vec![0.0; weights.len()];
            let mut input_gradient = vec![7.0; input.len()];
            c.backward(
                &weights,
                &input,
                &gradient,
                &mut weights_gradient,
                Some(&mut input_gradient),
                &mut scratch,
            );
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let value = dot(&gradient, &output);
            assert!((dot(&weights_gradient, &weights) - value).abs() < 1e-10);
            assert!((dot(&input_gradient, &input) - value).abs() < 1e-10);
        }
    }
}
