//! The cases of ONNX's own suite, as they lie in the wheel of its Python package.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use supple_tests::root;
use tract_onnx::pb::{ModelProto, TensorProto};
use zip::ZipArchive;

/// Where the suite lies in the wheel.
const SUITE: &str = "onnx/backend/test/data/";
/// Its parts that hold models of few operators.
pub const PARTS: [&str; 3] = ["node", "pytorch-converted", "pytorch-operator"];
/// Where `cargo xtask setup` keeps the wheel.
const KEPT: &str = "target/onnx";

/// A case: a model, what it is fed and what it must give.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// As ONNX's.
    pub model: ModelProto,
    /// In the order of the graph's inputs that no initialiser gives.
    pub inputs: Vec<TensorProto>,
    /// Of the graph's first output.
    pub output: TensorProto,
}

/// The wheel, wherever it is.
pub fn find() -> Option<PathBuf> {
    if let Some(path) = env::var_os("SUPPLE_ONNX_WHEEL") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let files = fs::read_dir(root().join(KEPT)).ok()?.flatten().map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "whl")).max()
}

/// Every case by its name, `node/relu` for `node/test_relu`; sets of data beyond the first are left out.
pub fn cases(wheel: &Path) -> BTreeMap<String, Case> {
    let file = File::open(wheel).unwrap_or_else(|error| panic!("{}: {error}", wheel.display()));
    let mut archive = ZipArchive::new(BufReader::new(file)).expect("a wheel is a zip");
    let mut inputs: BTreeMap<String, BTreeMap<usize, TensorProto>> = BTreeMap::new();
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let Some((case, file)) = split(&entry.name().expect("a name")) else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{case}: {error}"));
        if file == "model.onnx" {
            cases.entry(case).or_default().model = ModelProto::decode(&bytes[..]).expect("a model");
        } else if file == "test_data_set_0/output_0.pb" {
            // Sequences and optional values are no tensors; models that have them are not relevant.
            cases.entry(case).or_default().output = TensorProto::decode(&bytes[..]).unwrap_or_default();
        } else if let Some(place) = place(&file, "test_data_set_0/input_") {
            let tensor = TensorProto::decode(&bytes[..]).unwrap_or_default();
            inputs.entry(case).or_default().insert(place, tensor);
        }
    }
    for (name, inputs) in inputs {
        cases.entry(name).or_default().inputs = inputs.into_values().collect();
    }
    cases
}

/// A file of a case: the case and the name within.
fn split(path: &str) -> Option<(String, String)> {
    let (part, rest) = path.strip_prefix(SUITE)?.split_once('/')?;
    let (case, file) = rest.split_once('/')?;
    (PARTS.contains(&part) && !file.is_empty()).then(|| {
        let case = case.strip_prefix("test_").unwrap_or(case);
        (format!("{part}/{case}"), file.to_owned())
    })
}

fn place(file: &str, prefix: &str) -> Option<usize> {
    file.strip_prefix(prefix)?.strip_suffix(".pb")?.parse().ok()
}
