//! One row of a convolution.

use core::array::from_fn;
use core::mem::take;
use core::ops::Range;

use supple_pack::op::INT8_OUTPUT_BLOCK;
use supple_pack::{Shape, Window, int8_runs};

use super::Channelwise;
use super::products::{accumulate, accumulate_edge, weights_of_run};
use super::taps::{Axis, row};
use crate::kernels::image::{Image, ImageMut};

/// Some rows of a convolution, each as a row of its own; `None` where one is not held.
///
/// # Shapes
/// `input` `[height][width][in]`, `output` `[height][width][out]`, `weights` as for a row.
pub fn convolution_rows(
    input: &Image<i8>,
    rows: Range<u16>,
    output: &mut ImageMut<i8>,
    window: &Window,
    groups: u16,
    weights: &[i8],
    finish: &Channelwise,
) -> Option<()> {
    let to = output.shape;
    for y in rows.map(usize::from) {
        convolution_row(input, y, output.row(y)?, &to, window, groups, weights, finish);
    }
    Some(())
}

/// Row `y` of a convolution; taps outside the input read its zero.
///
/// # Shapes
/// `input` `[height][width][in]`, `output` `[width][out]`, `weights`
/// `[groups][ceil(out / 4)][kernel height][runs][ceil(run / 4)][4 outputs][4 inputs]` where `out` and `in` are a
/// group's; see [`Layer`](supple_pack::op::Layer) for runs.
#[inline(never)]
fn convolution_row(
    input: &Image<i8>,
    y: usize,
    output: &mut [i8],
    to: &Shape,
    window: &Window,
    groups: u16,
    weights: &[i8],
    finish: &Channelwise,
) {
    let (width, outputs) = (usize::from(to.width), usize::from(to.channels));
    let groups_or_one = usize::from(groups).max(1);
    let channels = usize::from(input.shape.channels);
    let inputs = channels / groups_or_one;
    let (runs, run) = int8_runs(window, groups, inputs as u64);
    let horizontal = Axis::horizontal(window);
    let convolution = Convolution {
        input,
        y,
        rows: Axis::vertical(window),
        kernel_rows: usize::from(window.kernel[0]),
        columns: horizontal,
        channels,
        inputs,
        outputs,
        groups: groups_or_one,
        runs: runs as usize,
        run: run as usize,
        step: usize::from(window.dilation[1]) * channels,
        weights,
        finish,
    };
    let inside = horizontal.inside(input.shape.width.into(), width);
    let (mut x, mut rest) = (0, output);
    while x < width {
        let [one, two] = [x, x + 1].map(|x| inside.contains(&x));
        let places = if one && two { 2 } else { 1 };
        let Some((pixels, after)) = take(&mut rest).split_at_mut_checked(places * outputs) else { return };
        if one && two {
            convolution.pixels::<2>(x, pixels, false);
        } else {
            convolution.pixels::<1>(x, pixels, !one);
        }
        (x, rest) = (x + places, after);
    }
}

/// A convolution at a row.
struct Convolution<'a> {
    input: &'a Image<'a, i8>,
    y: usize,
    rows: Axis,
    kernel_rows: usize,
    columns: Axis,
    /// Channels of the input.
    channels: usize,
    /// Of these, those of a group.
    inputs: usize,
    /// Channels of the output.
    outputs: usize,
    groups: usize,
    /// Runs of a kernel row.
    runs: usize,
    /// Length of each.
    run: usize,
    /// Elements of the input from one to the next.
    step: usize,
    weights: &'a [i8],
    finish: &'a Channelwise<'a>,
}

impl Convolution<'_> {
    /// The pixels from column `x` on. `edge` says that columns of the window may lie outside.
    #[inline]
    fn pixels<const PLACES: usize>(&self, x: usize, pixels: &mut [i8], edge: bool) {
        let outside = self.finish.requantise.input_zero;
        let group_outputs = self.outputs / self.groups;
        let run_weights = weights_of_run(self.run);
        let mut weights = self.weights;
        let corners: [usize; PLACES] =
            from_fn(|place| self.columns.place(x + place, 0).wrapping_mul(self.channels));
        for group in 0..self.groups {
            for block in (0..group_outputs).step_by(INT8_OUTPUT_BLOCK) {
                let channel = group * group_outputs + block;
                let mut sums = [self.finish.start(channel); PLACES];
                for tap in 0..self.kernel_rows {
                    let row = row(self.input, &self.rows, self.y, tap);
                    for run in 0..self.runs {
                        let Some((run_of, after)) = weights.split_at_checked(run_weights) else { return };
                        weights = after;
                        let offset = group * self.inputs + run * self.step;
                        let starts = corners.map(|corner| corner.wrapping_add(offset));
                        if edge || row.is_empty() {
                            for (sums, start) in sums.iter_mut().zip(starts) {
                                accumulate_edge(sums, row, start, self.run, outside, run_of);
                            }
                        } else {
                            let runs = starts.map(|start| {
                                row.get(start..start.wrapping_add(self.run)).unwrap_or_default()
                            });
                            accumulate(&mut sums, runs, run_of);
                        }
                    }
                }
                let left = INT8_OUTPUT_BLOCK.min(group_outputs - block);
                for (pixel, sums) in pixels.chunks_exact_mut(self.outputs.max(1)).zip(&sums) {
                    let places = pixel.get_mut(channel..channel + left).unwrap_or_default();
                    self.finish.store(places, channel, sums);
                }
            }
        }
    }
}
