use proptest::prelude::*;

use super::*;
use crate::kernels::definition::shape;
use crate::kernels::image::Image;
use crate::kernels::window::Taps;

/// Small counts, as they should be, and now and then one that overflows.
fn count(most: usize) -> impl Strategy<Value = usize> {
    prop_oneof![30 => 0..=most, 1 => Just(usize::MAX), 1 => Just(usize::MAX / 2 + 1), 1 => Just(1 << 33)]
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    first_row: usize,
    row_step: usize,
    /// Of the strip, in the order in which it has them.
    fields: [usize; 10],
    blocks: usize,
    pixels: usize,
    output: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    // A kernel's rows and columns are counted in bytes, so they never overflow.
    let [rows, runs] = [4, 3].map(|most| (0usize..=most).boxed());
    let [run, run_step, pixel_step, gap, block, step, weight, input] =
        [6, 8, 8, 3, 20, 20, 20, 6].map(|most| count(most).boxed());
    let fields = [rows, runs, run, run_step, pixel_step, gap, block, step, weight, input];
    let rest = (0usize..6, 0usize..=3, fields, 0usize..4, 0usize..=4, 0usize..80);
    rest.prop_map(|(first_row, row_step, fields, blocks, pixels, output)| Asked {
        first_row,
        row_step,
        fields,
        blocks,
        pixels,
        output,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// What assembly relies on: every element that a strip reads or writes lies inside, or it is refused.
    #[test]
    fn a_strip_that_reaches_outside_is_refused(
        asked in asked(), rows in 0u16..5, width in 0u16..6, channels in 0u16..4, elements in 0usize..80, weights in 0usize..90
    ) {
        let [kernel_rows, runs, run, run_step, pixel_step, weight_gap, weight_block, output_step, first_weight, first_input] =
            asked.fields;
        let inputs = vec![1.0; elements];
        let weights = vec![[1.0; OUTPUT_BLOCK]; weights];
        let image = Image { elements: &inputs, shape: shape(9, width, channels), rows };
        let taps = Taps { first_tap: 0, first_input: asked.first_row, count: kernel_rows };
        let lines = Lines::of(&image, &taps, asked.row_step);
        let bias = vec![0.0; asked.blocks * OUTPUT_BLOCK];
        let strip = Strip {
            rows: kernel_rows,
            runs,
            run,
            run_step,
            pixel_step,
            weight_gap,
            weight_block,
            output_step,
            lines,
            first_input,
            first_weight,
            inputs: &inputs,
            weights: &weights,
            bias: &bias,
            activation: Activation::None,
        };
        if strip.stays_inside(asked.blocks, asked.pixels, asked.output).is_none() {
            let mut output = vec![9.0; asked.output];
            sum_blocks(&strip, asked.pixels, &mut output);
            prop_assert!(output.iter().all(|&untouched| untouched == 9.0));
            return Ok(());
        }
        for pixel in 0..asked.pixels {
            prop_assert!(pixel * output_step + asked.blocks * OUTPUT_BLOCK <= asked.output);
        }
        for (pixel, block) in (0..asked.pixels).flat_map(|pixel| (0..asked.blocks).map(move |block| (pixel, block))) {
            let mut line = lines.first;
            let mut weight = first_weight as u128 + (block as u128) * weight_block as u128;
            for _ in 0..kernel_rows {
                for index in 0..runs {
                    let from = line + first_input + pixel * pixel_step + index * run_step;
                    prop_assert!(from + run <= elements);
                    weight += run as u128;
                    prop_assert!(weight <= weights.len() as u128);
                }
                weight += weight_gap as u128;
                line = lines.after(line);
            }
        }
    }
}

/// Two pixels of one channel, nine outputs: a whole block and one output more.
#[test]
fn a_block_and_an_output_more() {
    let inputs = [1.0, 2.0, 3.0];
    let mut weights = [[0.0; OUTPUT_BLOCK]; 4];
    (weights[0], weights[1]) = ([10.0; 8], [0.5; 8]);
    (weights[2][0], weights[3][0]) = (-1.0, 4.0);
    let strip = Strip {
        rows: 1,
        runs: 1,
        run: 2,
        run_step: 1,
        pixel_step: 1,
        weight_gap: 0,
        weight_block: 2,
        output_step: 9,
        lines: Lines::one(3),
        first_input: 0,
        first_weight: 0,
        inputs: &inputs,
        weights: &weights,
        bias: &[0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -100.0],
        activation: Activation::Clip { low: -90.0, high: 20.0 },
    };
    let mut output = [9.0; 19];
    strip.write(2, &mut output);
    // 1·10 + 2·0.5 and 2·10 + 3·0.5, clipped; −100 − 1 + 8, clipped, and −100 − 2 + 12.
    assert_eq!(output[..9], [11.25, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, -90.0]);
    assert_eq!(output[9..], [20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0, -90.0, 9.0]);
}
