//! Human activity by a phone in the pocket and a watch on the wrist (Matey-Sanz, Casteleyn, Granell, 2023).
//!
//! A folder of zips, one a person, of `DATA/s01/s01_01_sp.csv`: person, recording, and `sp` for the phone or `sw` for
//! the watch; columns `x_acc` to `z_gyro` (m/s², rad/s), `timestamp` (ms), `label`. A domain is a person and a device.
//!
//! The timestamps are those of arrival: values come in bunches, but on the whole evenly, phones at 102.5 Hz and
//! watches at 104.3 Hz. So rows count as even, and both rates as one: they differ by less than any two steps do.
//!
//! Turns, standing up and sitting down last 0.6 to 1.8 s, each person ten to twenty times. Windows of one label must
//! then be short and overlap, or there are too few of them: 0.77 s every 0.15 s give 20 and more of every class but
//! `SEATED`, which some persons hardly were. Windows of the same recording are alike, so a second task, `recording`,
//! names each window's: who wants support and query of different recordings chooses by it. Phone and watch ran at
//! the same time and count as the same recording.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use supple_signal::motion;
use supple_signal::window::Windows;
use zip::ZipArchive;

use super::{LoadError, files, number, read, sound};
use crate::broken::{OnBroken, Skipped};
use crate::samples::{Answer, DataSet, DataSetBuilder, SampleShape};

/// The activities.
pub const ACTIVITIES: [&str; 5] = ["SEATED", "STANDING_UP", "WALKING", "TURNING", "SITTING_DOWN"];
/// How recordings are cut, in rows.
pub const WINDOWS: Windows = Windows { length: 80, hop: 16 };
/// Of every window.
pub const SHAPE: SampleShape = SampleShape::signal(WINDOWS.length, motion::CHANNELS);
const COLUMNS: [&str; 8] = ["x_acc", "y_acc", "z_acc", "x_gyro", "y_gyro", "z_gyro", "timestamp", "label"];
/// Rows a second that count as this data set's.
const RATES: std::ops::Range<f32> = 95.0..112.0;
const LARGEST_RECORDING: u64 = 8 << 20;
const MOST_RECORDINGS: usize = 1000;
const EXPECTED: &str = "the folder of s01.zip and so on";

/// A run of one label.
struct Bout {
    activity: &'static str,
    /// `[row][axes]`.
    rows: Vec<f32>,
}

/// What a file's name says.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    domain: String,
    recording: String,
}

type Recordings = BTreeMap<PathBuf, Result<(Name, Vec<Bout>), String>>;

/// Loads the folder.
pub fn load(path: &Path, on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    let persons: Vec<Recordings> = files(path, EXPECTED, |name| name.ends_with(".zip"))?
        .par_iter()
        .map(|file| person(file).unwrap_or_else(|reason| [(file.clone(), Err(reason))].into()))
        .collect();
    let mut skipped = Skipped::default();
    let tasks =
        vec![DataSetBuilder::classes("activity", &ACTIVITIES), DataSetBuilder::classes("recording", &[])];
    let mut builder = DataSetBuilder::new("har_spsw", SHAPE, tasks);
    let mut windows = 0;
    for (file, recording) in persons.into_iter().flatten() {
        let Some((name, bouts)) = sound(&file, recording, on_broken, &mut skipped)? else { continue };
        for bout in bouts {
            let answers = [Answer::Class(bout.activity.to_owned()), Answer::Class(name.recording.clone())];
            for window in cut(&bout.rows) {
                let mut values = vec![0.0; SHAPE.len()];
                motion::features(window, &mut values);
                builder.push(&file.display().to_string(), &name.domain, &values, &answers)?;
                windows += 1;
            }
        }
    }
    if windows == 0 {
        let skipped = skipped.files.len();
        return Err(LoadError::NoRecordings { path: path.to_owned(), skipped, expected: EXPECTED });
    }
    Ok((builder.finish()?, skipped))
}

/// A bout's windows, in its middle: its edges are where one activity becomes the next.
fn cut(rows: &[f32]) -> impl Iterator<Item = &[f32]> {
    let count = rows.len() / motion::AXES;
    let windows = WINDOWS.count(count);
    let used = windows.saturating_sub(1) * WINDOWS.hop + WINDOWS.length;
    let begin = count.saturating_sub(used) / 2 * motion::AXES;
    (0..windows).filter_map(move |index| WINDOWS.get(&rows[begin..], motion::AXES, index))
}

/// The recordings of a zip.
fn person(file: &Path) -> Result<Recordings, String> {
    let unreadable = |error: zip::result::ZipError| format!("not a readable zip ({error})");
    let mut archive = ZipArchive::new(Cursor::new(read(file)?)).map_err(unreadable)?;
    if archive.len() > MOST_RECORDINGS {
        return Err(format!("it holds {} files, where at most {MOST_RECORDINGS} are read", archive.len()));
    }
    let mut recordings = Recordings::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        let Some(name) = entry.enclosed_name() else { continue };
        if name.extension().is_none_or(|ending| ending != "csv") {
            continue;
        }
        let stem = name.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let recording = parse_name(stem).and_then(|name| Ok((name, parse(entry)?)));
        recordings.insert(file.join(name), recording);
    }
    Ok(recordings)
}

/// `s01/phone` and `s01_02` of `s01_02_sp`.
fn parse_name(stem: &str) -> Result<Name, String> {
    let parts: Vec<&str> = stem.split('_').collect();
    let (person, recording, device) = match parts[..] {
        [person, recording, "sp"] => (person, recording, "phone"),
        [person, recording, "sw"] => (person, recording, "watch"),
        _ => return Err(format!("`{stem}` is not named like s01_01_sp or s01_01_sw")),
    };
    Ok(Name { domain: format!("{person}/{device}"), recording: format!("{person}_{recording}") })
}

fn parse(entry: impl Read) -> Result<Vec<Bout>, String> {
    let mut text = String::new();
    let length = entry.take(LARGEST_RECORDING + 1).read_to_string(&mut text);
    if length.map_err(|error| format!("not readable ({error})"))? as u64 > LARGEST_RECORDING {
        return Err(format!("it is larger than {LARGEST_RECORDING} bytes"));
    }
    let mut lines = (1..).zip(text.lines());
    if !lines.next().is_some_and(|(_, head)| head.split(',').map(str::trim).eq(COLUMNS)) {
        return Err(format!("its first row is not {}", COLUMNS.join(",")));
    }
    let mut bouts: Vec<Bout> = Vec::new();
    let mut times: Option<(i64, i64)> = None;
    let mut rows = 0;
    for (row, line) in lines {
        let mut fields = line.split(',');
        let mut axes = [0.0; motion::AXES];
        for (axis, name) in axes.iter_mut().zip(COLUMNS) {
            *axis = number(row, name, fields.next())?;
        }
        let time = fields.next().unwrap_or_default().trim();
        let time: i64 = time.parse().map_err(|_| format!("row {row}: `{time}` is no timestamp"))?;
        let label = fields.next().unwrap_or_default().trim();
        let activity = ACTIVITIES.into_iter().find(|activity| *activity == label);
        let activity =
            activity.ok_or_else(|| format!("row {row}: `{label}` is none of {}", ACTIVITIES.join(", ")))?;
        if times.is_some_and(|(_, last)| time < last) {
            return Err(format!("row {row} is earlier than the row before it"));
        }
        times = Some((times.map_or(time, |(first, _)| first), time));
        rows += 1;
        match bouts.last_mut().filter(|bout| bout.activity == activity) {
            Some(bout) => bout.rows.extend(axes),
            None => bouts.push(Bout { activity, rows: axes.to_vec() }),
        }
    }
    let milliseconds = times.map_or(0, |(first, last)| last.saturating_sub(first));
    let rate = 1000.0 * (rows - 1) as f32 / milliseconds as f32;
    if rows < WINDOWS.length as i32 || !RATES.contains(&rate) {
        return Err(format!(
            "it has {rows} rows at {rate:.0} Hz, where about 103 Hz are expected: resample it"
        ));
    }
    Ok(bouts)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::samples::Labels;

    fn csv(milliseconds: f32, bouts: &[(&str, usize)]) -> String {
        let mut text = COLUMNS.join(",") + "\n";
        let labels = bouts.iter().flat_map(|(label, rows)| std::iter::repeat_n(label, *rows));
        for (row, label) in labels.enumerate() {
            let time = 1_657_533_977_813 + (row as f32 * milliseconds) as i64;
            text += &format!("0.5,-1,9.81,0,{row},0,{time},{label}\n");
        }
        text
    }

    fn folder(recordings: &[(&str, String)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let mut writer = zip::ZipWriter::new(std::fs::File::create(root.path().join("s01.zip")).unwrap());
        for (name, text) in recordings {
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(format!("DATA/s01/{name}.csv"), options).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        root
    }

    #[test]
    fn windows_keep_to_one_label() {
        let text = csv(9.7, &[("SEATED", 79), ("WALKING", 112), ("TURNING", 80), ("SEATED", 500)]);
        let root = folder(&[("s01_01_sp", text.clone()), ("s01_01_sw", text)]);
        let (set, skipped) = load(root.path(), OnBroken::Refuse).unwrap();
        assert_eq!(set.domains(), ["s01/phone", "s01/watch"]);
        assert_eq!((set.shape(), skipped.files.len()), (SHAPE, 0));
        let Labels::Classes { of, names } = &set.tasks()[0].labels else { panic!("classes") };
        let count = |class| of.iter().filter(|label| **label == Some(class)).count();
        assert_eq!((names.len(), [0, 1, 2, 3, 4].map(count)), (5, [2 * 27, 0, 2 * 3, 2, 0]));
        let Labels::Classes { names, .. } = &set.tasks()[1].labels else { panic!("classes") };
        assert_eq!(names, &["s01_01"]);
    }

    #[test]
    fn windows_lie_in_the_middle() {
        let rows: Vec<f32> = (0..90 * motion::AXES).map(|value| (value / motion::AXES) as f32).collect();
        let windows: Vec<&[f32]> = cut(&rows).collect();
        assert_eq!((windows.len(), windows[0][0], windows[0].len()), (1, 5.0, 480));
        assert_eq!(cut(&[]).count(), 0);
    }

    #[test]
    fn faults_name_the_recording_and_the_row() {
        let good = || csv(9.7, &[("WALKING", 100)]);
        for (name, bad, part) in [
            ("s01_02_sp", csv(20.0, &[("WALKING", 100)]), "100 rows at 50 Hz"),
            ("s01_02_sp", csv(9.7, &[("WALKING", 9)]), "9 rows at"),
            ("s01_02_sp", csv(9.7, &[]), "0 rows at"),
            ("s01_02_sp", csv(9.7, &[("WALKING", 1), ("FLYING", 1)]), "row 3: `FLYING` is none of"),
            ("s01_02_sp", csv(-9.7, &[("WALKING", 100)]), "row 3 is earlier"),
            ("s01_02_sp", good().replace(",-1,", ",x,"), "row 2: y_acc is `x`"),
            ("s01_02_sp", good().replace(",-1,", ",inf,"), "no finite number"),
            ("s01_02_sp", String::new(), "its first row is not x_acc"),
            ("s01_02_xx", good(), "not named like"),
        ] {
            let root = folder(&[("s01_01_sp", good()), (name, bad)]);
            let message = load(root.path(), OnBroken::Refuse).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains(name), "{message}");
            let (set, skipped) = load(root.path(), OnBroken::Skip).unwrap();
            assert_eq!((set.len(), skipped.files.len()), (2, 1));
        }
        let root = folder(&[]);
        std::fs::write(root.path().join("s02.zip"), "no zip").unwrap();
        let message = load(root.path(), OnBroken::Refuse).unwrap_err().to_string();
        assert!(message.contains("s02.zip: not a readable zip"), "{message}");
    }
}
