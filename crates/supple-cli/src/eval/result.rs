//! The result of an evaluation, for programs and for people.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::curves::ShotCurve;
use super::features::Features;
use super::interval;
use super::metric::Metric;
use super::qemu::Figures;

/// An accuracy, as a fraction, or a squared error with its 95 % interval over episodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Gradient steps before it was measured.
    pub step: usize,
    /// Mean over episodes.
    pub mean: f64,
    /// Half the width of the interval.
    pub ci95: f64,
}

/// What the same episodes give by other means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// What it is called.
    #[serde(skip)]
    pub name: String,
    /// Its score.
    #[serde(flatten)]
    pub point: Point,
    /// Ours less it, over the same episodes.
    pub difference: Difference,
    /// Whether the interval of the difference leaves zero out.
    pub separated: bool,
}

/// A mean of paired differences with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Mean over episodes.
    pub mean: f64,
    /// Half the width of the interval.
    pub ci95: f64,
}

impl Baseline {
    /// Compares ours with another way's scores, episode by episode.
    pub fn of(name: impl Into<String>, step: usize, values: &[f64], ours: &[f64]) -> Self {
        let differences: Vec<f64> = ours.iter().zip(values).map(|(ours, other)| ours - other).collect();
        let (mean, ci95) = interval::of(&differences);
        // One episode separates nothing.
        let separated = differences.len() > 1 && mean.abs() > ci95;
        Self {
            name: name.into(),
            point: Point::of(step, values),
            difference: Difference { mean, ci95 },
            separated,
        }
    }
}

/// Which baselines the intervals set ours apart from, and which not.
pub fn separation(baselines: &[Baseline], metric: Metric) -> String {
    let names = |wanted: &dyn Fn(&Baseline) -> bool| {
        let names: Vec<String> =
            baselines.iter().filter(|b| wanted(b)).map(|b| b.name.replace('_', " ")).collect();
        match names.split_last() {
            None => None,
            Some((last, [])) => Some(last.clone()),
            Some((last, others)) => Some(format!("{} and {last}", others.join(", "))),
        }
    };
    let sentences = [
        (names(&|b| b.separated && metric.is_better(b.difference.mean)), "Ours is better than"),
        (names(&|b| b.separated && !metric.is_better(b.difference.mean)), "Ours is worse than"),
        (names(&|b| !b.separated), "These episodes do not tell ours from"),
    ];
    let mut text = String::new();
    for (names, said) in &sentences {
        if let Some(names) = names {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{said} {names}.");
        }
    }
    if !text.is_empty() {
        text += " (By the 95 % interval of the difference over the same episodes.)";
    }
    text
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
    /// Samples compared.
    pub drawings: usize,
    /// The largest difference of a feature.
    pub largest_difference: f32,
    /// The largest feature.
    pub largest_feature: f32,
}

/// The result of an evaluation.
pub struct EvalResult {
    pub head: String,
    pub metric: Metric,
    pub way: usize,
    pub shot: usize,
    pub queries: usize,
    pub episodes: usize,
    pub seed: u64,
    pub on: &'static str,
    pub data: String,
    pub split: &'static str,
    pub kind: &'static str,
    pub hold_back: Option<String>,
    pub steps: Vec<Point>,
    pub baselines: Vec<Baseline>,
    pub curves: Option<Vec<ShotCurve>>,
    pub bit_equal: Option<BitEqual>,
    pub feature_difference: Option<FeatureDifference>,
    pub device: Option<Figures>,
}

impl Point {
    /// Mean and interval of one value an episode.
    pub fn of(step: usize, values: &[f64]) -> Self {
        let (mean, ci95) = interval::of(values);
        Self { step, mean, ci95 }
    }

    /// One point a step, from step 0.
    pub fn of_steps(scores: &[Vec<f64>]) -> Vec<Self> {
        let steps = scores.first().map_or(0, Vec::len);
        (0..steps).map(|step| Self::of(step, &scores.iter().map(|a| a[step]).collect::<Vec<_>>())).collect()
    }

    fn text(&self, metric: Metric) -> String {
        metric.text(self.mean, self.ci95)
    }
}

impl FeatureDifference {
    /// Over all samples that both have.
    pub fn between(plan: &Features, tract: &Features) -> Self {
        let (mut largest_difference, mut largest_feature) = (0.0f32, 0.0f32);
        for sample in tract.samples() {
            for (a, b) in plan.of(*sample).iter().zip(tract.of(*sample)) {
                largest_difference = largest_difference.max((a - b).abs());
                largest_feature = largest_feature.max(a.abs());
            }
        }
        Self { drawings: tract.samples().len(), largest_difference, largest_feature }
    }
}

impl EvalResult {
    /// The JSON object.
    pub fn object(&self) -> Value {
        let mut object = json!({
            "metric": self.metric.name(),
            "head": self.head,
            "way": self.way,
            "shot": self.shot,
            "queries": self.queries,
            "episodes": self.episodes,
            "seed": self.seed,
            "on": self.on,
            "data": self.data,
            "split": self.split,
            "kind": self.kind,
            "hold_back": self.hold_back,
            "steps": self.steps,
            "baselines": by_name(&self.baselines),
            "bit_equal": self.bit_equal,
            "feature_difference": self.feature_difference,
            "device": self.device.as_ref().map(Figures::object),
        });
        if let Some(curves) = &self.curves {
            let shots: Vec<Value> = curves.iter().map(ShotCurve::object).collect();
            object["curves"] = json!({ "shots": shots });
        }
        object
    }

    /// The lines for people.
    pub fn lines(&self) -> String {
        let metric = self.metric;
        let (what, each) = match metric {
            Metric::Accuracy => (format!("{}-way {}-shot", self.way, self.shot), " a class"),
            Metric::Loss => (format!("mean squared error of {} from {} samples", self.head, self.shot), ""),
        };
        let mut text = format!(
            "{what} on {} ({}, {}), {} episodes of {} queries{each}, on {}\n",
            self.data,
            self.split,
            self.kind.replace('-', " "),
            self.episodes,
            self.queries,
            self.on
        );
        for point in &self.steps {
            let label = if point.step == 0 {
                "before adaptation".to_owned()
            } else {
                format!("after step {}", point.step)
            };
            let _ = writeln!(text, "  {label:<20} {}", point.text(metric));
        }
        for Baseline { name, point, difference, .. } in &self.baselines {
            let _ = writeln!(
                text,
                "  {:<20} {}, ours {}",
                name.replace('_', " "),
                point.text(metric),
                metric.difference(difference.mean, difference.ci95)
            );
        }
        let _ = writeln!(text, "  {}", separation(&self.baselines, metric));
        for curve in self.curves.iter().flatten() {
            let point = curve.after();
            let _ = writeln!(
                text,
                "  {:<20} {}",
                format!("shot {}, step {}", curve.shot, point.step),
                point.text(metric)
            );
        }
        if let Some(difference) = &self.feature_difference {
            let _ = writeln!(
                text,
                "  features of tract and plan differ by at most {:.1e} (largest feature {:.1}, {} samples)",
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

/// Baselines as a JSON object.
pub fn by_name(baselines: &[Baseline]) -> Map<String, Value> {
    baselines.iter().map(|baseline| (baseline.name.clone(), json!(baseline))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baselines_are_told_apart_episode_by_episode() {
        let ours = [0.9, 0.5, 0.7, 0.8];
        // Always a little less: the difference is sure although the intervals overlap by far.
        let below = Baseline::of("below", 3, &[0.8, 0.41, 0.6, 0.69], &ours);
        let same = Baseline::of("a_like", 0, &[0.5, 0.9, 0.8, 0.7], &ours);
        let above = Baseline::of("above", 0, &[1.0, 0.61, 0.8, 0.9], &ours);
        assert_eq!([&below, &same, &above].map(|b| b.separated), [true, false, true]);
        assert!((below.difference.mean - 0.1).abs() < 1e-9 && below.point.ci95 > 0.2);
        assert!(!Baseline::of("one", 0, &[0.1], &[0.9]).separated);
        let text = separation(&[below.clone(), same, above], Metric::Accuracy);
        assert!(
            text.starts_with("Ours is better than below. Ours is worse than above. These episodes do not tell ours from a like."),
            "{text}"
        );
        assert_eq!(separation(&[], Metric::Accuracy), "");
        // Of an error, less is better.
        let text = separation(std::slice::from_ref(&below), Metric::Loss);
        assert!(text.starts_with("Ours is worse than below."), "{text}");
        let object = json!(below);
        assert_eq!((&object["step"], &object["separated"]), (&json!(3), &json!(true)));
    }
}
