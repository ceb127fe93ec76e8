//! Bytes, with a header that is right, to a pack; one that is sound is walked wholly.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supple_fuzz::bytes::{PACK_MAX, Room, repair, walk};
use supple_fuzz::{samples, seeds};
use supple_pack::header::{HEADER_BYTES, Header};
use supple_pack::{HeadSpec, Op, Pack, TrunkSpec};
use supple_runtime::MemoryNeed;

fuzz_target!(init: seeds::write(samples::packs()), |input: &[u8]| {
    let mut room = Room::default();
    let bytes = room.copy(input.get(..PACK_MAX).unwrap_or(input));
    // As they are: a header is seldom right.
    let _ = Pack::parse_region(bytes);
    let bytes = repair(bytes);
    if let Ok(pack) = Pack::parse(bytes) {
        walk(&pack);
        std::hint::black_box(MemoryNeed::of(&pack).adapt_bytes());
        is_postcard(bytes, &pack);
        assert!(Pack::parse_region(bytes).is_ok(), "the same bytes as a region");
        assert!(Pack::parse(&bytes[..bytes.len() - 1]).is_err(), "cut short");
    }
});

/// Postcard, which writes packs, must read the structure as it was read.
fn is_postcard(bytes: &[u8], pack: &Pack) {
    let header = Header::read(bytes).expect("read before");
    let structure = &bytes[HEADER_BYTES..][..header.structure as usize];
    let (trunk, mut rest): (TrunkSpec, _) = postcard::take_from_bytes(structure).expect("a trunk");
    assert_eq!(&trunk, pack.trunk());
    for op in pack.ops() {
        let (expected, after): (Op, _) = postcard::take_from_bytes(rest).expect("an operation");
        same(&expected, &op);
        rest = after;
    }
    for head in pack.heads() {
        let (expected, after): (HeadSpec, _) = postcard::take_from_bytes(rest).expect("a head");
        same(&expected, &head.spec);
        rest = after;
    }
    assert!(rest.is_empty());
}

/// Compares what is written of both: a NaN is not equal to itself.
fn same<T: serde::Serialize>(expected: &T, found: &T) {
    let (mut left, mut right) = ([0; 192], [0; 192]);
    let left = postcard::to_slice(expected, &mut left).expect("room");
    let right = postcard::to_slice(found, &mut right).expect("room");
    assert_eq!(left, right);
}
