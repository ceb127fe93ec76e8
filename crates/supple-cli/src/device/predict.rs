//! Heads predict.

use serde_json::{Value, json};
use supple_data::{omniglot, own};
use supple_link::host::Label;
use supple_link::message::Task;
use supple_meta::recipe::Source;

use super::arguments::PredictArguments;
use super::feed::{Feed, Twin};
use super::samples;
use super::{Device, DeviceCommandError, pack_of, select};
use crate::data::DataError;

/// How good outputs are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Accuracy, or the mean squared error.
    pub mean: f64,
    numbers: bool,
}

impl Score {
    /// Of one sample's outputs.
    pub fn of(label: Label, outputs: &[f32]) -> Self {
        match label {
            Label::Numbers(wanted) => {
                let error = |(found, wanted): (&f32, &f32)| (f64::from(*found) - f64::from(*wanted)).powi(2);
                let sum: f64 = outputs.iter().zip(wanted).map(error).sum();
                Self { mean: sum / wanted.len().max(1) as f64, numbers: true }
            }
            Label::Class(class) => {
                let right = largest(outputs) == Some(class.into());
                Self { mean: f64::from(u8::from(right)), numbers: false }
            }
            Label::None => Self { mean: 0.0, numbers: false },
        }
    }

    /// Of several; `None` of none.
    pub fn mean(scores: &[Self]) -> Option<Self> {
        let first = scores.first()?;
        let sum: f64 = scores.iter().map(|score| score.mean).sum();
        Some(Self { mean: sum / scores.len() as f64, numbers: first.numbers })
    }

    /// As in the JSON of `eval`.
    pub fn metric(&self) -> &'static str {
        if self.numbers { "loss" } else { "accuracy" }
    }

    /// For people.
    pub fn text(&self) -> String {
        if self.numbers { format!("{:.5}", self.mean) } else { format!("{:.1} %", 100.0 * self.mean) }
    }
}

/// The first of the largest; none where a logit is no number.
fn largest(logits: &[f32]) -> Option<usize> {
    let better = |best: Option<usize>, index: usize| match best {
        Some(best) if logits[index] <= logits[best] => Some(best),
        _ => Some(index),
    };
    if logits.iter().any(|logit| logit.is_nan()) { None } else { (0..logits.len()).fold(None, better) }
}

/// Probabilities of logits.
fn softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// What a sample is said to be.
struct Prediction {
    /// What the sample is called.
    sample: String,
    outputs: Vec<f32>,
    /// Its class, or its numbers, where they are known.
    expected: Value,
    score: Option<Score>,
}

/// `predict`.
pub fn predict(
    device: &mut Device,
    arguments: &PredictArguments,
    json: bool,
) -> Result<(), DeviceCommandError> {
    let draw = &arguments.draw;
    let facts = pack_of(&device.info()?)?;
    let (_, head) = select(device, &facts, draw.head.head.as_deref())?;
    let twin = Twin::read(draw.pack.as_deref())?;
    let pack = twin.pack(draw.pack.as_deref(), &head.name)?;
    let mut predictions = Vec::new();
    let mut names = Vec::new();
    if let Some(path) = &arguments.input {
        let feed = Feed::of(draw, pack, &facts)?;
        // Drawings are ink, dark on white paper; pictures of one's own data are as bright as they are.
        let values = match draw.source.as_ref().map(|name| name.0) {
            Some(Source::Omniglot) => omniglot::drawing(path).map_err(DataError::from)?,
            _ => own::sample(path)?,
        };
        let sample = path.display().to_string();
        feed.check(&sample, values.len(), &facts)?;
        feed.values(device, &values)?;
        let outputs = device.logits()?;
        predictions.push(Prediction { sample, outputs, expected: Value::Null, score: None });
    } else {
        let drawn = samples::draw(draw, &head, pack.as_ref(), arguments.queries)?;
        let (way, learned) = (drawn.start.way(), head.way);
        if head.task == Task::Classes && learned > 0 && way > learned.into() {
            return Err(DeviceCommandError::NotLearned { way, learned });
        }
        let feed = Feed::of(draw, pack, &facts)?;
        feed.check(drawn.set.name(), drawn.set.shape().len(), &facts)?;
        for query in &drawn.queries {
            feed.sample(device, &drawn.set, *query)?;
            let outputs = device.logits()?;
            let label = drawn.label(*query);
            let score = Some(Score::of(label, &outputs));
            let expected = match label {
                Label::Class(class) => json!(class),
                Label::Numbers(numbers) => json!(numbers),
                Label::None => Value::Null,
            };
            predictions.push(Prediction { sample: query.index.to_string(), outputs, expected, score });
        }
        names = drawn.names;
    }
    let numbers = head.task == Task::Numbers;
    let scores: Vec<Score> = predictions.iter().filter_map(|prediction| prediction.score).collect();
    let score = Score::mean(&scores);
    let object = json!({
        "head": head.name.as_str(),
        "metric": score.map(|score| score.metric()),
        "mean": score.map(|score| score.mean),
        "class_names": names,
        "predictions": predictions.iter().map(|prediction| prediction.object(numbers)).collect::<Vec<_>>(),
    });
    let mut lines: Vec<String> =
        predictions.iter().map(|prediction| prediction.line(numbers, &names)).collect();
    if let Some(score) = score {
        lines.push(format!("{} of {} samples: {}", score.metric(), predictions.len(), score.text()));
    }
    crate::print(json, &object, &lines.join("\n"));
    Ok(())
}

impl Prediction {
    fn object(&self, numbers: bool) -> Value {
        match numbers {
            true => json!({ "sample": self.sample, "numbers": self.outputs, "expected": self.expected }),
            false => json!({
                "sample": self.sample,
                "class": largest(&self.outputs),
                "logits": self.outputs,
                "probabilities": softmax(&self.outputs),
                "expected": self.expected,
            }),
        }
    }

    fn line(&self, numbers: bool, names: &[String]) -> String {
        let expected = |text: String| match self.expected.is_null() {
            true => String::new(),
            false => format!(" (is {text})"),
        };
        if numbers {
            return format!("{}: {:?}{}", self.sample, self.outputs, expected(self.expected.to_string()));
        }
        let name = |class: usize| match names.get(class) {
            Some(name) => format!("{class} {name}"),
            None => class.to_string(),
        };
        let known = self.expected.as_u64().map_or_else(String::new, |class| name(class as usize));
        match largest(&self.outputs) {
            Some(class) => {
                let probability = 100.0 * softmax(&self.outputs)[class];
                format!("{}: class {}, {probability:.1} %{}", self.sample, name(class), expected(known))
            }
            None => format!("{}: no class, for a logit is no number{}", self.sample, expected(known)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_is_chosen_and_no_number_is_none() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(largest(&[1.0, f32::NAN]), None);
        assert_eq!(largest(&[]), None);
    }

    #[test]
    fn probabilities_are_those_of_the_logits() {
        let found = softmax(&[0.0, std::f32::consts::LN_2, -1000.0]);
        for (found, expected) in found.iter().zip([1.0 / 3.0, 2.0 / 3.0, 0.0]) {
            assert!((found - expected).abs() < 1e-7, "{found} for {expected}");
        }
        assert_eq!(softmax(&[1e38, -1e38]), [1.0, 0.0]);
    }

    #[test]
    fn scores_are_accuracies_or_squared_errors() {
        let scores = [Score::of(Label::Class(1), &[0.0, 1.0]), Score::of(Label::Class(0), &[0.0, 1.0])];
        assert_eq!(Score::mean(&scores).map(|score| (score.mean, score.metric())), Some((0.5, "accuracy")));
        let loss = Score::of(Label::Numbers(&[1.0, 2.0]), &[0.0, 4.0]);
        assert_eq!((loss.mean, loss.metric()), (2.5, "loss"));
        assert_eq!(Score::mean(&[]), None);
    }
}
