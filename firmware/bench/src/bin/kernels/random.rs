//! The same numbers at every run.

/// A stream of numbers.
pub struct Random(u32);

impl Random {
    pub fn new() -> Self {
        Self(2_463_534_242)
    }

    pub fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 >> 4
    }

    /// From `first` to `last`.
    pub fn within(&mut self, first: u32, last: u32) -> u32 {
        first + self.next() % (last - first + 1)
    }

    /// One time in so many.
    pub fn once_in(&mut self, many: u32) -> bool {
        self.next().is_multiple_of(many)
    }

    /// Zeros of both signs, numbers of both signs; infinities and so NaN only if `wild`.
    pub fn fill(&mut self, numbers: &mut [f32], wild: bool) {
        for number in numbers {
            *number = match self.next() % 64 {
                0..4 => 0.0,
                4..8 => -0.0,
                8 if wild => f32::INFINITY,
                9 if wild => f32::NEG_INFINITY,
                _ => (self.next() % 65_536) as f32 / 16_384.0 - 2.0,
            };
        }
    }

    /// Any bytes, the extremes often among them.
    pub fn fill_bytes(&mut self, bytes: &mut [i8]) {
        for byte in bytes {
            *byte = match self.next() {
                x if x % 16 == 0 => i8::MIN,
                x if x % 16 == 1 => i8::MAX,
                x => (x >> 8) as i8,
            };
        }
    }
}
