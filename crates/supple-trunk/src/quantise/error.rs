//! What each layer loses: `i8` beside `f32`, value by value.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::calibrate::Observed;
use super::{QuantiseError, Quantised};
use crate::lower::Lowered;
use crate::lower::draft::Kind;

/// How far a quantised trunk is from its `f32`.
///
/// The signal-to-quantisation-noise ratio of a value is ten times the logarithm (to 10) of the sum of its squares over
/// the sum of its squared errors, in decibels; six more are one bit more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuantisationReport {
    /// In the order they run.
    pub layers: Vec<LayerError>,
    /// Of the features.
    pub features_sqnr_db: f64,
    /// Part of the inputs on which the largest feature is the same one: for trunks that end in classes.
    pub same_largest: f64,
    /// On how many inputs.
    pub inputs: usize,
}

/// As good as exact: the ratio of an exact value is held at 120 dB.
const EXACT_DB: f64 = 119.0;
/// Features below this are far from the model's: about ten percent of their size is noise at 20 dB.
pub const SUSPICIOUS_DB: f64 = 20.0;

/// One layer's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerError {
    /// The model's node.
    pub node: String,
    /// What it does.
    pub kind: String,
    /// All errors up to here.
    pub sqnr_db: f64,
    /// How much worse than the worst value it reads: what this layer itself loses.
    pub lost_db: f64,
}

impl QuantisationReport {
    /// What to say where the features are far from the model's.
    pub fn warning(&self) -> Option<String> {
        let worst =
            self.worst().map(|layer| format!("`{}` ({}) adds the most noise; ", layer.node, layer.kind));
        (self.features_sqnr_db < SUSPICIOUS_DB).then(|| {
            format!(
                "the features are {:.1} dB above what quantising adds, below {SUSPICIOUS_DB} dB: {}try another --range, \
                 calibrate on data like the device's, or keep the trunk in f32",
                self.features_sqnr_db,
                worst.unwrap_or_default()
            )
        })
    }

    /// The layer that adds the most noise to its signal. Not the one with the largest [`lost_db`](LayerError::lost_db):
    /// the first that is not exact loses the most of those, however little it adds.
    pub fn worst(&self) -> Option<&LayerError> {
        self.layers.iter().max_by(|a, b| a.added().total_cmp(&b.added()))
    }
}

impl LayerError {
    /// The noise that comes in with this layer, as a part of its signal.
    fn added(&self) -> f64 {
        let noise = |decibels: f64| 10_f64.powf(-decibels / 10.0);
        noise(self.sqnr_db) - noise(self.sqnr_db + self.lost_db)
    }
}

impl fmt::Display for QuantisationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<18} {:>10} {:>10}  node", "operation", "SQNR dB", "lost dB")?;
        for layer in &self.layers {
            // What is read without an error has no ratio to lose.
            let exact = layer.sqnr_db + layer.lost_db >= EXACT_DB;
            let lost = if exact { "–".to_owned() } else { format!("{:.1}", layer.lost_db) };
            writeln!(f, "{:<18} {:>10.1} {lost:>10}  {}", layer.kind, layer.sqnr_db, layer.node)?;
        }
        write!(
            f,
            "features {:.1} dB, the same largest one on {:.1} % of {} inputs",
            self.features_sqnr_db,
            100.0 * self.same_largest,
            self.inputs
        )?;
        if let Some(worst) = self.worst() {
            write!(f, "; `{}` ({}) adds the most noise", worst.node, worst.kind)?;
        }
        Ok(())
    }
}

/// Sums of squares.
#[derive(Debug, Clone, Copy, Default)]
struct Power {
    signal: f64,
    noise: f64,
}

impl Power {
    fn decibels(self) -> f64 {
        // A value that is exact would be infinitely good, which no table shows.
        10.0 * (self.signal.max(f64::MIN_POSITIVE)
            / self.noise.max(self.signal * 1e-12).max(f64::MIN_POSITIVE))
        .log10()
    }
}

/// Runs both on inputs in the plan's order.
pub fn error(
    float: &Lowered,
    quantised: &Quantised,
    inputs: &[Vec<f32>],
) -> Result<QuantisationReport, QuantiseError> {
    let (observed, observed_int8) = (Observed::new(float)?, Observed::new(&quantised.lowered)?);
    let values = &quantised.lowered.draft.values;
    let mut power = vec![Power::default(); float.draft.values.len()];
    let mut features = Power::default();
    let mut same = 0;
    for input in inputs {
        let mut expected: Vec<Vec<f32>> = vec![Vec::new(); float.draft.values.len()];
        observed.run([input.as_slice()], |_| None, |_, value, numbers| expected[value] = numbers.to_vec())?;
        let mut found: Vec<Vec<f32>> = vec![Vec::new(); values.len()];
        observed_int8.run(
            [input.as_slice()],
            |value| values[value].quantum,
            |_, value, numbers| found[value] = numbers.to_vec(),
        )?;
        for (value, expected) in expected.iter().enumerate() {
            if let Some(int8) = quantised.stands_for[value] {
                compare(expected, &found[int8], &mut power[value]);
            }
        }
        let (expected, found) = (&expected[float.output.0], &found[quantised.lowered.output.0]);
        compare(expected, found, &mut features);
        same += usize::from(largest(expected) == largest(found));
    }
    let layers = float
        .draft
        .steps
        .iter()
        .filter(|step| !matches!(step.kind, Kind::Copy(_) | Kind::Fill(_)))
        .map(|step| {
            let own = power[step.output.0].decibels();
            let read = step.inputs.iter().filter_map(|source| source.value());
            let before = read.map(|value| power[value].decibels()).fold(f64::INFINITY, f64::min);
            let lost_db = if before.is_finite() { before - own } else { 0.0 };
            LayerError { node: step.node.clone(), kind: name(&step.kind).to_owned(), sqnr_db: own, lost_db }
        })
        .collect();
    Ok(QuantisationReport {
        layers,
        features_sqnr_db: features.decibels(),
        same_largest: same as f64 / inputs.len().max(1) as f64,
        inputs: inputs.len(),
    })
}

fn compare(expected: &[f32], found: &[f32], power: &mut Power) {
    for (expected, found) in expected.iter().zip(found) {
        power.signal += f64::from(*expected).powi(2);
        power.noise += (f64::from(*expected) - f64::from(*found)).powi(2);
    }
}

fn largest(features: &[f32]) -> Option<usize> {
    (0..features.len()).max_by(|a, b| features[*a].total_cmp(&features[*b]).then(b.cmp(a)))
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Convolution { .. } => "Convolution",
        Kind::Depthwise { .. } => "Depthwise",
        Kind::Dense { .. } => "Dense",
        Kind::MaxPool { .. } => "MaxPool",
        Kind::AveragePool { .. } => "AveragePool",
        Kind::GlobalAverage { .. } => "GlobalAverage",
        Kind::GlobalMaximum => "GlobalMaximum",
        Kind::Unary(_) | Kind::Table(_) => "Unary",
        Kind::Binary(..) | Kind::SumInt8(_) | Kind::ProductInt8(_) => "Binary",
        Kind::Softmax => "Softmax",
        Kind::Copy(_) => "Copy",
        Kind::Fill(_) => "Fill",
        Kind::Quantise => "Quantise",
        Kind::Dequantise => "Dequantise",
    }
}
