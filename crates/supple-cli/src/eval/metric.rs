//! What heads are judged by.

/// What heads are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The share of queries whose class is right; more is better.
    Accuracy,
    /// The mean squared error of numbers; less is better.
    Loss,
}

impl Metric {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Loss => "loss",
        }
    }

    /// Whether a value that is larger by `difference` is better.
    pub fn is_better(self, difference: f64) -> bool {
        match self {
            Self::Accuracy => difference > 0.0,
            Self::Loss => difference < 0.0,
        }
    }

    /// A mean with its interval, for people: an accuracy in percent.
    pub fn text(self, mean: f64, ci95: f64) -> String {
        match self {
            Self::Accuracy => format!("{:6.2} ± {:.2} %", 100.0 * mean, 100.0 * ci95),
            Self::Loss => format!("{mean:9.5} ± {ci95:.5}"),
        }
    }

    /// A difference with its interval, likewise.
    pub fn difference(self, mean: f64, ci95: f64) -> String {
        match self {
            Self::Accuracy => format!("{:+.2} ± {:.2}", 100.0 * mean, 100.0 * ci95),
            Self::Loss => format!("{mean:+.5} ± {ci95:.5}"),
        }
    }
}
