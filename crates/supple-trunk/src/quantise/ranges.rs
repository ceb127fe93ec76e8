//! From what values were seen to be to the range that their `i8` cover.

use serde::{Deserialize, Serialize};

use crate::lower::draft::Quantum;

/// Bins of a histogram.
const BINS: usize = 2048;
/// Ranges tried when the mean squared error is made small: this many, from the whole range downwards.
const TRIES: usize = 100;

/// How a value's range is chosen from what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum RangeChoice {
    /// From the smallest to the largest.
    MinMax,
    /// So that this part of all elements, in percent, lies inside; the rest is clipped, half at each end.
    Percentile(f32),
    /// So that the mean squared error of rounding and clipping together is the smallest.
    MeanSquaredError,
}

/// A closed range of real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The smallest.
    pub low: f32,
    /// The largest.
    pub high: f32,
}

impl Range {
    /// Nothing seen yet.
    pub const EMPTY: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY };

    /// Takes in another.
    pub fn joined(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// The scale and zero that cover it. Zero is always exact: padding and relu need it.
    pub fn quantum(self) -> Quantum {
        let (low, high) = (f64::from(self.low.min(0.0)), f64::from(self.high.max(0.0)));
        let width = if (high - low).is_normal() { high - low } else { 1.0 };
        let scale = (width / 255.0) as f32;
        let zero = (-128.0 - low / f64::from(scale)).round().clamp(-128.0, 127.0);
        Quantum { scale, zero: zero as i8 }
    }
}

/// Counts of a value's elements within its whole range.
#[derive(Debug, Clone)]
pub struct Histogram {
    range: Range,
    counts: Vec<u64>,
}

impl Histogram {
    /// Empty, over a range.
    pub fn over(range: Range) -> Self {
        Self { range, counts: vec![0; BINS] }
    }

    fn width(&self) -> f64 {
        (f64::from(self.range.high) - f64::from(self.range.low)) / BINS as f64
    }

    /// Counts an element; what lies outside counts to the nearest bin.
    pub fn add(&mut self, x: f32) {
        let at = (f64::from(x) - f64::from(self.range.low)) / self.width();
        // A range of one point divides by zero; a cast takes that as bin 0.
        self.counts[(at as usize).min(BINS - 1)] += 1;
    }

    /// The chosen range.
    pub fn choose(&self, choice: RangeChoice) -> Range {
        match choice {
            RangeChoice::MinMax => self.range,
            RangeChoice::Percentile(percent) => self.percentile(f64::from(percent)),
            RangeChoice::MeanSquaredError => self.smallest_error(),
        }
    }

    fn percentile(&self, percent: f64) -> Range {
        let total: u64 = self.counts.iter().sum();
        let outside = (total as f64 * (1.0 - percent / 100.0).max(0.0) / 2.0) as u64;
        let reach = |counts: &mut dyn Iterator<Item = &u64>| {
            let mut passed = 0;
            counts
                .take_while(|count| {
                    passed += **count;
                    passed <= outside
                })
                .count()
        };
        let (below, above) = (reach(&mut self.counts.iter()), reach(&mut self.counts.iter().rev()));
        let edge = |bin: usize| (f64::from(self.range.low) + bin as f64 * self.width()) as f32;
        if below + above >= BINS {
            return self.range;
        }
        Range { low: edge(below).max(self.range.low), high: edge(BINS - above).min(self.range.high) }
    }

    fn smallest_error(&self) -> Range {
        let (low, high) = (f64::from(self.range.low.min(0.0)), f64::from(self.range.high.max(0.0)));
        let mut best = (f64::INFINITY, self.range);
        for step in 0..TRIES {
            let part = 1.0 - step as f64 / TRIES as f64;
            let tried = Range { low: (low * part) as f32, high: (high * part) as f32 };
            let error = self.error(tried.quantum());
            if error < best.0 {
                best = (error, tried);
            }
        }
        best.1
    }

    fn error(&self, quantum: Quantum) -> f64 {
        let scale = f64::from(quantum.scale);
        let mut sum = 0.0;
        for (bin, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let x = f64::from(self.range.low) + (bin as f64 + 0.5) * self.width();
            let back = scale * (f64::from(quantum.nearest(x as f32)) - f64::from(quantum.zero));
            // Within the range, rounding costs a twelfth of the step's square on average, whatever the bin.
            let inside = (x - back).abs() <= scale;
            let error = if inside { scale * scale / 12.0 } else { (x - back).powi(2) };
            sum += *count as f64 * error;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact_and_the_ends_are_reached() {
        for (low, high) in [(0.0, 6.0), (-1.0, 1.0), (-3.0, 0.5), (2.0, 5.0), (-5.0, -2.0), (0.0, 0.0)] {
            let quantum = Range { low, high }.quantum();
            assert_eq!(quantum.nearest(0.0), quantum.zero);
            assert!(quantum.scale > 0.0);
        }
        let quantum = Range { low: 0.0, high: 6.0 }.quantum();
        assert_eq!((quantum.zero, quantum.nearest(6.0), quantum.nearest(7.0)), (-128, 127, 127));
    }

    #[test]
    fn outliers_are_cut_off_when_asked() {
        // A hundred times as large as two million others: what it costs them to hold it is more than what it loses.
        let mut histogram = Histogram::over(Range { low: -1.0, high: 100.0 });
        (0..2_000_000).for_each(|i| histogram.add(-1.0 + i as f32 / 1_000_000.0));
        histogram.add(100.0);
        assert_eq!(histogram.choose(RangeChoice::MinMax).high, 100.0);
        assert!(histogram.choose(RangeChoice::Percentile(99.9)).high < 2.0);
        let chosen = histogram.choose(RangeChoice::MeanSquaredError);
        assert!(chosen.high < 70.0 && chosen.high > 1.0, "{chosen:?}");
        // Among a thousand it is held.
        let mut histogram = Histogram::over(Range { low: -1.0, high: 100.0 });
        (0..1000).for_each(|i| histogram.add(-1.0 + i as f32 / 500.0));
        histogram.add(100.0);
        assert!(histogram.choose(RangeChoice::MeanSquaredError).high > 90.0);
    }
}
