//! The shipped trunk's plan, as the device runs it, against tract running the untouched ONNX file.

use rayon::prelude::*;
use supple_data::render::Orientation;
use supple_data::{Drawings, INPUT_LENGTH, glyphs, omniglot};
use supple_pack::{AlignedBytes, Pack};
use supple_runtime::{PlanTrunk, Trunk};
use supple_tests::run::read;
use supple_tests::{data, root};
use supple_trunk::Oracle;

/// What is promised.
const PROMISED: f32 = 1e-4;
/// 2.8e-6 was measured; tract's kernels sum in another order on another processor. More, and something has changed.
const MEASURED: f32 = 1e-5;

fn shipped(name: &str) -> Vec<u8> {
    let path = root().join("models/omniglot").join(name);
    assert!(path.is_file(), "{} is a part of the repository: `git checkout models`", path.display());
    read(path)
}

/// The largest difference of a feature over every so many drawings, and the largest feature.
fn largest_difference(set: &Drawings, drawings: usize) -> (f32, f32) {
    let bytes = AlignedBytes::copy_of(&shipped("omniglot.supple"));
    let pack = Pack::parse(&bytes).expect("a sound pack");
    let oracle = Oracle::new(&shipped("trunk.onnx")).expect("a sound model");
    assert!(set.len() >= drawings, "{} drawings", set.len());
    let step = set.len() / drawings;
    let of = |index: usize| {
        let mut input = [0.0; INPUT_LENGTH];
        set.render(index * step, Orientation::UPRIGHT, &mut input);
        let mut arena = vec![0.0; pack.trunk().arena as usize];
        let mut plan = PlanTrunk::new(&pack, &mut arena).expect("room");
        let mut found = vec![0.0; plan.feature_length()];
        plan.features(&input, &mut found).expect("it runs");
        let expected = oracle.features(&input).expect("it runs");
        assert_eq!(found.len(), expected.len());
        let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        // `f32::max` would pass over NaN.
        let largest = |values: &mut dyn Iterator<Item = f32>| {
            values.fold(0.0, |most: f32, value| if value <= most { most } else { value })
        };
        (largest(&mut differences.into_iter()), largest(&mut expected.iter().map(|value| value.abs())))
    };
    let each: Vec<(f32, f32)> = (0..drawings).into_par_iter().map(of).collect();
    assert!(each.iter().all(|(difference, feature)| difference.is_finite() && feature.is_finite()));
    each.into_iter().fold((0.0, 0.0), |(a, b), (c, d)| (a.max(c), b.max(d)))
}

fn agrees(what: &str, set: &Drawings, drawings: usize) {
    let (difference, feature) = largest_difference(set, drawings);
    println!("{drawings} {what}: largest difference {difference:.2e}, largest feature {feature:.2}");
    assert!(feature > 0.1, "the trunk is silent");
    assert!(difference <= PROMISED, "{difference:e}");
    assert!(difference <= MEASURED, "{difference:e} keeps the promise but is more than was ever measured");
}

#[test]
fn the_shipped_plan_gives_tract_s_features_on_real_drawings() {
    let Some(zip) = data("omniglot/images_background.zip") else { return };
    let set = omniglot::load(&zip).expect("Omniglot");
    agrees("drawings of Omniglot", &set, 1000);
}

#[test]
fn the_shipped_plan_gives_tract_s_features_on_generated_drawings() {
    agrees("generated drawings", &glyphs::generate_sized(1, 5, 14..=20), 200);
}
