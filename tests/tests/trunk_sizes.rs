//! What the trunks of the device's table cost: memory, weights, and the pack around them.
//!
//! Sizes do not depend on the weights' values, so the trunks are made here. They are exact: a change of the compiler
//! or of the format that moves one must say so in this table.

use supple_pack::write::pack;
use supple_trunk::{CompileOptions, Compiled, Layer, Model, RangeChoice, calibrate, compile, to_onnx};

/// The aims, in bytes; they leave the caller's input and features out, the arenas below hold both.
const AIM_ARENA_INT8: usize = 4_000;
const AIM_ARENA_FLOAT: usize = 13_000;
/// The pack over the raw weights.
const AIM_PACK: f64 = 1.02;

/// `1×28×28`, then four convolutions 3 × 3 of stride 2 with padding 1 and relu, flattened, with a dense layer to 64
/// where that gives another number.
fn trunk(channels: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut numbers = |count: usize, inputs: usize| -> Vec<f32> {
        let scale = (6.0 / inputs as f32).sqrt();
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            scale * ((state >> 8) as f32 / (1u32 << 23) as f32 - 1.0)
        };
        (0..count).map(|_| next()).collect()
    };
    let mut layers = Vec::new();
    let mut inputs = 1;
    for _ in 0..4 {
        layers.push(Layer::Conv2d {
            weights: numbers(channels * inputs * 9, inputs * 9),
            bias: Some(numbers(channels, 1000)),
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
    if flat != 64 {
        layers.push(Layer::Dense { weights: numbers(64 * flat, flat), bias: numbers(64, 1000) });
    }
    to_onnx(&Model { name: format!("CH{channels}"), input: [1, 28, 28], layers }).expect("a right model")
}

fn compiled(onnx: &[u8], int8: bool) -> Compiled {
    let inputs: Vec<Vec<f32>> =
        (0..16usize).map(|n| (0..784).map(|i| ((i * (n + 7)) % 17) as f32 / 17.0).collect()).collect();
    let int8 = int8.then(|| calibrate(onnx, None, &inputs, RangeChoice::MinMax).expect("calibrates").ranges);
    compile(onnx, &CompileOptions { inputs: 4, int8, ..CompileOptions::default() }).expect("compiles")
}

/// Bytes of a compiled trunk.
#[derive(Debug, PartialEq, Eq)]
struct Sizes {
    trunk: &'static str,
    /// Everything the plan holds in RAM, input and features in it.
    arena: usize,
    /// The least it would be if no operations ran row by row together.
    arena_whole: usize,
    /// Weights and biases without what aligns them.
    raw_weights: usize,
    pack: usize,
}

/// `raw_weights` is 4 a number in `f32`; in `i8` it is 1 a weight and 4 a bias.
const SIZES: [Sizes; 4] = [
    Sizes { trunk: "CH16 f32", arena: 8_192, arena_whole: 15_680, raw_weights: 28_480, pack: 28_688 },
    Sizes { trunk: "CH16 i8", arena: 3_920, arena_whole: 3_920, raw_weights: 7_312, pack: 7_872 },
    Sizes { trunk: "CH32 f32", arena: 13_248, arena_whole: 31_360, raw_weights: 145_280, pack: 145_504 },
    Sizes { trunk: "CH32 i8", arena: 3_920, arena_whole: 7_840, raw_weights: 36_896, pack: 38_048 },
];

#[test]
fn trunks_take_the_memory_and_the_bytes_of_the_table() {
    let found =
        [("CH16 f32", 16, false), ("CH16 i8", 16, true), ("CH32 f32", 32, false), ("CH32 i8", 32, true)].map(
            |(name, channels, int8)| {
                let Compiled { parts, report } = compiled(&trunk(channels), int8);
                assert_eq!((report.input_bytes, report.feature_bytes), (3_136, 256));
                assert_eq!(report.macs, if channels == 16 { 187_200 } else { 700_544 });
                Sizes {
                    trunk: name,
                    arena: report.arena_bytes,
                    arena_whole: report.arena_lower_bound_whole_bytes,
                    raw_weights: raw_weights(channels, int8),
                    pack: pack(&parts, &[]).expect("a right pack").len(),
                }
            },
        );
    found.iter().for_each(|sizes| println!("{sizes:?}"));
    assert_eq!(found, SIZES);
    let [ch16, ch16_int8, ch32, _] = found;
    assert!(ch16.arena <= AIM_ARENA_FLOAT && ch16_int8.arena <= AIM_ARENA_INT8);
    assert!(ch32.pack as f64 <= AIM_PACK * ch32.raw_weights as f64);
}

fn raw_weights(channels: usize, int8: bool) -> usize {
    let dense = if channels == 16 { (0, 0) } else { (4 * channels * 64, 64) };
    let weights = 9 * channels + 3 * 9 * channels * channels + dense.0;
    let biases = 4 * channels + dense.1;
    weights * if int8 { 1 } else { 4 } + 4 * biases
}
