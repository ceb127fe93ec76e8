//! Max pooling by the place of the largest value.

use super::scalar::Scalar;
use crate::graph::window::Window;

/// Calls `visit` with the output element and the input element of the first largest `x` under each window.
fn places<S: Scalar>(window: &Window, x: &[S], mut visit: impl FnMut(usize, usize)) {
    let (channels, inside, outside) = (window.channels, window.input_positions(), window.positions());
    let mut best = vec![usize::MAX; channels];
    for image in 0..x.len() / (channels * inside) {
        for position in 0..outside {
            best.fill(usize::MAX);
            window.runs(position, |_, pixel, count| {
                for pixel in pixel..pixel + count {
                    let first = (image * inside + pixel) * channels;
                    for (channel, best) in best.iter_mut().enumerate() {
                        if *best == usize::MAX || x[first + channel] > x[*best] {
                            *best = first + channel;
                        }
                    }
                }
            });
            for (channel, best) in best.iter().enumerate() {
                // A window that lies in the padding alone has no largest value.
                if *best != usize::MAX {
                    visit((image * outside + position) * channels + channel, *best);
                }
            }
        }
    }
}

/// `output[window] = v[argmax of x under the window]`.
pub fn gather<S: Scalar>(window: &Window, x: &[S], v: &[S], output: &mut [S]) {
    output.fill(S::ZERO);
    places(window, x, |to, from| output[to] = v[from]);
}

/// `output[argmax of x under the window] += y[window]`, zero elsewhere.
pub fn scatter<S: Scalar>(window: &Window, x: &[S], y: &[S], output: &mut [S]) {
    output.fill(S::ZERO);
    places(window, x, |from, to| output[to] += y[from]);
}
