//! A window of a motion sensor, acceleration and turn rate, as what a trunk sees.
//!
//! The axes depend on how the device is worn, and a step may begin anywhere in a window. So two strengths are added which
//! know neither: the acceleration's around its mean, which is mostly gravity, and the turn rate's, as the root of the
//! mean square over the window.

/// Values a row comes with: acceleration in x, y, z (m/s²), then turn rate in x, y, z (rad/s).
pub const AXES: usize = 6;
/// Values a row leaves with: the axes, then both strengths, which are the same in all rows.
pub const CHANNELS: usize = 8;
/// Earth's acceleration in m/s², so that 1 is what a resting device feels.
const GRAVITY: f32 = 9.81;
/// Turn rate in rad/s that counts as 1: about as large as a pocket's or a wrist's in walking.
const TURN: f32 = 2.0;

/// Writes the features of a window, row by row, and gives the number of rows written: as many as are whole and as
/// `output` takes. Rates are slowed before, by [`average`](crate::window::average).
pub fn features(window: &[f32], output: &mut [f32]) -> usize {
    let mut mean = [0.0; 3];
    let mut rows = 0;
    for row in window.chunks_exact(AXES).take(output.len() / CHANNELS) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        rows += 1;
    }
    if rows == 0 {
        return 0;
    }
    mean.iter_mut().for_each(|sum| *sum = *sum / rows as f32 / GRAVITY);
    let (mut swing, mut turn) = (0.0, 0.0);
    for (row, out) in window.chunks_exact(AXES).zip(output.chunks_exact_mut(CHANNELS)) {
        for (axis, (value, out)) in row.iter().zip(out.iter_mut()).enumerate() {
            match mean.get(axis) {
                Some(mean) => {
                    *out = value / GRAVITY;
                    swing += (*out - mean) * (*out - mean);
                }
                None => {
                    *out = value / TURN;
                    turn += *out * *out;
                }
            }
        }
    }
    let strengths = [libm::sqrtf(swing / rows as f32), libm::sqrtf(turn / rows as f32)];
    for out in output.chunks_exact_mut(CHANNELS).take(rows) {
        out.iter_mut().skip(AXES).zip(strengths).for_each(|(out, strength)| *out = strength);
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_resting_device_feels_gravity_alone() {
        let row = [0.0, 0.0, GRAVITY, 0.0, 0.0, 0.0];
        let window = [row, row].concat();
        let mut output = [7.0; 2 * CHANNELS];
        assert_eq!(features(&window, &mut output), 2);
        assert_eq!(output[..CHANNELS], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn strengths_know_neither_axes_nor_order() {
        let mut output = [0.0; 2 * CHANNELS];
        let window = [GRAVITY, 0.0, 0.0, 6.0, 8.0, 0.0, -GRAVITY, 0.0, 0.0, 0.0, 0.0, 10.0];
        assert_eq!(features(&window, &mut output), 2);
        assert_eq!(output[6..8], [1.0, 5.0]);
        assert_eq!(output[14..], [1.0, 5.0]);
        let mut other = [0.0; 2 * CHANNELS];
        let window = [0.0, -GRAVITY, 0.0, 0.0, 0.0, 10.0, 0.0, GRAVITY, 0.0, -8.0, 0.0, 6.0];
        assert_eq!(features(&window, &mut other), 2);
        assert_eq!(other[6..8], output[6..8]);
    }

    proptest! {
        #[test]
        fn any_lengths_are_answered(
            window in prop::collection::vec(-100.0f32..100.0, 0..40), room in 0usize..60,
        ) {
            let mut output = [0.0; 60];
            let rows = features(&window, &mut output[..room]);
            prop_assert_eq!(rows, (window.len() / AXES).min(room / CHANNELS));
            prop_assert!(output.iter().all(|value| value.is_finite()));
        }
    }
}
