//! A pack's bytes, checked once, then read in place.

use heapless::String;
use serde::{Deserialize, Serialize};

use crate::built::{self, Feature};
use crate::check::{Group, Limits, MOST_ELEMENTS, PlanError, add_work};
use crate::decode::{self, Decode};
use crate::head::{HeadSpec, TrunkHash};
use crate::head_check::{HeadProblem, check_heads, numbers_of};
use crate::header::{HEADER_BYTES, Header, HeaderError, checksum};
use crate::op::{Element, Op, Value};
use crate::signature::{BLOCK_BYTES, Block};

/// What a pack says about its trunk; the operations follow, then the heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkSpec {
    /// Name of the trunk.
    pub name: String<32>,
    /// Names its structure and weights.
    pub hash: TrunkHash,
    /// Where the input is written before the plan runs.
    pub input: Value,
    /// Where the features lie after it has run.
    pub output: Value,
    /// Length of the arena, in words of four bytes.
    pub arena: u32,
    /// The trunk's part of the weights, from their start, in words of four bytes.
    pub weights: u32,
    /// Number of operations.
    pub ops: u16,
    /// Number of heads.
    pub heads: u16,
}

/// A sound pack.
#[derive(Debug, Clone)]
pub struct Pack<'p> {
    header: Header,
    trunk: TrunkSpec,
    ops: &'p [u8],
    heads: &'p [u8],
    weights: &'p [f32],
}

/// A head of a sound pack, its numbers read in place.
#[derive(Debug, Clone, PartialEq)]
pub struct Head<'p> {
    /// What is said about it.
    pub spec: HeadSpec,
    /// Learned initial parameters, layer after layer.
    pub parameters: &'p [f32],
    /// Learned rates, `[steps][layers][2]`: of the weights, of the biases.
    pub rates: &'p [f32],
}

/// A layer's numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerRef<'p> {
    /// `[outputs][inputs]`.
    pub weights: &'p [f32],
    /// `[outputs]`.
    pub bias: &'p [f32],
}

impl<'p> Head<'p> {
    /// The hidden layer's learned start, if there is such a layer.
    pub fn hidden(&self) -> Option<LayerRef<'p>> {
        let (layer, _) = self.parameters.split_at_checked(self.spec.hidden_parameters() as usize)?;
        let (weights, bias) = layer.split_at_checked(layer.len() - usize::from(self.spec.hidden))?;
        (!bias.is_empty()).then_some(LayerRef { weights, bias })
    }

    /// The last layer's learned start.
    pub fn last(&self) -> LayerRef<'p> {
        let layer = self.parameters.get(self.spec.hidden_parameters() as usize..).unwrap_or_default();
        let weights = usize::from(self.spec.capacity) * usize::from(self.spec.last_inputs());
        let (weights, bias) = layer.split_at_checked(weights).unwrap_or_default();
        LayerRef { weights, bias }
    }
}

/// Why bytes are no pack that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The header is wrong.
    #[error("the pack cannot be read: {0}")]
    Header(#[from] HeaderError),
    /// Cut short, or with something behind its end.
    #[error("the pack should have {expected} bytes but has {found}: copy it again, whole")]
    Length {
        /// As the header says.
        expected: u32,
        /// As they are.
        found: usize,
    },
    /// Changed since it was written.
    #[error("the pack's checksum is wrong: it was changed or damaged; copy it again, or pack it again")]
    Checksum,
    /// Not at an address that `f32` can be read from.
    #[error("the pack does not lie at a multiple of 4 in memory: place it in flash aligned to 16 bytes")]
    Misaligned,
    /// Checksum right, structure not readable.
    #[error("the pack's structure cannot be read ({part}): pack it again with tools of this version")]
    Structure {
        /// Which part.
        part: &'static str,
    },
    /// Values of the trunk that cannot be.
    #[error("the pack's trunk cannot be run: {0}; compile it again")]
    Trunk(PlanError),
    /// An operation that cannot be run.
    #[error("operation {index} of the pack's plan cannot be run: {error}; compile it again")]
    Op {
        /// Counted from 0.
        index: u16,
        /// Why.
        error: PlanError,
    },
    /// An operation that this build leaves out.
    #[error(
        "operation {index} of the pack's plan needs the feature `{feature}` of supple-runtime, which this program is built \
         without: build it with that feature, or run another pack"
    )]
    NotBuilt {
        /// Counted from 0.
        index: u16,
        /// As in `Cargo.toml` of supple-runtime.
        feature: &'static str,
    },
    /// No operations, and yet features that are not the input.
    #[error(
        "the pack's trunk has no operation, but its features lie elsewhere than its input: compile it again"
    )]
    NoOperations,
    /// A head that cannot be used.
    #[error("head {index} of the pack cannot be used: {problem}; pack it again")]
    Head {
        /// Counted from 0.
        index: u16,
        /// Why.
        problem: HeadProblem,
    },
}

impl<'p> Pack<'p> {
    /// Checks all bytes and gives access to what they hold. The bytes must be the pack and nothing else, but for a
    /// signature block behind it, which is not judged here.
    pub fn parse(bytes: &'p [u8]) -> Result<Self, PackError> {
        let header = Header::read(bytes)?;
        let pack = bytes.get(..header.length as usize);
        let behind = bytes.get(header.length as usize..).unwrap_or_default();
        let signed = behind.len() == BLOCK_BYTES && matches!(Block::behind(bytes), Ok(Some(_)));
        match pack {
            Some(pack) if behind.is_empty() || signed => Self::check(header, pack),
            _ => Err(PackError::Length { expected: header.length, found: bytes.len() }),
        }
    }

    /// Finds the pack at the start of a flash region that may be longer, by the length in its header. What lies behind it
    /// is not looked at.
    pub fn parse_region(region: &'p [u8]) -> Result<Self, PackError> {
        let header = Header::read(region)?;
        let found = region.len();
        let bytes = region
            .get(..header.length as usize)
            .ok_or(PackError::Length { expected: header.length, found })?;
        Self::check(header, bytes)
    }

    /// Checks all bytes of a pack that is as long as its header says.
    #[inline(never)]
    fn check(header: Header, bytes: &'p [u8]) -> Result<Self, PackError> {
        if checksum(bytes) != header.checksum {
            return Err(PackError::Checksum);
        }
        let structure_end = HEADER_BYTES + header.structure as usize;
        let structure = bytes.get(HEADER_BYTES..structure_end).unwrap_or_default();
        let weights = bytes.get(header.weights_at as usize..).unwrap_or_default();
        let weights: &[f32] = bytemuck::try_cast_slice(weights).map_err(|_| PackError::Misaligned)?;
        let (trunk, ops) = take::<TrunkSpec>(structure, "trunk")?;
        let heads = check_plan(&trunk, ops, weights)?;
        let ops = ops.get(..ops.len() - heads.len()).unwrap_or_default();
        check_heads(&trunk, heads, weights)?;
        Ok(Self { header, trunk, ops, heads, weights })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The trunk.
    pub fn trunk(&self) -> &TrunkSpec {
        &self.trunk
    }

    /// The plan, decoded one operation at a time.
    pub fn ops(&self) -> impl Iterator<Item = Op> + use<'p> {
        Sequence { left: self.trunk.ops, bytes: self.ops, item: core::marker::PhantomData }
    }

    /// All weights, the trunk's first, as words. What is `i8` or `i32` among them is for the operations to say.
    pub fn weights(&self) -> &'p [f32] {
        self.weights
    }

    /// The heads, decoded one at a time.
    pub fn heads(&self) -> Heads<'p> {
        let specs = Sequence { left: self.trunk.heads, bytes: self.heads, item: core::marker::PhantomData };
        Heads { specs, weights: self.weights }
    }
}

/// The heads of a sound pack, decoded one at a time.
#[derive(Debug, Clone)]
pub struct Heads<'p> {
    specs: Sequence<'p, HeadSpec>,
    weights: &'p [f32],
}

impl<'p> Iterator for Heads<'p> {
    type Item = Head<'p>;

    fn next(&mut self) -> Option<Head<'p>> {
        let spec = self.specs.next()?;
        let [parameters, rates] = numbers_of(&spec, self.weights)?;
        Some(Head { spec, parameters, rates })
    }
}

/// Checks trunk and operations; what follows the operations is returned.
#[inline(never)]
fn check_plan<'p>(trunk: &TrunkSpec, ops: &'p [u8], weights: &[f32]) -> Result<&'p [u8], PackError> {
    let arena = trunk.arena;
    let room = if arena > MOST_ELEMENTS { 0 } else { arena };
    for end in [&trunk.input, &trunk.output] {
        end.check(room).map_err(PackError::Trunk)?;
        if end.element != Element::F32 {
            return Err(PackError::Trunk(PlanError::Element));
        }
        if !end.is_whole() {
            return Err(PackError::Trunk(PlanError::Rows));
        }
    }
    let outside = PackError::Trunk(PlanError::OutsideWeights { offset: trunk.weights });
    let weights = weights.get(..trunk.weights as usize).ok_or(outside)?;
    let limits = Limits { arena, weights };
    if trunk.ops == 0 && !trunk.input.same_place(&trunk.output) {
        return Err(PackError::NoOperations);
    }
    let mut rest = ops;
    let mut work = 0;
    let mut group = Group::default();
    for index in 0..trunk.ops {
        let lacks = |needed: Option<Feature>| match needed {
            Some(Feature { name: feature, built: false }) => Err(PackError::NotBuilt { index, feature }),
            _ => Ok(()),
        };
        lacks(built::kind(decode::variant(rest)))?;
        let op: Op = decode::take(&mut rest).ok_or(PackError::Structure { part: "operation" })?;
        lacks(built::element(&op))?;
        let failed = |error| PackError::Op { index, error };
        work = op.check(&limits, group.is_open()).and_then(|more| add_work(work, more)).map_err(failed)?;
        if let Op::Rows { ops } = op {
            group = Group::of(ops);
        } else if group.is_open() {
            group.take(&op).map_err(failed)?;
        }
    }
    if group.is_open() {
        return Err(PackError::Structure { part: "operation" });
    }
    Ok(rest)
}

/// Decodes one item and gives the bytes behind it.
pub(crate) fn take<'b, T: Decode>(
    mut bytes: &'b [u8],
    part: &'static str,
) -> Result<(T, &'b [u8]), PackError> {
    let item = decode::take(&mut bytes).ok_or(PackError::Structure { part })?;
    Ok((item, bytes))
}

/// Items that were checked before, decoded one at a time.
#[derive(Debug, Clone)]
struct Sequence<'p, T> {
    left: u16,
    bytes: &'p [u8],
    item: core::marker::PhantomData<T>,
}

impl<T: Decode> Iterator for Sequence<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        decode::take(&mut self.bytes)
    }
}
