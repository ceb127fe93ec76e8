//! Windows of a signal with several channels, such as a motion sensor's: values are `[row][channels]`, a row an instant.

/// How windows are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Rows of a window.
    pub length: usize,
    /// Rows from one window's begin to the next; 0 counts as 1.
    pub hop: usize,
}

impl Windows {
    /// How many whole windows a signal of `rows` rows has.
    pub fn count(self, rows: usize) -> usize {
        match rows.checked_sub(self.length) {
            Some(rest) if self.length > 0 => (rest / self.hop.max(1)).saturating_add(1),
            _ => 0,
        }
    }

    /// Window number `index` of a signal, if it has one; as long as `length` × `channels`.
    pub fn get(self, signal: &[f32], channels: usize, index: usize) -> Option<&[f32]> {
        let begin = index.checked_mul(self.hop.max(1))?.checked_mul(channels)?;
        let length = self.length.checked_mul(channels)?;
        let window = signal.get(begin..begin.checked_add(length)?)?;
        (!window.is_empty()).then_some(window)
    }
}

/// Averages every `factor` rows into one, each channel for itself: a slower signal without what it could not hold.
/// Gives the number of rows written: as many as are whole and as `output` takes.
pub fn average(signal: &[f32], channels: usize, factor: usize, output: &mut [f32]) -> usize {
    let Some(group) = channels.checked_mul(factor) else { return 0 };
    // The compiler does not see that a product of numbers that are not 0 is not 0.
    if channels == 0 || group == 0 {
        return 0;
    }
    let mut rows = 0;
    for (group, row) in signal.chunks_exact(group).zip(output.chunks_exact_mut(channels)) {
        for (channel, out) in row.iter_mut().enumerate() {
            let values = group.iter().skip(channel).step_by(channels);
            *out = values.fold(0.0, |sum, value| sum + value) / factor as f32;
        }
        rows += 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn windows_overlap_and_are_whole() {
        let signal: [f32; 14] = core::array::from_fn(|n| n as f32);
        let windows = Windows { length: 3, hop: 2 };
        assert_eq!(windows.count(7), 3);
        assert_eq!(windows.get(&signal, 2, 0), Some(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..]));
        assert_eq!(windows.get(&signal, 2, 2), Some(&[8.0, 9.0, 10.0, 11.0, 12.0, 13.0][..]));
        assert_eq!(windows.get(&signal, 2, 3), None);
        assert_eq!(Windows { length: 0, hop: 0 }.count(5), 0);
        assert_eq!(Windows { length: 5, hop: 0 }.count(7), 3);
    }

    #[test]
    fn rows_are_averaged_by_channel() {
        let signal = [1.0, 10.0, 3.0, 30.0, 5.0, 50.0, 7.0, 70.0, 9.0, 90.0];
        let mut output = [0.0; 6];
        assert_eq!(average(&signal, 2, 2, &mut output), 2);
        assert_eq!(output, [2.0, 20.0, 6.0, 60.0, 0.0, 0.0]);
        assert_eq!(average(&signal, 2, 1, &mut output), 3);
        assert_eq!(average(&signal, 0, 2, &mut output), 0);
        assert_eq!(average(&signal, 2, usize::MAX, &mut output), 0);
    }

    proptest! {
        #[test]
        fn count_and_get_agree(
            length in 0usize..6, hop in 0usize..6, channels in 1usize..4, rows in 0usize..30, any in any::<usize>(),
        ) {
            let signal = std::vec![0.0; rows * channels];
            let windows = Windows { length, hop };
            let count = windows.count(rows);
            for index in (0..40).chain([any]) {
                prop_assert_eq!(windows.get(&signal, channels, index).is_some(), index < count);
            }
        }
    }
}
