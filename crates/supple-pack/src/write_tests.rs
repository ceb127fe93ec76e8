//! Packs written and read, and every way to damage one.

use alloc::borrow::ToOwned;
use alloc::vec;

use super::*;
use crate::check::PlanError;
use crate::head::LabelMeaning;
use crate::header::HeaderError;
use crate::op::{Activation, Epilogue, Layer, Shape, Window};
use crate::read::LayerRef;

fn vector(offset: u32, channels: u16) -> Value {
    Value::whole(offset, Shape { height: 1, width: 1, channels }, Element::F32)
}

fn trunk() -> TrunkParts {
    let (input, output) = (vector(0, 3), vector(3, 2));
    let epilogue = Epilogue::Float(Activation::Relu);
    let op = Op::Dense { layer: Layer { input, output, weights: 0, bias: 24, epilogue } };
    let weights = (0..26).map(|i| i as f32 / 8.0).collect();
    TrunkParts { name: "small".to_owned(), input, output, arena: 5, ops: vec![op], weights }
}

fn head(trunk: &TrunkParts) -> HeadParts {
    HeadParts {
        name: "classes".to_owned(),
        trunk: trunk_hash(trunk),
        data: [3; 16],
        hidden: 0,
        capacity: 4,
        max_support: 10,
        cache: Element::F32,
        task: HeadTask::Classes(LabelMeaning::Kept),
        start: Start::Learned,
        momentum: 0.0,
        parameters: [[0.5; 8].as_slice(), &[0.25; 4]].concat(),
        rates: vec![vec![[0.1, 0.2]], vec![[0.3, 0.4]]],
    }
}

fn written() -> Vec<u8> {
    pack(&trunk(), &[head(&trunk())]).expect("sound")
}

/// Reads bytes at an aligned place; only whether they were refused, and why.
fn parse(bytes: &[u8]) -> Result<(), PackError> {
    Pack::parse(&AlignedBytes::copy_of(bytes)).map(|_| ())
}

/// Changes bytes, then makes the checksum right again.
fn forged(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = written();
    change(&mut bytes);
    let sum = checksum(&bytes).to_le_bytes();
    bytes[28..32].copy_from_slice(&sum);
    bytes
}

#[test]
fn what_is_written_is_read() {
    let bytes = AlignedBytes::copy_of(&written());
    let pack = Pack::parse(&bytes).expect("sound");
    let trunk = trunk();
    assert_eq!(pack.trunk().name, "small");
    assert_eq!(pack.trunk().hash, trunk_hash(&trunk));
    assert_eq!(pack.ops().collect::<Vec<_>>(), trunk.ops);
    assert_eq!(&pack.weights()[..26], trunk.weights);
    let heads: Vec<_> = pack.heads().collect();
    assert_eq!(heads.len(), 1);
    assert_eq!((heads[0].spec.capacity, heads[0].spec.max_support, heads[0].spec.steps), (4, 10, 2));
    assert_eq!(heads[0].spec.task, HeadTask::Classes(LabelMeaning::Kept));
    assert_eq!(heads[0].hidden(), None);
    assert_eq!(heads[0].last(), LayerRef { weights: &[0.5; 8], bias: &[0.25; 4] });
    assert_eq!(heads[0].rates, [0.1, 0.2, 0.3, 0.4]);
}

#[test]
fn every_flipped_bit_every_cut_and_every_tail_is_refused() {
    let bytes = written();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(parse(&damaged).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(parse(&bytes[..length]).is_err(), "cut to {length}");
    }
    for tail in [0, 1, 255] {
        let mut longer = bytes.clone();
        longer.push(tail);
        let expected = bytes.len() as u32;
        assert_eq!(parse(&longer), Err(PackError::Length { expected, found: bytes.len() + 1 }));
    }
}

#[test]
fn a_region_may_be_longer_than_its_pack() {
    let mut region = written();
    let length = region.len() as u32;
    region.resize(4096, 0xff);
    let region = AlignedBytes::copy_of(&region);
    assert_eq!(Pack::parse_region(&region).expect("sound").header().length, length);
    let erased = AlignedBytes::copy_of(&[0xff; 64]);
    assert_eq!(Pack::parse_region(&erased).err(), Some(PackError::Header(HeaderError::Magic)));
    let found = length as usize - 1;
    let short = AlignedBytes::copy_of(&region[..found]);
    let error = PackError::Length { expected: length, found };
    assert_eq!(Pack::parse_region(&short).err(), Some(error));
}

#[test]
fn weights_off_their_alignment_are_refused() {
    let bytes = written();
    let mut shifted = vec![0];
    shifted.extend(&bytes);
    let aligned = AlignedBytes::copy_of(&shifted);
    assert_eq!(Pack::parse(&aligned[1..]).err(), Some(PackError::Misaligned));
}

#[test]
fn a_right_checksum_over_a_wrong_structure_is_refused() {
    // Every byte of the structure set to every value: an error or a pack that holds what it claims.
    let structure = 32..32 + Header::read(&written()).expect("sound").structure as usize;
    for at in structure {
        for value in 0..=255 {
            let bytes = AlignedBytes::copy_of(&forged(|bytes| bytes[at] = value));
            if let Ok(pack) = Pack::parse(&bytes) {
                assert_eq!(pack.ops().count(), usize::from(pack.trunk().ops));
                assert_eq!(pack.heads().count(), usize::from(pack.trunk().heads));
            }
        }
    }
}

#[test]
fn a_weight_that_is_no_number_is_refused() {
    let nan = f32::NAN.to_le_bytes();
    let broken = |word: usize| {
        let weights_at = Header::read(&written()).expect("sound").weights_at as usize;
        parse(&forged(|bytes| bytes[weights_at + 4 * word..][..4].copy_from_slice(&nan)))
    };
    let error = PlanError::NotFinite { offset: 24 };
    assert_eq!(broken(25), Err(PackError::Op { index: 0, error }));
    // Behind the trunk's 26 words, from 28 on, lie the head's.
    assert!(matches!(broken(28), Err(PackError::Head { index: 0, .. })));
    // Nobody reads what fills up.
    assert_eq!(broken(27), Ok(()));
}

/// Two copies of a signal of four samples, row by row.
fn by_rows(ops: Vec<Op>) -> TrunkParts {
    let image = |offset| Value::whole(offset, Shape { height: 4, width: 1, channels: 1 }, Element::F32);
    let arena = 12;
    TrunkParts { name: "rows".to_owned(), input: image(0), output: image(4), arena, ops, weights: vec![] }
}

#[test]
fn operations_by_rows_are_read_as_a_group() {
    let shape = Shape { height: 4, width: 1, channels: 1 };
    let whole = |offset| Value::whole(offset, shape, Element::F32);
    let part = Value { rows: 2, ..whole(8) };
    let window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
    let pool = |input, output| Op::MaxPool { input, output, window };
    let rows = Op::Rows { ops: 2 };
    let good = vec![rows, pool(whole(0), part), pool(part, whole(4)), pool(whole(4), whole(0))];
    let bytes = pack(&by_rows(good.clone()), &[]).expect("sound");
    let bytes = AlignedBytes::copy_of(&bytes);
    assert_eq!(Pack::parse(&bytes).expect("sound").ops().collect::<Vec<_>>(), good);
    let refused = |ops: &[Op]| match pack(&by_rows(ops.to_vec()), &[]) {
        Err(WriteError::Unsound(error)) => error,
        other => panic!("{other:?}"),
    };
    let fault = |index, error| PackError::Op { index, error };
    // The group ended, a part of a value is left over.
    assert_eq!(refused(&[good[0], good[1], good[2], good[2]]), fault(3, PlanError::Rows));
    assert_eq!(refused(&[good[0], good[2], good[3]]), fault(1, PlanError::Rows));
    assert_eq!(refused(&[good[0], good[1], good[3]]), fault(2, PlanError::Rows));
    assert_eq!(refused(&good[..2]), PackError::Structure { part: "operation" });
    assert_eq!(refused(&[rows, rows]), fault(1, PlanError::Rows));
}

#[test]
fn a_trunk_begins_and_ends_with_whole_floats() {
    let changed = |change: fn(&mut TrunkParts)| {
        let mut parts = trunk();
        change(&mut parts);
        match pack(&parts, &[]) {
            Err(WriteError::Unsound(PackError::Trunk(error))) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(changed(|trunk| trunk.input.element = Element::I8), PlanError::Element);
    assert_eq!(changed(|trunk| trunk.output.rows = 0), PlanError::Rows);
    const TALL: Shape = Shape { height: 2, width: 1, channels: 1 };
    assert_eq!(changed(|trunk| (trunk.output.rows, trunk.output.shape) = (1, TALL)), PlanError::Rows);
    assert_eq!(changed(|trunk| trunk.output.offset = 4), PlanError::OutsideArena { offset: 4 });
    assert_eq!(changed(|trunk| trunk.arena = (1 << 24) + 1), PlanError::OutsideArena { offset: 0 });
}

#[test]
fn unsound_parts_are_not_written() {
    let mut short = trunk();
    short.weights.pop();
    let error = PackError::Op { index: 0, error: PlanError::OutsideWeights { offset: 24 } };
    assert_eq!(pack(&short, &[]), Err(WriteError::Unsound(error)));
    let mut stranger = head(&trunk());
    stranger.trunk = TrunkHash([7; 16]);
    assert!(matches!(pack(&trunk(), &[stranger]), Err(WriteError::Unsound(PackError::Head { .. }))));
    let mut thin = head(&trunk());
    thin.parameters.pop();
    assert!(matches!(pack(&trunk(), &[thin]), Err(WriteError::HeadSize { expected: 12, .. })));
    let mut named = trunk();
    named.name = "a name of more than thirty-two bytes".to_owned();
    assert!(matches!(pack(&named, &[]), Err(WriteError::Name(_))));
}

#[test]
fn a_trunk_s_hash_sees_weights_and_structure_but_not_the_name() {
    let one = trunk();
    let mut other = one.clone();
    other.name = "other".to_owned();
    assert_eq!(trunk_hash(&one), trunk_hash(&other));
    other.weights[3] += 1.0;
    assert_ne!(trunk_hash(&one), trunk_hash(&other));
    let mut wider = one.clone();
    wider.arena += 1;
    assert_ne!(trunk_hash(&one), trunk_hash(&wider));
}
