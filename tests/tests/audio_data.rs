//! Recordings as features, on the real data: what a nearest mean makes of them, without any training.
//!
//! Needs `fsdd` and `wakewords_picovoice` among the data sets.

use std::path::Path;

use supple_data::audio::{LoadError, SHAPE, fsdd, wake_words};
use supple_data::broken::{OnBroken, Skipped};
use supple_data::part::Part;
use supple_data::random::{Purpose, stream};
use supple_data::tasks::{TaskEpisode, TaskKind, TaskOptions, TaskSampler, TaskShape};
use supple_data::{DataSet, Labels, Orientation};
use supple_tests::data;

fn digits() -> Option<DataSet> {
    let (set, skipped) = fsdd::load(&data("fsdd")?, OnBroken::Refuse).expect("sound files");
    assert_eq!(skipped, Skipped::default());
    Some(set)
}

fn words() -> Option<DataSet> {
    let path = data("wakewords_picovoice")?;
    let (set, _) = wake_words::load(&path, "picovoice", OnBroken::Refuse).expect("sound files");
    Some(set)
}

fn sample(set: &DataSet, index: usize) -> Vec<f32> {
    let mut values = vec![0.0; set.shape().len()];
    set.render(index, Orientation::UPRIGHT, &mut values);
    values
}

/// The share of queries whose class has the nearest mean of support samples.
fn nearest_mean(set: &DataSet, episode: &TaskEpisode) -> f64 {
    let mut means = vec![vec![0.0; set.shape().len()]; episode.way];
    let shot = (episode.support.len() / episode.way) as f32;
    for support in &episode.support {
        let values = sample(set, support.drawing);
        means[support.label].iter_mut().zip(values).for_each(|(mean, value)| *mean += value / shot);
    }
    let distance = |mean: &[f32], values: &[f32]| -> f32 {
        mean.iter().zip(values).map(|(mean, value)| (mean - value) * (mean - value)).sum()
    };
    let right = episode.query.iter().filter(|query| {
        let values = sample(set, query.drawing);
        let near =
            |&a: &usize, &b: &usize| distance(&means[a], &values).total_cmp(&distance(&means[b], &values));
        (0..episode.way).min_by(near) == Some(query.label)
    });
    right.count() as f64 / episode.query.len() as f64
}

/// Mean accuracy over 600 episodes.
fn probe(set: &DataSet, way: usize, shot: usize) -> f64 {
    let options = TaskOptions {
        task: 0,
        kind: TaskKind::NewClasses,
        within_domain: true,
        shape: TaskShape { way, shot, queries: 10 },
        orientations: &[Orientation::UPRIGHT],
    };
    let sampler = TaskSampler::with(set, &Part::all(set), options).expect("enough recordings");
    let accuracy = |index| nearest_mean(set, &sampler.sample(&mut stream(1, Purpose::Evaluation, index, 0)));
    let accuracy = (0..600).map(accuracy).sum::<f64>() / 600.0;
    println!("{}: {way}-way, {shot}-shot, nearest mean of raw features: {accuracy:.3}", set.name());
    accuracy
}

fn samples_of(set: &DataSet) -> Vec<usize> {
    let Labels::Classes { names, of } = &set.tasks()[0].labels else { panic!("words are classes") };
    (0..names.len()).map(|class| of.iter().filter(|label| **label == Some(class as u32)).count()).collect()
}

#[test]
fn digits_are_told_apart_by_raw_features() {
    let Some(set) = digits() else { return };
    assert_eq!(set.shape(), SHAPE);
    // Fifty recordings of each digit by each speaker.
    assert_eq!(samples_of(&set), vec![50 * set.domains().len(); 10]);
    assert!(probe(&set, 5, 1) > 0.83);
    assert!(probe(&set, 5, 5) > 0.93);
}

#[test]
fn wake_words_are_told_apart_by_raw_features() {
    let Some(set) = words() else { return };
    assert_eq!(set.shape(), SHAPE);
    assert!(samples_of(&set).iter().all(|&samples| samples == 70));
    assert!(probe(&set, 3, 1) > 0.66);
    assert!(probe(&set, 3, 5) > 0.83);
}

#[test]
fn the_wrong_folder_is_refused_with_what_is_expected() {
    let Some(path) = data("wakewords_picovoice") else { return };
    let refused = |path: &Path, on_broken| fsdd::load(path, on_broken).expect_err("no digits");
    assert!(matches!(refused(&path, OnBroken::Refuse), LoadError::Broken { .. }));
    let message = refused(&path, OnBroken::Skip).to_string();
    assert!(message.contains("digit_speaker_index.wav"), "{message}");
}
