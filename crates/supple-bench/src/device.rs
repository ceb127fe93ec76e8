//! The packs that are measured on emulated boards: `docs/device.md`.
//!
//! Trunks are 1×28×28, then four convolutions 3 × 3 of stride 2 with padding 1 and relu, flattened, with a dense layer
//! to 64 where that gives another number: 187,200 multiply-accumulates with 16 channels, 700,544 with 32. They go the
//! way of a user's model: ONNX, the compiler, the quantiser on drawn images. Heads take 64 features.
//!
//! Weights are random: what they are does not change what is computed, only what comes out.

use std::error::Error;
use std::path::Path;
use std::{fs, io};

use rand::RngExt;
use supple_data::random::{ChaCha8Rng, Purpose, stream};
use supple_pack::Element;
use supple_pack::head::{HeadTask, LabelMeaning, Start};
use supple_pack::write::{HeadParts, Trim, TrunkParts, heads_only, pack, trunk_hash};
use supple_trunk::{CompileOptions, Layer, Model, RangeChoice, calibrate, compile, to_onnx};

/// Elements of a feature vector.
const FEATURES: usize = 64;
/// Classes of a head.
const WAY: usize = 5;
/// Gradient steps of a head.
const STEPS: usize = 5;
/// Images that ranges are measured on.
const CALIBRATION: u64 = 16;

/// A trunk of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trunk {
    /// Channels of each convolution.
    pub channels: usize,
    /// Whether it computes in `i8`.
    pub int8: bool,
}

impl Trunk {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self { channels: 16, int8: false },
        Self { channels: 32, int8: false },
        Self { channels: 16, int8: true },
        Self { channels: 32, int8: true },
    ];

    /// As the table names it.
    pub fn name(self) -> String {
        format!("ch{}-{}", self.channels, if self.int8 { "int8" } else { "f32" })
    }
}

/// Writes all packs to a folder: `trunk-NAME`, `episode-NAME` (the same trunk with a linear head for five samples) and
/// `head-LAYERS-nSAMPLES` (without a trunk).
pub fn write_packs(folder: &Path, seed: u64) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let write = |name: String, bytes: &[u8]| -> io::Result<()> {
        fs::write(folder.join(format!("{name}.supple")), bytes)
    };
    for trunk in Trunk::ALL {
        let parts = compiled(trunk, seed)?;
        write(format!("trunk-{}", trunk.name()), &pack(&parts, &[])?)?;
        let one_shot = head(&parts, 0, WAY as u16, seed);
        write(format!("episode-{}", trunk.name()), &pack(&parts, &[one_shot])?)?;
    }
    let parts = compiled(Trunk::ALL[0], seed)?;
    for (hidden, layers) in [(0, "64-5"), (32, "64-32-5")] {
        for samples in [5, 25] {
            let whole = pack(&parts, &[head(&parts, hidden, samples, seed)])?;
            write(format!("head-{layers}-n{samples}"), &heads_only(&whole, &Trim::default())?)?;
        }
    }
    Ok(())
}

fn compiled(trunk: Trunk, seed: u64) -> Result<TrunkParts, Box<dyn Error>> {
    let onnx = to_onnx(&model(trunk.channels, seed))?;
    let int8 = if trunk.int8 {
        let images: Vec<Vec<f32>> = (0..CALIBRATION).map(|image| drawing(seed, image)).collect();
        Some(calibrate(&onnx, None, &images, RangeChoice::MinMax)?.ranges)
    } else {
        None
    };
    Ok(compile(&onnx, &CompileOptions { inputs: 4, int8, ..CompileOptions::default() })?.parts)
}

/// An image of strokes: mostly empty, as drawings are.
fn drawing(seed: u64, image: u64) -> Vec<f32> {
    let mut random = stream(seed, Purpose::Calibration, image, 0);
    let mut pixels = vec![0.0; 28 * 28];
    for _ in 0..4 {
        let (mut row, mut column) = (random.random_range(4..24usize), random.random_range(4..24usize));
        for _ in 0..20 {
            pixels[row * 28 + column] = 1.0;
            row = (row + random.random_range(0..3usize)).saturating_sub(1).min(27);
            column = (column + random.random_range(0..3usize)).saturating_sub(1).min(27);
        }
    }
    pixels
}

fn numbers(random: &mut ChaCha8Rng, count: usize, inputs: usize) -> Vec<f32> {
    let bound = (6.0 / inputs as f32).sqrt();
    (0..count).map(|_| random.random_range(-bound..bound)).collect()
}

fn model(channels: usize, seed: u64) -> Model {
    let mut random = stream(seed, Purpose::Initialisation, channels as u64, 0);
    let (mut layers, mut inputs) = (Vec::new(), 1);
    for _ in 0..4 {
        layers.push(Layer::Conv2d {
            weights: numbers(&mut random, channels * inputs * 9, inputs * 9),
            bias: Some(numbers(&mut random, channels, 1000)),
            input_channels: inputs,
            output_channels: channels,
            kernel: [3, 3],
            stride: [2, 2],
            padding: [1; 4],
        });
        layers.push(Layer::Relu);
        inputs = channels;
    }
    layers.push(Layer::Flatten);
    let flat = 4 * channels;
    if flat != FEATURES {
        let bias = numbers(&mut random, FEATURES, 1000);
        layers.push(Layer::Dense { weights: numbers(&mut random, FEATURES * flat, flat), bias });
    }
    Model { name: format!("CH{channels}"), input: [1, 28, 28], layers }
}

/// Small rates, so that any features are learned from without a refusal.
fn head(trunk: &TrunkParts, hidden: usize, samples: u16, seed: u64) -> HeadParts {
    let mut random = stream(seed, Purpose::Initialisation, hidden as u64, 1);
    let mut layer = |outputs: usize, inputs: usize| {
        let mut all = numbers(&mut random, outputs * inputs, 100 * inputs);
        all.resize(outputs * (inputs + 1), 0.0);
        all
    };
    let (parameters, layers) = if hidden > 0 {
        ([layer(hidden, FEATURES), layer(WAY, hidden)].concat(), 2)
    } else {
        (layer(WAY, FEATURES), 1)
    };
    HeadParts {
        name: "classes".to_owned(),
        trunk: trunk_hash(trunk),
        data: [0; 16],
        hidden: hidden as u16,
        capacity: WAY as u16,
        max_support: samples,
        cache: Element::F32,
        task: HeadTask::Classes(LabelMeaning::Fresh),
        start: Start::Learned,
        momentum: 0.0,
        parameters,
        rates: vec![vec![[0.001, 0.001]; layers]; STEPS],
    }
}

#[cfg(test)]
mod tests {
    use supple_pack::Pack;
    use supple_pack::write::AlignedBytes;

    use super::*;

    #[test]
    fn the_packs_are_of_the_table_s_geometry_and_the_same_for_one_seed() {
        for (trunk, macs) in Trunk::ALL.into_iter().zip([187_200, 700_544, 187_200, 700_544]) {
            let parts = compiled(trunk, 0).unwrap();
            assert_eq!(parts.ops.iter().map(|op| op.macs()).sum::<u64>(), macs);
            // The packs' bytes, for words that are no f32 may look like NaN.
            let again = compiled(trunk, 0).unwrap();
            assert!(pack(&parts, &[]).unwrap() == pack(&again, &[]).unwrap(), "{trunk:?}");
            assert_eq!(parts.output.elements(), FEATURES);
            let has_int8 = parts.ops.iter().any(|op| op.output().is_some_and(|o| o.element == Element::I8));
            assert_eq!(has_int8, trunk.int8);
        }
    }

    #[test]
    fn a_head_s_pack_has_no_trunk_and_room_for_its_samples() {
        let folder = tempfile::tempdir().unwrap();
        write_packs(folder.path(), 0).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 12);
        let bytes = fs::read(folder.path().join("head-64-32-5-n25.supple")).unwrap();
        let bytes = AlignedBytes::copy_of(&bytes);
        let pack = Pack::parse(&bytes).unwrap();
        let spec = pack.heads().next().unwrap().spec;
        assert_eq!((pack.ops().count(), spec.hidden, spec.capacity, spec.max_support), (0, 32, 5, 25));
    }
}
