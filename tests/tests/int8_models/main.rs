//! Trained models in `i8` beside `f32`: how often they agree on the class, and how far their logits are apart.
//!
//! The figures are in `docs/int8.md`.

mod clips;
mod judge;
mod mfcc;
mod pictures;

use std::fs;
use std::path::Path;

use supple_tests::data;
use supple_trunk::RangeChoice;

use judge::{Judged, judge};
use mfcc::Mfcc;
use pictures::Pictures;

/// The value in front of the softmax.
const KEYWORD_LOGITS: &str = "StatefulPartitionedCall/functional_1/dense/BiasAdd:0";
const PICTURE_LOGITS: &str = "Add__29:0";

/// So many inputs are judged.
const JUDGED: usize = 500;
/// The aims: part of the inputs on which both name the same class, and the logits' signal over their error.
const AGREEMENT: f64 = 0.97;
const SQNR_DB: f64 = 20.0;
/// Both must do.
const CHOICES: [RangeChoice; 2] = [RangeChoice::MinMax, RangeChoice::MeanSquaredError];

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Calibration hears one speaker of the digits and one wake word; the others are judged.
#[test]
fn keywords() {
    let model = data("models_mlperf_tiny/onnx_converted/kws_dscnn_f32.onnx");
    let (digits, words) = (data("fsdd"), data("wakewords_picovoice"));
    let (Some(model), Some(digits), Some(words)) = (model, digits, words) else { return };
    let onnx = read(&model);
    let mfcc = Mfcc::new();
    let (mut calibration, mut judged) = (Vec::new(), Vec::new());
    let digits = clips::clips(&digits, 120).into_iter();
    for clip in digits.chain(clips::clips(&words, 70)) {
        let heard = ["theo", "alexa"].contains(&clip.archive.as_str());
        let set = if heard { &mut calibration } else { &mut judged };
        set.push(mfcc.features(&clip.values));
    }
    assert_eq!(judged.len(), JUDGED);
    for choice in CHOICES {
        let judged = judge("keywords", &onnx, KEYWORD_LOGITS, choice, &calibration, &judged);
        // Features on another scale would leave it torn.
        assert!(judged.confidence > 0.9, "the features are not those that the model was trained on");
        judged.hold(AGREEMENT, SQNR_DB);
    }
}

/// Calibration sees other pictures of the same generator.
#[test]
fn scenes() {
    for choice in CHOICES {
        let Some(judged) = pictures("scenes", choice, Pictures::draw) else { return };
        judged.hold(AGREEMENT, SQNR_DB);
    }
}

/// What the model was not trained for: it is torn between classes, and only what it is sure of must stay.
#[test]
fn shapes() {
    for choice in CHOICES {
        let Some(judged) = pictures("shapes", choice, Pictures::shapes) else { return };
        judged.hold(0.93, SQNR_DB);
        assert!(judged.margins.iter().all(|margin| *margin < 1.0), "{:?}", judged.margins);
    }
}

fn pictures(name: &str, choice: RangeChoice, draw: fn(&mut Pictures) -> Vec<f32>) -> Option<Judged> {
    let onnx = read(&data("models_mlperf_tiny/onnx_converted/resnet8.onnx")?);
    let drawn = |seed| -> Vec<Vec<f32>> {
        let mut pictures = Pictures::new(seed);
        (0..JUDGED).map(|_| draw(&mut pictures)).collect()
    };
    Some(judge(name, &onnx, PICTURE_LOGITS, choice, &drawn(1), &drawn(2)))
}
