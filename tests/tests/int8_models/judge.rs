//! `i8` beside `f32` on inputs that calibration has not seen.

use std::collections::BTreeMap;
use std::fmt;

use supple_pack::write::pack;
use supple_pack::{AlignedBytes, Pack};
use supple_runtime::{PlanTrunk, Trunk};
use supple_trunk::{CompileOptions, RangeChoice, calibrate, compile};

/// What both plans gave.
pub struct Judged {
    /// How `i8` did.
    pub agreement: f64,
    /// Of all logits together, in decibels.
    pub sqnr_db: f64,
    /// Mean of the largest probability that `f32` gives.
    pub confidence: f64,
    /// How often `f32` gave each class.
    pub classes: BTreeMap<usize, usize>,
    /// `f32` less its second largest logit, on inputs on which the two disagree.
    pub margins: Vec<f32>,
}

/// Calibrates, prints what each layer loses, and runs both plans up to the logits.
pub fn judge(
    name: &str,
    onnx: &[u8],
    logits: &str,
    choice: RangeChoice,
    calibration: &[Vec<f32>],
    inputs: &[Vec<f32>],
) -> Judged {
    let calibrated = calibrate(onnx, Some(logits), calibration, choice).expect("calibrates");
    println!("{name}, {choice:?} on {} inputs:\n{}", calibration.len(), calibrated.report);
    let options = CompileOptions { output: Some(logits.into()), ..CompileOptions::default() };
    let float = run(onnx, &options, inputs);
    let int8 = run(onnx, &CompileOptions { int8: Some(calibrated.ranges), ..options }, inputs);
    let (mut signal, mut noise, mut same, mut confidence) = (0.0, 0.0, 0, 0.0);
    let (mut classes, mut margins) = (BTreeMap::new(), Vec::new());
    for (float, int8) in float.iter().zip(&int8) {
        for (expected, found) in float.iter().zip(int8) {
            signal += f64::from(*expected).powi(2);
            noise += f64::from(expected - found).powi(2);
        }
        let (first, second) = largest(float);
        if largest(int8).0 == first {
            same += 1;
        } else {
            margins.push(float[first] - float[second]);
        }
        *classes.entry(first).or_default() += 1;
        confidence += 1.0 / float.iter().map(|logit| f64::from(logit - float[first]).exp()).sum::<f64>();
    }
    let count = inputs.len() as f64;
    let judged = Judged {
        agreement: f64::from(same) / count,
        sqnr_db: 10.0 * (signal / noise).log10(),
        confidence: confidence / count,
        classes,
        margins,
    };
    println!("{name}, {choice:?}: {judged}");
    judged
}

impl Judged {
    /// Holds it against what was aimed at.
    pub fn hold(&self, agreement: f64, sqnr_db: f64) {
        assert!(self.agreement >= agreement && self.sqnr_db >= sqnr_db, "{self}");
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let margin = self.margins.iter().copied().fold(0.0, f32::max);
        write!(
            f,
            "top-1 agreement {:.1} %, logits {:.1} dB; f32 is {:.0} % sure on average, names {:?}; where they disagree, \
             its first led by at most {margin:.2}",
            100.0 * self.agreement,
            self.sqnr_db,
            100.0 * self.confidence,
            self.classes
        )
    }
}

fn run(onnx: &[u8], options: &CompileOptions, inputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let compiled = compile(onnx, options).expect("compiles");
    let bytes = AlignedBytes::copy_of(&pack(&compiled.parts, &[]).expect("fits a pack"));
    let pack = Pack::parse(&bytes).expect("can be read back");
    let mut arena = vec![0.0; pack.trunk().arena as usize];
    let mut plan = PlanTrunk::new(&pack, &mut arena).expect("can be run");
    let mut features = vec![0.0; plan.feature_length()];
    let mut one = |input: &Vec<f32>| {
        plan.features(input, &mut features).expect("runs");
        features.clone()
    };
    inputs.iter().map(&mut one).collect()
}

/// The places of the largest and the second largest.
fn largest(logits: &[f32]) -> (usize, usize) {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
    (order[0], order[1])
}
