use proptest::prelude::*;

use super::*;
use crate::kernels::activate;
use crate::kernels::definition::{Case, assert_same, cases, numbers, packed, shape};

/// Checks one case: by rows, whole and in part, against the definition.
fn check(case: &Case, activation: Activation) {
    let groups = usize::from(case.groups);
    let inputs = usize::from(case.from.channels) / groups;
    let outputs = usize::from(case.to.channels) / groups;
    let taps = case.window.taps() as usize;
    let input = numbers(case.seed, case.from.elements() as usize);
    let weights = numbers(case.seed ^ 1, groups * outputs * taps * inputs);
    let bias = numbers(case.seed ^ 2, groups * outputs);
    let expected = case.by_definition(|at, out| {
        let mut sum = bias[out];
        for ([row, column], place) in case.taps(at) {
            let tap = row * usize::from(case.window.kernel[1]) + column;
            for channel in 0..inputs {
                let x = case.at(&input, place, out / outputs * inputs + channel);
                sum += x * weights[(out * taps + tap) * inputs + channel];
            }
        }
        activate(sum, activation)
    });
    let packed = packed(case, &weights);
    let found = case.by_rows(&input, |image, y, output| {
        let Case { to, window, groups, .. } = case;
        convolution_row(image, y, output, to, window, *groups, &packed, &bias, activation);
    });
    assert_same(&found, &expected);
}

proptest! {
    #[test]
    fn agrees_with_the_definition_bit_for_bit(case in cases(11), relu: bool) {
        check(&case, if relu { Activation::Relu } else { Activation::None });
    }

    #[test]
    fn many_channels_agree_as_well(case in cases(40)) {
        check(&case, Activation::Clip { low: -1.5, high: 6.0 });
    }
}

/// A signal of four samples, by hand: taps two apart, one sample of padding.
#[test]
fn a_dilated_signal_in_two_groups() {
    let window = Window { kernel: [1, 2], stride: [1, 1], pad: [0, 1], dilation: [1, 2] };
    let (from, to) = (shape(1, 4, 2), shape(1, 4, 2));
    // The first group's kernel is 1, 10; the second's 2, 3.
    let mut weights = [0.0; 32];
    for (place, weight) in [(0, 1.0), (8, 10.0), (16, 2.0), (24, 3.0)] {
        weights[place] = weight;
    }
    let input = [1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0];
    let image = Image { elements: &input, shape: from, rows: 1 };
    let mut output = [9.0; 8];
    convolution_row(&image, 0, &mut output, &to, &window, 2, &weights, &[0.5, -1.0], Activation::None);
    // First: 0.5 + 10·2, 0.5 + 1 + 10·3, 0.5 + 2 + 10·4, 0.5 + 3; second: −1 + 3·6, −1 + 2·5 + 3·7, …
    assert_eq!(output, [20.5, 17.0, 31.5, 30.0, 42.5, 35.0, 3.5, 13.0]);
}
