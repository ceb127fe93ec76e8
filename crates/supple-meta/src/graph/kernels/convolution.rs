//! Convolutions as products with patches. A block of patches is gathered, used while it is in the cache, and
//! forgotten, so no matrix of all patches is ever written.

use super::product::{Call, Factor};
use super::scalar::Scalar;
use crate::graph::op::Part;
use crate::graph::window::Window;

/// Values of a block of patches: within the second cache beside the weights.
const BLOCK_VALUES: usize = 40 << 10;

/// Space that convolutions reuse.
#[derive(Debug)]
pub struct Scratch<S> {
    patches: Vec<S>,
    turned: Vec<S>,
    /// For products.
    pub product: Vec<S>,
}

impl<S> Default for Scratch<S> {
    fn default() -> Self {
        Self { patches: Vec::new(), turned: Vec::new(), product: Vec::new() }
    }
}

/// Writes the patches of output pixels from `first` on, one a column.
fn gather<S: Scalar>(window: &Window, x: &[S], first: usize, patches: &mut [S]) {
    let (channels, inside, outside) = (window.channels, window.input_positions(), window.positions());
    if window.padding != [0, 0] {
        patches.fill(S::ZERO);
    }
    for (index, patch) in patches.chunks_exact_mut(window.patch()).enumerate() {
        let (image, position) = ((first + index) / outside, (first + index) % outside);
        let image = &x[image * inside * channels..][..inside * channels];
        window.runs(position, |tap, pixel, count| {
            let length = count * channels;
            let (to, from) = (&mut patch[tap * channels..][..length], &image[pixel * channels..][..length]);
            if length < 16 {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            } else {
                to.copy_from_slice(from);
            }
        });
    }
}

/// Adds patches to the pixels they came from.
fn scatter_add<S: Scalar>(window: &Window, patches: &[S], first: usize, x: &mut [S]) {
    let (channels, inside, outside) = (window.channels, window.input_positions(), window.positions());
    for (index, patch) in patches.chunks_exact(window.patch()).enumerate() {
        let (image, position) = ((first + index) / outside, (first + index) % outside);
        let image = &mut x[image * inside * channels..][..inside * channels];
        window.runs(position, |tap, pixel, count| {
            let length = count * channels;
            let (to, from) = (&mut image[pixel * channels..][..length], &patch[tap * channels..][..length]);
            to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
        });
    }
}

/// One of the three derivatives of Σ y · (w ⋆ x); see [`Part`] and [`crate::graph::Graph::convolution`] for shapes.
pub fn convolve<S: Scalar>(
    window: &Window,
    part: Part,
    a: &[S],
    b: &[S],
    output: &mut [S],
    scratch: &mut Scratch<S>,
) {
    let (patch, outside) = (window.patch(), window.positions());
    let block = (BLOCK_VALUES / patch).clamp(8, 1024);
    let (patches, turned) = (&mut scratch.patches, &mut scratch.turned);
    if patches.len() < block * patch {
        patches.resize(block * patch, S::ZERO);
    }
    match part {
        Part::Output => {
            let (x, w) = (a, b);
            let outputs = w.len() / patch;
            let columns = output.len() / outputs;
            for first in (0..columns).step_by(block) {
                let count = block.min(columns - first);
                gather(window, x, first, &mut patches[..count * patch]);
                S::multiply(&mut Call {
                    rows: outputs,
                    inner: patch,
                    columns: count,
                    a: Factor::new(w, outputs, false),
                    b: Factor::new(&patches[..count * patch], patch, false),
                    c: &mut output[first * outputs..][..count * outputs],
                    accumulate: false,
                    scratch: &mut scratch.product,
                });
            }
        }
        Part::Weights => {
            let (x, y) = (a, b);
            let outputs = output.len() / patch;
            let columns = y.len() / outputs;
            debug_assert_eq!(columns % outside, 0);
            for first in (0..columns).step_by(block) {
                let count = block.min(columns - first);
                gather(window, x, first, &mut patches[..count * patch]);
                S::multiply(&mut Call {
                    rows: outputs,
                    inner: count,
                    columns: patch,
                    a: Factor::new(&y[first * outputs..][..count * outputs], outputs, false),
                    b: Factor::new(&patches[..count * patch], patch, true),
                    c: output,
                    accumulate: first > 0,
                    scratch: &mut scratch.product,
                });
            }
        }
        Part::Input => {
            let (w, y) = (a, b);
            let outputs = w.len() / patch;
            let columns = y.len() / outputs;
            turned.resize(w.len(), S::ZERO);
            super::layout::transpose(outputs, w, turned);
            output.fill(S::ZERO);
            for first in (0..columns).step_by(block) {
                let count = block.min(columns - first);
                S::multiply(&mut Call {
                    rows: patch,
                    inner: outputs,
                    columns: count,
                    a: Factor::new(turned, patch, false),
                    b: Factor::new(&y[first * outputs..][..count * outputs], outputs, false),
                    c: &mut patches[..count * patch],
                    accumulate: false,
                    scratch: &mut scratch.product,
                });
                scatter_add(window, &patches[..count * patch], first, output);
            }
        }
    }
}

/// Likewise, each channel with a kernel of its own; w is `[channels, taps]`.
pub fn depthwise<S: Scalar>(window: &Window, part: Part, a: &[S], b: &[S], output: &mut [S]) {
    let (channels, inside, outside) = (window.channels, window.input_positions(), window.positions());
    output.fill(S::ZERO);
    let outputs = if part == Part::Output { output.len() } else { b.len() };
    for index in 0..outputs / channels {
        let (image, position) = (index / outside, index % outside);
        window.runs(position, |tap, pixel, count| {
            for step in 0..count {
                let x = (image * inside + pixel + step) * channels;
                let (w, y) = ((tap + step) * channels, index * channels);
                let (to, first, second) = match part {
                    Part::Output => (y, (a, x), (b, w)),
                    Part::Input => (x, (a, w), (b, y)),
                    Part::Weights => (w, (a, x), (b, y)),
                };
                let factors = first.0[first.1..][..channels].iter().zip(&second.0[second.1..][..channels]);
                for (to, (first, second)) in output[to..][..channels].iter_mut().zip(factors) {
                    *to += *first * *second;
                }
            }
        });
    }
}
