//! Models that others trained: each becomes a plan that gives what is known of its outputs, or is refused with
//! every reason. `docs/conformance.md` says where the models and the outputs come from.

mod cut;
mod golden;
mod npz;
#[path = "../onnx/mod.rs"]
mod onnx;

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use rayon::prelude::*;
use supple_tests::data;
use supple_tests::table::Table;
use supple_trunk::CompileOptions;
use tract_onnx::pb::ModelProto;

use golden::Golden;
use onnx::model::with_shape;
use onnx::oracle;
use onnx::plan::{NoPlan, Plan};
use onnx::tensor::Tolerance;

/// As a part of the output's largest known value.
const TOLERANCE: f32 = 1e-4;

/// A model, or a model up to one of its values.
struct Trunk {
    model: String,
    /// The whole model if it is empty.
    output: String,
    onnx: Vec<u8>,
    /// The same, not cut.
    whole: Vec<u8>,
    input: Vec<usize>,
    /// Where the outputs come from.
    source: &'static str,
    goldens: Vec<Golden>,
}

#[test]
fn real_models_give_their_known_outputs_or_are_refused() {
    let mut trunks = Vec::new();
    // Both are asked for, so that both are named if both are missing.
    let folders = [
        ("models_onnx", data("models_onnx")),
        ("models_mlperf_tiny/onnx_converted", data("models_mlperf_tiny/onnx_converted")),
    ];
    for (name, folder) in folders {
        let Some(folder) = folder else { return };
        let io = folder.parent().filter(|_| name.contains('/')).unwrap_or(&folder).join("io");
        trunks.extend(models(&folder).iter().map(|path| whole(name, path, &io)));
    }
    trunks.extend(up_to_a_value(&trunks));
    let rows: Vec<_> = trunks.par_iter().map(|trunk| (trunk, by_tract(trunk), by_plan(trunk))).collect();

    let mut table = Table::new("real_models.tsv", &["model", "outputs", "tract", "plan", "reason"]);
    let mut wrong = 0;
    for (trunk, tract, (plan, reason)) in &rows {
        let name = if trunk.output.is_empty() {
            trunk.model.clone()
        } else {
            format!("{} up to {}", trunk.model, trunk.output)
        };
        println!("{plan:<11} {name}");
        table.add(&[&name, trunk.source, tract, plan, reason]);
        wrong += usize::from(*plan == "mismatch" || *plan == "unknown");
    }
    table.check();
    assert_eq!(wrong, 0, "plans that give something else than the model, or of which nothing is known");
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut models: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    models.sort();
    models
}

fn whole(folder: &str, path: &Path, io: &Path) -> Trunk {
    let onnx = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let model = ModelProto::decode(&onnx[..]).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let goldens = golden::stored(io, &path.file_stem().unwrap_or_default().to_string_lossy());
    Trunk {
        model: format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy()),
        output: String::new(),
        input: cut::input_shape(&model),
        source: if goldens.is_empty() { "none" } else { "stored beside the model" },
        whole: onnx.clone(),
        onnx,
        goldens,
    }
}

/// Classifiers without their last layer, which is what a trunk is, and one output of models with more.
fn up_to_a_value(models: &[Trunk]) -> Vec<Trunk> {
    let trunk = |((name, output), (seed, mut golden)): ((String, String), (u32, Golden))| {
        let model = models.iter().find(|model| model.model == name)?;
        golden.input = golden::input(seed, model.input.iter().product());
        let proto = ModelProto::decode(&model.onnx[..]).expect("it was read before");
        Some(Trunk {
            model: name,
            onnx: cut::cut(&proto, &output),
            whole: model.onnx.clone(),
            output,
            input: model.input.clone(),
            source: "onnxruntime, seeded input",
            goldens: vec![golden],
        })
    };
    let mut found: Vec<Trunk> = golden::seeded().into_iter().filter_map(trunk).collect();
    // Of which no output is known: it must be refused with every reason.
    let (name, output) = ("models_onnx/silero_vad_16k_op15.onnx", "output");
    found.extend(models.iter().find(|model| model.model == name).map(|model| Trunk {
        model: name.to_owned(),
        output: output.to_owned(),
        onnx: Vec::new(),
        whole: model.onnx.clone(),
        input: model.input.clone(),
        source: "none",
        goldens: Vec::new(),
    }));
    found
}

/// tract on the model as it is: whether what is known of its outputs can be right.
fn by_tract(trunk: &Trunk) -> &'static str {
    if trunk.goldens.is_empty() {
        return "";
    }
    let model = ModelProto::decode(&trunk.onnx[..]).expect("it was read before");
    let onnx = with_shape(model, &trunk.input).encode_to_vec();
    let inputs: Vec<&[f32]> = trunk.goldens.iter().map(|golden| &golden.input[..]).collect();
    let Ok(outputs) = oracle::run(&onnx, &trunk.input, &inputs) else { return "error" };
    let holds = trunk.goldens.iter().zip(&outputs).all(|(golden, output)| agrees(golden, output).is_ok());
    if holds { "pass" } else { "mismatch" }
}

fn by_plan(trunk: &Trunk) -> (&'static str, String) {
    let fault = |error: NoPlan| match error {
        NoPlan::Refused(_) => ("unsupported", error.to_string()),
        NoPlan::HeldBack(_) => ("held-back", error.to_string()),
        NoPlan::Broken(_) => ("mismatch", error.to_string()),
    };
    let output = (!trunk.output.is_empty()).then(|| trunk.output.clone());
    let options = CompileOptions { output, ..CompileOptions::default() };
    let plan = match Plan::compile(&trunk.whole, &options) {
        Ok(plan) => plan,
        Err(error) => return fault(error),
    };
    if trunk.goldens.is_empty() {
        return ("unknown", "it compiles, but no output of it is known".into());
    }
    for golden in &trunk.goldens {
        let output = match plan.run(&golden.input) {
            Ok(output) => output,
            Err(error) => return fault(error),
        };
        if let Err(why) = agrees(golden, &output) {
            return ("mismatch", why);
        }
    }
    ("pass", String::new())
}

fn agrees(golden: &Golden, output: &[f32]) -> Result<(), String> {
    if output.len() != golden.length {
        return Err(format!("gives {} values instead of {}", output.len(), golden.length));
    }
    let found: Vec<f32> = golden.places.iter().map(|place| output[*place]).collect();
    let largest = golden.values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    Tolerance { absolute: TOLERANCE * largest, relative: 0.0 }.holds(&found, &golden.values)
}
