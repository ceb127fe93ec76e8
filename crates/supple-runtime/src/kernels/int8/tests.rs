//! Literal values, computed by hand.

use supple_pack::op::{Requantise, Rescale};
use supple_pack::{Shape, Window};

use super::definition::{CONVOLUTIONS, DENSE, convolution_row};
use super::*;
use crate::kernels::image::Image;

/// A way to the output that changes nothing but the zero: `value · 2 / 2`.
const AS_IT_IS: Rescale = Rescale { multiplier: 2, shift: 1, output_zero: 0, low: -128, high: 127 };

/// Weights that begin at a word.
#[repr(align(4))]
struct Aligned<const N: usize>([i8; N]);

fn as_it_is(input_zero: i8) -> Requantise {
    Requantise { multipliers: 0, shift: 1, input_zero, output_zero: 0, low: -128, high: 127 }
}

fn whole(elements: &[i8], height: u16, width: u16, channels: u16) -> Image<'_, i8> {
    Image { elements, shape: Shape { height, width, channels }, rows: height }
}

fn shape(height: u16, width: u16, channels: u16) -> Shape {
    Shape { height, width, channels }
}

/// The example of `docs/quantisation.md`.
#[test]
fn the_documented_example() {
    let inputs = [1.0, -0.5, 2.0].map(|x| quantise(x, 20.0, -10));
    assert_eq!(inputs, [10, -20, 30]);
    // Scale 0.05 · 0.02 / 0.04 = 0.025 = 1717986918.4 / 2^36.
    let requantise =
        Requantise { multipliers: 0, shift: 36, input_zero: -10, output_zero: 5, low: -128, high: 127 };
    let finish =
        Channelwise { bias: &[300 + 10 * (50 - 100 + 127)], multipliers: &[1_717_986_918], requantise };
    let mut weights = Aligned([0; 16]);
    weights.0[..3].copy_from_slice(&[50, -100, 127]);
    let window = Window { kernel: [1, 3], stride: [1, 1], pad: [0, 1], dilation: [1, 1] };
    let mut output = [0; 3];
    let input = whole(&inputs, 1, 3, 1);
    for kernel in CONVOLUTIONS {
        output = [0; 3];
        convolution_row(kernel, &input, 0, &mut output, &shape(1, 3, 1), &window, 1, &weights.0, &finish);
        assert_eq!(output, [-69, 127, -100]);
    }
    assert_eq!(output.map(|q| dequantise(q, 0.04, 5)), [-2.96, 4.88, -4.2]);
    let mut depthwise = [0; 3];
    depthwise_row(&input, 0, &mut depthwise, &shape(1, 3, 1), &window, &weights.0, &finish);
    assert_eq!(depthwise, output);
}

#[test]
fn halves_are_rounded_up() {
    let halved = |value| rescale(value, &Rescale { multiplier: 1, ..AS_IT_IS });
    assert_eq!([-4, -3, -2, -1, 0, 1, 2, 3].map(halved), [-2, -1, -1, 0, 0, 1, 1, 2]);
    // The same 0.5 with the largest shift that leaves room for it.
    let halved = |value| rescale(value, &Rescale { multiplier: 1 << 30, shift: 31, ..AS_IT_IS });
    assert_eq!([-3, -1, 1, 3].map(halved), [-1, 0, 1, 2]);
    let quarter = |value| rescale(value, &Rescale { multiplier: 1 << 30, shift: 32, ..AS_IT_IS });
    assert_eq!([-7, -6, -5, -2, -1, 1, 2, 5, 6].map(quarter), [-2, -1, -1, 0, 0, 0, 1, 1, 2]);
}

/// TensorFlow Lite's reference: the product rounded to 31 bits, then divided by a power of two and rounded again.
fn rounded_twice(value: i32, multiplier: i32, shift: u32) -> i64 {
    let product = i64::from(value) * i64::from(multiplier);
    let nudge = if product < 0 { 1 - (1 << 30) } else { 1 << 30 };
    let high = (product + nudge) / (1 << 31);
    let mask = (1 << (shift - 31)) - 1;
    (high >> (shift - 31)) + i64::from((high & mask) > (mask >> 1) + i64::from(high < 0))
}

#[test]
fn rounding_twice_is_off_by_one_at_most() {
    let to = |multiplier, shift| Rescale { multiplier, shift, ..AS_IT_IS };
    assert_eq!(rounded_twice(1, 1 << 30, 32), 1);
    assert_eq!(rescale(1, &to(1 << 30, 32)), 0);
    let mut different = 0;
    for value in -9000..9000 {
        let once = rescale(value, &to(1_717_986_918, 37));
        let twice = rounded_twice(value, 1_717_986_918, 37);
        assert!((i64::from(once) - twice).abs() <= 1, "{value}");
        different += i32::from(i64::from(once) != twice);
    }
    assert!((1..360).contains(&different), "{different}");
}

#[test]
fn the_extremes_of_rescaling() {
    let to = |multiplier, shift| Rescale { multiplier, shift, ..AS_IT_IS };
    // 2^62 + 2^61, shifted by 62: 1.5, cut off.
    assert_eq!(rescale(i32::MIN, &to(i32::MIN, 62)), 1);
    assert_eq!(rescale(i32::MIN, &to(i32::MAX, 62)), -1);
    assert_eq!(rescale(i32::MAX, &to(i32::MAX, 62)), 1);
    assert_eq!(rescale(1 << 30, &to(1 << 30, 61)), 1);
    assert_eq!(rescale(-(1 << 30), &to(1 << 30, 61)), 0);
    for shift in [1, 31, 32] {
        assert_eq!(rescale(i32::MIN, &to(i32::MIN, shift)), 127);
        assert_eq!(rescale(i32::MIN, &to(i32::MAX, shift)), -128);
    }
    // The zero is added before it is held within the limits.
    let to = Rescale { multiplier: 2, shift: 1, output_zero: -100, low: -50, high: 20 };
    assert_eq!(
        [0, 49, 50, 51, 120, 121, 500].map(|value| rescale(value, &to)),
        [-50, -50, -50, -49, 20, 20, 20]
    );
}

#[test]
fn two_groups_of_two_rows_far_apart() {
    // Rows 0 and 2 of a 3 × 2 image of two channels, one group each; the second has five outputs of −1, …, −5.
    let input = whole(&[1, 10, 2, 20, 99, 99, 99, 99, 3, 30, 4, 40], 3, 2, 2);
    let window = Window { kernel: [2, 1], stride: [1, 1], pad: [0, 0], dilation: [2, 1] };
    // [groups 2][blocks 2][rows 2][runs 1][words 1][4 outputs][4 inputs].
    let mut weights = Aligned([0; 2 * 2 * 2 * 16]);
    for output in 0..5_usize {
        for row in 0..2 {
            let at = (output / 4 * 2 + row) * 16 + output % 4 * 4;
            weights.0[at] = 1;
            weights.0[64 + at] = -1 - output as i8;
        }
    }
    let bias = [0, 1, 2, 3, 4, 0, 0, 0, 0, 100];
    let finish = Channelwise { bias: &bias, multipliers: &[2; 10], requantise: as_it_is(0) };
    for kernel in CONVOLUTIONS {
        let mut output = [0; 20];
        convolution_row(kernel, &input, 0, &mut output, &shape(1, 2, 10), &window, 2, &weights.0, &finish);
        assert_eq!(output[..10], [4, 5, 6, 7, 8, -40, -80, -120, -128, -100]);
        assert_eq!(output[10..], [6, 7, 8, 9, 10, -60, -120, -128, -128, -128]);
    }
}

#[test]
fn a_ring_of_rows() {
    // Rows 2 and 3 of a 4 × 1 image; row 2 lies in place 2 % 2.
    let elements = [5, 7];
    let input = Image { elements: &elements, shape: shape(4, 1, 1), rows: 2 };
    let window = Window { kernel: [3, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
    let mut weights = Aligned([0; 48]);
    (weights.0[0], weights.0[16], weights.0[32]) = (2, 3, 100);
    let finish = Channelwise { bias: &[0], multipliers: &[2], requantise: as_it_is(-1) };
    for kernel in CONVOLUTIONS {
        let mut output = [0];
        // 2 · 5 + 3 · 7 − 100: the third row lies below the image.
        convolution_row(kernel, &input, 2, &mut output, &shape(3, 1, 1), &window, 1, &weights.0, &finish);
        assert_eq!(output, [-69]);
    }
}

#[test]
fn two_outputs_of_each_input() {
    let input = whole(&[1, 2, 3, 4], 1, 2, 2);
    let window = Window { kernel: [1, 2], stride: [1, 1], pad: [0, 1], dilation: [1, 1] };
    let finish = Channelwise { bias: &[0, 0, 1, 1], multipliers: &[2; 4], requantise: as_it_is(-5) };
    let mut output = [0; 12];
    depthwise_row(&input, 0, &mut output, &shape(1, 3, 4), &window, &[1, 2, 3, 4, 10, 20, 30, -30], &finish);
    assert_eq!(output, [5, 10, 46, -79, 31, 62, 127, -111, -47, -94, -128, 127]);
}

#[test]
fn five_inputs_to_two_outputs() {
    // [blocks 1][words 2][4 outputs][4 inputs].
    let mut weights = Aligned([0; 32]);
    weights.0[..8].copy_from_slice(&[1, 2, 3, 4, -128, -128, -128, -128]);
    (weights.0[16], weights.0[20]) = (5, 127);
    let requantise = Requantise { shift: 2, output_zero: 1, ..as_it_is(0) };
    let finish = Channelwise { bias: &[2, 0], multipliers: &[1, -1], requantise };
    for dense in DENSE {
        let mut output = [0; 2];
        dense(&[1, 1, 1, 1, -2], &mut output, &weights.0, &finish);
        // 2 + 10 − 10 = 2, a quarter is 0.5; −512 − 254 = −766, minus a quarter is 191.5.
        assert_eq!(output, [2, 127]);
        dense(&[-128, -128, -128, -128, 127], &mut output, &weights.0, &finish);
        // 2 − 1280 + 635 = −643, −160.75; 65536 + 16129.
        assert_eq!(output, [-128, -128]);
    }
}

#[test]
fn pools_of_two_by_two() {
    let input = whole(&[-1, 5, 2, 0, -3, 7, 1, 8, -2], 3, 3, 1);
    let window = Window { kernel: [2, 2], stride: [2, 2], pad: [1, 1], dilation: [1, 1] };
    let to = shape(2, 2, 1);
    let mut output = [0; 4];
    let (top, bottom) = output.split_at_mut(2);
    max_pool_row(&input, 0, top, &to, &window);
    max_pool_row(&input, 1, bottom, &to, &window);
    assert_eq!(output, [-1, 5, 1, 8]);
    let mut average = |padding| {
        let (top, bottom) = output.split_at_mut(2);
        average_pool_row(&input, 0, top, &to, &window, padding);
        average_pool_row(&input, 1, bottom, &to, &window, padding);
        output
    };
    // −1; 7 / 2; 1 / 2; 10 / 4: halves are rounded up.
    assert_eq!(average(None), [-1, 4, 1, 3]);
    // (−1 − 9) / 4, (7 − 6) / 4, (1 − 6) / 4, 10 / 4.
    assert_eq!(average(Some(-3)), [-2, 0, -1, 3]);
}

#[test]
fn the_mean_and_the_largest_of_an_image() {
    let input = [1, -128, 2, 127, 4, -128, 8, -128];
    let mut output = [0; 2];
    global_maximum(&input, &mut output);
    assert_eq!(output, [8, 127]);
    // (15 + 8) / 4 = 5.75, (−257 + 8) / 4 = −62.25, 10 more.
    let quarter = Rescale { multiplier: 1, shift: 2, output_zero: 10, low: -128, high: 127 };
    global_average(&input, &mut output, -2, &quarter);
    assert_eq!(output, [16, -52]);
}

#[test]
fn sums_and_products_of_two() {
    // (10 + 1) · 3 − (−5 − 2) · 2 = 47, an eighth is 5.875.
    let to = Rescale { multiplier: 1, shift: 3, output_zero: -1, low: -128, high: 127 };
    assert_eq!(sum(10, -5, [-1, 2], [3, -2], &to), 5);
    // 11 · −7 = −77, −9.625.
    assert_eq!(product(10, -5, [-1, 2], &to), -11);
    // The extremes that a pack may hold, then those that none holds.
    let to = Rescale { shift: 24, ..to };
    assert_eq!(sum(127, 127, [-128, -128], [1 << 21, 1 << 21], &to), 63);
    assert_eq!(sum(-128, -128, [127, 127], [1 << 21, 1 << 21], &to), -65);
    sum(-128, 127, [127, -128], [i32::MIN, i32::MAX], &Rescale { multiplier: i32::MIN, ..to });
}

#[test]
fn floats_to_bytes_and_back() {
    let halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].map(|x| quantise(x, 1.0, 0));
    assert_eq!(halves, [-2, -1, 0, 1, 2, 3]);
    assert_eq!([-2.51, -0.49, 0.49, 0.51].map(|x| quantise(x, 1.0, 10)), [7, 10, 10, 11]);
    for zero in [-128, 3, 127] {
        assert_eq!(quantise(f32::NAN, 1.0, zero), zero);
        assert_eq!(quantise(f32::INFINITY, 0.0, zero), zero);
        assert_eq!([f32::INFINITY, 3e9, f32::MAX].map(|x| quantise(x, 2.0, zero)), [127; 3]);
        assert_eq!([f32::NEG_INFINITY, -3e9, f32::MIN].map(|x| quantise(x, 2.0, zero)), [-128; 3]);
    }
    // Just below one half, half more is rounded to 1 already.
    assert_eq!(quantise(0.499_999_97, 1.0, 0), 1);
    assert_eq!(dequantise(-128, 0.5, 127), -127.5);
    assert_eq!(dequantise(7, 0.25, 7), 0.0);
}

#[test]
fn shapes_that_do_not_fit_stop_nothing() {
    let finish = Channelwise { bias: &[], multipliers: &[], requantise: as_it_is(0) };
    let window = Window { kernel: [3, 3], stride: [0, 0], pad: [255, 255], dilation: [0, 0] };
    let mut output = [7; 6];
    for input in [whole(&[], 0, 0, 0), whole(&[1; 4], 9, 9, 3)] {
        for channels in [0, 3] {
            let to = shape(2, 2, channels);
            for kernel in CONVOLUTIONS {
                convolution_row(
                    kernel,
                    &input,
                    5,
                    &mut output,
                    &to,
                    &window,
                    0,
                    &Aligned([1; 40]).0,
                    &finish,
                );
            }
            depthwise_row(&input, 5, &mut output, &to, &window, &[1; 40], &finish);
            max_pool_row(&input, 5, &mut output, &to, &window);
            average_pool_row(&input, 5, &mut output, &to, &window, None);
        }
    }
    let odd = Rescale { multiplier: 1, shift: 0, output_zero: 0, low: 5, high: -5 };
    rescale(i32::MIN, &odd);
    rescale(i32::MIN, &Rescale { shift: 255, ..odd });
    for dense in DENSE {
        dense(&[], &mut output, &[], &finish);
        dense(&[1; 9], &mut [], &Aligned([1; 4]).0, &finish);
    }
    global_average(&[], &mut output, 0, &odd);
    global_average(&[1; 3], &mut [], 0, &odd);
}
