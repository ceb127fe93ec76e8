use proptest::prelude::*;
use supple_pack::Activation;

use crate::kernels::definition::{Case, assert_same, cases, numbers, packed, shape};
use crate::kernels::{convolution, dense, depthwise};

proptest! {
    #[test]
    fn a_wide_convolution_gives_the_same_bits(case in cases(80), relu: bool) {
        let activation = if relu { Activation::Relu } else { Activation::None };
        let Case { to, window, groups, .. } = case;
        let input = numbers(case.seed, case.from.elements() as usize);
        let count = usize::from(to.channels) * case.window.taps() as usize * usize::from(case.from.channels);
        let weights = packed(&case, &numbers(case.seed ^ 1, count / usize::from(groups)));
        let bias = numbers(case.seed ^ 2, usize::from(to.channels));
        let expected = case.by_rows(&input, |image, y, output| {
            convolution::row_by_strips(image, y, output, &to, &window, groups, &weights, &bias, activation);
        });
        let found = case.by_rows(&input, |image, y, output| {
            convolution::convolution_row(image, y, output, &to, &window, groups, &weights, &bias, activation);
        });
        assert_same(&found, &expected);
    }

    #[test]
    fn a_wide_depthwise_convolution_gives_the_same_bits(case in cases(40), multiplier in 1u16..3) {
        let to = shape(case.to.height, case.to.width, case.from.channels * multiplier);
        let case = Case { to, ..case };
        let window = case.window;
        let input = numbers(case.seed, case.from.elements() as usize);
        let weights = numbers(case.seed ^ 1, window.taps() as usize * usize::from(to.channels));
        let bias = numbers(case.seed ^ 2, usize::from(to.channels));
        let expected = case.by_rows(&input, |image, y, output| {
            depthwise::portable_row(image, y, output, &to, &window, &weights, &bias, Activation::None);
        });
        let found = case.by_rows(&input, |image, y, output| {
            depthwise::depthwise_row(image, y, output, &to, &window, &weights, &bias, Activation::None);
        });
        assert_same(&found, &expected);
    }

    #[test]
    fn a_wide_dense_layer_gives_the_same_bits(inputs in 1usize..100, outputs in 1usize..100, seed: u32) {
        let input = numbers(seed, inputs);
        let weights = numbers(seed ^ 1, inputs * outputs.next_multiple_of(8));
        let bias = numbers(seed ^ 2, outputs);
        let mut expected = vec![f32::NAN; outputs];
        dense::as_strip(&input, &mut expected, &weights, &bias, Activation::Relu);
        let mut found = vec![f32::NAN; outputs];
        dense::dense(&input, &mut found, &weights, &bias, Activation::Relu);
        assert_same(&found, &expected);
    }
}
