//! Spoken words as clips of one second at 16 kHz.

use std::f64::consts::PI;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use supple_data::audio::wav::{self, Rate};
use zip::ZipArchive;

use super::mfcc::CLIP;

/// Taps of the filter to each side.
const REACH: isize = 32;

/// A word.
pub struct Clip {
    /// The archive it lies in: a speaker of the digits, a wake word.
    pub archive: String,
    /// At most a second, beginning at any value.
    pub values: Vec<f64>,
}

/// So many WAVs of each zip in a folder, evenly out of all by name.
pub fn clips(folder: &Path, each: usize) -> Vec<Clip> {
    let mut archives: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "zip"))
        .collect();
    archives.sort();
    archives.iter().flat_map(|path| of_archive(path, each)).collect()
}

fn of_archive(path: &Path, each: usize) -> Vec<Clip> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = ZipArchive::new(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let names = archive.file_names().map(|name| name.expect("a name").into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".wav")).collect();
    names.sort();
    let holder = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut clip = |name: &String| {
        let mut bytes = Vec::new();
        archive.by_name(name).expect("it is listed").read_to_end(&mut bytes).expect("it can be read");
        let recording = wav::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let values: Vec<f64> = recording.values.iter().map(|value| f64::from(*value)).collect();
        let values = if recording.rate == Rate::Eight { doubled(&values) } else { values };
        Clip { archive: holder.clone(), values: loudest(&values).to_vec() }
    };
    (0..each).map(|index| clip(&names[index * names.len() / each])).collect()
}

/// 8 kHz as 16 kHz: between two values, the one that a signal of their band has there (a sine over its argument,
/// under a Hann window).
fn doubled(values: &[f64]) -> Vec<f64> {
    let tap = |distance: f64| {
        let angle = PI * distance;
        angle.sin() / angle * (0.5 + 0.5 * (angle / REACH as f64).cos())
    };
    let taps: Vec<f64> = (-REACH..REACH).map(|k| tap(k as f64 + 0.5)).collect();
    let between = |at: usize| -> f64 {
        let near = |k: usize| (at + 1 + k).checked_sub(REACH as usize).and_then(|place| values.get(place));
        taps.iter().enumerate().map(|(k, tap)| tap * near(k).copied().unwrap_or(0.0)).sum()
    };
    values.iter().enumerate().flat_map(|(at, value)| [*value, between(at)]).collect()
}

/// The second that is loudest, of a recording that is longer.
fn loudest(values: &[f64]) -> &[f64] {
    if values.len() <= CLIP {
        return values;
    }
    let mut power: f64 = values[..CLIP].iter().map(|value| value * value).sum();
    let mut best = (power, 0);
    for start in 1..=values.len() - CLIP {
        power += values[start + CLIP - 1].powi(2) - values[start - 1].powi(2);
        if power > best.0 {
            best = (power, start);
        }
    }
    &values[best.1..best.1 + CLIP]
}

#[test]
fn a_tone_at_twice_the_rate_is_the_same_tone() {
    let tone = |n: usize, rate: f64| (2.0 * PI * 1000.0 * n as f64 / rate).sin();
    let slow: Vec<f64> = (0..400).map(|n| tone(n, 8000.0)).collect();
    for (n, value) in doubled(&slow).iter().enumerate().skip(100).take(600) {
        assert!((value - tone(n, 16_000.0)).abs() < 1e-3, "{n}: {value}");
    }
}

#[test]
fn the_loudest_second_is_taken() {
    let mut values = vec![1.0; 40_000];
    values[20_000..36_000].fill(9.0);
    assert_eq!(loudest(&values), vec![9.0; CLIP]);
    assert_eq!(loudest(&values[..10]), &values[..10]);
}
