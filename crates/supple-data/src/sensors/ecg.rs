//! MIT-BIH Arrhythmia (Moody and Mark, IEEE Eng. in Med. and Biol. 20, 2001): half an hour of a patient's heart each,
//! one lead, 360 Hz.
//!
//! A folder of `NNN.npz` (array `ecg_x200`, millivolts × 200), `NNN_all.csv` (the R peak of each beat, as a place in
//! the array) and `NNN_pvc.csv` (those of premature ventricular contractions). A sample is a beat, as
//! [`beat`] cuts it. `normal` is every beat that is not among the premature ones: a few are abnormal in other ways.
//!
//! A beat at a record's edge, where the signal or a neighbour is missing, is no sample; [`load_counting`] counts them.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use rayon::prelude::*;
use supple_signal::beat::{self, Rhythm};
use zip::ZipArchive;

use super::{LoadError, files, read, read_text, sound};
use crate::broken::{OnBroken, Skipped};
use crate::own::npy::{self, Kind};
use crate::samples::{Answer, DataSet, DataSetBuilder, SampleShape};

/// Of every beat: the signal in millivolts, and the intervals before and after it, as channels.
pub const SHAPE: SampleShape = SampleShape::signal(beat::LENGTH, beat::CHANNELS);
/// What a beat may be.
pub const CLASSES: [&str; 2] = ["normal", "pvc"];
/// Values of the array that are a millivolt.
const MILLIVOLT: f32 = 200.0;
const EXPECTED: &str = "the folder of NNN.npz, NNN_all.csv and NNN_pvc.csv";

struct Record {
    beats: Vec<(Vec<f32>, bool)>,
    at_edges: usize,
}

/// Loads the folder.
pub fn load(path: &Path, on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    load_counting(path, on_broken).map(|(set, skipped, _)| (set, skipped))
}

/// Like [`load`]; the number is that of the beats at the edges of records, which were left out.
pub fn load_counting(path: &Path, on_broken: OnBroken) -> Result<(DataSet, Skipped, usize), LoadError> {
    let found = files(path, EXPECTED, |name| name.ends_with(".npz"))?;
    let records: Vec<Result<Record, String>> = found.par_iter().map(|file| record(file)).collect();
    let mut skipped = Skipped::default();
    let mut builder =
        DataSetBuilder::new("ecg_mitbih", SHAPE, vec![DataSetBuilder::classes("beat", &CLASSES)]);
    let (mut beats, mut at_edges) = (0, 0);
    for (file, record) in found.iter().zip(records) {
        let Some(record) = sound(file, record, on_broken, &mut skipped)? else { continue };
        let patient = file.file_stem().unwrap_or_default().to_string_lossy();
        for (number, (values, premature)) in record.beats.iter().enumerate() {
            let answer = Answer::Class(CLASSES[usize::from(*premature)].to_owned());
            builder.push(&format!("{} beat {number}", file.display()), &patient, values, &[answer])?;
        }
        beats += record.beats.len();
        at_edges += record.at_edges;
    }
    if beats == 0 {
        let skipped = skipped.files.len();
        return Err(LoadError::NoRecordings { path: path.to_owned(), skipped, expected: EXPECTED });
    }
    Ok((builder.finish()?, skipped, at_edges))
}

/// A patient's beats; what is wrong with a table beside the signal is said of the signal's file.
fn record(file: &Path) -> Result<Record, String> {
    let mut archive = ZipArchive::new(Cursor::new(read(file)?))
        .map_err(|error| format!("not a readable .npz ({error})"))?;
    let array = npy::entry(&mut archive, "ecg_x200")?.ok_or("it has no array `ecg_x200`")?;
    if array.shape.len() != 1 || array.kind == Kind::Float {
        return Err(format!("`ecg_x200` has the size {:?}; expected is a row of whole numbers", array.shape));
    }
    let mut signal = array.floats().map_err(|reason| format!("`ecg_x200`: {reason}"))?;
    signal.iter_mut().for_each(|value| *value /= MILLIVOLT);
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let table = |what: &str| {
        let name = format!("{stem}_{what}.csv");
        let text = read_text(&file.with_file_name(&name)).map_err(|reason| format!("{name}: {reason}"))?;
        peaks(&text, signal.len()).map_err(|reason| format!("{name}: {reason}"))
    };
    let all = table("all")?;
    let premature: BTreeSet<u32> = table("pvc")?.into_iter().collect();
    // Both tables come from the same annotations, so a beat is found to the sample or something is wrong.
    if let Some(peak) = premature.iter().find(|peak| all.binary_search(peak).is_err()) {
        return Err(format!("{stem}_pvc.csv: there is no beat at {peak} in {stem}_all.csv"));
    }
    let mut found = Record { beats: Vec::new(), at_edges: 0 };
    for (index, &peak) in all.iter().enumerate() {
        let mut values = [0.0; beat::LENGTH * beat::CHANNELS];
        let rhythm = Rhythm::of(&all, index);
        match rhythm.is_some_and(|rhythm| beat::features(&signal, peak as usize, rhythm, &mut values)) {
            true => found.beats.push((values.to_vec(), premature.contains(&peak))),
            false => found.at_edges += 1,
        }
    }
    Ok(found)
}

/// The second column of a table with a head: ascending places in a signal of `length`.
fn peaks(text: &str, length: usize) -> Result<Vec<u32>, String> {
    let mut found: Vec<u32> = Vec::new();
    for (row, line) in (1..).zip(text.lines()).skip(1) {
        if line.trim().is_empty() {
            continue;
        }
        let place = line.split(',').nth(1).unwrap_or_default().trim();
        let peak: u32 =
            place.parse().map_err(|_| format!("row {row}: `{place}` is no place in the signal"))?;
        if peak as usize >= length {
            return Err(format!("row {row}: {peak} is behind the signal's end at {length}"));
        }
        if found.last().is_some_and(|last| *last >= peak) {
            return Err(format!("row {row}: {peak} is not behind the beat before it"));
        }
        found.push(peak);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own::npy::tests::{npy, npz};
    use crate::render::Orientation;
    use crate::samples::Labels;

    fn signal(peaks: &[usize], length: usize) -> Vec<u8> {
        let mut values = vec![40i16; length];
        peaks.iter().for_each(|&peak| values[peak..peak + 2].fill(240));
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        npz(&[("ecg_x200", npy("<i2", "False", &format!("({length},)"), &data))])
    }

    fn table(peaks: &[usize]) -> String {
        peaks.iter().enumerate().fold(",R\n".to_owned(), |text, (n, peak)| format!("{text}{n},{peak}\n"))
    }

    fn folder(npz: &[u8], all: &str, pvc: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, bytes) in [("7.npz", npz), ("7_all.csv", all.as_bytes()), ("7_pvc.csv", pvc.as_bytes())] {
            std::fs::write(root.path().join(name), bytes).unwrap();
        }
        root
    }

    #[test]
    fn beats_are_cut_and_told_apart() {
        let peaks = [50, 350, 650, 850, 1250, 1500];
        let root = folder(&signal(&peaks, 1600), &table(&peaks), &table(&[850]));
        let (set, skipped, at_edges) = load_counting(root.path(), OnBroken::Refuse).unwrap();
        // The first and the last have no neighbour.
        assert_eq!((set.len(), at_edges, skipped.files.len()), (4, 2, 0));
        assert_eq!(set.domains(), ["7"]);
        let Labels::Classes { of, names } = &set.tasks()[0].labels else { panic!("classes") };
        assert_eq!((names.len(), &of[..]), (2, &[Some(0), Some(0), Some(1), Some(0)][..]));
        let mut early = vec![0.0; SHAPE.len()];
        set.render(2, Orientation::UPRIGHT, &mut early);
        assert!((early[beat::BEFORE / beat::FACTOR * beat::CHANNELS] - 1.0).abs() < 0.02);
        assert!(early[1] < 0.8 && early[2] > 1.2, "{:?}", &early[..3]);
    }

    #[test]
    fn faults_name_the_table_and_the_row() {
        let peaks = [50, 350, 650];
        let good = signal(&peaks, 1000);
        let floats = npz(&[("ecg_x200", npy("<f4", "False", "(1,)", &[0; 4]))]);
        for (npz, all, pvc, part) in [
            (&good, table(&[50, 350, 1000]), table(&[]), "7_all.csv: row 4: 1000 is behind"),
            (&good, table(&[350, 50]), table(&[]), "row 3: 50 is not behind"),
            (&good, table(&peaks), table(&[351]), "7_pvc.csv: there is no beat at 351"),
            (&good, "head\nx".to_owned(), table(&[]), "row 2: `` is no place"),
            (&b"PK".to_vec(), table(&[]), table(&[]), "not a readable .npz"),
            (&npz(&[]), table(&[]), table(&[]), "no array `ecg_x200`"),
            (&floats, table(&[]), table(&[]), "a row of whole numbers"),
        ] {
            let root = folder(npz, &all, &pvc);
            let message = load(root.path(), OnBroken::Refuse).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("7.npz"), "{message}");
            let error = load(root.path(), OnBroken::Skip).unwrap_err();
            assert!(matches!(error, LoadError::NoRecordings { skipped: 1, .. }), "{error}");
        }
    }
}
