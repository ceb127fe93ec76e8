//! Gas Sensor Array Drift at Different Concentrations (Vergara et al., Sensors and Actuators B 166, 2012): 16 sensors
//! that drift over three years, 8 features each.
//!
//! A folder of `batchN.dat`; a line is `gas,ppm,` and 128 features. The first task is which gas, the second how much,
//! as the base-10 logarithm of ppm. A sample is a vector of 136: patterns, then levels, as
//! [`sensor_array`] explains. The transform is fixed and looks at one reading at a time.

use std::path::Path;

use supple_signal::sensor_array;

use super::{LoadError, files, number, read_text, sound};
use crate::broken::{OnBroken, Skipped};
use crate::samples::{Answer, DataSet, DataSetBuilder, SampleShape};

/// The gases.
pub const GASES: [&str; 6] = ["Acetaldehyde", "Acetone", "Ammonia", "Ethanol", "Ethylene", "Toluene"];
/// Features of a sensor.
const OF_A_SENSOR: usize = 8;
/// Features of all sensors.
const READINGS: usize = 16 * OF_A_SENSOR;
/// Patterns and levels.
pub const SHAPE: SampleShape = SampleShape::vector(READINGS + OF_A_SENSOR);
const EXPECTED: &str = "the folder of batch1.dat and so on";

struct Reading {
    gas: String,
    log_ppm: f32,
    features: Vec<f32>,
}

/// Loads the folder.
pub fn load(path: &Path, on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    let mut skipped = Skipped::default();
    let tasks =
        vec![DataSetBuilder::classes("gas", &GASES), DataSetBuilder::values("concentration", &["log10 ppm"])];
    let mut builder = DataSetBuilder::new("gas_drift", SHAPE, tasks);
    let mut readings = 0;
    for file in files(path, EXPECTED, |name| batch(name).is_some())? {
        let content = read_text(&file).and_then(|text| parse(&text));
        let Some(content) = sound(&file, content, on_broken, &mut skipped)? else { continue };
        let name = file.file_name().and_then(|name| name.to_str()).and_then(batch).unwrap_or_default();
        for (row, reading) in content.iter().enumerate() {
            let answers = [Answer::Class(reading.gas.clone()), Answer::Values(vec![reading.log_ppm])];
            let origin = || format!("{} row {}", file.display(), row + 1);
            readings += 1;
            builder.push(&origin(), name, &reading.features, &answers)?;
        }
    }
    if readings == 0 {
        let skipped = skipped.files.len();
        return Err(LoadError::NoRecordings { path: path.to_owned(), skipped, expected: EXPECTED });
    }
    Ok((builder.finish()?, skipped))
}

/// `batch3` of `batch3.dat`.
fn batch(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".dat")?;
    let number = stem.strip_prefix("batch")?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(stem)
}

fn parse(text: &str) -> Result<Vec<Reading>, String> {
    let mut found = Vec::new();
    for (row, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let mut fields = line.split(',');
        let gas = fields.next().unwrap_or_default().trim();
        if !GASES.contains(&gas) {
            return Err(format!("row {row}: `{gas}` is none of {}", GASES.join(", ")));
        }
        let ppm = number(row, "concentration", fields.next())?;
        if ppm <= 0.0 {
            return Err(format!("row {row}: a concentration of {ppm} ppm has no logarithm"));
        }
        let raw: Vec<f32> =
            fields.map(|field| number(row, "feature", Some(field))).collect::<Result<_, _>>()?;
        let mut features = vec![0.0; SHAPE.channels];
        if raw.len() != READINGS || !sensor_array::features(&raw, OF_A_SENSOR, &mut features) {
            return Err(format!("row {row} has {} features, where {READINGS} are expected", raw.len()));
        }
        found.push(Reading { gas: gas.to_owned(), log_ppm: libm::log10f(ppm), features });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Orientation;
    use crate::samples::Labels;

    fn line(gas: &str, ppm: &str, features: usize) -> String {
        let features: String = (0..features).map(|n| format!(",{}", n as f32 - 3.5)).collect();
        format!("{gas},{ppm}{features}\n")
    }

    fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(root.path().join(name), text).unwrap();
        }
        root
    }

    #[test]
    fn batches_are_domains_and_both_questions_are_answered() {
        let two = line("Ethanol", "100.0", 128) + &line("Toluene", "10", 128);
        let root = folder(&[
            ("batch1.dat", two),
            ("batch2.dat", line("Acetone", "1", 128)),
            ("SOURCE.md", "text".into()),
        ]);
        let (set, skipped) = load(root.path(), OnBroken::Refuse).unwrap();
        assert_eq!((set.len(), set.shape(), skipped.files.len()), (3, SHAPE, 0));
        assert_eq!(set.domains(), ["batch1", "batch2"]);
        let Labels::Classes { of, .. } = &set.tasks()[0].labels else { panic!("classes") };
        assert_eq!(of, &[Some(3), Some(5), Some(1)]);
        let Labels::Values { names, of } = &set.tasks()[1].labels else { panic!("values") };
        assert_eq!((names[0].as_str(), &of[..]), ("log10 ppm", &[2.0, 1.0, 0.0][..]));
        let mut input = vec![0.0; SHAPE.len()];
        set.render(0, Orientation::UPRIGHT, &mut input);
        assert!(input[0] < 0.0 && input[128 - 1] > 0.0 && input[128] > 0.0);
    }

    #[test]
    fn broken_batches_are_named_with_their_row() {
        let good = line("Ethanol", "100", 128);
        for (bad, part) in [
            (line("Argon", "1", 128), "row 2: `Argon` is none of"),
            (line("Ethanol", "1", 127), "row 2 has 127 features"),
            (line("Ethanol", "0", 128), "has no logarithm"),
            (line("Ethanol", "nan", 128), "row 2: concentration is nan"),
            ("Ethanol,5,a".to_owned(), "`a`, which is no number"),
            ("Ethanol".to_owned(), "row 2 has no concentration"),
        ] {
            let root = folder(&[("batch1.dat", good.clone() + &bad), ("batch2.dat", good.clone())]);
            let message = load(root.path(), OnBroken::Refuse).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("batch1.dat"), "{message}");
            let (set, skipped) = load(root.path(), OnBroken::Skip).unwrap();
            assert_eq!(set.len(), 1);
            assert!(skipped.files[0].1.contains(part));
        }
        let root = folder(&[("batch1.dat", "x".to_owned())]);
        let error = load(root.path(), OnBroken::Skip).unwrap_err();
        assert!(matches!(error, LoadError::NoRecordings { skipped: 1, .. }));
        assert!(matches!(load(&root.path().join("no"), OnBroken::Skip), Err(LoadError::Missing { .. })));
    }
}
