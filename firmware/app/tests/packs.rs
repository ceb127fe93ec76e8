//! Packs that come over the line: taken when all is right, refused with the reason, and never at the cost of the one
//! that runs.

mod common;

use common::{
    Desk, FEATURES, Random, ask, copy_of, done, feature, head, pack_of, public_key, signed, signed_as_it_is,
};
use supple_app::{Area, Board, Device, Memory};
use supple_link::frame::VALUES_MAX;
use supple_link::message::{PackArea, TrialOutcome};
use supple_link::{Answer, DeviceError, FlashFault, PackFault, PackRefusal, PackState, Request};
use supple_pack::Element;
use supple_pack::header::crc32c;
use supple_pack::keys;
use supple_store::simulated::Wear;
use supple_store::{Boot, Journal};

/// Two keys of three that sign here are known to the board.
const KEYS: [u8; 2] = [1, 2];
const UNKNOWN_KEY: u8 = 3;

/// A pack of some kilobytes; each weight makes another trunk.
fn pack(weight: f32) -> Vec<u8> {
    let mut head = head(&mut Random(7), "one".into(), 3, Element::F32);
    head.name = format!("weight {weight}");
    let mut heads = vec![head];
    for index in 0..3 {
        let mut more = heads[0].clone();
        more.name = index.to_string();
        more.rates = vec![vec![[weight; 2]; more.rates[0].len()]; 150];
        heads.push(more);
    }
    pack_of(weight, &heads)
}

fn desk_with(pack: &[u8]) -> Desk {
    Desk { keys: keys::block(&KEYS.map(public_key)).expect("two keys"), ..Desk::with_pack(pack) }
}

fn start(desk: &mut Desk) -> Device<'static> {
    let memory = Memory { floats: vec![f32::NAN; 400].leak(), labels: vec![5; 100].leak() };
    Device::start(memory, desk)
}

fn state(device: &mut Device, desk: &mut Desk) -> PackState {
    match device.answer(&Request::Packs, desk) {
        Ok(Answer::Packs(state)) => state,
        other => panic!("{other:?}"),
    }
}

/// The checksum of the pack that runs.
fn runs(device: &mut Device, desk: &mut Desk) -> Result<u32, DeviceError> {
    match device.answer(&Request::Info, desk) {
        Ok(Answer::Info(info)) => info.pack.map(|pack| pack.checksum),
        other => panic!("{other:?}"),
    }
}

fn checksum(pack: &[u8]) -> Result<u32, DeviceError> {
    Ok(u32::from_le_bytes(*pack[28..].first_chunk().expect("a header")))
}

fn send(
    device: &mut Device,
    desk: &mut Desk,
    bytes: &[u8],
    from: usize,
    chunk: usize,
) -> Result<(), DeviceError> {
    ask(device, desk, &Request::PackBegin { length: bytes.len() as u32, from: from as u32 })?;
    for (index, bytes) in bytes[from..].chunks(chunk).enumerate() {
        let offset = (from + index * chunk) as u32;
        ask(device, desk, &Request::PackChunk { offset, bytes })?;
    }
    Ok(())
}

fn push(device: &mut Device, desk: &mut Desk, bytes: &[u8]) -> Result<(), DeviceError> {
    send(device, desk, bytes, 0, VALUES_MAX)?;
    ask(device, desk, &Request::PackFinish).map(|_| ())
}

/// As a host does: the largest number of erase units that are as they shall be.
fn resume(device: &mut Device, desk: &mut Desk, bytes: &[u8]) -> Result<(), DeviceError> {
    let unit = state(device, desk).unit as usize;
    let (mut sound, mut unsound) = (0, bytes.len() / unit + 1);
    while sound + 1 < unsound {
        let middle = sound.midpoint(unsound);
        let length = (middle * unit) as u32;
        match device.answer(&Request::PackDigest { length }, desk)? {
            Answer::Digest { checksum } if checksum == crc32c([&bytes[..middle * unit], &[]]) => {
                sound = middle
            }
            _ => unsound = middle,
        }
    }
    send(device, desk, bytes, sound * unit, VALUES_MAX)?;
    ask(device, desk, &Request::PackFinish).map(|_| ())
}

#[test]
fn a_pack_is_sent_tried_and_confirmed_then_another_into_the_area_that_is_free() {
    let (first, second, third) = (pack(1.0), pack(2.0), pack(3.0));
    let mut desk = desk_with(&first);
    let mut device = start(&mut desk);
    let fresh = PackState {
        running: PackArea::A,
        trial: false,
        waiting: false,
        last: TrialOutcome::None,
        room: 8192,
        unit: 1024,
        keys: 2,
    };
    assert_eq!(state(&mut device, &mut desk), fresh);
    assert_eq!(ask(&mut device, &mut desk, &Request::Confirm), Err(DeviceError::NoTrial));
    push(&mut device, &mut desk, &signed(&second, 1, 5, Some("desk"))).expect("taken");
    assert_eq!(state(&mut device, &mut desk), PackState { waiting: true, ..fresh });
    assert_eq!(runs(&mut device, &mut desk), checksum(&first));

    let mut device = start(&mut desk);
    let trial = PackState { running: PackArea::B, trial: true, ..fresh };
    assert_eq!(state(&mut device, &mut desk), trial);
    assert_eq!(runs(&mut device, &mut desk), checksum(&second));
    let under_way = Err(DeviceError::PackRefused(PackRefusal::TrialUnderWay));
    assert_eq!(push(&mut device, &mut desk, &signed(&third, 1, 6, None)), under_way);
    done(&mut device, &mut desk, &Request::Confirm);
    assert_eq!(ask(&mut device, &mut desk, &Request::Confirm), Err(DeviceError::NoTrial));

    let mut device = start(&mut desk);
    let kept = PackState { running: PackArea::B, last: TrialOutcome::Confirmed, ..fresh };
    assert_eq!(state(&mut device, &mut desk), kept);
    let old = Err(DeviceError::PackRefused(PackRefusal::OldCounter { counter: 4, floor: 5 }));
    assert_eq!(push(&mut device, &mut desk, &signed(&third, 1, 4, None)), old);
    push(&mut device, &mut desk, &signed(&third, 2, 0, None)).expect("another key counts for itself");
    let mut device = start(&mut desk);
    assert_eq!(runs(&mut device, &mut desk), checksum(&third));
    // Not confirmed: the one before comes back.
    let mut device = start(&mut desk);
    assert_eq!(state(&mut device, &mut desk), PackState { last: TrialOutcome::RolledBack, ..kept });
    assert_eq!(runs(&mut device, &mut desk), checksum(&second));
    assert_eq!(desk.flash.violations(), 0);
}

/// Asks, and that nothing has come of it: the next start runs the same pack, and no other.
#[track_caller]
fn refused(
    device: &mut Device,
    desk: &mut Desk,
    first: &[u8],
    outcome: Result<(), DeviceError>,
) -> PackRefusal {
    let Err(DeviceError::PackRefused(refusal)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(&desk.content(Area::A)[..first.len()], first);
    let before = state(device, desk);
    *device = start(desk);
    assert_eq!(state(device, desk), before);
    assert_eq!(runs(device, desk), checksum(first));
    refusal
}

#[test]
fn every_refusal_has_its_reason_and_leaves_the_running_pack() {
    let (first, second) = (pack(1.0), pack(2.0));
    let good = signed(&second, 1, 5, Some("desk"));
    let mut desk = desk_with(&first);
    let mut device = start(&mut desk);
    let mut of = |bytes: &[u8]| {
        let outcome = push(&mut device, &mut desk, bytes);
        refused(&mut device, &mut desk, &first, outcome)
    };
    assert_eq!(of(&second), PackRefusal::Unsigned);
    assert_eq!(of(&signed(&second, UNKNOWN_KEY, 9, None)), PackRefusal::UnknownKey);
    assert_eq!(of(&signed(&second, 1, 9, Some("bench"))), PackRefusal::OtherBoard);
    assert_eq!(of(&[0; 200]), PackRefusal::Pack(PackFault::Missing));
    assert_eq!(of(&good[..second.len() + 30]), PackRefusal::Malformed);
    assert_eq!(of(&good[..second.len() - 30]), PackRefusal::Pack(PackFault::Length));
    assert_eq!(of(&[&good[..], &[0]].concat()), PackRefusal::Pack(PackFault::Length));
    assert_eq!(of(&[0; 8193]), PackRefusal::TooLong { length: 8193, room: 8192 });
    // Any byte but the few that say what the block is: the signature sees it.
    for at in [40, 1000, second.len() - 1, second.len() + 17, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        assert_eq!(of(&flipped), PackRefusal::Signature, "{at}");
    }
    // Signed, but no pack that runs.
    let mut broken = second.clone();
    broken[32] ^= 0x80;
    assert_eq!(of(&signed_as_it_is(&broken, 1)), PackRefusal::Pack(PackFault::Checksum));
    let sum = crc32c([&broken[..28], &broken[32..]]);
    broken[28..32].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(of(&signed_as_it_is(&broken, 1)), PackRefusal::Pack(PackFault::Content));
    let big = head(&mut Random(7), "big".into(), 300, Element::F32);
    let big = signed(&pack_of(1.0, &[big]), 1, 5, None);
    assert!(matches!(of(&big), PackRefusal::Memory { given: 1800, .. }));
    assert_eq!(of(&signed(&pack_of(1.0, &[]), 1, 5, None)), PackRefusal::Pack(PackFault::NoHead));

    let mut of = |request: &Request| {
        let outcome = ask(&mut device, &mut desk, request).map(|_| ());
        let Err(DeviceError::PackRefused(refusal)) = outcome else { panic!("{outcome:?}") };
        refusal
    };
    assert_eq!(of(&Request::PackFinish), PackRefusal::NoTransfer);
    assert_eq!(of(&Request::PackChunk { offset: 0, bytes: &[1] }), PackRefusal::NoTransfer);
    assert_eq!(of(&Request::PackBegin { length: 3000, from: 8 }), PackRefusal::From { from: 8 });
    assert_eq!(of(&Request::PackBegin { length: 3000, from: 4096 }), PackRefusal::From { from: 4096 });
    assert_eq!(of(&Request::PackDigest { length: 8193 }), PackRefusal::TooLong { length: 8193, room: 8192 });
    done(&mut device, &mut desk, &Request::PackBegin { length: 20, from: 0 });
    done(&mut device, &mut desk, &Request::PackChunk { offset: 0, bytes: &[1; 15] });
    let mut of = |request: &Request| ask(&mut device, &mut desk, request).map(|_| ());
    let misplaced = |offset| Err(DeviceError::PackRefused(PackRefusal::Misplaced { offset, received: 15 }));
    assert_eq!(of(&Request::PackChunk { offset: 14, bytes: &[1] }), misplaced(14));
    assert_eq!(of(&Request::PackChunk { offset: 16, bytes: &[1] }), misplaced(16));
    assert_eq!(of(&Request::PackChunk { offset: 15, bytes: &[1; 6] }), misplaced(15));
    let incomplete = PackRefusal::Incomplete { received: 15, length: 20 };
    assert_eq!(of(&Request::PackFinish), Err(DeviceError::PackRefused(incomplete)));
    // After all of this the good one is taken.
    push(&mut device, &mut desk, &good).expect("taken");
    let mut device = start(&mut desk);
    assert_eq!(runs(&mut device, &mut desk), checksum(&second));
    assert_eq!(desk.flash.violations(), 0);
}

#[test]
fn chunks_of_any_length_give_the_same_bytes() {
    let bytes = signed(&pack(2.0), 1, 5, None);
    for chunk in [1, 3, 7, 8, 13, 64, 479] {
        let mut desk = desk_with(&pack(1.0));
        let mut device = start(&mut desk);
        send(&mut device, &mut desk, &bytes, 0, chunk).expect("taken");
        assert_eq!(&desk.content(Area::B)[..bytes.len()], bytes, "{chunk}");
        assert_eq!(desk.flash.violations(), 0);
    }
}

#[test]
fn a_pack_that_waits_is_not_tried_once_another_is_on_its_way() {
    let (first, second, third) = (pack(1.0), pack(2.0), pack(3.0));
    let mut desk = desk_with(&first);
    let mut device = start(&mut desk);
    push(&mut device, &mut desk, &signed(&second, 1, 5, None)).expect("taken");
    // Not signed at all, and never finished.
    send(&mut device, &mut desk, &third, 0, VALUES_MAX).expect("taken");
    let mut device = start(&mut desk);
    assert_eq!(runs(&mut device, &mut desk), checksum(&first));
    let state = state(&mut device, &mut desk);
    assert!(!state.trial && !state.waiting);
}

#[test]
fn keys_may_be_replaced_for_ever_and_those_in_use_are_counted_for() {
    let mut desk = desk_with(&pack(1.0));
    for seed in 1..=6 {
        desk.keys = keys::block(&[public_key(seed)]).expect("a key");
        let mut device = start(&mut desk);
        push(&mut device, &mut desk, &signed(&pack(seed.into()), seed, 5, None)).expect("taken");
        let mut device = start(&mut desk);
        done(&mut device, &mut desk, &Request::Confirm);
    }
    // Those that a programmer leaves beside the new one keep their counters.
    desk.keys = keys::block(&[3, 4, 5, 7].map(public_key)).expect("keys");
    let mut device = start(&mut desk);
    push(&mut device, &mut desk, &signed(&pack(7.0), 7, 9, None)).expect("taken");
    let mut device = start(&mut desk);
    done(&mut device, &mut desk, &Request::Confirm);
    for (seed, floor) in [(3, 5), (4, 5), (5, 5), (7, 9)] {
        let old = push(&mut device, &mut desk, &signed(&pack(8.0), seed, 4, None));
        assert_eq!(old, Err(DeviceError::PackRefused(PackRefusal::OldCounter { counter: 4, floor })));
    }
}

#[test]
fn a_device_without_a_pack_is_sent_one() {
    let second = pack(2.0);
    let mut desk = desk_with(&[]);
    let mut device = start(&mut desk);
    assert_eq!(runs(&mut device, &mut desk), Err(DeviceError::Pack(PackFault::Missing)));
    push(&mut device, &mut desk, &signed(&second, 1, 5, None)).expect("taken");
    let mut device = start(&mut desk);
    assert_eq!(runs(&mut device, &mut desk), checksum(&second));
    done(&mut device, &mut desk, &Request::Confirm);
    let mut device = start(&mut desk);
    assert_eq!(runs(&mut device, &mut desk), checksum(&second));
}

#[test]
fn what_waits_is_tried_only_if_it_is_what_was_checked() {
    let (first, second, unsigned) = (pack(1.0), pack(2.0), pack(3.0));
    let area = Desk::PLACES.pack(Area::B) as usize;
    let signed_second = signed(&second, 1, 5, None);
    let rotten = [&[signed_second[0] ^ 1], &signed_second[1..]].concat();
    let of_another = signed(&unsigned, 2, 5, None);
    let newer = signed(&second, 1, 6, None);
    // A record may be in flash though its writing seemed to fail; then the area is written anew, and nobody checks it.
    for instead in [&unsigned, &rotten, &of_another, &newer, &first] {
        let mut desk = desk_with(&first);
        let mut device = start(&mut desk);
        push(&mut device, &mut desk, &signed_second).expect("taken");
        desk.flash.bytes_mut()[area..][..instead.len()].copy_from_slice(instead);
        for _ in 0..2 {
            let mut device = start(&mut desk);
            assert_eq!(runs(&mut device, &mut desk), checksum(&first));
            let state = state(&mut device, &mut desk);
            assert_eq!((state.trial, state.waiting, state.last), (false, false, TrialOutcome::RolledBack));
            assert_eq!(ask(&mut device, &mut desk, &Request::Confirm), Err(DeviceError::NoTrial));
        }
        // And the same pack, sent again, is taken.
        let mut device = start(&mut desk);
        push(&mut device, &mut desk, &signed_second).expect("taken");
        let mut device = start(&mut desk);
        assert_eq!(runs(&mut device, &mut desk), checksum(&second));
        done(&mut device, &mut desk, &Request::Confirm);
    }
}

#[test]
fn a_boot_record_that_is_not_understood_is_not_written_over() {
    let (first, second) = (pack(1.0), pack(2.0));
    let mut desk = desk_with(&first);
    let mut journal = Journal::open(&mut desk.flash, Desk::PLACES.boot).expect("opens");
    // Of a later version.
    let mut record = Boot::default().to_bytes();
    record[4] = 2;
    journal.append(&mut desk.flash, record.len() as u32, |writer| writer.write(&record)).expect("fits");
    let before = desk.flash.bytes().to_vec();
    let mut device = start(&mut desk);
    assert_eq!(runs(&mut device, &mut desk), checksum(&first));
    let outcome = push(&mut device, &mut desk, &signed(&second, 1, 5, None));
    assert_eq!(outcome, Err(DeviceError::Flash(FlashFault::Unusable)));
    assert_eq!(desk.flash.bytes(), before);
}

#[test]
fn a_transfer_cut_anywhere_goes_on_after_the_next_start() {
    let (first, second) = (pack(1.0), pack(2.0));
    let bytes = signed(&second, 1, 5, None);
    let mut fresh = desk_with(&first);
    let mut device = start(&mut fresh);
    let begun = fresh.flash.operations();
    let mut whole = copy_of(&fresh);
    push(&mut device, &mut whole, &bytes).expect("taken");
    let operations = whole.flash.operations();
    assert!(begun == 0 && operations > 500, "{begun} {operations}");
    let mut resumed = 0;
    for cut in 1..=operations {
        let mut desk = copy_of(&fresh);
        let mut device = start(&mut desk);
        desk.flash.cut_at(cut);
        assert!(push(&mut device, &mut desk, &bytes).is_err(), "{cut}");
        desk.flash.power_up();
        let mut device = start(&mut desk);
        if runs(&mut device, &mut desk) == checksum(&first) {
            resume(&mut device, &mut desk, &bytes).unwrap_or_else(|error| panic!("{cut}: {error}"));
            device = start(&mut desk);
            resumed += 1;
        }
        // Or the boot record had been written whole before the power went.
        assert_eq!(runs(&mut device, &mut desk), checksum(&second), "{cut}");
        assert_eq!(&desk.content(Area::A)[..first.len()], first, "{cut}");
        done(&mut device, &mut desk, &Request::Confirm);
        assert_eq!(desk.flash.violations(), 0, "{cut}");
    }
    assert!(resumed > operations - 20, "{resumed}");
}

#[test]
fn a_start_that_is_cut_never_tries_a_pack_twice() {
    let (first, second) = (pack(1.0), pack(2.0));
    let mut waiting = desk_with(&first);
    let mut device = start(&mut waiting);
    push(&mut device, &mut waiting, &signed(&second, 1, 5, None)).expect("taken");
    for cut in 1..40 {
        let mut desk = copy_of(&waiting);
        let mut tried = 0;
        desk.flash.cut_at(cut);
        // The cut comes in one of these starts, each of which writes a record, or behind them.
        for _ in 0..6 {
            let mut device = start(&mut desk);
            let alive = desk.flash.is_powered();
            let runs_second = runs(&mut device, &mut desk) == checksum(&second);
            // A start without power runs nothing in truth.
            tried += u32::from(alive && runs_second);
            if !alive {
                desk.flash.power_up();
            }
        }
        assert!(tried <= 1, "{cut}: tried {tried} times");
        let mut device = start(&mut desk);
        assert_eq!(runs(&mut device, &mut desk), checksum(&first), "{cut}");
        assert_eq!(state(&mut device, &mut desk).last, TrialOutcome::RolledBack, "{cut}");
    }
}

#[test]
fn without_a_flash_that_writes_all_but_keeping_works() {
    let first = pack(1.0);
    for wear in [Some(Wear::Silent), Some(Wear::Erase), Some(Wear::Write), None] {
        let mut desk = desk_with(&first);
        let fault = match wear {
            Some(wear) => {
                (0..40).for_each(|unit| desk.flash.wear_out(unit, wear));
                FlashFault::NotWritten
            }
            None => {
                desk.flash.power_down();
                FlashFault::Unusable
            }
        };
        let mut device = start(&mut desk);
        assert_eq!(runs(&mut device, &mut desk), checksum(&first));
        done(&mut device, &mut desk, &Request::Begin { way: 2 });
        feature(&mut device, &mut desk, &[0.5; FEATURES]);
        let save = ask(&mut device, &mut desk, &Request::Save { support: false });
        assert_eq!(save, Err(DeviceError::Flash(fault)));
        assert_eq!(push(&mut device, &mut desk, &[7; 2000]), Err(DeviceError::Flash(fault)));
        done(&mut device, &mut desk, &Request::Logits);
    }
    // A trial that cannot be written down is not begun.
    let mut desk = desk_with(&first);
    let mut device = start(&mut desk);
    push(&mut device, &mut desk, &signed(&pack(2.0), 1, 5, None)).expect("taken");
    (0..40).for_each(|unit| desk.flash.wear_out(unit, Wear::Write));
    let mut device = start(&mut desk);
    assert_eq!(runs(&mut device, &mut desk), checksum(&first));
    assert!(!state(&mut device, &mut desk).trial);
    assert_eq!(ask(&mut device, &mut desk, &Request::Confirm), Err(DeviceError::NoTrial));
}
