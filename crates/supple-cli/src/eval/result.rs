//! The result of an evaluation, for programs and for people.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::features::Features;
use super::qemu::Figures;

/// 97.5 % of the normal distribution lie below this many deviations.
const DEVIATIONS: f64 = 1.959_964;

/// An accuracy with its 95 % interval over episodes, as fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Gradient steps before it was measured.
    pub step: usize,
    /// Mean over episodes.
    pub mean: f64,
    /// Half the width of the interval.
    pub ci95: f64,
}

/// How many episodes gave the twin's bits.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BitEqual {
    /// Episodes compared.
    pub episodes: usize,
    /// Of which so many were equal.
    pub equal: usize,
}

/// How far tract's features are from the plan's.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FeatureDifference {
    /// Drawings compared.
    pub drawings: usize,
    /// The largest difference of a feature.
    pub largest_difference: f32,
    /// The largest feature.
    pub largest_feature: f32,
}

/// The result of an evaluation.
pub struct EvalResult {
    pub way: usize,
    pub shot: usize,
    pub queries: usize,
    pub episodes: usize,
    pub seed: u64,
    pub on: &'static str,
    pub data: String,
    pub split: &'static str,
    pub steps: Vec<Point>,
    pub baselines: Vec<(&'static str, Point)>,
    pub bit_equal: Option<BitEqual>,
    pub feature_difference: Option<FeatureDifference>,
    pub device: Option<Figures>,
}

impl Point {
    /// Mean and interval of one value an episode.
    pub fn of(step: usize, values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        // Of a single episode nothing is known about the spread.
        let deviation = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
        Self { step, mean, ci95: DEVIATIONS * deviation / count.sqrt() }
    }

    /// One point a step, from step 0.
    pub fn of_steps(accuracies: &[Vec<f64>]) -> Vec<Self> {
        let steps = accuracies.first().map_or(0, Vec::len);
        (0..steps)
            .map(|step| Self::of(step, &accuracies.iter().map(|a| a[step]).collect::<Vec<_>>()))
            .collect()
    }

    fn percent(&self) -> String {
        format!("{:6.2} ± {:.2} %", 100.0 * self.mean, 100.0 * self.ci95)
    }
}

impl FeatureDifference {
    /// Over all drawings of both.
    pub fn between(plan: &Features, tract: &Features) -> Self {
        let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0f32, f32::max);
        let pairs = plan.values().iter().zip(tract.values());
        Self {
            drawings: plan.drawings(),
            largest_difference: largest(&mut pairs.map(|(a, b)| (a - b).abs())),
            largest_feature: largest(&mut plan.values().iter().map(|value| value.abs())),
        }
    }
}

impl EvalResult {
    /// The JSON object.
    pub fn object(&self) -> Value {
        let baselines: Map<String, Value> =
            self.baselines.iter().map(|(name, point)| ((*name).to_owned(), json!(point))).collect();
        json!({
            "metric": "accuracy",
            "way": self.way,
            "shot": self.shot,
            "queries": self.queries,
            "episodes": self.episodes,
            "seed": self.seed,
            "on": self.on,
            "data": self.data,
            "split": self.split,
            "steps": self.steps,
            "baselines": baselines,
            "bit_equal": self.bit_equal,
            "feature_difference": self.feature_difference,
            "device": self.device.as_ref().map(Figures::object),
        })
    }

    /// The lines for people.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "{}-way {}-shot on {} ({}), {} episodes of {} queries a class, on {}\n",
            self.way, self.shot, self.data, self.split, self.episodes, self.queries, self.on
        );
        for point in &self.steps {
            let label = if point.step == 0 {
                "before adaptation".to_owned()
            } else {
                format!("after step {}", point.step)
            };
            let _ = writeln!(text, "  {label:<20} {}", point.percent());
        }
        for (name, point) in &self.baselines {
            let _ = writeln!(text, "  {:<20} {}", name.replace('_', " "), point.percent());
        }
        if let Some(difference) = &self.feature_difference {
            let _ = writeln!(
                text,
                "  features of tract and plan differ by at most {:.1e} (largest feature {:.1}, {} drawings)",
                difference.largest_difference, difference.largest_feature, difference.drawings
            );
        }
        if let Some(equal) = &self.bit_equal {
            let _ = writeln!(
                text,
                "  {} of {} episodes equal to the twin, bit for bit",
                equal.equal, equal.episodes
            );
        }
        if let Some(device) = &self.device {
            let _ = writeln!(text, "{}", device.lines());
        }
        text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_interval() {
        let point = Point::of(2, &[0.5, 0.7, 0.9, 0.7]);
        assert!((point.mean - 0.7).abs() < 1e-12);
        // Deviation √(0.08 / 3), over √4, times 1.96.
        assert!((point.ci95 - 0.160_03).abs() < 1e-4, "{}", point.ci95);
        assert_eq!(Point::of(0, &[0.5]).ci95, 0.0);
    }
}
