//! Signed packs, and every way to forge one.

use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use proptest::prelude::*;

use super::*;
use crate::ed25519::{ORDER, is_genuine};
use crate::keys;
use crate::op::{Element, Shape, Value};
use crate::read::{Pack, PackError};
use crate::sign::{SignError, Terms, sign};
use crate::write::{AlignedBytes, TrunkParts, pack};

/// A pack of a trunk without operations: its input is its feature.
fn unsigned() -> Vec<u8> {
    let value = Value::whole(0, Shape { height: 1, width: 1, channels: 2 }, Element::F32);
    let trunk = TrunkParts {
        name: "small".to_owned(),
        input: value,
        output: value,
        arena: 2,
        ops: vec![],
        weights: vec![0.5; 4],
    };
    pack(&trunk, &[]).expect("sound")
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(key: &SigningKey) -> [u8; KEY_BYTES] {
    key.verifying_key().to_bytes()
}

fn id(key: &SigningKey) -> KeyId {
    KeyId::of(&public(key))
}

fn signed_for(board: Option<&str>) -> Vec<u8> {
    let key = key(1);
    let terms = Terms { counter: 7, board: board.map(ToOwned::to_owned) };
    sign(&unsigned(), id(&key), &terms, |message| key.sign(message).to_bytes()).expect("sound")
}

/// Checks with the keys 1 and 2, as the board `bench`.
fn check(region: &[u8]) -> Result<Block, SignatureError> {
    let ring = keys::block(&[public(&key(2)), public(&key(1))]).expect("two keys");
    verify(region, &Keys::read(&ring).expect("sound"), "bench")
}

fn hexadecimal(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("digits")).collect()
}

/// RFC 8032, 7.1: secret key, public key, message and signature of tests 1, 2, 3 and SHA(abc).
const VECTORS: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn ours_and_dalek_agree_with_rfc_8032() {
    for vector in VECTORS {
        let [secret, public, message, signature] = vector.map(hexadecimal);
        let secret: [u8; 32] = secret.try_into().expect("32 bytes");
        let public: [u8; 32] = public.try_into().expect("32 bytes");
        let signature: [u8; 64] = signature.try_into().expect("64 bytes");
        let key = SigningKey::from_bytes(&secret);
        assert_eq!(key.verifying_key().to_bytes(), public);
        assert_eq!(key.sign(&message).to_bytes(), signature);
        let dalek = VerifyingKey::from_bytes(&public).expect("a point");
        assert!(dalek.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&signature)).is_ok());
        assert_eq!(is_genuine(&public, &message, &signature), Ok(true));
        let mut longer = message.clone();
        longer.push(0);
        assert_eq!(is_genuine(&public, &longer, &signature), Ok(false));
    }
}

#[test]
fn a_signed_pack_is_trusted_and_read() {
    let pack = unsigned();
    let bytes = signed_for(None);
    assert_eq!(bytes.len(), pack.len() + BLOCK_BYTES);
    assert_eq!(bytes[..pack.len()], pack);
    let block = check(&bytes).expect("genuine");
    assert_eq!((block.key, block.counter, block.board_name()), (id(&key(1)), 7, None));
    let bytes = AlignedBytes::copy_of(&bytes);
    assert_eq!(Pack::parse(&bytes).expect("sound").header().length as usize, pack.len());
    assert_eq!(Pack::parse(&bytes).expect("sound").weights().len(), 4);
    // In flash, with what was there before behind it.
    let mut region = bytes.to_vec();
    region.resize(4096, 0xff);
    assert_eq!(check(&region), Ok(block));
    assert!(Pack::parse_region(&AlignedBytes::copy_of(&region)).is_ok());
}

/// As docs/format.md tells it.
#[test]
fn the_bytes_are_those_of_the_format() {
    let block = Block {
        key: KeyId(*b"\x01\x23\x45\x67\x89\xab\xcd\xef"),
        counter: 0x0a0b_0c0d,
        board: [0; 32],
        signature: [9; 64],
    };
    let block = Block { board: board_field("microbit").expect("a name"), ..block };
    let bytes = block.to_bytes();
    assert_eq!(bytes[..20], *b"SIGN\x01\x00\x00\x00\x01\x23\x45\x67\x89\xab\xcd\xef\x0d\x0c\x0b\x0a");
    assert_eq!(bytes[20..28], *b"microbit");
    assert_eq!(bytes[28..64], [0; 36]);
    assert_eq!(bytes[64..], [9; 64]);
    assert_eq!(block.key.to_string(), "0123456789abcdef");
    assert_eq!(block.board_name(), Some("microbit"));
}

#[test]
fn a_pack_for_another_board_is_refused() {
    let ring = keys::block(&[public(&key(1))]).expect("a key");
    let keys = Keys::read(&ring).expect("sound");
    let bytes = signed_for(Some("bench"));
    assert_eq!(check(&bytes).expect("genuine").board_name(), Some("bench"));
    for other in ["benches", "benc", "", "Bench", "bench\0", "a-name-that-is-longer-than-the-field-is"] {
        assert_eq!(verify(&bytes, &keys, other), Err(SignatureError::OtherBoard), "{other:?}");
        assert_eq!(claimed(&bytes, &keys, other), Err(SignatureError::OtherBoard), "{other:?}");
    }
    let longest = "a-name-as-long-as-the-field-is-1";
    assert_eq!(longest.len(), BOARD_BYTES);
    let bytes = signed_for(Some(longest));
    assert_eq!(verify(&bytes, &keys, longest).expect("genuine").board_name(), Some(longest));
    for bad in ["", "two words", "bench\0", "\u{1b}[2J", "brett-ä", "a-name-that-is-longer-than-the-field-is"]
    {
        assert_eq!(board_field(bad), None, "{bad:?}");
        let terms = Terms { counter: 0, board: Some(bad.to_owned()) };
        let refused = sign(&unsigned(), KeyId([0; 8]), &terms, |_| [0; 64]);
        assert_eq!(refused, Err(SignError::Board(bad.to_owned())));
    }
}

#[test]
fn each_refusal_has_its_reason() {
    let pack = unsigned();
    let bytes = signed_for(None);
    assert_eq!(check(&pack), Err(SignatureError::Unsigned));
    let mut erased = pack.clone();
    erased.resize(2048, 0xff);
    assert_eq!(check(&erased), Err(SignatureError::Unsigned));
    assert_eq!(check(b"SUPL"), Err(SignatureError::Header(HeaderError::Short(4))));
    let short = SignatureError::Length { expected: pack.len() as u32, found: pack.len() - 1 };
    assert_eq!(check(&pack[..pack.len() - 1]), Err(short));
    for cut in pack.len() + 4..bytes.len() {
        assert_eq!(check(&bytes[..cut]), Err(SignatureError::Malformed), "{cut} bytes");
    }
    let mut other = bytes.clone();
    other[pack.len() + 4] = 2;
    assert_eq!(check(&other), Err(SignatureError::Malformed));

    let stranger = key(3);
    let by_stranger =
        sign(&pack, id(&stranger), &Terms::default(), |message| stranger.sign(message).to_bytes())
            .expect("sound");
    assert_eq!(check(&by_stranger), Err(SignatureError::UnknownKey(id(&stranger))));
    // Signed by a stranger in the name of a trusted key.
    let forged = sign(&pack, id(&key(1)), &Terms::default(), |message| stranger.sign(message).to_bytes())
        .expect("sound");
    assert_eq!(check(&forged), Err(SignatureError::Wrong));
    assert_eq!(verify(&bytes, &Keys::default(), "bench"), Err(SignatureError::UnknownKey(id(&key(1)))));

    // 2 is the y of no point of the curve.
    let mut no_point = [0; KEY_BYTES];
    no_point[0] = 2;
    assert!(VerifyingKey::from_bytes(&no_point).is_err());
    let ring = keys::block(&[no_point]).expect("a key");
    let bytes = sign(&pack, KeyId::of(&no_point), &Terms::default(), |_| [1; 64]).expect("sound");
    let unusable = SignatureError::UnusableKey(KeyId::of(&no_point));
    assert_eq!(verify(&bytes, &Keys::read(&ring).expect("sound"), "bench"), Err(unusable));
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = signed_for(Some("bench"));
    let mut wrong = 0;
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = check(&changed).expect_err("a changed pack is trusted");
        wrong += usize::from(refused == SignatureError::Wrong);
    }
    // All of the structure and the weights, of the counter and the signature, and what the header does not check itself.
    let blind = unsigned().len() - crate::header::HEADER_BYTES + 4 + SIGNATURE_BYTES + 4;
    assert!(wrong >= 8 * blind, "only {wrong} changes were left to the signature");
}

/// A signature's scalar plus the group's order is the same scalar: salty takes it, RFC 8032 does not.
#[test]
fn a_signature_has_one_form() {
    let mut bytes = signed_for(None);
    let start = bytes.len() - 32;
    let message = bytes[..bytes.len() - SIGNATURE_BYTES].to_vec();
    let mut carry = 0;
    for (byte, order) in bytes[start..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    let salty = salty::PublicKey::try_from(&public(&key(1))).expect("a point");
    let signature: [u8; 64] = *bytes.last_chunk().expect("64 bytes");
    assert!(salty.verify(&message, &salty::Signature::from(&signature)).is_ok());
    assert_eq!(check(&bytes), Err(SignatureError::Wrong));
}

#[test]
fn signing_replaces_a_signature_and_refuses_what_is_no_pack() {
    let (first, second) = (key(1), key(2));
    let bytes = signed_for(None);
    let again = sign(&bytes, id(&second), &Terms::default(), |message| second.sign(message).to_bytes());
    let again = again.expect("sound");
    assert_eq!(again.len(), bytes.len());
    assert_eq!(check(&again).expect("genuine").key, id(&second));
    assert_ne!(id(&first), id(&second));
    let mut broken = unsigned();
    broken[40] ^= 1;
    let refused = sign(&broken, id(&first), &Terms::default(), |_| [0; 64]);
    assert_eq!(refused, Err(SignError::Pack(PackError::Checksum)));
}

#[test]
fn only_a_block_may_follow_a_pack() {
    let parse = |bytes: &[u8]| Pack::parse(&AlignedBytes::copy_of(bytes)).map(|_| ());
    let bytes = signed_for(None);
    let expected = unsigned().len() as u32;
    assert_eq!(parse(&bytes), Ok(()));
    // Whether it is genuine is not for the pack to say.
    let mut forged = bytes.clone();
    *forged.last_mut().expect("a byte") ^= 1;
    assert_eq!(parse(&forged), Ok(()));
    for change in [
        (|bytes| bytes.push(0)) as fn(&mut Vec<u8>),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| *bytes.iter_mut().rev().nth(BLOCK_BYTES - 1).expect("a block") = b'X',
        |bytes| *bytes.iter_mut().rev().nth(SIGNATURE_BYTES).expect("a block") = 1,
    ] {
        let mut changed = bytes.clone();
        change(&mut changed);
        assert_eq!(parse(&changed), Err(PackError::Length { expected, found: changed.len() }));
    }
}

proptest! {
    /// Whatever lies behind a pack is no block, or a block that makes these very bytes, and is never trusted.
    #[test]
    fn hostile_blocks(
        magic in any::<bool>(),
        board in "[ -~]{0,32}",
        spare in proptest::collection::vec((0_usize..BLOCK_BYTES, any::<u8>()), 0..3),
        stranger in proptest::option::of(any::<[u8; 8]>()),
        signature in proptest::collection::vec(any::<u8>(), SIGNATURE_BYTES),
        cut in 0_usize..=BLOCK_BYTES + 8,
    ) {
        let pack = unsigned();
        let mut field = [0; BOARD_BYTES];
        field[..board.len()].copy_from_slice(board.as_bytes());
        let block = Block {
            key: stranger.map_or_else(|| id(&key(1)), KeyId),
            counter: u32::MAX,
            board: field,
            signature: signature.try_into().expect("64 bytes"),
        };
        let mut behind = block.to_bytes().to_vec();
        if !magic {
            behind[0] = 0;
        }
        for (at, value) in spare {
            behind[at] = value;
        }
        behind.resize(BLOCK_BYTES + 8, 0);
        behind.truncate(cut);
        let bytes = [pack.as_slice(), &behind].concat();
        match Block::behind(&bytes) {
            Ok(Some(found)) => {
                prop_assert_eq!(found.to_bytes().to_vec(), &behind[..BLOCK_BYTES]);
                prop_assert_eq!(found.board_name().unwrap_or_default().len(), found.board.iter().filter(|&&byte| byte != 0).count());
            }
            Ok(None) => prop_assert!(!behind.starts_with(&MAGIC)),
            Err(error) => prop_assert_eq!(error, SignatureError::Malformed),
        }
        prop_assert!(check(&bytes).is_err());
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Block::behind(&bytes).is_err());
        prop_assert!(check(&bytes).is_err());
    }

    /// Genuine and damaged signatures.
    #[test]
    fn ours_is_as_strict_as_dalek_s(
        seed in any::<[u8; 32]>(),
        message in proptest::collection::vec(any::<u8>(), 0..300),
        bit in proptest::option::of(0_usize..512),
    ) {
        let key = SigningKey::from_bytes(&seed);
        let mut signature = key.sign(&message).to_bytes();
        if let Some(bit) = bit {
            signature[bit / 8] ^= 1 << (bit % 8);
        }
        let dalek = key.verifying_key().verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&signature));
        prop_assert_eq!(is_genuine(&public(&key), &message, &signature), Ok(dalek.is_ok()));
        prop_assert_eq!(dalek.is_ok(), bit.is_none());
    }
}
