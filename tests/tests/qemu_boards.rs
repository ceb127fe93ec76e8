//! The same episode on every emulated board: features, logits and head are the twin's, bit for bit.
//!
//! Needs the built command, `target/firmware/BOARD.elf` (`cargo xtask firmware --board all`) and QEMU
//! (`cargo xtask setup`).

use std::collections::BTreeSet;
use std::path::Path;

use supple_link::host::{Child, Client, Qemu, Transport};
use supple_pack::head::LabelMeaning;
use supple_pack::op::{Epilogue, Layer, Requantise};
use supple_pack::write::{AlignedBytes, HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Activation, Element, Op, Pack, Shape, Value, Window};
use supple_runtime::{HeadMemory, Learner, MemoryNeed, PlanTrunk};
use supple_tests::root;
use supple_tests::run::{run, scratch, supple};

const WAY: usize = 4;
const FEATURES: usize = 32;
const SAMPLES: usize = 6;
/// One more than there are learned rates.
const STEPS: usize = 3;

/// Numbers that only this sequence has, for the test needs any but the same everywhere.
struct Numbers(u32);

impl Numbers {
    fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// Within ±1.
    fn float(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.float()).collect()
    }
}

fn value(offset: u32, side: u16, channels: u16, element: Element) -> Value {
    Value::whole(offset, Shape { height: side, width: side, channels }, element)
}

/// A convolution in `f32` and one in `i8`: 8 × 8 to 32 features.
fn convolutions() -> TrunkParts {
    let mut numbers = Numbers(0x9e37_79b9);
    let mut weights = numbers.floats(72 + 8);
    // 2 blocks of 4 outputs, 3 rows of 24 inputs: 576 weights within ±8, 4 to a word.
    weights.extend((0..144).map(|_| {
        let bytes = numbers.bits().to_le_bytes().map(|byte| (byte as i8 / 16) as u8);
        f32::from_bits(u32::from_le_bytes(bytes))
    }));
    weights.extend((0..8).map(|_| f32::from_bits(numbers.bits() & 0x3ff)));
    weights.extend((0..8).map(|_| f32::from_bits(0x4000 + (numbers.bits() & 0x3fff))));
    let image = value(0, 8, 1, Element::F32);
    let first = value(64, 4, 8, Element::F32);
    let quantised = value(192, 4, 8, Element::I8);
    let second = value(224, 2, 8, Element::I8);
    let output = value(232, 2, 8, Element::F32);
    let window = Window { kernel: [3, 3], stride: [2, 2], pad: [1, 1], dilation: [1, 1] };
    let relu = Epilogue::Float(Activation::Relu);
    let requantise = Epilogue::Int8(Requantise {
        multipliers: 232,
        shift: 20,
        input_zero: -3,
        output_zero: 5,
        low: -128,
        high: 127,
    });
    let layer = |input, output, weights, bias, epilogue| Layer { input, output, weights, bias, epilogue };
    let ops = vec![
        Op::Convolution { layer: layer(image, first, 0, 72, relu), window, groups: 1 },
        Op::Quantise { input: first, output: quantised, inverse_scale: 40.0, zero: -3 },
        Op::Convolution { layer: layer(quantised, second, 80, 224, requantise), window, groups: 1 },
        Op::Dequantise { input: second, output, scale: 0.0173, zero: 5 },
    ];
    TrunkParts { name: "boards".to_owned(), input: image, output, arena: 264, ops, weights }
}

/// A trunk of no operations: its input is the feature vector.
fn nothing() -> TrunkParts {
    let features = Value::whole(0, Shape { height: 1, width: 1, channels: FEATURES as u16 }, Element::F32);
    TrunkParts {
        name: "features".to_owned(),
        input: features,
        output: features,
        arena: FEATURES as u32,
        ops: Vec::new(),
        weights: Vec::new(),
    }
}

fn packed(trunk: &TrunkParts) -> Vec<u8> {
    let mut numbers = Numbers(0x1234_5678);
    let head = HeadParts {
        name: "classes".to_owned(),
        trunk: trunk_hash(trunk),
        data: [0; 16],
        capacity: WAY as u16 + 1,
        max_support: 10,
        weights: numbers.floats((WAY + 1) * FEATURES),
        bias: numbers.floats(WAY + 1),
        rates: vec![[0.11, 0.23], [0.07, 0.13]],
        labels: LabelMeaning::Fresh,
    };
    pack(trunk, &[head]).expect("a sound pack")
}

/// What is compared.
#[derive(Debug, PartialEq)]
struct Bits {
    /// Of each sample, bits of its features.
    features: Vec<Vec<u32>>,
    /// From before the first step, bits of the last sample's logits.
    logits: Vec<Vec<u32>>,
    /// Bits of weights and biases after the last step.
    head: Vec<u32>,
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn images() -> Vec<Vec<f32>> {
    let mut numbers = Numbers(0x0bad_cafe);
    (0..SAMPLES).map(|_| numbers.floats(64)).collect()
}

/// The features of [`images`].
fn features(bytes: &[u8]) -> Vec<Vec<f32>> {
    let bytes = AlignedBytes::copy_of(bytes);
    let pack = Pack::parse(&bytes).expect("a sound pack");
    let mut arena = vec![0.0; pack.trunk().arena as usize];
    let mut trunk = PlanTrunk::new(&pack, &mut arena).expect("it fits");
    images()
        .iter()
        .map(|image| {
            trunk.input_mut().copy_from_slice(image);
            trunk.run().expect("it runs").to_vec()
        })
        .collect()
}

fn twin(bytes: &[u8], features: &[Vec<f32>]) -> Bits {
    let bytes = AlignedBytes::copy_of(bytes);
    let pack = Pack::parse(&bytes).expect("a sound pack");
    let head = pack.heads().next().expect("a head");
    let need = MemoryNeed::of_head(&head.spec);
    let (mut floats, mut labels) = (vec![0.0; need.learner()], vec![0; need.labels]);
    let memory = HeadMemory { floats: &mut floats, labels: &mut labels };
    let mut learner = Learner::new(head, memory).expect("it fits");
    learner.begin(WAY).expect("classes");
    for (number, feature) in features.iter().enumerate() {
        learner.push_support(feature, number % WAY).expect("room");
    }
    let last = features.last().expect("samples");
    let mut logits = vec![bits(learner.classify(last).expect("features"))];
    for _ in 0..STEPS {
        learner.step().expect("a step");
        logits.push(bits(learner.classify(last).expect("features")));
    }
    let head = [bits(learner.weights()), bits(learner.bias())].concat();
    Bits { features: features.iter().map(|feature| bits(feature)).collect(), logits, head }
}

fn on_board(device: &mut Client<Child>, inputs: &[Vec<f32>]) -> Bits {
    device.begin(WAY as u16).expect("classes");
    let mut features = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        device.input(input).expect("an input");
        device.features().expect("features");
        features.push(bits(&device.read_features().expect("features")));
        device.push_support((number % WAY) as u16).expect("room");
    }
    let mut logits = vec![bits(&device.logits().expect("logits"))];
    for _ in 0..STEPS {
        device.step().expect("a step");
        logits.push(bits(&device.logits().expect("logits")));
    }
    Bits { features, logits, head: bits(&device.read_head().expect("a head")) }
}

/// Noise and a broken frame; afterwards the board must answer.
fn disturb(device: &mut Client<Child>) {
    let mut noise: Vec<u8> = vec![0x55; 700];
    noise.extend([0, 9, 1, 2, 0, 3, 1, 2, 0]);
    device.transport().send(&noise).expect("the board runs");
    device.info().expect("it answers");
}

/// The board's memory must be as `supple inspect` believes it to be.
fn check_memory(board: &str, pack: &Path, device: &mut Client<Child>) {
    let info = device.info().expect("it answers");
    assert_eq!(info.board.as_str(), board);
    let facts = info.pack.expect("it can run the pack");
    let told = run(&mut supple(&[&"inspect", &pack, &"--board", &board, &"--json"])).json();
    let integer = |key: &serde_json::Value| key.as_u64().expect("a whole number");
    let need = integer(&told["ram_adapt_bytes"]);
    assert_eq!(u64::from(facts.memory), need);
    assert_eq!(told["fits"], true);
    let floats = need - integer(&told["memory"]["label_bytes"]);
    let pool = integer(&told["spare"]["ram_bytes"]) + floats;
    let labels = (u64::from(info.memory.given) - pool) / 2;
    let lines = run(&mut supple(&[&"inspect", &pack, &"--board", &board])).succeeded();
    assert!(lines.contains(&format!(" labels of {labels},")), "{labels} labels on the board: {lines}");
    let (promised, used) = (integer(&told["stack_bytes"]), device.stack_high_water().expect("it answers"));
    println!(
        "{board}: {used} bytes of stack used, {promised} promised, {} there; {} bytes of RAM besides the pool",
        info.memory.stack,
        info.memory.fixed - info.memory.given
    );
    assert!(used > 0 && u64::from(used) <= promised, "{used} bytes of stack used, {promised} promised");
    assert!(promised <= u64::from(info.memory.stack), "{} bytes of stack are there", info.memory.stack);
}

fn same_on(board: &str, trunk: &TrunkParts, inputs: &[Vec<f32>], expected: &Bits) {
    let folder = scratch(&format!("qemu_boards-{board}"));
    let path = folder.file("boards.supple", packed(trunk));
    let firmware = root().join(format!("target/firmware/{board}.elf"));
    let qemu = Qemu::board(board, firmware, &path).expect("a board");
    let start = || Client::connect(qemu.start().unwrap_or_else(|error| panic!("{error}")));
    let mut device = start().expect("it answers");
    assert!(*expected == on_board(&mut device, inputs), "{board} differs from the twin");
    disturb(&mut device);
    assert!(*expected == on_board(&mut device, inputs), "{board} differs after noise");
    check_memory(board, &path, &mut device);
}

fn with_convolutions_on(board: &str) {
    let trunk = convolutions();
    let bytes = packed(&trunk);
    let features = features(&bytes);
    let expected = twin(&bytes, &features);
    // Bits that agree prove little where they are those of nothing, or of what is cut off at a limit.
    for feature in &expected.features {
        let different: BTreeSet<_> = feature.iter().collect();
        assert!(different.len() > FEATURES / 2, "{feature:x?}");
    }
    assert_ne!(expected.logits[0], expected.logits[STEPS]);
    same_on(board, &trunk, &images(), &expected);
}

#[test]
fn cortex_m0_adapts_a_head_on_streamed_features() {
    let features = features(&packed(&convolutions()));
    let trunk = nothing();
    same_on("microbit", &trunk, &features, &twin(&packed(&convolutions()), &features));
}

#[test]
fn cortex_m3() {
    with_convolutions_on("mps2-an385");
}

#[test]
fn cortex_m4() {
    with_convolutions_on("mps2-an386");
}

#[test]
fn cortex_m4_of_stm32() {
    with_convolutions_on("netduinoplus2");
}

#[test]
fn cortex_m7() {
    with_convolutions_on("mps2-an500");
}

#[test]
fn cortex_m33() {
    with_convolutions_on("mps2-an505");
}

#[test]
fn cortex_m55() {
    with_convolutions_on("mps3-an547");
}

#[test]
fn riscv32() {
    with_convolutions_on("riscv32-virt");
}
