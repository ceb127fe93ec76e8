//! The real sensors' data, as it is loaded: how many samples each domain has of each class.

use supple_data::broken::OnBroken;
use supple_data::sensors::{ecg, gas, har};
use supple_data::{DataSet, Labels, Orientation};
use supple_tests::data;

/// The classes of a task, in their order.
fn classes(set: &DataSet, task: usize) -> (&[String], &[Option<u32>]) {
    match &set.tasks()[task].labels {
        Labels::Classes { names, of } => (names, of),
        Labels::Values { .. } => panic!("task {task} of {} has classes", set.name()),
    }
}

/// Domain by domain, how many samples it has of each class; printed, too.
fn counts(set: &DataSet) -> Vec<Vec<usize>> {
    let (names, of) = classes(set, 0);
    println!("{}, {} samples: {}", set.name(), set.len(), names.join(" "));
    let count = |domain: usize, class: usize| {
        let labels = set.domain_of().iter().zip(of);
        labels.filter(|(d, c)| **d as usize == domain && **c == Some(class as u32)).count()
    };
    let row = |(domain, name): (usize, &String)| {
        let row: Vec<usize> = (0..names.len()).map(|class| count(domain, class)).collect();
        println!("{name} {row:?}");
        row
    };
    set.domains().iter().enumerate().map(row).collect()
}

fn rendered(set: &DataSet, sample: usize) -> Vec<f32> {
    let mut input = vec![0.0; set.shape().len()];
    set.render(sample, Orientation::UPRIGHT, &mut input);
    input
}

#[test]
fn motion_of_fourteen_persons() {
    let Some(path) = data("har_spsw") else { return };
    let (set, skipped) = har::load(&path, OnBroken::Refuse).unwrap_or_else(|error| panic!("{error}"));
    assert!(skipped.files.is_empty());
    let counts = counts(&set);
    assert_eq!(counts.len(), 28, "a phone and a watch each");
    for (domain, row) in set.domains().iter().zip(&counts) {
        let [seated, others @ ..] = &row[..] else { panic!("five classes") };
        // Some persons were hardly seated.
        assert!(*seated >= 6, "{domain}");
        assert!(others.iter().all(|count| *count >= 20), "{domain}: {row:?}");
    }
    assert!(counts.iter().filter(|row| row[0] >= 20).count() >= 17);
    assert_eq!(classes(&set, 1).0.len(), 135, "recordings, each by phone and watch");
    // Gravity is 1, whichever way the device lies; nothing is beyond what a person does.
    for sample in (0..set.len()).step_by(7) {
        let input = rendered(&set, sample);
        let rows = input.len() as f32 / 8.0;
        let mean = |axis| input.iter().skip(axis).step_by(8).sum::<f32>() / rows;
        let gravity = (0..3).map(|axis| mean(axis) * mean(axis)).sum::<f32>().sqrt();
        assert!((0.5..2.0).contains(&gravity), "sample {sample}: {gravity}");
        assert!(input.iter().all(|value| value.abs() < 20.0), "sample {sample}");
    }
}

#[test]
fn beats_of_six_patients() {
    let Some(path) = data("ecg_mitbih") else { return };
    let loaded = ecg::load_counting(&path, OnBroken::Refuse);
    let (set, skipped, at_edges) = loaded.unwrap_or_else(|error| panic!("{error}"));
    assert!(skipped.files.is_empty());
    let counts = counts(&set);
    println!("{at_edges} beats at edges");
    assert_eq!(set.domains(), ["100", "102", "105", "106", "114", "119"]);
    // All but the first and last of each patient, and one whose baseline begins before the record.
    assert_eq!(set.len() + at_edges, 12_925);
    assert_eq!(at_edges, 13);
    assert_eq!(counts.iter().map(|row| row[1]).collect::<Vec<_>>(), [1, 4, 41, 520, 43, 444]);
    let baseline = |sample| rendered(&set, sample).iter().step_by(3).sum::<f32>() / 144.0;
    assert!((0..set.len()).step_by(11).all(|sample| baseline(sample).abs() < 0.6));
}

#[test]
fn gases_of_four_batches() {
    let Some(path) = data("gas_drift") else { return };
    let (set, skipped) = gas::load(&path, OnBroken::Refuse).unwrap_or_else(|error| panic!("{error}"));
    assert!(skipped.files.is_empty());
    let expected = [
        [30, 70, 83, 90, 98, 74],
        [109, 532, 100, 164, 334, 5],
        [240, 275, 216, 365, 490, 0],
        [30, 12, 12, 64, 43, 0],
    ];
    assert_eq!(counts(&set), expected);
    let Labels::Values { names, of } = &set.tasks()[1].labels else { panic!("concentrations") };
    assert_eq!(names, &["log10 ppm"]);
    assert!(of.iter().all(|value| (0.69..=3.0).contains(value)), "5 to 1000 ppm");
    assert!((0..set.len()).all(|sample| rendered(&set, sample).iter().all(|value| value.abs() < 20.0)));
}
