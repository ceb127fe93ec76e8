//! A value of a recording: `i16` as converters and files give it, or `f32` between -1 and 1.

/// One value of a mono recording.
pub trait Pcm: Copy {
    /// Between -1 and 1; what is beyond is cut off, and not a number is 0.
    fn value(self) -> f32;
    /// The nearest one.
    fn of(value: f32) -> Self;
}

impl Pcm for i16 {
    fn value(self) -> f32 {
        f32::from(self) * (1.0 / 32768.0)
    }

    /// Halves go away from 0; the cast keeps to the range.
    fn of(value: f32) -> Self {
        let scaled = value * 32768.0;
        (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i16
    }
}

impl Pcm for f32 {
    fn value(self) -> f32 {
        if self > 1.0 {
            1.0
        } else if self < -1.0 {
            -1.0
        } else if self.is_nan() {
            0.0
        } else {
            self
        }
    }

    fn of(value: f32) -> Self {
        value
    }
}

/// The mean of a recording, between -1 and 1; 0 of an empty one. Converters and cheap microphones have an offset
/// that would count as sound.
pub fn mean<P: Pcm>(recording: &[P]) -> f32 {
    let sum = recording.iter().fold(0.0, |sum, value| sum + value.value());
    if recording.is_empty() { 0.0 } else { sum / recording.len() as f32 }
}

/// The value at `index` above `mean`; 0 before the recording's begin and behind its end.
pub(crate) fn at<P: Pcm>(recording: &[P], index: isize, mean: f32) -> f32 {
    // A negative index becomes one that no slice reaches.
    recording.get(index as usize).map_or(0.0, |value| value.value() - mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_and_keep_to_the_range() {
        for value in [i16::MIN, -12345, -1, 0, 1, 2, 777, i16::MAX] {
            assert_eq!(i16::of(value.value()), value);
        }
        assert_eq!(i16::of(1.5), i16::MAX);
        assert_eq!(i16::of(-1.5), i16::MIN);
        assert_eq!(i16::of(f32::NAN), 0);
        assert_eq!(i16::of(-0.5 / 32768.0), -1);
        assert_eq!(i16::of(0.499 / 32768.0), 0);
    }

    #[test]
    fn floats_keep_to_the_range() {
        let values = [f32::INFINITY, -3.0, f32::NAN, 0.25].map(Pcm::value);
        assert_eq!(values, [1.0, -1.0, 0.0, 0.25]);
    }

    #[test]
    fn nothing_lies_outside_a_recording() {
        let recording = [i16::MAX; 3];
        for index in [-1, 3, isize::MIN, isize::MAX] {
            assert_eq!(at(&recording, index, 0.5), 0.0);
        }
        assert_eq!(mean::<i16>(&[]), 0.0);
        assert_eq!(mean(&[16384i16, 0]), 0.25);
    }
}
