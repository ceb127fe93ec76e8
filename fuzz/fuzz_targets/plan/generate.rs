//! Bytes to a pack that is sound, most of the time.
//!
//! The arena is cut into slots, a value in each, so that values seldom overlap. One plan in four is then spoilt in a
//! field or two: those are what the checks are for.

use arbitrary::{Result, Unstructured};
use supple_fuzz::bytes::{Room, write_header};
use supple_pack::header::HEADER_BYTES;
use supple_pack::{Element, HeadSpec, Op, TrunkHash, TrunkSpec, Value};

use crate::head;
use crate::numbers;
use crate::op::{self, SLOT, SLOTS};

/// Words of weights; as much as small operations need.
pub const WEIGHTS: usize = 160;
/// The most entries of a plan, those of groups and fills counted.
const MOST_OPS: usize = 12;
/// Of the trunk; heads must name the same.
const HASH: TrunkHash = TrunkHash([7; 16]);

/// A plan to be written as a pack.
pub struct Plan {
    trunk: TrunkSpec,
    ops: Vec<Op>,
    heads: Vec<HeadSpec>,
    weights: [f32; WEIGHTS],
    /// Whether every field is as the generator meant it.
    pub is_sound: bool,
}

impl Plan {
    /// Makes one.
    pub fn arbitrary(u: &mut Unstructured) -> Result<Self> {
        let weights = numbers::weights(u)?;
        let input = Value::whole(0, op::shape(u)?, Element::F32);
        let mut slots = [None; SLOTS];
        slots[0] = Some(input);
        let mut ops = Vec::with_capacity(MOST_OPS);
        // A plan, heads, or both: each on its own is twice as fast.
        let parts: u8 = u.arbitrary()?;
        let (most_ops, most_heads) = [(3, 0), (4, 0), (0, 2), (2, 1)][usize::from(parts % 4)];
        for _ in 0..u.int_in_range(most_ops.min(1)..=most_ops)? {
            if ops.len() + 6 <= MOST_OPS {
                op::add(u, &mut slots, &mut ops)?;
            }
        }
        let last = ops.last().and_then(Op::output).copied();
        if let Some(value) = last.filter(|value| value.element == Element::I8) {
            // Features are `f32`.
            ops.push(op::to_float(u, value)?);
        }
        let output = ops.last().and_then(Op::output).copied().unwrap_or(input);
        let is_sound = !u.ratio(1, 4)?;
        if !is_sound {
            for _ in 0..u.int_in_range(1..=2)? {
                op::spoil(u, &mut ops)?;
            }
        }
        let heads = head::arbitrary(u, most_heads, output.elements() as u16, HASH)?;
        let trunk = TrunkSpec {
            name: heapless_name("t"),
            hash: HASH,
            input,
            output,
            arena: (SLOTS * SLOT) as u32,
            weights: WEIGHTS as u32,
            ops: ops.len() as u16,
            heads: heads.len() as u16,
        };
        Ok(Self { trunk, ops, heads, weights, is_sound })
    }

    /// Its bytes.
    pub fn write<'r>(&self, room: &'r mut Room) -> &'r [u8] {
        let bytes = room.whole();
        let mut end = HEADER_BYTES;
        put(bytes, &mut end, &self.trunk);
        self.ops.iter().for_each(|op| put(bytes, &mut end, op));
        self.heads.iter().for_each(|head| put(bytes, &mut end, head));
        let weights_at = end.next_multiple_of(16);
        bytes[end..weights_at].fill(0);
        let length = weights_at + 4 * WEIGHTS;
        let pack = &mut bytes[..length];
        pack[weights_at..].copy_from_slice(bytemuck::cast_slice(&self.weights));
        write_header(pack, end - HEADER_BYTES, weights_at, 4 * WEIGHTS);
        pack
    }

    /// The same with no operations that run row by row; `None` where there are none anyhow.
    pub fn one_by_one(&self) -> Option<Self> {
        let mut ops = self.ops.clone();
        ops.retain(|op| !matches!(op, Op::Rows { .. }));
        if ops.len() == self.ops.len() {
            return None;
        }
        ops.iter_mut().flat_map(Op::values_mut).for_each(|value| value.rows = value.shape.height);
        let trunk = TrunkSpec { ops: ops.len() as u16, ..self.trunk.clone() };
        Some(Self { trunk, ops, heads: self.heads.clone(), ..*self })
    }
}

fn put<T: serde::Serialize>(bytes: &mut [u8], end: &mut usize, item: &T) {
    *end += postcard::to_slice(item, &mut bytes[*end..]).expect("room").len();
}

/// A name, of whatever type names are.
pub fn heapless_name<N: for<'a> TryFrom<&'a str>>(name: &str) -> N {
    N::try_from(name).ok().expect("short")
}
