use proptest::prelude::*;

use super::*;
use crate::kernels::activate;
use crate::kernels::definition::{Case, assert_same, cases, numbers, shape};

proptest! {
    #[test]
    fn agrees_with_the_definition_bit_for_bit(case in cases(20), multiplier in 1u16..4) {
        let outputs = case.from.channels * multiplier;
        let case = Case { to: shape(case.to.height, case.to.width, outputs), ..case };
        let outputs = usize::from(outputs);
        let input = numbers(case.seed, case.from.elements() as usize);
        let weights = numbers(case.seed ^ 1, case.window.taps() as usize * outputs);
        let bias = numbers(case.seed ^ 2, outputs);
        let expected = case.by_definition(|at, out| {
            let mut sum = bias[out];
            for ([row, column], place) in case.taps(at) {
                let tap = row * usize::from(case.window.kernel[1]) + column;
                sum += case.at(&input, place, out / usize::from(multiplier)) * weights[tap * outputs + out];
            }
            activate(sum, Activation::Relu)
        });
        let found = case.by_rows(&input, |image, y, output| {
            depthwise_row(image, y, output, &case.to, &case.window, &weights, &bias, Activation::Relu);
        });
        assert_same(&found, &expected);
    }
}

#[test]
fn two_channels_by_hand() {
    let window = Window { kernel: [2, 2], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
    let input = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0];
    let image = Image { elements: &input, shape: shape(2, 2, 2), rows: 2 };
    let weights = [1.0, 0.5, 2.0, 0.25, 3.0, -1.0, 4.0, 1.0];
    let mut output = [9.0; 2];
    depthwise_row(
        &image,
        0,
        &mut output,
        &shape(1, 1, 2),
        &window,
        &weights,
        &[100.0, 200.0],
        Activation::None,
    );
    // 100 + 1 + 4 + 9 + 16; 200 + 5 + 5 − 30 + 40.
    assert_eq!(output, [130.0, 220.0]);
}
