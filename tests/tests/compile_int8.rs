//! `supple compile --int8 --calibrate`: someone else's trunk, quantised on the user's data.

use std::path::PathBuf;
use std::sync::LazyLock;

use supple_tests::root;
use supple_tests::run::{Scratch, read, run, scratch, supple};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("compile_int8"));

fn trunk() -> PathBuf {
    root().join("models/omniglot/trunk.onnx")
}

#[test]
fn a_trunk_is_quantised_on_data_and_says_what_it_lost() {
    let pack = |name: &str, more: &[&str]| {
        let out = SCRATCH.join(name);
        let mut command = supple(&[&"compile", &trunk(), &"--int8", &"--calibrate", &"glyphs", &"-o", &out]);
        let told = run(command.args(["--calibration-inputs", "40", "--json"]).args(more)).json();
        (read(&out), told)
    };
    let (first, told) = pack("first.supple", &[]);
    let lost = &told["quantisation"];
    assert!(lost["features_sqnr_db"].as_f64() > Some(20.0), "{lost}");
    assert_eq!(lost["inputs"], 40);
    let layers = lost["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 5);
    assert!(layers.iter().all(|layer| layer["sqnr_db"].as_f64() > Some(15.0)), "{lost}");
    let kinds = told["operations"].as_array().expect("operations").iter().map(|op| op["kind"].clone());
    assert_eq!(kinds.filter(|kind| kind == "ConvolutionInt8").count(), 4);
    // A quarter of the weights' bytes, and room for scales.
    let float = root().join("models/omniglot/omniglot.supple");
    assert!(3 * first.len() < read(float).len());

    assert!(pack("again.supple", &[]).0 == first, "the same data and seed give the same bytes");
    assert!(pack("another seed.supple", &["--seed", "2"]).0 != first);
    assert!(pack("another range.supple", &["--range", "percentile", "--percentile", "99"]).0 != first);
}

#[test]
fn what_cannot_be_calibrated_is_refused_with_a_remedy() {
    let out = SCRATCH.join("never.supple");
    let compile = |more: &[&str]| run(supple(&[&"compile", &trunk(), &"-o", &out]).args(more));
    assert_eq!(compile(&["--int8"]).code, Some(2));
    assert_eq!(compile(&["--calibrate", "glyphs"]).code, Some(2));
    compile(&["--int8", "--calibrate", "glyphs", "--calibration-inputs", "0"]).refused(&["some hundreds"]);
    compile(&["--int8", "--calibrate", "glyphs", "--range", "percentile", "--percentile", "20"])
        .refused(&["50 to 100"]);
    compile(&["--int8", "--calibrate", "glyphs", "--range", "min-max", "--percentile", "99"])
        .refused(&["leave one of them out"]);
    compile(&["--int8", "--calibrate", "text"]).refused(&["a sample of text has", "reads 784"]);
    compile(&["--int8", "--calibrate", "no such folder"]).refused(&["no such folder"]);
    assert!(!out.exists());
}
