//! A trunk and its heads to bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Deref;

use sha2::{Digest, Sha256};

use crate::head::{HeadSpec, HeadTask, Start, TrunkHash};
use crate::header::{ALIGNMENT, HEADER_BYTES, Header, checksum};
use crate::op::{Element, Op, Value};
use crate::read::{Head, Pack, PackError, TrunkSpec};

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
    /// What the head is for, at most 32 bytes; the heads of a pack have different names.
    pub name: String,
    /// The trunk whose features it was trained on.
    pub trunk: TrunkHash,
    /// Names the data it was trained on, all zero where nobody knows.
    pub data: [u8; 16],
    /// Units of the hidden layer; 0 for a head without one.
    pub hidden: u16,
    /// The largest number of classes, or the numbers predicted.
    pub capacity: u16,
    /// The largest number of support samples.
    pub max_support: u16,
    /// How support features are cached.
    pub cache: Element,
    /// What it predicts.
    pub task: HeadTask,
    /// Where an adaptation starts.
    pub start: Start,
    /// Share of the velocity that a step keeps.
    pub momentum: f32,
    /// Learned initial parameters, layer after layer, the hidden one first: weights `[outputs][inputs]`, then biases.
    pub parameters: Vec<f32>,
    /// Learned rates of each step, `[steps][layers]`: of the weights, of the biases.
    pub rates: Vec<Vec<[f32; 2]>>,
}

impl HeadParts {
    /// What a pack holds of a head.
    pub fn of(head: &Head) -> Self {
        let spec = &head.spec;
        let (pairs, _) = head.rates.as_chunks::<2>();
        Self {
            name: spec.name.as_str().into(),
            trunk: spec.trunk,
            data: spec.data,
            hidden: spec.hidden,
            capacity: spec.capacity,
            max_support: spec.max_support,
            cache: spec.cache,
            task: spec.task,
            start: spec.start,
            momentum: spec.momentum,
            parameters: head.parameters.to_vec(),
            rates: pairs.chunks(spec.layers()).map(<[_]>::to_vec).collect(),
        }
    }

    /// Makes the head smaller: of classes the first rows stay. A head for numbers keeps them all.
    ///
    /// # Errors
    /// [`WriteError::TrimTooLarge`] where the head has less already.
    pub fn trim(&mut self, trim: &Trim) -> Result<(), WriteError> {
        let smaller = |what, asked: Option<u16>, found: u16| match asked {
            Some(asked) if asked > found => {
                Err(WriteError::TrimTooLarge { name: self.name.clone(), what, asked, found })
            }
            asked => Ok(asked.unwrap_or(found)),
        };
        let classes = trim.capacity.filter(|_| matches!(self.task, HeadTask::Classes(_)));
        let capacity = smaller("classes", classes, self.capacity)?;
        let max_support = smaller("support samples", trim.max_support, self.max_support)?;
        let (before, after) = (usize::from(self.capacity), usize::from(capacity));
        let inputs = match self.hidden {
            // The parameters are those of the last layer alone.
            0 => (self.parameters.len() / before.max(1)).saturating_sub(1),
            hidden => hidden.into(),
        };
        // The last layer's weights, row by row, then its biases are the end of all parameters.
        let biases = self.parameters.len().saturating_sub(before);
        self.parameters.truncate(biases + after);
        self.parameters.drain(biases.saturating_sub((before - after) * inputs)..biases);
        (self.capacity, self.max_support) = (capacity, max_support);
        Ok(())
    }
}

/// What to make smaller in heads, for devices with less memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trim {
    /// The largest number of classes, where it is to be smaller. Heads for numbers keep theirs.
    pub capacity: Option<u16>,
    /// The largest number of support samples, where it is to be smaller.
    pub max_support: Option<u16>,
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
    /// A head that should keep more than it has.
    #[error("head `{name}` has room for {found} {what}, not for {asked}: ask for fewer, or train for more")]
    TrimTooLarge {
        /// The head.
        name: String,
        /// Classes, or support samples.
        what: &'static str,
        /// As asked for.
        asked: u16,
        /// As it has.
        found: u16,
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
    pack_as(trunk, trunk_hash(trunk), heads)
}

/// A pack of the same heads with a trunk of no operations: its input is the feature vector, which something else
/// must compute. For boards too small for the trunk.
///
/// The heads may be trimmed on the way.
///
/// # Errors
/// What makes the given pack unsound, or [`WriteError::TrimTooLarge`].
pub fn heads_only(pack: &[u8], trim: &Trim) -> Result<Vec<u8>, WriteError> {
    let bytes = AlignedBytes::copy_of(pack);
    let pack = Pack::parse(&bytes)?;
    let mut heads: Vec<_> = pack.heads().map(|head| HeadParts::of(&head)).collect();
    heads.iter_mut().try_for_each(|head| head.trim(trim))?;
    let feature = Value { offset: 0, ..pack.trunk().output };
    let trunk = TrunkParts {
        name: pack.trunk().name.as_str().into(),
        input: feature,
        output: feature,
        arena: fit("the number of features", feature.elements())?,
        ops: Vec::new(),
        weights: Vec::new(),
    };
    pack_as(&trunk, pack.trunk().hash, &heads)
}

/// A pack whose trunk has this hash.
fn pack_as(trunk: &TrunkParts, hash: TrunkHash, heads: &[HeadParts]) -> Result<Vec<u8>, WriteError> {
    let mut weights = trunk.weights.clone();
    let spec = TrunkSpec {
        name: short_name(&trunk.name)?,
        hash,
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
    let mut spec = HeadSpec {
        name: short_name(&head.name)?,
        trunk: head.trunk,
        data: head.data,
        features: fit("the number of features", features)?,
        hidden: head.hidden,
        capacity: head.capacity,
        max_support: head.max_support,
        cache: head.cache,
        task: head.task,
        start: head.start,
        momentum: head.momentum,
        parameters: 0,
        steps: fit("the number of steps", head.rates.len())?,
        rates: 0,
    };
    let layers = spec.layers();
    let odd = head.rates.iter().map(Vec::len).find(|&found| found != layers);
    for (what, found, expected) in [
        ("initial parameters", head.parameters.len(), spec.parameter_count() as usize),
        ("layers with rates in a step", odd.unwrap_or(layers), layers),
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
    spec.parameters = place(&head.parameters)?;
    spec.rates = place(head.rates.concat().as_flattened())?;
    Ok(spec)
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
