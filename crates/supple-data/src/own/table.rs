//! An `.npz`, as `numpy.savez("data.npz", x=x, y=y, domain=domain)` writes it.
//!
//! | array | what |
//! |---|---|
//! | `x` | `n` samples of one to three dimensions: values; steps and channels; height, width and channels |
//! | `y` | `n` whole numbers or texts: classes; `n` or `n` × `k` floats: values |
//! | `domain` | `n` whole numbers or texts; without it, all samples are of one domain |
//!
//! Unknown is -1 among whole numbers, nothing among texts, NaN among floats (all of a row's values, or none). Other
//! arrays are not looked at.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use zip::ZipArchive;

use super::decode::shape;
use super::folder::ONE_DOMAIN;
use super::npy::{self, Array, Kind};
use super::{LoadError, MOST_NAMES, MOST_SAMPLES, name};
use crate::broken::{OnBroken, Skipped};
use crate::samples::{Answer, DataSet, DataSetBuilder, SampleShape, TaskLabels};

/// Numbers that a sample may be asked for.
const MOST_ANSWERS: usize = 1000;

/// What the arrays say.
struct Table {
    shape: SampleShape,
    values: Vec<f32>,
    task: TaskLabels,
    /// By row; a fault is the row's own.
    answers: Vec<Result<Answer, String>>,
    domains: Option<Vec<String>>,
}

/// Loads an `.npz`. What is wrong with an array is wrong with all; a row can be broken for itself, and is skipped by
/// that name.
pub fn load(path: &Path, on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    let broken = |reason| LoadError::Broken { path: path.to_owned(), reason };
    let table = read(path).map_err(broken)?;
    let mut builder = DataSetBuilder::new(name(path), table.shape, vec![table.task]);
    let mut skipped = Skipped::default();
    let mut kept = 0;
    let samples = table.values.chunks_exact(table.shape.len());
    for (row, (values, answer)) in samples.zip(table.answers).enumerate() {
        let finite = match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(format!("value {index} of `x` is {}", values[index])),
            None => Ok(()),
        };
        let answer = match (finite.and(answer), on_broken) {
            (Ok(answer), _) => answer,
            (Err(reason), OnBroken::Refuse) => return Err(broken(format!("row {row} (from 0): {reason}"))),
            (Err(reason), OnBroken::Skip) => {
                skipped.files.push((path.to_owned(), format!("row {row} (from 0): {reason}")));
                continue;
            }
        };
        let domain = table.domains.as_ref().map_or(ONE_DOMAIN, |domains| domains[row].as_str());
        builder.push(&format!("{} row {row}", path.display()), domain, values, &[answer])?;
        kept += 1;
    }
    match kept {
        0 => Err(LoadError::NoSamples { path: path.to_owned(), skipped: skipped.files.len() }),
        _ => Ok((builder.finish()?, skipped)),
    }
}

fn read(path: &Path) -> Result<Table, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| {
        format!("neither a folder nor an .npz ({error}): save the data with numpy.savez(file, x=x, y=y)")
    })?;
    let mut array = |name| npy::entry(&mut archive, name);
    let missing = |name| format!("it has no array `{name}`: save it with numpy.savez(file, x=x, y=y)");
    let x = array("x")?.ok_or_else(|| missing("x"))?;
    let Some((&samples, dimensions)) = x.shape.split_first() else {
        return Err("`x` is one number: give samples × values".to_owned());
    };
    if samples > MOST_SAMPLES {
        return Err(format!("`x` has {samples} samples, where at most {MOST_SAMPLES} are read: give fewer"));
    }
    let shape = shape(dimensions).map_err(|reason| format!("`x`: {reason}"))?;
    let y = array("y")?.ok_or_else(|| missing("y"))?;
    let rows = |name: &str, array: &Array| match array.shape.first() {
        Some(&rows) if rows == samples => Ok(()),
        rows => Err(format!(
            "`{name}` has {} rows where `x` has {samples}: give one for each sample",
            rows.copied().unwrap_or(0)
        )),
    };
    rows("y", &y)?;
    let (task, answers) = answers(&y).map_err(|reason| format!("`y`: {reason}"))?;
    let domains = match array("domain")? {
        None => None,
        Some(domain) => {
            rows("domain", &domain)?;
            Some(names(&domain).map_err(|reason| format!("`domain`: {reason}"))?)
        }
    };
    let values = x.floats().map_err(|reason| format!("`x`: {reason}"))?;
    Ok(Table { shape, values, task, answers, domains })
}

/// One text for each row; not more different ones than are read.
fn names(array: &Array) -> Result<Vec<String>, String> {
    if array.shape.len() != 1 {
        return Err(format!("its size is {:?}; expected is one a sample", array.shape));
    }
    let names = match array.kind {
        Kind::Text => array.texts()?,
        _ => array.whole()?.iter().map(i64::to_string).collect(),
    };
    let different = names.iter().collect::<BTreeSet<_>>().len();
    match different > MOST_NAMES {
        true => Err(format!("it has {different} different ones, where at most {MOST_NAMES} are read")),
        false => Ok(names),
    }
}

fn answers(y: &Array) -> Result<(TaskLabels, Vec<Result<Answer, String>>), String> {
    match y.kind {
        Kind::Float => numbers(y),
        Kind::Text => {
            let texts = names(y)?;
            let known: BTreeSet<&str> =
                texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
            let known: Vec<&str> = known.into_iter().collect();
            let answer = |text: &String| match text.is_empty() {
                true => Ok(Answer::Missing),
                false => Ok(Answer::Class(text.clone())),
            };
            Ok((DataSetBuilder::classes("y", &known), texts.iter().map(answer).collect()))
        }
        Kind::Signed | Kind::Unsigned => {
            names(y)?;
            let whole = y.whole()?;
            // In the order of the numbers, not of their digits.
            let known: BTreeSet<i64> = whole.iter().copied().filter(|&label| label >= 0).collect();
            let known: Vec<String> = known.iter().map(i64::to_string).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let answer = |&label: &i64| match label {
                -1 => Ok(Answer::Missing),
                0.. => Ok(Answer::Class(label.to_string())),
                _ => Err(format!("`y` is {label}: classes count from 0, and -1 is unknown")),
            };
            Ok((DataSetBuilder::classes("y", &known), whole.iter().map(answer).collect()))
        }
    }
}

fn numbers(y: &Array) -> Result<(TaskLabels, Vec<Result<Answer, String>>), String> {
    let width = match y.shape[..] {
        [_] => 1,
        [_, width @ 1..=MOST_ANSWERS] => width,
        _ => return Err(format!("its size is {:?}; expected are samples, or samples × values", y.shape)),
    };
    let names: Vec<String> = match width {
        1 => vec!["y".to_owned()],
        _ => (0..width).map(|index| format!("y{index}")).collect(),
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let answer = |row: &[f32]| {
        let unknown = row.iter().filter(|value| value.is_nan()).count();
        match row.iter().find(|value| value.is_infinite()) {
            Some(value) => Err(format!("`y` is {value}, no finite number")),
            None if unknown == width => Ok(Answer::Missing),
            None if unknown > 0 => Err("`y` is NaN in part: give all of a row's values, or none".to_owned()),
            None => Ok(Answer::Values(row.to_vec())),
        }
    };
    Ok((DataSetBuilder::values("y", &names), y.floats()?.chunks_exact(width).map(answer).collect()))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
