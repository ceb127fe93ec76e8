//! A trunk and its heads to bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Deref;

use sha2::{Digest, Sha256};

use crate::head::{HeadSpec, LabelMeaning, TrunkHash};
use crate::header::{ALIGNMENT, HEADER_BYTES, Header, checksum};
use crate::op::{Op, Value};
use crate::read::{Pack, PackError, TrunkSpec};

/// A trunk ready to be packed.
#[derive(Debug, Clone, PartialEq)]
pub struct TrunkParts {
    /// Name of the trunk, at most 32 bytes.
    pub name: String,
    /// Where the input is written before the plan runs.
    pub input: Value,
    /// Where the features lie after it has run.
    pub output: Value,
    /// Length of the arena, in words of four bytes.
    pub arena: u32,
    /// The plan.
    pub ops: Vec<Op>,
    /// Weights, biases, multipliers and tables, as the operations refer to them, in words: what is no `f32` stands
    /// in its bits.
    pub weights: Vec<f32>,
}

/// A head ready to be packed.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadParts {
    /// What the head is for, at most 32 bytes.
    pub name: String,
    /// The trunk whose features it was trained on.
    pub trunk: TrunkHash,
    /// Names the data it was trained on, all zero where nobody knows.
    pub data: [u8; 16],
    /// The largest number of classes.
    pub capacity: u16,
    /// The largest number of support samples.
    pub max_support: u16,
    /// Learned initial weights, `[capacity][features]`.
    pub weights: Vec<f32>,
    /// Learned initial biases, `[capacity]`.
    pub bias: Vec<f32>,
    /// Learned rates of each step: of the weights, of the biases.
    pub rates: Vec<[f32; 2]>,
    /// What the rows of the initialisation are.
    pub labels: LabelMeaning,
}

/// Why there is no pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A name that does not fit.
    #[error("the name `{0}` has more than 32 bytes: choose a shorter one")]
    Name(String),
    /// Something that does not fit in the format's integers.
    #[error("{what} is too large for a pack: {value}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How much.
        value: usize,
    },
    /// A head whose parts disagree.
    #[error("head `{name}` has {found} {what}, but should have {expected}")]
    HeadSize {
        /// The head.
        name: String,
        /// Which part.
        what: &'static str,
        /// As given.
        found: usize,
        /// As it should be.
        expected: usize,
    },
    /// What was written cannot be read back.
    #[error(transparent)]
    Unsound(#[from] PackError),
}

/// Names a trunk by its structure and weights; its name is no part of it.
pub fn trunk_hash(trunk: &TrunkParts) -> TrunkHash {
    let mut hash = Sha256::new();
    let mut item = |bytes: Vec<u8>| hash.update(bytes);
    item(encode(&(trunk.input, trunk.output, trunk.arena, trunk.weights.len() as u64)));
    trunk.ops.iter().for_each(|op| item(encode(op)));
    hash.update(bytemuck::cast_slice::<f32, u8>(&trunk.weights));
    let digest = hash.finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    TrunkHash(short)
}

/// The pack's bytes. Reads them back before it returns them, so that no unsound pack leaves.
pub fn pack(trunk: &TrunkParts, heads: &[HeadParts]) -> Result<Vec<u8>, WriteError> {
    let mut weights = trunk.weights.clone();
    let spec = TrunkSpec {
        name: short_name(&trunk.name)?,
        hash: trunk_hash(trunk),
        input: trunk.input,
        output: trunk.output,
        arena: trunk.arena,
        weights: fit("the trunk's number of weights", trunk.weights.len())?,
        ops: fit("the number of operations", trunk.ops.len())?,
        heads: fit("the number of heads", heads.len())?,
    };
    let mut structure = encode(&spec);
    trunk.ops.iter().for_each(|op| structure.extend(encode(op)));
    for head in heads {
        structure.extend(encode(&place_head(head, trunk.output.elements(), &mut weights)?));
    }
    let structure_end = HEADER_BYTES + structure.len();
    let weights_at = structure_end.next_multiple_of(ALIGNMENT);
    let length = weights_at + 4 * weights.len();
    let mut header = Header {
        length: fit("the pack's length", length)?,
        structure: fit("the structure's length", structure.len())?,
        weights_at: fit("the structure's length", weights_at)?,
        weights: fit("the weights' length", 4 * weights.len())?,
        checksum: 0,
    };
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(header.to_bytes());
    bytes.extend(structure);
    bytes.resize(weights_at, 0);
    bytes.extend(bytemuck::cast_slice::<f32, u8>(&weights));
    header.checksum = checksum(&bytes);
    bytes.splice(..HEADER_BYTES, header.to_bytes());
    Pack::parse(&AlignedBytes::copy_of(&bytes))?;
    Ok(bytes)
}

/// Appends a head's numbers to the weights.
fn place_head(head: &HeadParts, features: usize, weights: &mut Vec<f32>) -> Result<HeadSpec, WriteError> {
    let capacity = usize::from(head.capacity);
    for (what, found, expected) in [
        ("initial weights", head.weights.len(), capacity * features),
        ("initial biases", head.bias.len(), capacity),
    ] {
        if found != expected {
            return Err(WriteError::HeadSize { name: head.name.clone(), what, found, expected });
        }
    }
    let mut place = |numbers: &[f32]| {
        weights.resize(weights.len().next_multiple_of(ALIGNMENT / 4), 0.0);
        let at = fit("the number of weights", weights.len());
        weights.extend(numbers);
        at
    };
    Ok(HeadSpec {
        name: short_name(&head.name)?,
        trunk: head.trunk,
        data: head.data,
        features: fit("the number of features", features)?,
        capacity: head.capacity,
        max_support: head.max_support,
        weights: place(&head.weights)?,
        bias: place(&head.bias)?,
        steps: fit("the number of steps", head.rates.len())?,
        rates: place(head.rates.as_flattened())?,
        labels: head.labels,
    })
}

fn short_name(name: &str) -> Result<heapless::String<32>, WriteError> {
    name.try_into().map_err(|_| WriteError::Name(name.into()))
}

fn fit<T: TryFrom<usize>>(what: &'static str, value: usize) -> Result<T, WriteError> {
    value.try_into().map_err(|_| WriteError::TooLarge { what, value })
}

fn encode(item: &impl serde::Serialize) -> Vec<u8> {
    // Into memory that grows, these types can always be written.
    postcard::to_allocvec(item).unwrap_or_default()
}

/// Bytes at an address that weights can be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignedBytes {
    blocks: Vec<u128>,
    length: usize,
}

impl AlignedBytes {
    /// Copies bytes to an aligned place.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut blocks = alloc::vec![0u128; bytes.len().div_ceil(ALIGNMENT)];
        bytemuck::cast_slice_mut(&mut blocks)[..bytes.len()].copy_from_slice(bytes);
        Self { blocks, length: bytes.len() }
    }
}

impl Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.blocks)[..self.length]
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
