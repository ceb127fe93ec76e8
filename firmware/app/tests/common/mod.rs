//! Packs of random heads, devices that run them on a board in memory, and what random hosts ask.
#![allow(dead_code)]

use supple_app::{Area, Board, Clock, Device, Memory, Places, Region};
use supple_link::message::{Register, Rows};
use supple_link::{Answer, DeviceError, Label, Request, Values, Words};
use supple_pack::sign::{Terms, sign};
use supple_pack::signature::{Block, KeyId};
use supple_pack::write::{AlignedBytes, HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Element, HeadTask, LabelMeaning, Pack, Shape, Start, TrunkHash, Value};
use supple_runtime::MemoryNeed;

#[path = "../../src/desk.rs"]
mod desk;
pub use desk::Desk;

/// A stream of random numbers.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 % end
    }

    pub fn float(&mut self) -> f32 {
        match self.below(40) {
            0 => f32::NAN,
            1 => 3e38,
            2 => -1e20,
            _ => self.below(2000) as f32 / 500.0 - 2.0,
        }
    }

    pub fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.below(2000) as f32 / 1000.0 - 1.0).collect()
    }
}

pub const FEATURES: usize = 3;

/// A trunk that hands its input through. Its only weight is nothing to it but another name.
pub fn trunk_of(weight: f32) -> TrunkParts {
    let shape = Shape { height: 1, width: 1, channels: FEATURES as u16 };
    let value = Value::whole(0, shape, Element::F32);
    let arena = FEATURES as u32;
    TrunkParts {
        name: "through".into(),
        input: value,
        output: value,
        arena,
        ops: vec![],
        weights: vec![weight],
    }
}

/// A random head for that trunk.
pub fn head(random: &mut Random, name: String, max_support: u16, cache: Element) -> HeadParts {
    let hidden = if random.below(2) == 0 { 0 } else { 1 + random.below(6) as u16 };
    let capacity = 1 + random.below(5) as u16;
    let numbers = random.below(3) == 0;
    let task = if numbers { HeadTask::Numbers } else { HeadTask::Classes(LabelMeaning::Fresh) };
    let prototypes = !numbers && random.below(2) == 0;
    let start = if prototypes { Start::Prototypes { temperature: 0.5 } } else { Start::Learned };
    let (inputs, first) = match usize::from(hidden) {
        0 => (FEATURES, 0),
        hidden => (hidden, hidden * (FEATURES + 1)),
    };
    let layers = if hidden > 0 { 2 } else { 1 };
    HeadParts {
        name,
        trunk: TrunkHash([0; 16]),
        data: [0; 16],
        hidden,
        capacity,
        max_support,
        cache,
        task,
        start,
        momentum: if random.below(2) == 0 { 0.0 } else { 0.75 },
        parameters: random.floats(first + usize::from(capacity) * (inputs + 1)),
        rates: (0..1 + random.below(3)).map(|_| vec![[0.3, 0.2]; layers]).collect(),
    }
}

/// A pack of these heads.
pub fn pack_of(weight: f32, heads: &[HeadParts]) -> Vec<u8> {
    let trunk = trunk_of(weight);
    let hash = trunk_hash(&trunk);
    let heads: Vec<_> = heads.iter().map(|head| HeadParts { trunk: hash, ..head.clone() }).collect();
    pack(&trunk, &heads).expect("sound")
}

/// One to three random heads, named by their numbers.
pub fn heads(random: &mut Random) -> Vec<HeadParts> {
    let max_support = 1 + random.below(6) as u16;
    let cache = if random.below(2) == 0 { Element::F32 } else { Element::I8 };
    (0..1 + random.below(3)).map(|index| head(random, index.to_string(), max_support, cache)).collect()
}

/// As much memory as a pack needs, full of what no result may depend on.
pub fn memory_for(pack: &[u8]) -> Memory<'static> {
    let bytes = AlignedBytes::copy_of(pack);
    let need = MemoryNeed::of(&Pack::parse_region(&bytes).expect("sound"));
    Memory { floats: vec![f32::NAN; need.floats()].leak(), labels: vec![5; need.labels].leak() }
}

/// Starts a board with memory for this pack.
pub fn start(pack: &[u8], desk: &mut Desk) -> Device<'static> {
    Device::start(memory_for(pack), desk)
}

/// Another board whose flash holds the same.
pub fn copy_of(desk: &Desk) -> Desk {
    let mut copy = Desk::default();
    copy.flash.set_content(desk.flash.bytes().to_vec());
    copy.keys = desk.keys.clone();
    copy
}

/// The bytes of what is answered, for a NaN is not equal to itself.
pub fn ask(device: &mut Device, desk: &mut Desk, request: &Request) -> Result<String, DeviceError> {
    device.answer(request, desk).map(|answer| format!("{answer:?}"))
}

/// Like [`ask`], for what must be done.
pub fn done(device: &mut Device, desk: &mut Desk, request: &Request) -> String {
    ask(device, desk, request).unwrap_or_else(|error| panic!("{request:?}: {error}"))
}

/// A feature vector sent as an input, and run.
pub fn feature(device: &mut Device, desk: &mut Desk, feature: &[f32]) {
    let bytes: Vec<u8> = feature.iter().flat_map(|x| x.to_le_bytes()).collect();
    done(device, desk, &Request::Input { offset: 0, values: Values::Words(&bytes) });
    done(device, desk, &Request::Features);
}

/// The numbers of a head; why not, where there are none.
pub fn numbers(device: &mut Device, desk: &mut Desk, head: u16) -> Result<Vec<u32>, DeviceError> {
    device.answer(&Request::Select { head }, desk)?;
    let mut numbers = Vec::new();
    loop {
        let read = Request::Read { register: Register::Head, offset: numbers.len() as u32 };
        match device.answer(&read, desk) {
            Ok(Answer::Values { words, .. }) => {
                numbers.extend(words.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)));
            }
            Err(DeviceError::ReadOutOfRange { .. }) => return Ok(numbers),
            Err(error) => return Err(error),
            other => panic!("{other:?}"),
        }
    }
}

/// Makes random requests that concern heads and samples, most of which make sense.
pub fn requests(random: &mut Random, mut send: impl FnMut(&Request)) {
    let numbers: Vec<u8> = (0..random.below(6)).flat_map(|_| random.float().to_le_bytes()).collect();
    let feature: Vec<u8> = (0..FEATURES).flat_map(|_| random.float().to_le_bytes()).collect();
    let rows: Vec<u8> = (0..random.below(5)).flat_map(|_| [random.below(5) as u8, 0]).collect();
    let small = random.below(6) as u16;
    let label = match random.below(4) {
        0 => Label::None,
        1 => Label::Numbers(Words(&numbers)),
        _ => Label::Class(random.below(5) as u16),
    };
    let held_back = random.below(4) == 0;
    match random.below(26) {
        0 => send(&Request::Begin { way: small }),
        1 => send(&Request::BeginRows { rows: Rows(&rows) }),
        2 => send(&Request::Input { offset: small.into(), values: Values::Words(&numbers) }),
        3..=7 => {
            send(&Request::Input { offset: 0, values: Values::Words(&feature) });
            send(&Request::Features);
            send(&Request::PushSample { label, held_back });
        }
        8 => send(&Request::Features),
        9 => send(&Request::PushSupport { label: small }),
        10 => send(&Request::Reset),
        11 | 12 => send(&Request::Step),
        13..=15 => send(&Request::Adapt { steps: small }),
        16 => send(&Request::Logits),
        17 => send(&Request::Select { head: random.below(4) as u16 }),
        18 | 19 => send(&Request::Label { sample: small, label, held_back }),
        20 => send(&Request::Enrol),
        21 => send(&Request::Forget { class: small }),
        22 => send(&Request::ClearSupport),
        23 | 24 => {
            let (first, second) = feature.split_at(4 * random.below(1 + FEATURES as u32) as usize);
            send(&Request::Feature { offset: 0, values: Values::Words(first) });
            send(&Request::Feature { offset: first.len() as u32 / 4, values: Values::Words(second) });
        }
        _ => send(&Request::PushSample { label, held_back }),
    }
}

/// A pack with a signature block by the key of this seed.
pub fn signed(pack: &[u8], seed: u8, counter: u32, board: Option<&str>) -> Vec<u8> {
    let pair = salty::Keypair::from(&[seed; 32]);
    let terms = Terms { counter, board: board.map(str::to_owned) };
    let key = KeyId::of(&public_key(seed));
    sign(pack, key, &terms, |message| pair.sign(message).to_bytes()).expect("sound")
}

/// Signs what may be no pack.
pub fn signed_as_it_is(bytes: &[u8], seed: u8) -> Vec<u8> {
    let key = KeyId::of(&public_key(seed));
    let mut block = Block { key, counter: 0, board: [0; 32], signature: [0; 64] };
    let message = [bytes, &block.to_bytes()[..64]].concat();
    block.signature = salty::Keypair::from(&[seed; 32]).sign(&message).to_bytes();
    [bytes, &block.to_bytes()].concat()
}

/// The public key of this seed.
pub fn public_key(seed: u8) -> [u8; 32] {
    salty::Keypair::from(&[seed; 32]).public.to_bytes()
}
