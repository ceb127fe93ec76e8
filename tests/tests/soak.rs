//! A long life: rounds of adapt, save and predict on an emulated board, bit for bit those of the host's runtime.
//!
//! Features are sent directly; every 100th round a raw input goes through the trunk. Every round saves, with the support
//! samples where the round's number says so; now and then the board starts anew and goes on from what it kept.
//!
//! Needs `target/firmware/mps2-an386.elf` (`cargo xtask firmware`) and QEMU (`cargo xtask setup`). A few hundred rounds;
//! 100,000 with `SUPPLE_FULL=1`.

use std::time::Instant;

use supple_link::Adaptation;
use supple_link::host::{Child, Client, Qemu};
use supple_pack::head::{HeadTask, LabelMeaning, Start};
use supple_pack::op::{Epilogue, Layer};
use supple_pack::write::{HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Activation, AlignedBytes, Element, Op, Pack, Shape, Value};
use supple_runtime::{HeadMemory, Label, Learner, MemoryNeed, PlanTrunk, SupportCache, Use};
use supple_tests::run::scratch;
use supple_tests::{full, root};

const INPUTS: usize = 24;
const FEATURES: usize = 16;
const HIDDEN: usize = 8;
const WAY: usize = 4;
/// Samples of an episode, as many as fit.
const SUPPORT: usize = 12;
/// Rounds between two raw inputs.
const RAW: u32 = 100;

/// Numbers that only this sequence has.
struct Random(u32);

impl Random {
    fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.bits() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
    }
}

fn vector(offset: usize, length: usize) -> Value {
    let shape = Shape { height: 1, width: 1, channels: length as u16 };
    Value::whole(offset as u32, shape, Element::F32)
}

/// A dense layer and a head with a hidden layer and momentum.
fn packed() -> Vec<u8> {
    let mut random = Random(0x50a4_0001);
    let (input, output) = (vector(0, INPUTS), vector(INPUTS, FEATURES));
    let bias = (INPUTS * FEATURES) as u32;
    let layer = Layer { input, output, weights: 0, bias, epilogue: Epilogue::Float(Activation::Relu) };
    let trunk = TrunkParts {
        name: "soak".to_owned(),
        input,
        output,
        arena: (INPUTS + FEATURES) as u32,
        ops: vec![Op::Dense { layer }],
        weights: random.floats((INPUTS + 1) * FEATURES),
    };
    let head = HeadParts {
        name: "soak".to_owned(),
        trunk: trunk_hash(&trunk),
        data: [0; 16],
        hidden: HIDDEN as u16,
        capacity: WAY as u16,
        max_support: SUPPORT as u16,
        cache: Element::F32,
        task: HeadTask::Classes(LabelMeaning::Kept),
        start: Start::Learned,
        momentum: 0.3,
        parameters: random.floats(HIDDEN * (FEATURES + 1) + WAY * (HIDDEN + 1)),
        rates: vec![vec![[0.6, 0.6]; 2]],
    };
    pack(&trunk, &[head]).expect("a sound pack")
}

/// The device's arithmetic on the host, in memory that is never given back.
struct Twin {
    trunk: PlanTrunk<'static, 'static>,
    head: Learner<'static, 'static>,
    cache: SupportCache<'static>,
}

fn zeros(count: usize) -> &'static mut [f32] {
    vec![0.0; count].leak()
}

impl Twin {
    fn new(bytes: &[u8]) -> Self {
        let bytes: &'static AlignedBytes = Box::leak(Box::new(AlignedBytes::copy_of(bytes)));
        let pack = Pack::parse(bytes).expect("a sound pack");
        let head = pack.heads().next().expect("a head");
        let need = MemoryNeed::of(&pack);
        let memory = HeadMemory { floats: zeros(need.learner()), labels: vec![0; need.labels].leak() };
        Self {
            trunk: PlanTrunk::new(&pack, zeros(pack.trunk().arena as usize)).expect("it fits"),
            cache: SupportCache::new(&head.spec, zeros(need.support())).expect("it fits"),
            head: Learner::new(head, memory).expect("it fits"),
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// What a round looks like.
struct Round {
    number: u32,
    /// Whether a new episode begins.
    begins: bool,
    class: usize,
    /// A raw input, or features.
    raw: bool,
    values: Vec<f32>,
    support_too: bool,
}

impl Round {
    fn new(number: u32, random: &mut Random) -> Self {
        let raw = number % RAW == RAW - 1;
        Self {
            number,
            begins: (number as usize).is_multiple_of(SUPPORT),
            class: random.bits() as usize % WAY,
            raw,
            values: random.floats(if raw { INPUTS } else { FEATURES }),
            support_too: number % 10 == 7,
        }
    }

    /// The board's losses, adapted or refused, and what it predicts.
    fn on_board(&self, device: &mut Client<Child>) -> (Adaptation, Vec<u32>) {
        if self.begins {
            device.begin(WAY as u16).expect("classes");
        }
        if self.raw {
            device.input(&self.values).expect("an input");
            device.features().expect("features");
        } else {
            device.feature(&self.values).expect("features");
        }
        device.push_support(self.class as u16).expect("room");
        let outcome = device.adapt(1).expect("support").outcome;
        (outcome, bits(&device.logits().expect("features")))
    }

    fn on_twin(&self, twin: &mut Twin) -> (Adaptation, Vec<u32>) {
        if self.begins {
            twin.head.begin(WAY).expect("classes");
            twin.cache.clear();
        }
        let feature = if self.raw {
            twin.trunk.input_mut().copy_from_slice(&self.values);
            twin.trunk.run().expect("it runs").to_vec()
        } else {
            self.values.clone()
        };
        let sample = twin.cache.samples();
        twin.head.label(sample, Label::Class(self.class), Use::Support).expect("a label");
        twin.cache.push(&feature).expect("room");
        let outcome = match twin.head.adapt(&mut twin.cache, 1).expect("support") {
            supple_runtime::Adaptation::Adapted { before, after } => Adaptation::Adapted { before, after },
            supple_runtime::Adaptation::Refused { before, after } => Adaptation::Refused { before, after },
        };
        (outcome, bits(twin.head.outputs(&feature).expect("features")))
    }
}

#[test]
fn a_long_life_ends_with_the_twins_bits() {
    let (rounds, restarts, told) = if full() { (100_000, 10_000, 10_000) } else { (300, 100, 100) };
    let folder = scratch("soak");
    let bytes = packed();
    let firmware = root().join("target/firmware/mps2-an386.elf");
    let qemu = Qemu::new(firmware, folder.file("soak.supple", &bytes));
    let start = || qemu.start().unwrap_or_else(|error| panic!("{error}"));
    let mut device = Client::connect(start()).expect("it answers");
    let (mut twin, mut random) = (Twin::new(&bytes), Random(0x50a4_0002));
    let (mut saved, mut refused, mut adapted, mut high_water) = (0, 0, 0, None);
    let started = Instant::now();
    for number in 0..rounds {
        let round = Round::new(number, &mut random);
        let (found, expected) = (round.on_board(&mut device), round.on_twin(&mut twin));
        assert_eq!(found, expected, "round {number}");
        match found.0 {
            Adaptation::Adapted { .. } => adapted += 1,
            Adaptation::Refused { .. } => refused += 1,
        }
        let restarts_now = number % restarts == restarts - 1;
        let version = device.save(round.support_too || restarts_now).expect("flash");
        saved += 1;
        assert_eq!((version.version, version.own_trunk, version.heads), (saved, true, 1), "round {number}");
        if restarts_now {
            // What it kept is all that it knows: momentum and support samples are a part of it.
            device.restart().expect("it answers");
            let newest = device.version(None).expect("it answers").expect("a version");
            assert_eq!(newest.version, saved);
            assert_eq!(bits(&device.read_head().expect("a head")), bits(&twin.head.parameters().concat()));
        }
        if round.number % told == told - 1 {
            let used = device.counters().expect("it answers").ram_high_water;
            println!(
                "{} rounds, {adapted} adapted, {refused} refused, version {saved}, {used} bytes of RAM used, {:.0} s",
                number + 1,
                started.elapsed().as_secs_f32()
            );
            // The same after every start: nothing grows.
            assert_eq!(*high_water.get_or_insert(used), used, "round {number}");
        }
    }
    assert!(adapted > 0 && refused > 0, "{adapted} adapted, {refused} refused");
    assert_eq!(bits(&device.read_head().expect("a head")), bits(&twin.head.parameters().concat()));
    let mut before = None;
    for back in 0..3 {
        let version = device.version(before).expect("it answers").expect("it is kept");
        assert_eq!(version.version, saved - back);
        before = Some(version.version);
    }
}
