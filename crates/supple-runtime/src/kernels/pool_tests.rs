use proptest::prelude::*;

use super::*;
use crate::kernels::definition::{Case, assert_same, cases, numbers, shape};

/// The same channels in and out.
fn pooled(case: &Case) -> Case {
    Case { to: shape(case.to.height, case.to.width, case.from.channels), ..*case }
}

proptest! {
    #[test]
    fn the_largest_agrees_with_the_definition(case in cases(9)) {
        let case = pooled(&case);
        // A window that sees nothing leaves its output as it was.
        let input = numbers(case.seed, case.from.elements() as usize);
        let expected = case.by_definition(|at, channel| {
            let values = case.taps(at).into_iter().map(|(_, place)| case.at(&input, place, channel));
            values.reduce(|largest, value| if value > largest { value } else { largest }).unwrap_or(f32::NAN)
        });
        let found = case.by_rows(&input, |image, y, output| {
            max_pool_row(image, y, output, &case.to, &case.window);
        });
        assert_same(&found, &expected);
    }

    #[test]
    fn the_mean_agrees_with_the_definition(case in cases(9), count_padding: bool) {
        let case = pooled(&case);
        let input = numbers(case.seed, case.from.elements() as usize);
        let expected = case.by_definition(|at, channel| {
            let taps = case.taps(at);
            let count = if count_padding { case.window.taps() as usize } else { taps.len() };
            let sum = taps.iter().fold(0.0, |sum, (_, place)| sum + case.at(&input, *place, channel));
            sum * (1.0 / count.max(1) as f32)
        });
        let found = case.by_rows(&input, |image, y, output| {
            average_pool_row(image, y, output, &case.to, &case.window, count_padding);
        });
        assert_same(&found, &expected);
    }
}

const WINDOW: Window = Window { kernel: [2, 2], stride: [2, 2], pad: [1, 1], dilation: [1, 1] };
const VALUES: [f32; 9] = [-1.0, 5.0, 2.0, 0.0, -3.0, 7.0, 1.0, 8.0, -2.0];

#[test]
fn the_largest_under_each_window() {
    let image = Image { elements: &VALUES, shape: shape(3, 3, 1), rows: 3 };
    let mut output = [9.0; 4];
    for (y, row) in output.chunks_mut(2).enumerate() {
        max_pool_row(&image, y, row, &shape(2, 2, 1), &WINDOW);
    }
    assert_eq!(output, [-1.0, 5.0, 1.0, 8.0]);
}

#[test]
fn means_with_and_without_the_padding() {
    let image = Image { elements: &VALUES, shape: shape(3, 3, 1), rows: 3 };
    for (count_padding, expected) in [(true, [-0.25, 1.75, 0.25, 2.5]), (false, [-1.0, 3.5, 0.5, 2.5])] {
        let mut output = [9.0; 4];
        for (y, row) in output.chunks_mut(2).enumerate() {
            average_pool_row(&image, y, row, &shape(2, 2, 1), &WINDOW, count_padding);
        }
        assert_eq!(output, expected);
    }
}

#[test]
fn mean_and_largest_of_each_channel() {
    let input = [1.0, 10.0, 2.0, 60.0, 3.0, 30.0, 6.0, 20.0];
    let mut output = [9.0; 2];
    global_average(&input, &mut output);
    assert_eq!(output, [3.0, 30.0]);
    global_maximum(&input, &mut output);
    assert_eq!(output, [6.0, 60.0]);
}
