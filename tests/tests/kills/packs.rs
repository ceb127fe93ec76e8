//! Three packs that replace each other, signed: one trunk, heads of one shape, other starts.

use ed25519_dalek::{Signer, SigningKey};
use supple_pack::head::{HeadTask, LabelMeaning, Start};
use supple_pack::op::{Epilogue, Layer};
use supple_pack::sign::{Terms, sign};
use supple_pack::signature::KeyId;
use supple_pack::write::{HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Activation, Element, Op, Shape, Value, keys};

/// Packs that replace each other.
pub const PACKS: usize = 3;
/// Features of every trunk here.
pub const FEATURES: usize = 16;
/// Classes of every head here.
pub const WAY: u16 = 5;
/// Support samples that fit.
pub const SUPPORT: usize = 10;

/// Numbers that only this sequence has.
pub struct Random(pub u32);

impl Random {
    pub fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    pub fn below(&mut self, limit: u32) -> u32 {
        self.bits() % limit
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        f64::from(self.bits()) / f64::from(u32::MAX)
    }

    pub fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.bits() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
    }
}

/// Signed packs and the keys that they are signed with.
pub struct Packs {
    pub signed: Vec<Vec<u8>>,
    pub keys: Vec<u8>,
}

fn vector(offset: u32, length: u16) -> Value {
    Value::whole(offset, Shape { height: 1, width: 1, channels: length }, Element::F32)
}

/// A dense layer of so many inputs, or nothing where it would have as many as outputs.
fn trunk(inputs: u16) -> TrunkParts {
    let (input, features) = (vector(0, inputs), vector(u32::from(inputs), FEATURES as u16));
    if usize::from(inputs) == FEATURES {
        return TrunkParts {
            name: "kills".to_owned(),
            input,
            output: input,
            arena: inputs.into(),
            ops: Vec::new(),
            weights: Vec::new(),
        };
    }
    let weights = usize::from(inputs) * FEATURES;
    let layer = Layer {
        input,
        output: features,
        weights: 0,
        bias: weights as u32,
        epilogue: Epilogue::Float(Activation::None),
    };
    TrunkParts {
        name: "kills".to_owned(),
        input,
        output: features,
        arena: u32::from(inputs) + FEATURES as u32,
        ops: vec![Op::Dense { layer }],
        weights: Random(7).floats(weights + FEATURES),
    }
}

impl Packs {
    /// For a trunk of so many inputs.
    pub fn new(inputs: u16) -> Self {
        let key = SigningKey::from_bytes(&[0x42; 32]);
        let public = key.verifying_key().to_bytes();
        let trunk = trunk(inputs);
        let signed = (0..PACKS).map(|index| {
            let head = HeadParts {
                name: "kills".to_owned(),
                trunk: trunk_hash(&trunk),
                data: [0; 16],
                hidden: 8,
                capacity: WAY,
                max_support: SUPPORT as u16,
                cache: Element::F32,
                task: HeadTask::Classes(LabelMeaning::Kept),
                start: Start::Learned,
                momentum: 0.5,
                parameters: Random(index as u32 + 1).floats(8 * (FEATURES + 1) + usize::from(WAY) * 9),
                rates: vec![vec![[0.1, 0.1]; 2]],
            };
            let bytes = pack(&trunk, &[head]).expect("a sound pack");
            let terms = Terms { counter: 3, board: None };
            sign(&bytes, KeyId::of(&public), &terms, |message| key.sign(message).to_bytes()).expect("a pack")
        });
        Self { signed: signed.collect(), keys: keys::block(&[public]).expect("a key") }
    }

    /// Which of them has this checksum, told by the device as that of the pack that it runs.
    pub fn with_checksum(&self, checksum: u32) -> Option<usize> {
        self.signed.iter().position(|bytes| {
            let bytes = supple_pack::AlignedBytes::copy_of(bytes);
            supple_pack::Pack::parse(&bytes).is_ok_and(|pack| pack.header().checksum == checksum)
        })
    }
}
