//! What a model must give: stored beside it by others, or computed once by onnxruntime.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use prost::Message;
use supple_tests::root;
use tract_onnx::pb::TensorProto;

use super::npz::arrays;
use super::onnx::tensor::Tensor;

/// One input and some of what the model gives for it.
#[derive(Debug, Clone)]
pub struct Golden {
    /// One sample in the model's order.
    pub input: Vec<f32>,
    /// How many values the output has.
    pub length: usize,
    /// Places in the output.
    pub places: Vec<usize>,
    /// The values there.
    pub values: Vec<f32>,
}

impl Golden {
    fn whole(input: &[f32], output: &[f32]) -> Self {
        Self {
            input: input.to_vec(),
            length: output.len(),
            places: (0..output.len()).collect(),
            values: output.to_vec(),
        }
    }
}

/// What lies in `io` beside a model: `NAME.npz` or `NAME/io.npz` with an input `x` and an output `y…`, or folders
/// `NAME/0`, `NAME/1` … with `input_0.pb` and `output_0.pb`.
pub fn stored(io: &Path, name: &str) -> Vec<Golden> {
    let folder = io.join(name);
    for archive in [io.join(format!("{name}.npz")), folder.join("io.npz")] {
        if archive.is_file() {
            return of_archive(&archive);
        }
    }
    let tensor = |path: &Path| {
        let bytes = fs::read(path).ok()?;
        Tensor::read(&TensorProto::decode(&bytes[..]).ok()?)
    };
    let sets = (0..).map(|set: usize| folder.join(set.to_string())).take_while(|set| set.is_dir());
    sets.filter_map(|set| {
        let (input, output) = (tensor(&set.join("input_0.pb"))?, tensor(&set.join("output_0.pb"))?);
        Some(Golden::whole(&input.values, &output.values))
    })
    .collect()
}

fn of_archive(path: &Path) -> Vec<Golden> {
    let arrays = arrays(path);
    let find = |prefix: &str| arrays.iter().find(|(name, _)| name.starts_with(prefix)).map(|(_, t)| t);
    let (Some(input), Some(output)) = (find("x"), find("y")) else { return Vec::new() };
    input.slices().zip(output.slices()).map(|(input, output)| Golden::whole(input, output)).collect()
}

/// From `tests/tables/seeded_outputs.tsv`: by model and output, the seed and the golden, its input still empty.
pub fn seeded() -> BTreeMap<(String, String), (u32, Golden)> {
    let path = root().join("tests/tables/seeded_outputs.tsv");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut goldens = BTreeMap::new();
    for line in text.lines().skip(1) {
        let parsed = || -> Option<(&str, &str, u32, usize, usize, f32)> {
            let cells: Vec<&str> = line.split('\t').collect();
            let [model, output, seed, length, place, value] = cells[..] else { return None };
            let (seed, length) = (seed.parse().ok()?, length.parse().ok()?);
            Some((model, output, seed, length, place.parse().ok()?, value.parse().ok()?))
        };
        let (model, output, seed, length, place, value) =
            parsed().unwrap_or_else(|| panic!("{}: {line}", path.display()));
        let empty = Golden { input: Vec::new(), length, places: Vec::new(), values: Vec::new() };
        let (_, golden) = goldens.entry((model.to_owned(), output.to_owned())).or_insert((seed, empty));
        golden.places.push(place);
        golden.values.push(value);
    }
    goldens
}

/// Numbers from -0.5 to below 0.5 that any program can repeat: `state = state * 1664525 + 1013904223` in 32 bits,
/// and of each state the upper 24 bits.
pub fn input(seed: u32, length: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 24) as f32 - 0.5
    };
    (0..length).map(|_| next()).collect()
}
